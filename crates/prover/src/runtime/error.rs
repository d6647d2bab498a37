//! Why a prover, or an instance's stack, does not start.

use agoge_host::keys::PermissionError;
use agoge_l1_client::{ClientError, JournalError, RpcError, SenderError, Unfit, VerifyError};
use agoge_protocol::{Address, B256};
use agoge_store::{OpenError, StoreError};
use agoge_supervisor::{ActorError, Lost, Severity};

use crate::jobs::ShelfError;

/// Why a prover does not start. Nothing was signed or sent.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// L1 cannot be reached, or is another chain.
    #[error(transparent)]
    L1(#[from] ClientError),
    /// L1 did not answer.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// What L1 has is not what the deployment file says.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The deployment's own instance cannot be served.
    #[error(transparent)]
    Instance(#[from] Unfit),
    /// The deployment's own instance starts from another state than this program.
    #[error(
        "the Rollup starts from archive {found}, this program from {expected}; hint: install the release of this network"
    )]
    GenesisArchive {
        /// This program's.
        expected: B256,
        /// The Rollup's.
        found: B256,
    },
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The store cannot be read.
    #[error(transparent)]
    Read(#[from] StoreError),
    /// The blocks of an append that was cut off cannot be taken back.
    #[error("the draft of an append: {0}")]
    Draft(#[from] agoge_store::StepError),
    /// Results cannot be kept.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
    /// A directory of the prover's is not closed to others.
    #[error(transparent)]
    Directory(#[from] PermissionError),
    /// The client verifier's own data are damaged.
    #[error("client verifier: {0}")]
    Verifier(#[from] agoge_circuits::VerifierDataError),
    /// The sender's journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The network cannot be started.
    #[error(transparent)]
    Network(#[from] agoge_p2p::StartError),
    /// An address of the network's is malformed.
    #[error(transparent)]
    Address(#[from] agoge_p2p::InvalidAddress),
    /// An instance's port would be above 65535.
    #[error(
        "instance {number} listens and is reached {above} ports above what p2p.listen, p2p.external and p2p.bootnodes say, which is no port; \
         hint: choose lower ones",
        above = .number.saturating_sub(1)
    )]
    Port {
        /// The instance.
        number: u32,
    },
    /// Work was cut short.
    #[error(transparent)]
    Lost(#[from] Lost),
}

/// An instance's epochs are judged by a verifier of other circuits than this program's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "its EpochProofVerifier {verifier} has code hash {found}, the one that this program makes proofs for has {expected}: \
     it is not proven; hint: install the release for this instance"
)]
pub struct ForeignVerifier {
    /// The verifier.
    pub verifier: Address,
    /// Of this program.
    pub expected: B256,
    /// On L1.
    pub found: B256,
}

/// The sender gave up: its journal or key failed.
#[derive(Debug, thiserror::Error)]
#[error("sender: {0}")]
pub(super) struct SenderFailed(#[from] SenderError);

impl ActorError for SenderFailed {
    fn severity(&self) -> Severity {
        // Without its journal the sender might send twice.
        Severity::Fatal
    }
}
