//! Why a node does not start.

use std::path::PathBuf;

use agoge_host::keys::PermissionError;
use agoge_l1_client::{CallError, ClientError, JournalError, SenderError, Unfit, VerifyError};
use agoge_protocol::deployment::MissingContract;
use agoge_protocol::{Address, B256};
use agoge_store::guard::GuardError;
use agoge_store::{OpenError, StoreError};
use agoge_supervisor::{ActorError, Severity};

use crate::chain::ChainError;

/// Why a node does not start. Nothing was signed or sent.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The deployment lacks a contract.
    #[error(transparent)]
    Deployment(#[from] MissingContract),
    /// L1 cannot be reached, or is another chain.
    #[error(transparent)]
    L1(#[from] ClientError),
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
    /// The configured payload cannot be read.
    #[error(
        "signal_payload: {payload} does not answer `actions()`: {source}; hint: `govctl payload show` tells what a payload does"
    )]
    SignalPayload {
        /// As configured.
        payload: Address,
        /// Why.
        #[source]
        source: CallError,
    },
    /// A view of L1 failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The store cannot be read.
    #[error(transparent)]
    Read(#[from] StoreError),
    /// The chain in the store cannot be judged.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The signing guard cannot be used.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// A file of the node's cannot be used.
    #[error("{path:?}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's word.
        #[source]
        source: std::io::Error,
    },
    /// The verifier's own data are damaged.
    #[error("client verifier: {0}")]
    Verifier(#[from] agoge_circuits::VerifierDataError),
    /// The publisher's journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The network cannot be started.
    #[error(transparent)]
    Network(#[from] agoge_p2p::StartError),
    /// An address of the network's is malformed.
    #[error(transparent)]
    Address(#[from] agoge_p2p::InvalidAddress),
    /// A directory of the node's is not closed to others.
    #[error(transparent)]
    Directory(#[from] PermissionError),
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
    /// Opening was cut short.
    #[error(transparent)]
    Lost(#[from] agoge_supervisor::Lost),
}

/// The publisher's sender gave up: its journal or key failed.
#[derive(Debug, thiserror::Error)]
#[error("publisher: {0}")]
pub(super) struct SenderFailed(#[from] SenderError);

impl ActorError for SenderFailed {
    fn severity(&self) -> Severity {
        // Without its journal the sender might send twice.
        Severity::Fatal
    }
}
