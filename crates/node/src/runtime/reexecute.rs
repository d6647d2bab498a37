//! Judging a proposal: fetch what is missing, verify every proof, execute, compare.

use std::time::Duration;

use agoge_p2p::{P2pHandle, PeerId, REQUEST_TXS_MAX, Request, RequestError, Response, Target};
use agoge_protocol::messages::Proposal;
use agoge_protocol::{Transaction, TxId};
use agoge_state_transition::ExecutionError;
use agoge_store::StoreError;
use agoge_supervisor::{SlotClock, Spawner};
use futures::future::join_all;
use tokio::time::Instant;

use crate::chain::{ExecuteError, Executor};
use crate::duties::MissReason;
use crate::mempool::{Mempool, RefuseReason, SubmitError};

/// Pause before all peers are asked again.
const PAUSE: Duration = Duration::from_millis(100);

/// What judging needs. Clones are the same.
#[derive(Clone, Debug)]
pub(super) struct Judge {
    pub(super) executor: Executor,
    pub(super) mempool: Mempool,
    pub(super) p2p: P2pHandle,
    pub(super) spawner: Spawner,
    pub(super) clock: SlotClock,
}

impl Judge {
    /// Whether a proposal is what its proposer should have made, from transactions that are all held and valid.
    pub(super) async fn judge(&self, proposal: &Proposal) -> Result<(), MissReason> {
        let started = Instant::now();
        self.fetch(proposal).await?;
        let (executor, mempool, block) = (self.executor.clone(), self.mempool.clone(), proposal.clone());
        let executed = self.spawner.spawn_blocking("reexecute", move || {
            let txs = held(&mempool, block.tx_ids())?;
            executor.reexecute(&block, &txs)
        });
        let result = executed.await.map_err(|_| MissReason::TooSlow)?;
        metrics::histogram!(crate::metrics::REEXECUTE_SECONDS).record(started.elapsed().as_secs_f64());
        result.map_err(|error| {
            tracing::warn!(slot = %proposal.slot(), %error, "a proposal is not attested to");
            reason(&error)
        })
    }

    /// Gets the proposal's transactions that are not held, from one peer after the other, while the slot lasts.
    async fn fetch(&self, proposal: &Proposal) -> Result<(), MissReason> {
        let slot_end = self.clock.timing().slot_end(proposal.slot());
        let mut useless: Vec<PeerId> = Vec::new();
        loop {
            let missing = self.mempool.missing(proposal.tx_ids());
            if missing.is_empty() {
                return Ok(());
            }
            if self.clock.now_unix_seconds() >= slot_end {
                return Err(MissReason::MissingTxs {
                    count: u16::try_from(missing.len()).unwrap_or(u16::MAX),
                });
            }
            let ids = missing.iter().copied().take(REQUEST_TXS_MAX).collect();
            let answer = self
                .p2p
                .request(Target::AnyExcept(useless.clone()), Request::Transactions(ids))
                .await;
            match answer {
                Ok(answer) => {
                    let Response::Transactions(txs) = answer.response else {
                        continue;
                    };
                    if self.hold(txs).await == 0 {
                        useless.push(answer.peer);
                    } else if self.mempool.missing(proposal.tx_ids()).len() >= missing.len() {
                        // They are being verified as gossip.
                        tokio::time::sleep(PAUSE).await;
                    }
                }
                // Everybody has been asked. A proposer gossips its transactions before its block, so they may just be on their way.
                Err(RequestError::Stopped(_)) => return Err(MissReason::TooSlow),
                Err(_) => {
                    useless.clear();
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Verifies and holds; returns how many are held that were not.
    async fn hold(&self, txs: Vec<Transaction>) -> usize {
        let results = join_all(txs.into_iter().map(|tx| self.mempool.hold(tx))).await;
        let is_held = |result: &Result<(), SubmitError>| {
            matches!(
                result,
                Ok(()) | Err(SubmitError::Refused(RefuseReason::AlreadyQueued))
            )
        };
        results.iter().filter(|result| is_held(result)).count()
    }
}

fn held(mempool: &Mempool, ids: &[TxId]) -> Result<Vec<Transaction>, ExecuteError> {
    ids.iter()
        .map(|id| mempool.get(*id)?.ok_or(ExecuteError::MissingTx { id: *id }))
        .collect()
}

fn reason(error: &ExecuteError) -> MissReason {
    match error {
        ExecuteError::WrongParent { .. } => MissReason::WrongParent,
        ExecuteError::MissingTx { .. } => MissReason::MissingTxs { count: 1 },
        ExecuteError::Execution(ExecutionError::<StoreError>::Tx { .. }) => MissReason::InvalidTx,
        error if error.is_block_wrong() => MissReason::BlockHashMismatch,
        _ => MissReason::TooSlow,
    }
}
