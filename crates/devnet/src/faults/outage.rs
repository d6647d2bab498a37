//! Which processes could not do their duties, and when: what makes a slot producible or not.

use std::sync::{Mutex, PoisonError};

use super::now_ms;

/// A time in which something was out of order, Unix milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Outage {
    /// The process; `None` for all of them, when L1 itself was.
    node: Option<usize>,
    from_ms: u64,
    /// `None` while it lasts.
    to_ms: Option<u64>,
}

/// All outages of a run.
#[derive(Debug, Default)]
pub struct Outages {
    all: Mutex<Vec<Outage>>,
}

/// An outage under way.
#[derive(Debug)]
#[must_use]
pub(super) struct Ongoing(usize);

impl Outages {
    /// A process is out of order from now on.
    pub(super) fn begin(&self, node: usize) -> Ongoing {
        self.push(Outage {
            node: Some(node),
            from_ms: now_ms(),
            to_ms: None,
        })
    }

    /// It is in order again.
    pub(super) fn end(&self, ongoing: &Ongoing) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(outage) = all.get_mut(ongoing.0) {
            outage.to_ms = Some(now_ms());
        }
    }

    /// Nobody's blocks of this time remain.
    pub(super) fn everybody(&self, from_ms: u64, to_ms: u64) {
        let _over = self.push(Outage {
            node: None,
            from_ms,
            to_ms: Some(to_ms),
        });
    }

    /// Whether a process is in order now.
    pub(super) fn is_well(&self, node: usize) -> bool {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        !all.iter()
            .any(|outage| outage.node == Some(node) && outage.to_ms.is_none())
    }

    /// Whether a process was in order all the time from `from_ms` to `to_ms`.
    pub fn was_well(&self, node: usize, from_ms: u64, to_ms: u64) -> bool {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        !all.iter().any(|outage| {
            outage.node.is_none_or(|out| out == node)
                && outage.from_ms < to_ms
                && outage.to_ms.is_none_or(|end| end > from_ms)
        })
    }

    fn push(&self, outage: Outage) -> Ongoing {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(outage);
        Ongoing(all.len().saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_counts_for_every_time_that_it_touches() {
        let outages = Outages::default();
        outages.everybody(1_000, 2_000);
        for (from, to, well) in [
            (0, 1_000, true),
            (0, 1_001, false),
            (1_200, 1_300, false),
            (1_999, 5_000, false),
            (2_000, 3_000, true),
        ] {
            assert_eq!(outages.was_well(7, from, to), well, "{from} {to}");
        }
        let ongoing = outages.begin(3);
        assert!(!outages.is_well(3) && outages.is_well(4));
        assert!(!outages.was_well(3, now_ms(), u64::MAX) && outages.was_well(4, now_ms(), u64::MAX));
        outages.end(&ongoing);
        assert!(outages.is_well(3));
        assert!(outages.was_well(3, now_ms() + 1, u64::MAX));
    }
}
