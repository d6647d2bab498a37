//! Token buckets: what a peer may send before it is looked at.

use std::time::Duration;

use tokio::time::Instant;

use crate::config::{Limits, Rate};
use crate::gossip::GossipKind;

/// One bucket. Tokens are counted in thousandths so that short pauses count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    rate: Rate,
    milli_tokens: u64,
    filled: Instant,
}

impl Bucket {
    /// A full bucket.
    pub(crate) fn new(rate: Rate, now: Instant) -> Self {
        Self {
            rate,
            milli_tokens: u64::from(rate.burst).saturating_mul(1_000),
            filled: now,
        }
    }

    /// Takes `cost` tokens if they are there.
    pub(crate) fn take(&mut self, cost: u32, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.filled);
        // Whole milliseconds are turned into tokens, the rest waits for the next call.
        let millis = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
        self.filled = self
            .filled
            .checked_add(Duration::from_millis(millis))
            .unwrap_or(now);
        let gained = millis.saturating_mul(u64::from(self.rate.per_second));
        let full = u64::from(self.rate.burst).saturating_mul(1_000);
        self.milli_tokens = self.milli_tokens.saturating_add(gained).min(full);
        match self
            .milli_tokens
            .checked_sub(u64::from(cost).saturating_mul(1_000))
        {
            Some(left) => {
                self.milli_tokens = left;
                true
            }
            None => false,
        }
    }
}

/// All buckets of one peer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PeerRates {
    transactions: Bucket,
    proposals: Bucket,
    attestations: Bucket,
    quotes: Bucket,
    requests: Bucket,
}

impl PeerRates {
    /// Full buckets.
    pub(crate) fn new(limits: &Limits, now: Instant) -> Self {
        Self {
            transactions: Bucket::new(limits.transactions, now),
            proposals: Bucket::new(limits.proposals, now),
            attestations: Bucket::new(limits.attestations, now),
            quotes: Bucket::new(limits.quotes, now),
            requests: Bucket::new(limits.requests, now),
        }
    }

    /// Whether one more gossiped message is within the rate.
    pub(crate) fn take_gossip(&mut self, kind: GossipKind, now: Instant) -> bool {
        let bucket = match kind {
            GossipKind::Transaction => &mut self.transactions,
            GossipKind::Proposal => &mut self.proposals,
            GossipKind::Attestation => &mut self.attestations,
            GossipKind::Quote => &mut self.quotes,
        };
        bucket.take(1, now)
    }

    /// Whether a request of this cost is within the rate.
    pub(crate) fn take_request(&mut self, cost: u32, now: Instant) -> bool {
        self.requests.take(cost, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_give_their_burst_at_once_and_their_rate_later() {
        let start = Instant::now();
        let mut bucket = Bucket::new(
            Rate {
                burst: 3,
                per_second: 2,
            },
            start,
        );
        assert!(bucket.take(2, start) && bucket.take(1, start) && !bucket.take(1, start));
        let later = |millis| start + Duration::from_millis(millis);
        assert!(!bucket.take(1, later(499)));
        assert!(bucket.take(1, later(500)), "parts of a token add up");
        assert!(!bucket.take(1, later(500)));
        assert!(
            bucket.take(3, later(60_000)) && !bucket.take(1, later(60_000)),
            "a bucket holds no more than its burst"
        );
        assert!(!bucket.take(4, later(600_000)));
    }

    #[test]
    fn many_short_pauses_lose_nothing() {
        let start = Instant::now();
        let mut bucket = Bucket::new(
            Rate {
                burst: 1,
                per_second: 1,
            },
            start,
        );
        assert!(bucket.take(1, start));
        for micros in (0..1_000_000).step_by(700) {
            assert!(!bucket.take(1, start + Duration::from_micros(micros)), "{micros}");
        }
        assert!(bucket.take(1, start + Duration::from_secs(1)));
    }
}
