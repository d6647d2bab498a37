//! What the coordinator remembers: of each epoch, and of work that it started.

use std::collections::BTreeMap;
use std::sync::Arc;

use agoge_l1_client::SendOutcome;
use agoge_protocol::{Address, Epoch, L2BlockNumber, Slot, Timing};
use agoge_store::Store;
use tokio::sync::mpsc;

use crate::epochs::{Claimant, Statement, StatementError, read_statement};
use crate::runtime::facts::{Held, OpenEpoch, OpenEpochs};
use crate::runtime::seams::{Goal, GoalKey};
use crate::work::JobCounts;

/// A result of work that was started.
pub(super) enum Done {
    Statement(GoalKey, Box<Result<Statement, StatementError>>),
    BlobsMissing(GoalKey),
    Sent(Epoch, Option<SendOutcome>),
    Settled(Epoch, Option<SendOutcome>),
    Bond(Option<u64>),
}

/// What is remembered of an epoch.
#[derive(Default)]
pub(super) struct Memory {
    pub(super) goal: Option<GoalKey>,
    pub(super) statement: StatementState,
    pub(super) quoted: Option<(GoalKey, Slot)>,
    pub(super) submission: Tries,
}

/// Tries to bring one thing to L1, by the process's clock: L1's stands still while a blob is waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tries {
    pub(super) is_under_way: bool,
    failures: u32,
    /// Unix seconds before which nothing is sent again.
    retry_at: u64,
}

impl Tries {
    pub(super) const fn may_start(&self, now: u64) -> bool {
        !self.is_under_way && now >= self.retry_at
    }

    /// A try has ended. What landed is seen by the follower; it comes back here only if a reorg takes it out again.
    pub(super) fn end(&mut self, is_mined: bool, now: u64, pause: u64) {
        self.is_under_way = false;
        self.failures = if is_mined {
            0
        } else {
            self.failures.saturating_add(1)
        };
        let wait = if is_mined {
            pause.saturating_mul(2)
        } else {
            let doublings = self.failures.saturating_sub(1).min(2);
            pause.saturating_mul(1 << doublings)
        };
        self.retry_at = now.saturating_add(wait);
    }

    /// What is to be sent is another thing now.
    pub(super) const fn start_anew(&mut self) {
        (self.failures, self.retry_at) = (0, 0);
    }
}

#[derive(Default)]
pub(super) enum StatementState {
    #[default]
    None,
    InWork,
    /// Unix seconds after which it is tried again.
    Failed(u64),
    Ready(Arc<Statement>),
}

/// The moving parts, apart from what the coordinator is given.
pub(super) struct State {
    pub(super) memory: BTreeMap<Epoch, Memory>,
    /// Of claims, which outlive their epochs' blocks.
    pub(super) settlements: BTreeMap<Epoch, Tries>,
    pub(super) held: Held,
    pub(super) bond_available_gwei: Option<u64>,
    pub(super) is_asking_bond: bool,
    pub(super) bond_asked_at: u64,
    pub(super) results: mpsc::Sender<Done>,
}

impl State {
    /// What is remembered of a goal's epoch, if the goal is still the epoch's.
    pub(super) fn memory_of(&mut self, key: &GoalKey) -> Option<&mut Memory> {
        let memory = self.memory.get_mut(&key.epoch)?;
        (memory.goal.as_ref() == Some(key)).then_some(memory)
    }

    /// What each epoch's proof is about, with its statement if that is made.
    pub(super) fn goals(&self, open: &OpenEpochs) -> Vec<Goal> {
        let goal = |epoch: &OpenEpoch| {
            let memory = self.memory.get(&epoch.epoch)?;
            let key = memory.goal.clone()?;
            let statement = match &memory.statement {
                StatementState::Ready(statement) => Some(Arc::clone(statement)),
                _ => None,
            };
            let blocks = if key.first == epoch.first {
                Arc::clone(&epoch.blocks)
            } else {
                Arc::new(epoch.blocks.since(key.first))
            };
            Some(Goal {
                key,
                blocks,
                statement,
            })
        };
        open.epochs.iter().filter_map(goal).collect()
    }
}

/// The range of an epoch's proof. A claimant delivers the whole epoch. After others proved a prefix the rest is enough, unless more than
/// half of the work on the whole is done: a longer proof is as good.
pub(super) fn goal_key(
    me: Address,
    epoch: &OpenEpoch,
    proven: L2BlockNumber,
    before: Option<&GoalKey>,
    progress: JobCounts,
) -> GoalKey {
    let is_ours = epoch
        .claim
        .is_some_and(|claim| claim.prover == me && !claim.is_settled);
    let is_prefix_proven = proven >= epoch.first && proven < epoch.last;
    let is_mostly_done = before.is_some_and(|before| before.first == epoch.first)
        && progress.done
            > progress
                .waiting
                .saturating_add(progress.running)
                .saturating_add(progress.pausing);
    let started_rest = before
        .map(|before| before.first)
        .filter(|first| *first > epoch.first && *first <= proven.next());
    let first = match (is_prefix_proven && !is_ours && !is_mostly_done, started_rest) {
        // Work on a rest goes on when others prove more of it.
        (true, Some(first)) => first,
        (true, None) => proven.next(),
        (false, _) => epoch.first,
    };
    GoalKey {
        epoch: epoch.epoch,
        first,
        last: epoch.last,
        end_archive: epoch.blocks.end_archive(),
    }
}

/// Reads blocks and blobs as they are now and makes the statement, if they are still the goal's.
pub(super) fn statement(store: &Store, claimant: &Claimant, timing: &Timing, key: GoalKey) -> Done {
    match read_statement(store, claimant, timing, &key) {
        Ok(Some((_, statement))) => Done::Statement(key, Box::new(Ok(statement))),
        Ok(None) => Done::BlobsMissing(key),
        Err(error) => Done::Statement(key, Box::new(Err(error))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_four_times_the_first() {
        let mut tries = Tries::default();
        let mut waits = Vec::new();
        for _ in 0..6 {
            tries.end(false, 1_000, 24);
            waits.push(tries.retry_at - 1_000);
        }
        assert_eq!(waits, [24, 48, 96, 96, 96, 96]);
        tries.start_anew();
        assert!(tries.may_start(1_000));
    }

    #[test]
    fn what_is_told_of_an_earlier_goal_is_not_the_present_ones() {
        let key = |last| GoalKey {
            epoch: Epoch::new(1),
            first: L2BlockNumber::new(2),
            last: L2BlockNumber::new(last),
            end_archive: agoge_protocol::Digest::ZERO,
        };
        let memory = Memory {
            goal: Some(key(4)),
            ..Memory::default()
        };
        let mut state = State {
            memory: BTreeMap::from([(Epoch::new(1), memory)]),
            settlements: BTreeMap::new(),
            held: Held::new(),
            bond_available_gwei: None,
            is_asking_bond: false,
            bond_asked_at: 0,
            results: mpsc::channel(1).0,
        };
        assert!(state.memory_of(&key(3)).is_none());
        assert!(state.memory_of(&key(4)).is_some());
    }
}
