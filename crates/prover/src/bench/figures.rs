//! What the process has used, as Linux tells it.

use std::io::{Error, ErrorKind};

/// Clock ticks a second in `/proc`: 100 on every Linux that user space sees.
const TICKS_PER_SECOND: f64 = 100.0;

/// Core-seconds of all threads of this process so far, in steps of 10 ms.
///
/// # Errors
/// The system's, or that its answer has another form.
pub fn core_seconds() -> std::io::Result<f64> {
    ticks(&std::fs::read_to_string("/proc/self/stat")?)
        .map(|ticks| f64::from(u32::try_from(ticks).unwrap_or(u32::MAX)) / TICKS_PER_SECOND)
        .ok_or_else(|| Error::new(ErrorKind::InvalidData, "/proc/self/stat has another form"))
}

/// Fields 14 and 15 (user and system time), counted after the program's name, which may hold anything.
fn ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    user.checked_add(system)
}

/// Most resident memory of this process so far.
///
/// # Errors
/// The system's, or that its answer has another form.
pub fn peak_rss_bytes() -> std::io::Result<u64> {
    peak(&std::fs::read_to_string("/proc/self/status")?)
        .ok_or_else(|| Error::new(ErrorKind::InvalidData, "/proc/self/status has no VmHWM"))
}

/// Makes [`peak_rss_bytes`] count from now on. Systems that refuse this go on counting from the start of the process.
pub fn forget_peak_rss() {
    std::fs::write("/proc/self/clear_refs", "5").ok();
}

fn peak(status: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_whatever_the_program_is_called() {
        let rest = "R 1 2 3 4 5 6 7 8 9 10 250 50 0 0";
        assert_eq!(ticks(&format!("12 (a) b) {rest}")), Some(300));
        assert_eq!(ticks("12 (a) R 1"), None);
        assert_eq!(peak("Name: x\nVmHWM:\t  2048 kB\n"), Some(2_097_152));
        assert_eq!(peak("VmHWM: x kB"), None);
        assert!(core_seconds().unwrap() >= 0.0);
        assert!(peak_rss_bytes().unwrap() > 1 << 20);
    }

    #[test]
    fn what_was_freed_before_is_no_peak() {
        let large = vec![1_u8; 256 << 20];
        let before = peak_rss_bytes().unwrap();
        assert!(before > 256 << 20);
        drop(std::hint::black_box(large));
        forget_peak_rss();
        // A system that refuses to forget leaves it as it was.
        let after = peak_rss_bytes().unwrap();
        assert!(
            after == before || after < before - (128 << 20),
            "{before}, then {after}"
        );
    }
}
