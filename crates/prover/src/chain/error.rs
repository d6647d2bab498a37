//! What can go wrong when the chain is followed.

use agoge_l1_client::kzg::KzgError;
use agoge_protocol::{B256, Digest};
use agoge_state_transition::ExecutionError;
use agoge_state_transition::blob::BlobError;
use agoge_store::{StepError, StoreError};
use agoge_supervisor::{ActorError, Lost, Severity};

/// Why a block is not followed, or following stops.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store refuses a step.
    #[error(transparent)]
    Step(#[from] StepError),
    /// The block's transactions or deposits do not apply.
    #[error(transparent)]
    Execution(#[from] ExecutionError<StoreError>),
    /// Execution leads to another archive than L1 has.
    #[error("archive is {found}, execution gives {expected}")]
    Archive {
        /// By execution.
        expected: Digest,
        /// On L1.
        found: Digest,
    },
    /// The block hash is not that of the block's parts.
    #[error("block hash is {found}, its parts give {expected}")]
    BlockHash {
        /// Of the parts.
        expected: B256,
        /// On L1.
        found: B256,
    },
    /// The blob does not decode.
    #[error("blob: {0}")]
    Blob(#[from] BlobError),
    /// A blob that is needed was not given.
    #[error("blob {blob_hash} is not at hand")]
    BlobMissing {
        /// Its versioned hash.
        blob_hash: B256,
    },
    /// The KZG library failed.
    #[error("blob: {0}")]
    Kzg(#[from] KzgError),
    /// Work was lost: the process is stopping.
    #[error(transparent)]
    Lost(#[from] Lost),
}

impl ChainError {
    /// Whether the block itself is wrong, as opposed to this prover not being able to tell.
    pub const fn is_block_wrong(&self) -> bool {
        match self {
            Self::Execution(error) => {
                !matches!(error, ExecutionError::State(_) | ExecutionError::Inconsistent(_))
            }
            Self::Archive { .. } | Self::BlockHash { .. } | Self::Blob(_) => true,
            Self::Store(_) | Self::Step(_) | Self::BlobMissing { .. } | Self::Kzg(_) | Self::Lost(_) => false,
        }
    }
}

impl ActorError for ChainError {
    fn severity(&self) -> Severity {
        // What is stored no longer fits L1, or cannot be read or written.
        Severity::Fatal
    }
}
