//! Memory and file descriptors stay flat: the slope of each process's life after its warm-up, by least squares.

use std::collections::BTreeMap;

use crate::history::finding::Finding;
use crate::history::sampler::Sample;

/// Name of the check.
pub const NAME: &str = "resources";
/// Seconds of an hour.
const HOUR: f64 = 3_600.0;
/// Bytes of a mebibyte.
const MIB: f64 = 1_048_576.0;

/// What is flat.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Seconds of a process's life that do not count.
    pub warm_up_seconds: u64,
    /// Seconds after the warm-up without which nothing is said.
    pub least_seconds: u64,
    /// MiB of resident memory that may come in an hour.
    pub rss_mib_per_hour: f64,
    /// File descriptors that may come in an hour.
    pub fds_per_hour: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            warm_up_seconds: 120,
            least_seconds: 600,
            rss_mib_per_hour: 64.0,
            fds_per_hour: 16.0,
        }
    }
}

/// Judges samples.
pub fn check(finding: &mut Finding, samples: &[Sample], limits: Limits) {
    finding.figure("samples", u64::try_from(samples.len()).unwrap_or(u64::MAX));
    let mut lives: BTreeMap<(&str, u32), Vec<&Sample>> = BTreeMap::new();
    for sample in samples {
        lives.entry((&sample.name, sample.pid)).or_default().push(sample);
    }
    for ((name, pid), life) in lives {
        let start = life.iter().map(|sample| sample.unix).min().unwrap_or(0);
        let warm = start.saturating_add(limits.warm_up_seconds);
        let after: Vec<&Sample> = life.into_iter().filter(|sample| sample.unix >= warm).collect();
        let end = after.iter().map(|sample| sample.unix).max().unwrap_or(0);
        if end.saturating_sub(warm) < limits.least_seconds {
            finding.count("lives_too_short");
            continue;
        }
        finding.count("lives");
        let rss = slope(&after, |sample| bytes(sample.rss_bytes) / MIB) * HOUR;
        let fds = slope(&after, |sample| bytes(sample.fds)) * HOUR;
        for (what, found, limit) in [
            ("MiB of memory", rss, limits.rss_mib_per_hour),
            ("file descriptors", fds, limits.fds_per_hour),
        ] {
            if found > limit {
                finding.violated(format!(
                    "{name} (pid {pid}): {found:.1} {what} more an hour, at most {limit:.1}"
                ));
            }
        }
    }
    if !finding.figures.contains_key("lives") {
        finding.missing(format!(
            "no process was watched for {} s after its first {} s",
            limits.least_seconds, limits.warm_up_seconds
        ));
    }
}

/// A count as a real number; memory and descriptors are far below 2^53.
#[expect(
    clippy::cast_precision_loss,
    reason = "the figure is rounded to a tenth anyway"
)]
const fn bytes(count: u64) -> f64 {
    count as f64
}

/// Change of a value a second, by least squares; 0 for samples of one moment.
fn slope(samples: &[&Sample], value: impl Fn(&Sample) -> f64) -> f64 {
    let first = samples.first().map_or(0, |sample| sample.unix);
    let points: Vec<(f64, f64)> = samples
        .iter()
        .map(|sample| (bytes(sample.unix.saturating_sub(first)), value(sample)))
        .collect();
    let count = bytes(u64::try_from(points.len()).unwrap_or(u64::MAX)).max(1.0);
    let mean_x = points.iter().map(|(x, _)| x).sum::<f64>() / count;
    let mean_y = points.iter().map(|(_, y)| y).sum::<f64>() / count;
    let spread: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    if spread == 0.0 {
        return 0.0;
    }
    let shared: f64 = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    shared / spread
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::finding::Verdict;

    /// Samples every 10 s: a steep warm-up of 120 s, then `rss` MiB and `fds` more an hour with some noise.
    fn life(pid: u32, seconds: u64, rss: f64, fds: f64) -> Vec<Sample> {
        (0..=seconds / 10)
            .map(|step| {
                let unix = step * 10;
                let hours = unix as f64 / HOUR;
                let warm_up = unix.min(120) as f64;
                let noise = if step % 2 == 0 { 0.5 } else { -0.5 };
                Sample {
                    unix: 1_000 + unix,
                    name: "node-0".to_owned(),
                    pid,
                    rss_bytes: ((100.0 + warm_up + rss * hours + noise) * MIB) as u64,
                    fds: (200.0 + fds * hours) as u64,
                }
            })
            .collect()
    }

    fn judged(samples: &[Sample]) -> Finding {
        let mut finding = Finding::new(NAME);
        check(&mut finding, samples, Limits::default());
        finding
    }

    #[test]
    fn a_warm_up_and_noise_are_flat_and_so_is_each_life_of_a_restarted_process() {
        let mut samples = life(1, 1_800, 10.0, 0.0);
        // The second life begins larger than the first ended: that is no slope.
        samples.extend(life(2, 1_800, 10.0, 0.0).into_iter().map(|mut sample| {
            sample.unix += 2_000;
            sample.rss_bytes += 1 << 30;
            sample
        }));
        let finding = judged(&samples);
        assert_eq!(finding.verdict, Verdict::Pass, "{finding:?}");
        assert_eq!(finding.figures["lives"], 2);
    }

    #[test]
    fn memory_or_descriptors_that_grow_are_found() {
        for (rss, fds, what) in [(200.0, 0.0, "MiB"), (0.0, 60.0, "descriptors")] {
            let finding = judged(&life(1, 3_600, rss, fds));
            assert_eq!((finding.verdict, finding.violations), (Verdict::Fail, 1));
            assert!(finding.first[0].contains(what), "{finding:?}");
        }
    }

    #[test]
    fn a_short_life_says_nothing() {
        assert_eq!(judged(&life(1, 300, 1_000.0, 0.0)).verdict, Verdict::Unknown);
        assert_eq!(judged(&[]).verdict, Verdict::Unknown);
    }
}
