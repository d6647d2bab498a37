//! What the coordinator needs from others, so that tests can stand in for them.

use core::ops::RangeInclusive;
use std::sync::Arc;

use agoge_l1_client::{SendOutcome, TxRequest};
use agoge_protocol::{Digest, Epoch, L2BlockNumber, SignedQuote};
use futures::future::BoxFuture;

use crate::epochs::{EpochBlocks, Statement};
use crate::work::JobCounts;

/// L1 and the network, as far as decisions need them.
pub trait Outside: Send + Sync + 'static {
    /// What L1 would lock for a new quote of ours, gwei; `None` when L1 does not answer.
    fn bond_available_gwei(&self) -> BoxFuture<'_, Option<u64>>;

    /// First epoch in which another instance is canonical instead of ours, if one is listed.
    fn superseded_at(&self) -> Option<Epoch>;

    /// Simulates and sends a transaction, and waits for its end; `None` when the process stops.
    fn send(&self, request: TxRequest) -> BoxFuture<'_, Option<SendOutcome>>;

    /// Gossips a quote.
    fn offer(&self, quote: SignedQuote) -> BoxFuture<'_, ()>;
}

/// What a proof is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GoalKey {
    /// The epoch.
    pub epoch: Epoch,
    /// First block.
    pub first: L2BlockNumber,
    /// Last block.
    pub last: L2BlockNumber,
    /// Archive after the last block: two chains never share one.
    pub end_archive: Digest,
}

impl GoalKey {
    /// The blocks.
    pub const fn range(&self) -> RangeInclusive<L2BlockNumber> {
        self.first..=self.last
    }
}

/// An epoch to be proven, as far as its blocks are known.
#[derive(Clone, Debug)]
pub struct Goal {
    /// What it is about.
    pub key: GoalKey,
    /// Its blocks so far.
    pub blocks: Arc<EpochBlocks>,
    /// The statement; there is one once the epoch is over and all its data are held.
    pub statement: Option<Arc<Statement>>,
}

/// How far the proof of an epoch is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Progress {
    /// Its jobs by state.
    pub jobs: JobCounts,
    /// Seconds of work left, estimated.
    pub eta_seconds: u64,
}

/// Makes proofs.
pub trait ProofMaker: Send + Sync + 'static {
    /// These are to be proven now, in this order; work on others stops and their results are dropped.
    fn set_goals(&self, goals: Vec<Goal>);

    /// The proof of a goal that has a statement, once it is there.
    fn proof(&self, goal: &Goal) -> Option<Arc<Vec<u8>>>;

    /// How far the proof of an epoch is, as far as it is planned.
    fn progress(&self, epoch: Epoch) -> Progress;

    /// Seconds of work left on a goal; `None` unless all of its work is planned, which takes its statement.
    fn remaining_seconds(&self, goal: &Goal) -> Option<u64>;

    /// Whether there will never be a proof of a goal, whoever tries.
    fn is_impossible(&self, goal: &Goal) -> bool;

    /// Whether a worker is left whose results can be relied on.
    fn has_workers(&self) -> bool;

    /// Seconds that an epoch of this many blocks and transactions takes from the start.
    fn estimate_seconds(&self, blocks: usize, txs: usize) -> u64;
}

/// Proofs for the devnet's test verifier, which accepts empty ones: every public input is computed, nothing is proven.
#[derive(Clone, Copy, Debug, Default)]
pub struct TestProofs;

impl ProofMaker for TestProofs {
    fn set_goals(&self, _goals: Vec<Goal>) {}

    fn proof(&self, goal: &Goal) -> Option<Arc<Vec<u8>>> {
        goal.statement.as_ref().map(|_| Arc::default())
    }

    fn progress(&self, _epoch: Epoch) -> Progress {
        Progress::default()
    }

    fn remaining_seconds(&self, goal: &Goal) -> Option<u64> {
        goal.statement.as_ref().map(|_| 0)
    }

    fn is_impossible(&self, _goal: &Goal) -> bool {
        false
    }

    fn has_workers(&self) -> bool {
        true
    }

    fn estimate_seconds(&self, _blocks: usize, _txs: usize) -> u64 {
        0
    }
}
