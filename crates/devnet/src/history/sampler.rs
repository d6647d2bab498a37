//! Memory and file descriptors of a devnet's processes over time, from /proc into `resources.jsonl`.
//!
//! Processes are found by their flag `--data-dir DIR/NAME`, so the sampler needs nothing of whoever starts, kills and restarts them.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Where samples go in a run's directory.
pub const FILE: &str = "resources.jsonl";

/// A process at one time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Unix seconds.
    pub unix: u64,
    /// The process's name, which is that of its data directory.
    pub name: String,
    /// Process id; another one after each restart.
    pub pid: u32,
    /// Resident memory, bytes.
    pub rss_bytes: u64,
    /// Open file descriptors.
    pub fds: u64,
}

/// Samples all processes of a devnet until it is dropped.
///
/// # Errors
/// Those of the file.
pub async fn run(dir: &Path, every: Duration) -> std::io::Result<()> {
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(dir.join(FILE))?;
    let dir = dir.canonicalize()?;
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        write(&mut file, &processes(&dir)?)?;
    }
}

fn write(file: &mut File, samples: &[Sample]) -> std::io::Result<()> {
    let mut lines = Vec::new();
    for sample in samples {
        serde_json::to_writer(&mut lines, sample)?;
        lines.push(b'\n');
    }
    file.write_all(&lines)
}

/// Every process whose data directory is in `dir`, now.
///
/// # Errors
/// /proc cannot be read.
pub fn processes(dir: &Path) -> std::io::Result<Vec<Sample>> {
    let unix = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs());
    let mut samples = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let path = entry?.path();
        let pid = path.file_name().and_then(|name| name.to_str()?.parse().ok());
        let Some(pid) = pid else { continue };
        // A process that ends between two looks leaves nothing to read.
        let Ok(command) = fs::read(path.join("cmdline")) else {
            continue;
        };
        if let Some(name) = name_in(&command, dir)
            && let Some((rss_bytes, fds)) = look(&path)
        {
            samples.push(Sample {
                unix,
                name,
                pid,
                rss_bytes,
                fds,
            });
        }
    }
    Ok(samples)
}

/// The name of a process of the devnet in `dir`, by its arguments, which end with a zero byte each.
fn name_in(command: &[u8], dir: &Path) -> Option<String> {
    let mut arguments = command.split(|byte| *byte == 0);
    arguments.find(|argument| *argument == b"--data-dir")?;
    let data_dir = PathBuf::from(core::str::from_utf8(arguments.next()?).ok()?);
    (data_dir.parent() == Some(dir)).then(|| data_dir.file_name()?.to_str().map(str::to_owned))?
}

/// Resident bytes and open descriptors.
fn look(process: &Path) -> Option<(u64, u64)> {
    let status = fs::read_to_string(process.join("status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    let fds = fs::read_dir(process.join("fd")).ok()?.count();
    Some((kib.saturating_mul(1_024), u64::try_from(fds).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_processes_of_the_directory_are_named() {
        let dir = Path::new("/run/devnet");
        let command = |data_dir: &str| format!("agoge-node\0run\0--data-dir\0{data_dir}\0--x\0");
        for (data_dir, expected) in [
            ("/run/devnet/node-0", Some("node-0")),
            ("/run/devnet/node-0/deeper", None),
            ("/run/other/node-0", None),
        ] {
            assert_eq!(
                name_in(command(data_dir).as_bytes(), dir).as_deref(),
                expected,
                "{data_dir}"
            );
        }
        assert_eq!(name_in(b"agoge-node\0--data-dir\0", dir), None);
    }

    #[test]
    fn this_process_has_memory_and_descriptors() {
        let (rss_bytes, fds) = look(Path::new("/proc/self")).unwrap();
        assert!(rss_bytes > 1 << 20 && fds > 2, "{rss_bytes} {fds}");
    }

    #[tokio::test]
    async fn a_running_process_is_sampled_until_the_sampler_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let data_dir = dir.path().canonicalize().unwrap().join("node-7");
        let mut child = std::process::Command::new("sh")
            .args(["-c", "sleep 30; :", "--data-dir"])
            .arg(&data_dir)
            .spawn()
            .unwrap();
        let every = Duration::from_millis(50);
        let ended = tokio::time::timeout(Duration::from_secs(1), run(dir.path(), every)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(ended.is_err(), "{ended:?}");
        let text = fs::read_to_string(dir.path().join(FILE)).unwrap();
        let samples: Vec<Sample> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert!(
            samples
                .iter()
                .any(|sample| sample.name == "node-7" && sample.pid == child.id()),
            "{text}"
        );
    }
}
