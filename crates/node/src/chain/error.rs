//! What can go wrong with blocks.

use agoge_l1_client::kzg::KzgError;
use agoge_protocol::messages::TooManyTxs;
use agoge_protocol::{B256, BlockHash, Digest, TxId};
use agoge_state_transition::ExecutionError;
use agoge_state_transition::blob::{BlobError, EncodeError};
use agoge_store::{StepError, StoreError};
use agoge_supervisor::{ActorError, Lost, Severity};

/// Why a block cannot be executed or is not what it is said to be.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// The store failed: nothing is known about the block.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The state at the parent cannot be reached.
    #[error(transparent)]
    Step(#[from] StepError),
    /// The parent is not the tip.
    #[error("the parent archive is {found}, the tip's is {expected}")]
    WrongParent {
        /// The tip's.
        expected: Digest,
        /// The block's parent.
        found: Digest,
    },
    /// A transaction is not held.
    #[error("transaction {id} is not held")]
    MissingTx {
        /// Which one.
        id: TxId,
    },
    /// Its transactions or deposits do not apply.
    #[error(transparent)]
    Execution(#[from] ExecutionError<StoreError>),
    /// The inbox end is not what the slot's rule asks for.
    #[error("inbox end is {found}, the slot's is {expected}")]
    InboxEnd {
        /// By the rule.
        expected: u64,
        /// The block's.
        found: u64,
    },
    /// The block was made on other deposits.
    #[error("the block was made on other deposits than L1 has")]
    InboxHash,
    /// What L1 has is not the hash of this block behind this parent.
    #[error("block hash is {found}, parent, deposits and blob give {expected}")]
    BlockHash {
        /// Of the block as executed.
        expected: BlockHash,
        /// L1's.
        found: BlockHash,
    },
    /// Execution leads to another archive.
    #[error("archive is {found}, execution gives {expected}")]
    Archive {
        /// By execution.
        expected: Digest,
        /// As posted or proposed.
        found: Digest,
    },
    /// The blob does not hold the block's effects.
    #[error("the blob's hash is not that of the block's effects")]
    BlobHash,
    /// The blob was not given.
    #[error("blob {blob_hash} is not at hand")]
    BlobMissing {
        /// Its versioned hash.
        blob_hash: B256,
    },
    /// The blob does not decode.
    #[error("blob: {0}")]
    Blob(#[from] BlobError),
    /// The effects do not fit a blob.
    #[error("blob: {0}")]
    Encode(#[from] EncodeError),
    /// The KZG library failed.
    #[error("blob: {0}")]
    Kzg(#[from] KzgError),
    /// More transactions than a proposal lists.
    #[error(transparent)]
    TooManyTxs(#[from] TooManyTxs),
}

impl ExecuteError {
    /// Whether the block itself is wrong, as opposed to this node not being able to tell.
    pub const fn is_block_wrong(&self) -> bool {
        match self {
            Self::Store(_)
            | Self::Step(_)
            | Self::MissingTx { .. }
            | Self::WrongParent { .. }
            | Self::BlobMissing { .. }
            | Self::Kzg(_) => false,
            Self::Execution(error) => {
                !matches!(error, ExecutionError::State(_) | ExecutionError::Inconsistent(_))
            }
            Self::InboxEnd { .. }
            | Self::InboxHash
            | Self::BlockHash { .. }
            | Self::Archive { .. }
            | Self::BlobHash
            | Self::Blob(_)
            | Self::Encode(_)
            | Self::TooManyTxs(_) => true,
        }
    }
}

/// Why the chain cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// The store refuses a step.
    #[error(transparent)]
    Step(Box<StepError>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A block could not be executed for a reason of this node's.
    #[error("block execution: {0}")]
    Execute(#[source] Box<ExecuteError>),
    /// Work on the store panicked.
    #[error(transparent)]
    Lost(Lost),
}

impl From<StepError> for ChainError {
    fn from(error: StepError) -> Self {
        Self::Step(Box::new(error))
    }
}

impl ActorError for ChainError {
    fn severity(&self) -> Severity {
        // What is stored no longer fits L1, or cannot be read or written: going on would only make it worse.
        match self {
            Self::Step(_) | Self::Store(_) | Self::Execute(_) | Self::Lost(_) => Severity::Fatal,
        }
    }
}
