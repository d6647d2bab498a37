//! Whose turn it is when the pools of several instances have jobs for one worker: a job takes the memory and the threads of the machine.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::task::Worker;

/// A worker that several pools give jobs to, one at a time: those of the oldest epoch first, whose deadlines are the earliest since all
/// instances have one clock. Clones are the same worker.
#[derive(Clone)]
pub struct SharedWorker {
    worker: Arc<dyn Worker>,
    turns: Arc<Turns>,
}

impl core::fmt::Debug for SharedWorker {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SharedWorker").finish_non_exhaustive()
    }
}

impl SharedWorker {
    /// Of a worker that nobody else uses.
    pub fn new(worker: Arc<dyn Worker>) -> Self {
        Self {
            worker,
            turns: Arc::default(),
        }
    }

    pub(super) fn worker(&self) -> &dyn Worker {
        self.worker.as_ref()
    }

    /// Waits until the worker is free and nobody waits with a job of an older epoch. Dropping the future gives the place up.
    pub(super) async fn turn(&self, epoch: u64) -> Turn {
        let place = Place::new(&self.turns, epoch);
        loop {
            // Registered before the look, so that nothing is missed in between.
            let changed = self.turns.changed.notified();
            if place.take() {
                return Turn {
                    turns: Arc::clone(&self.turns),
                };
            }
            changed.await;
        }
    }
}

#[derive(Default)]
struct Turns {
    line: Mutex<Line>,
    changed: Notify,
}

/// Bound: one place for each pool's use of the worker.
#[derive(Default)]
struct Line {
    is_busy: bool,
    /// Epoch and order of arrival.
    waiting: BTreeSet<(u64, u64)>,
    arrivals: u64,
}

impl Turns {
    fn lock(&self) -> MutexGuard<'_, Line> {
        // Every change of the line is whole.
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The worker's use for one job; it ends when this is dropped.
pub(super) struct Turn {
    turns: Arc<Turns>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.lock().is_busy = false;
        self.turns.changed.notify_waiters();
    }
}

/// A place in the line, given up when dropped.
struct Place<'a> {
    turns: &'a Turns,
    at: (u64, u64),
}

impl<'a> Place<'a> {
    fn new(turns: &'a Turns, epoch: u64) -> Self {
        let mut line = turns.lock();
        line.arrivals = line.arrivals.saturating_add(1);
        let at = (epoch, line.arrivals);
        line.waiting.insert(at);
        drop(line);
        Self { turns, at }
    }

    fn take(&self) -> bool {
        let mut line = self.turns.lock();
        let is_mine = !line.is_busy && line.waiting.first() == Some(&self.at);
        line.is_busy |= is_mine;
        is_mine
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.turns.lock().waiting.remove(&self.at);
        self.turns.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;
    use crate::work::{Task, WorkError};

    struct Nobody;

    impl Worker for Nobody {
        fn work(&self, _task: &Task) -> Result<Vec<u8>, WorkError> {
            Ok(Vec::new())
        }
    }

    #[tokio::test]
    async fn the_oldest_epoch_is_next_and_nobody_works_beside_it() {
        let worker = SharedWorker::new(Arc::new(Nobody));
        let (other, third) = (worker.clone(), worker.clone());
        let first = worker.turn(9).await;
        let mut newer = Box::pin(other.turn(8));
        let mut older = Box::pin(third.turn(7));
        assert!((&mut newer).now_or_never().is_none());
        assert!((&mut older).now_or_never().is_none());
        drop(first);
        assert!((&mut newer).now_or_never().is_none(), "an older epoch waits");
        let second = (&mut older).now_or_never().expect("it is first in line");
        assert!((&mut newer).now_or_never().is_none());
        drop(second);
        newer.await;
    }

    #[tokio::test]
    async fn whoever_stops_waiting_is_waited_for_no_more() {
        let worker = SharedWorker::new(Arc::new(Nobody));
        let (other, third) = (worker.clone(), worker.clone());
        let first = worker.turn(1).await;
        let mut gone = Box::pin(other.turn(2));
        let mut next = Box::pin(third.turn(3));
        assert!((&mut gone).now_or_never().is_none());
        assert!((&mut next).now_or_never().is_none());
        drop(first);
        assert!((&mut next).now_or_never().is_none());
        drop(gone);
        next.await;
    }
}
