//! The status page: what the prover is doing, as one JSON document.

use std::net::SocketAddr;

use agoge_protocol::{Address, Digest, Epoch, L1BlockNumber, L2BlockNumber};
use agoge_supervisor::Spawner;
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;

use super::Progress;
use super::board::Board;
use crate::work::JobCounts;

/// What the prover is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProverStatus {
    /// `agoge.prover.status/1`.
    pub schema: &'static str,
    /// Who is paid.
    pub prover: Address,
    /// `plonky2`, or `test` for the devnet's test verifier.
    pub proofs: &'static str,
    /// Of the instance that is canonical now.
    #[serde(flatten)]
    pub canonical: InstanceStatus,
    /// All instances that the Registry lists, oldest first.
    pub instances: Vec<ListedInstance>,
}

/// An instance that the Registry lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListedInstance {
    /// Its place in the list, from 1.
    pub number: u32,
    /// Its Rollup.
    pub rollup: Address,
    /// Null while it was not inspected.
    pub genesis_id: Option<Digest>,
    /// Of the Rollup; null while it was not inspected.
    pub version: Option<u64>,
    /// First epoch in which it is canonical.
    pub activation_epoch: Epoch,
    /// `idle`, `active`, `superseded`, `unknown`.
    pub state: &'static str,
    /// Whether it is the one that is canonical now.
    pub is_canonical: bool,
    /// Why it is not proven; null when it is.
    pub problem: Option<String>,
    /// What is being done; null when nothing is.
    pub status: Option<InstanceStatus>,
}

/// What is being done for an instance. The default is from before the first look at its chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InstanceStatus {
    /// Newest L1 block followed.
    pub l1_block: Option<L1BlockNumber>,
    /// Whether that is L1's head.
    pub is_synced: bool,
    /// Last block on L1.
    pub pending: L2BlockNumber,
    /// Last proven block.
    pub proven: L2BlockNumber,
    /// What L1 would lock for a new quote, gwei; null while L1 has not been asked.
    pub bond_available_gwei: Option<u64>,
    /// All jobs by state.
    pub jobs: JobCounts,
    /// Seconds of work left, estimated.
    pub eta_seconds: u64,
    /// Epochs that are not settled, oldest first.
    pub epochs: Vec<EpochStatus>,
}

impl Default for InstanceStatus {
    fn default() -> Self {
        Self {
            l1_block: None,
            is_synced: false,
            pending: L2BlockNumber::GENESIS,
            proven: L2BlockNumber::GENESIS,
            bond_available_gwei: None,
            jobs: JobCounts::default(),
            eta_seconds: 0,
            epochs: Vec::new(),
        }
    }
}

/// One epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EpochStatus {
    /// The epoch.
    pub epoch: Epoch,
    /// First block of it.
    pub first: L2BlockNumber,
    /// Last block of it so far.
    pub last: L2BlockNumber,
    /// Its transactions so far.
    pub txs: usize,
    /// Client proofs that are not held.
    pub missing: usize,
    /// `none`, `ours`, `other`.
    pub claim: &'static str,
    /// What is being done: `watching`, `waiting_for_client_proofs`, `proving`, `proof_ready`, `submitting`.
    pub stage: &'static str,
    /// How far its proof is.
    pub progress: Progress,
}

/// Serves `GET /status`.
///
/// # Errors
/// The system's, when the port cannot be listened on.
pub async fn serve_status(
    spawner: &Spawner,
    listen: SocketAddr,
    board: Board,
) -> std::io::Result<SocketAddr> {
    let listener = tokio::net::TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    let router = Router::new().route("/status", get(answer)).with_state(board);
    let cancel = spawner.token();
    spawner.spawn("status-page", async move {
        axum::serve(listener, router)
            .with_graceful_shutdown(cancel.cancelled_owned())
            .await
            .map_err(ServeFailed)
    });
    Ok(address)
}

async fn answer(State(board): State<Board>) -> Json<ProverStatus> {
    Json(board.page())
}

/// The listener broke.
#[derive(Debug, thiserror::Error)]
#[error("status page: {0}")]
struct ServeFailed(#[source] std::io::Error);

impl agoge_supervisor::ActorError for ServeFailed {
    fn severity(&self) -> agoge_supervisor::Severity {
        agoge_supervisor::Severity::Fatal
    }
}
