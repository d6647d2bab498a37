//! Time: the system's clock, a clock moved by hand, and slots on top of either.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use agoge_protocol::{Epoch, Slot, Timing};
use tokio::sync::watch;

/// Longest single sleep: a jump of the system's clock is noticed after this time.
const SLEEP_MAX: Duration = Duration::from_millis(500);

/// A source of Unix time.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since 1970.
    fn now_unix_ms(&self) -> u64;

    /// Completes when [`Self::now_unix_ms`] has reached `target`. Cancel safe.
    fn sleep_until_unix_ms(&self, target: u64) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// The machine's clock. Follows its jumps.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_unix_ms(&self) -> u64 {
        // A clock before 1970 counts as 1970, one beyond 584 million years as the end of time.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    fn sleep_until_unix_ms(&self, target: u64) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            loop {
                let left = Duration::from_millis(target.saturating_sub(self.now_unix_ms()));
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(SLEEP_MAX)).await;
            }
        })
    }
}

/// A clock that stands still until it is moved; clones show the same time.
#[derive(Clone, Debug)]
pub struct ManualClock {
    now: Arc<watch::Sender<u64>>,
}

impl ManualClock {
    /// A clock that shows `unix_ms`.
    pub fn new(unix_ms: u64) -> Self {
        Self {
            now: Arc::new(watch::Sender::new(unix_ms)),
        }
    }

    /// Shows another time, earlier or later, and wakes those whose time has come.
    pub fn set(&self, unix_ms: u64) {
        self.now.send_replace(unix_ms);
    }

    /// Moves forward.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.now.send_modify(|now| *now = now.saturating_add(by));
    }
}

impl Clock for ManualClock {
    fn now_unix_ms(&self) -> u64 {
        *self.now.borrow()
    }

    fn sleep_until_unix_ms(&self, target: u64) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let mut now = self.now.subscribe();
        Box::pin(async move {
            // The sender lives as long as this clock, which the future borrows.
            now.wait_for(|now| *now >= target).await.ok();
        })
    }
}

/// Slots and epochs by a clock.
#[derive(Clone)]
pub struct SlotClock {
    timing: Timing,
    clock: Arc<dyn Clock>,
}

impl SlotClock {
    /// Cuts the clock's time as `timing` says.
    pub fn new(timing: Timing, clock: Arc<dyn Clock>) -> Self {
        Self { timing, clock }
    }

    /// How time is cut.
    pub const fn timing(&self) -> &Timing {
        &self.timing
    }

    /// Milliseconds since 1970.
    pub fn now_unix_ms(&self) -> u64 {
        self.clock.now_unix_ms()
    }

    /// Whole seconds since 1970.
    pub fn now_unix_seconds(&self) -> u64 {
        self.now_unix_ms() / 1_000
    }

    /// The slot of this moment; `None` before genesis.
    pub fn slot(&self) -> Option<Slot> {
        self.timing.slot_at(self.now_unix_seconds())
    }

    /// The epoch of this moment; `None` before genesis.
    pub fn epoch(&self) -> Option<Epoch> {
        self.slot().map(|slot| self.timing.epoch_of(slot))
    }

    /// Time left until a Unix second; zero when it has passed.
    pub fn time_until(&self, unix_seconds: u64) -> Duration {
        Duration::from_millis(
            unix_seconds
                .saturating_mul(1_000)
                .saturating_sub(self.now_unix_ms()),
        )
    }

    /// Completes at a Unix second. Cancel safe.
    pub async fn sleep_until(&self, unix_seconds: u64) {
        self.clock
            .sleep_until_unix_ms(unix_seconds.saturating_mul(1_000))
            .await;
    }

    /// Completes at a Unix millisecond. Cancel safe.
    pub async fn sleep_until_ms(&self, unix_ms: u64) {
        self.clock.sleep_until_unix_ms(unix_ms).await;
    }
}

impl core::fmt::Debug for SlotClock {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SlotClock")
            .field("timing", &self.timing)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMING: Timing = Timing {
        genesis_time: 100,
        slot_seconds: 4,
        epoch_slots: 8,
        set_lag: 2,
        entropy_lag: 1,
    };

    #[tokio::test]
    async fn slots_follow_the_clock_that_is_moved_by_hand() {
        let clock = ManualClock::new(99_999);
        let slots = SlotClock::new(TIMING, Arc::new(clock.clone()));
        assert_eq!((slots.slot(), slots.epoch()), (None, None));
        assert_eq!(slots.time_until(104), Duration::from_millis(4_001));
        clock.advance(Duration::from_millis(1));
        assert_eq!(
            (slots.slot(), slots.epoch()),
            (Some(Slot::new(0)), Some(Epoch::new(0)))
        );
        clock.set(132_000);
        assert_eq!(
            (slots.slot(), slots.epoch()),
            (Some(Slot::new(8)), Some(Epoch::new(1)))
        );
        assert_eq!(slots.time_until(132), Duration::ZERO);
    }

    #[tokio::test]
    async fn sleepers_wake_when_their_time_has_come_and_not_before() {
        let clock = ManualClock::new(0);
        let slots = SlotClock::new(TIMING, Arc::new(clock.clone()));
        let mut sleeper = std::pin::pin!(slots.sleep_until(5));
        assert!(futures_now(&mut sleeper).await.is_none());
        clock.set(4_999);
        assert!(futures_now(&mut sleeper).await.is_none());
        clock.set(5_000);
        sleeper.await;
        slots.sleep_until_ms(5_000).await;
    }

    async fn futures_now<F: Future>(future: &mut Pin<&mut F>) -> Option<F::Output> {
        tokio::select! {
            biased;
            output = future.as_mut() => Some(output),
            () = std::future::ready(()) => None,
        }
    }

    #[tokio::test]
    async fn the_system_clock_does_not_sleep_for_what_has_passed() {
        let clock = SystemClock;
        let now = clock.now_unix_ms();
        assert!(now > 1_600_000_000_000);
        clock.sleep_until_unix_ms(now).await;
    }
}
