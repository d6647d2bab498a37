//! How long jobs take here.

use std::collections::BTreeMap;
use std::time::Duration;

use super::JobKind;
use crate::plan::Track;

/// Seconds that a job of a kind takes, a moving average.
#[derive(Clone, Debug, Default)]
pub(super) struct Timings(BTreeMap<JobKind, f64>);

impl Timings {
    fn of(&self, kind: JobKind) -> f64 {
        self.0.get(&kind).copied().unwrap_or(match kind {
            // Measured on two cores; replaced by the first job that is done here.
            JobKind::Leaf(Track::Transactions) | JobKind::Merge(Track::Transactions) => 12.0,
            JobKind::Leaf(_) | JobKind::Merge(_) => 6.0,
            JobKind::Root => 6.0,
            JobKind::Wrap => 8.0,
        })
    }

    pub(super) fn add(&mut self, kind: JobKind, seconds: f64) {
        let before = self.0.get(&kind).copied().unwrap_or(seconds);
        self.0.insert(kind, before * 0.7 + seconds * 0.3);
    }

    pub(super) fn total(&self, remaining: &BTreeMap<JobKind, usize>, workers: usize) -> u64 {
        let sum: f64 = remaining
            .iter()
            .map(|(kind, count)| self.of(*kind) * f64::from(u32::try_from(*count).unwrap_or(u32::MAX)))
            .sum();
        let seconds = sum / f64::from(u32::try_from(workers.max(1)).unwrap_or(u32::MAX));
        // A number of seconds for people and deadlines.
        Duration::try_from_secs_f64(seconds.ceil()).map_or(u64::MAX, |duration| duration.as_secs())
    }
}
