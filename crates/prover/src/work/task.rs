//! What a worker is given and what it must return. Bytes where only the circuits know more.

use agoge_protocol::limits::TREE_DEPTH;
use agoge_protocol::settlement::SettledDeposit;
use agoge_protocol::{B256, Digest, EpochPublicInputs, Header, Transaction, TxEffects};
use agoge_state_transition::witness::{StateBoundary, StateStep};

use crate::plan::{PlanShape, Track};

/// Bytes of any result: a segment has about 150 kB, the proof for L1 at most 60 kB.
pub const RESULT_BYTES_MAX: usize = 400_000;

/// One step of the settlement track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettlementUnit {
    /// A deposit that the block under way consumes.
    Deposit(SettledDeposit),
    /// A transaction of the block under way.
    Transaction(Box<TxEffects>),
    /// The block under way ends.
    BlockEnd {
        /// Its header.
        header: Box<Header>,
        /// Archive root after it.
        archive: Digest,
    },
}

/// A piece of work with everything that it needs.
#[derive(Clone, Debug)]
pub enum Task {
    /// A leaf of the transaction track.
    Transactions {
        /// Chain before the first transaction.
        start: Digest,
        /// With their client proofs, in order; none for an epoch without transactions.
        txs: Vec<Transaction>,
    },
    /// A leaf of the state track.
    State {
        /// The instance.
        genesis_id: Digest,
        /// Before the first step.
        start: Box<StateBoundary>,
        /// In order.
        steps: Vec<StateStep>,
    },
    /// A leaf of the settlement track.
    Settlement {
        /// What the challenges are.
        statement: Box<EpochPublicInputs>,
        /// All steps of the proof before this leaf: its start is computed from them.
        before: Vec<SettlementUnit>,
        /// The leaf's steps, in order.
        steps: Vec<SettlementUnit>,
    },
    /// A merge.
    Merge {
        /// The track of every child.
        track: Track,
        /// Their results, in order.
        children: Vec<Vec<u8>>,
    },
    /// The epoch root.
    Root {
        /// What it must say.
        statement: Box<EpochPublicInputs>,
        /// Results of transactions, state and settlement.
        segments: Box<[Vec<u8>; 3]>,
        /// The block before the first, with its siblings in the archive; none at genesis.
        parent: Option<Box<(Header, [Digest; TREE_DEPTH])>>,
    },
    /// The proof for L1.
    Wrap {
        /// What it must say.
        statement: Box<EpochPublicInputs>,
        /// The root's result.
        root: Vec<u8>,
    },
}

/// Why there is no result, or a result is not taken.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// The worker could not do it.
    #[error("the work failed: {0}")]
    Failed(#[source] Box<dyn core::error::Error + Send + Sync>),
    /// No worker can do it: what the task is made from has no result.
    #[error("the work is impossible: {0}")]
    Impossible(#[source] Box<dyn core::error::Error + Send + Sync>),
    /// More bytes than any result has.
    #[error("the result has {found} bytes, at most {RESULT_BYTES_MAX} are looked at")]
    TooLarge {
        /// Bytes returned.
        found: usize,
    },
    /// Not a result of this task.
    #[error("the result is refused: {0}")]
    Wrong(#[source] Box<dyn core::error::Error + Send + Sync>),
}

/// Does tasks.
pub trait Worker: Send + Sync + 'static {
    /// Does a task; blocking, seconds to minutes.
    ///
    /// # Errors
    /// [`WorkError::Failed`], [`WorkError::Impossible`].
    fn work(&self, task: &Task) -> Result<Vec<u8>, WorkError>;
}

/// Knows the circuits: what they are called, how large they are, and whether a result is a task's.
pub trait Circuits: Send + Sync + 'static {
    /// Names the circuits; results of others are of no use.
    fn digest(&self) -> B256;

    /// Their sizes.
    fn shape(&self) -> PlanShape;

    /// Accepts exactly what the task must make: its statement, and a valid proof of it.
    ///
    /// # Errors
    /// [`WorkError::Wrong`].
    fn check(&self, task: &Task, result: &[u8]) -> Result<(), WorkError>;

    /// The proof as L1 takes it, out of a wrap's result.
    ///
    /// # Errors
    /// [`WorkError::Wrong`].
    fn proof_bytes(&self, result: &[u8]) -> Result<Vec<u8>, WorkError>;
}

/// Looks at a result before anything is made from it.
///
/// # Errors
/// [`WorkError::TooLarge`], [`WorkError::Wrong`].
pub fn accept(circuits: &dyn Circuits, task: &Task, result: &[u8]) -> Result<(), WorkError> {
    if result.len() > RESULT_BYTES_MAX {
        return Err(WorkError::TooLarge { found: result.len() });
    }
    circuits.check(task, result)
}
