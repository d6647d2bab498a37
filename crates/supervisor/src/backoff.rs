//! Exponential pauses with jitter, bounded on both sides.

use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

/// Pauses between attempts: doubling from `min` to `max`, each drawn between half of it and all of it.
#[derive(Clone, Debug)]
pub struct Backoff {
    min: Duration,
    max: Duration,
    next: Duration,
    random: u64,
}

impl Backoff {
    /// Pauses between `min` and `max`; jitter differs from process to process.
    pub fn new(min: Duration, max: Duration) -> Self {
        let seed = std::collections::hash_map::RandomState::new()
            .build_hasher()
            .finish();
        Self::with_seed(min, max, seed)
    }

    /// As [`Self::new`] with reproducible jitter.
    pub fn with_seed(min: Duration, max: Duration, seed: u64) -> Self {
        let min = min.min(max);
        Self {
            min,
            max,
            next: min,
            random: seed,
        }
    }

    /// The pause before the next attempt; the one after it is up to twice as long.
    pub fn next_pause(&mut self) -> Duration {
        let pause = self.next;
        self.next = pause.saturating_mul(2).min(self.max);
        // Parts of 2^16 are fine enough for jitter.
        let part = u32::from(self.draw()).saturating_add(1);
        let half = pause / 2;
        half.saturating_add(half.saturating_mul(part) / 0x1_0000)
            .max(self.min / 2)
    }

    /// Starts again from the shortest pause: the attempt succeeded.
    pub fn reset(&mut self) {
        self.next = self.min;
    }

    /// 16 bits of splitmix64.
    fn draw(&mut self) -> u16 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let [high, low, ..] = (mixed ^ (mixed >> 31)).to_be_bytes();
        u16::from_be_bytes([high, low])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_stay_bounded_and_start_again() {
        let (min, max) = (Duration::from_millis(100), Duration::from_secs(2));
        for seed in 0..100 {
            let mut backoff = Backoff::with_seed(min, max, seed);
            let mut full = min;
            for _ in 0..40 {
                let pause = backoff.next_pause();
                assert!(
                    pause >= full / 2 && pause <= full,
                    "seed {seed}: {pause:?} of {full:?}"
                );
                full = (full * 2).min(max);
            }
            backoff.reset();
            assert!(backoff.next_pause() <= min);
        }
    }

    #[test]
    fn extreme_bounds_do_not_overflow() {
        let mut backoff = Backoff::with_seed(Duration::MAX, Duration::MAX, 1);
        for _ in 0..10 {
            assert!(backoff.next_pause() >= Duration::MAX / 4);
        }
        assert_eq!(
            Backoff::with_seed(Duration::ZERO, Duration::ZERO, 1).next_pause(),
            Duration::ZERO
        );
    }
}
