//! The status page: what the prover is doing, as one JSON document.

use std::net::SocketAddr;

use agoge_protocol::{Address, Epoch, L1BlockNumber, L2BlockNumber};
use agoge_supervisor::Spawner;
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tokio::sync::watch;

use super::Progress;
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
    /// Newest L1 block followed.
    pub l1_block: Option<L1BlockNumber>,
    /// Whether that is L1's head.
    pub is_synced: bool,
    /// Last block on L1.
    pub pending: L2BlockNumber,
    /// Last proven block.
    pub proven: L2BlockNumber,
    /// What a new quote may lock, gwei; null while L1 has not been asked.
    pub bond_available_gwei: Option<u64>,
    /// All jobs by state.
    pub jobs: JobCounts,
    /// Seconds of work left, estimated.
    pub eta_seconds: u64,
    /// Epochs that are not settled, oldest first.
    pub epochs: Vec<EpochStatus>,
}

impl ProverStatus {
    /// Before the first look at the chain.
    pub const fn new(prover: Address, proofs: &'static str) -> Self {
        Self {
            schema: "agoge.prover.status/1",
            prover,
            proofs,
            l1_block: None,
            is_synced: false,
            pending: L2BlockNumber::GENESIS,
            proven: L2BlockNumber::GENESIS,
            bond_available_gwei: None,
            jobs: JobCounts {
                waiting: 0,
                running: 0,
                pausing: 0,
                impossible: 0,
                done: 0,
            },
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
    status: watch::Receiver<ProverStatus>,
) -> std::io::Result<SocketAddr> {
    let listener = tokio::net::TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    let router = Router::new().route("/status", get(answer)).with_state(status);
    let cancel = spawner.token();
    spawner.spawn("status-page", async move {
        axum::serve(listener, router)
            .with_graceful_shutdown(cancel.cancelled_owned())
            .await
            .map_err(ServeFailed)
    });
    Ok(address)
}

async fn answer(State(status): State<watch::Receiver<ProverStatus>>) -> Json<ProverStatus> {
    Json(status.borrow().clone())
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
