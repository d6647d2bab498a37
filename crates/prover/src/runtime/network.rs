//! What peers say and ask. A prover takes no part in passing quotes on, serves blobs and the client proofs that it holds, and judges nothing else: proposals and
//! attestations are for validators.

use core::convert::Infallible;
use std::sync::Arc;

use agoge_p2p::{GossipMessage, P2pEvent, P2pHandle, Refusal, Request, Responder, Response, Verdict};
use agoge_protocol::Address;
use agoge_store::{MinedAt, Store, StoreError};
use agoge_supervisor::{CancellationToken, Spawner};
use tokio::sync::mpsc;

/// The actor.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) p2p: P2pHandle,
    pub(super) events: mpsc::Receiver<P2pEvent>,
    pub(super) store: Arc<Store>,
    pub(super) spawner: Spawner,
    pub(super) chain_id: u64,
    pub(super) prover_bonds: Address,
    pub(super) rollup: Address,
}

impl Network {
    /// Runs until cancelled or until the network stops.
    pub(super) async fn run(mut self, cancel: CancellationToken) -> Result<(), Infallible> {
        loop {
            tokio::select! {
                () = cancel.cancelled() => return Ok(()),
                event = self.events.recv() => match event {
                    Some(P2pEvent::Gossip { message, ticket, .. }) => {
                        let verdict = self.judge(&message);
                        // The network may be stopping.
                        self.p2p.report(ticket, verdict).await.ok();
                    }
                    Some(P2pEvent::Request { request, reply, .. }) => self.answer(request, reply),
                    Some(P2pEvent::PeerConnected { .. } | P2pEvent::PeerDisconnected { .. }) => {}
                    None => return Ok(()),
                },
            }
        }
    }

    fn judge(&self, message: &GossipMessage) -> Verdict {
        let GossipMessage::Quote(signed) = message else {
            return Verdict::Ignore;
        };
        if signed.quote.instance != self.rollup {
            return Verdict::Reject;
        }
        let domain = agoge_protocol::eip712::domain(self.chain_id, self.prover_bonds);
        match signed.check(&domain) {
            // Whether it can be claimed is for validators to judge; they have looked at it before they passed it on.
            Ok(()) => Verdict::Ignore,
            Err(_) => Verdict::Reject,
        }
    }

    /// The network's bound on requests bounds these tasks.
    fn answer(&self, request: Request, reply: Responder) {
        let store = Arc::clone(&self.store);
        let answer = self
            .spawner
            .spawn_blocking("peer-request", move || look_up(&store, &request));
        self.spawner.spawn("peer-answer", async move {
            match answer.await {
                Ok(Ok(response)) => reply.respond(response),
                Ok(Err(error)) => {
                    tracing::warn!(%error, "a peer's request was not answered");
                    reply.refuse(Refusal::Busy);
                }
                Err(_) => reply.refuse(Refusal::Busy),
            }
            Ok::<(), Infallible>(())
        });
    }
}

fn look_up(store: &Store, request: &Request) -> Result<Response, StoreError> {
    let view = store.view();
    Ok(match request {
        Request::Transactions(ids) => {
            let mut txs = Vec::new();
            for id in ids {
                txs.extend(view.tx(*id)?);
            }
            Response::Transactions(txs)
        }
        Request::Blob(hash) => Response::Blob(view.blob(*hash)?.map(|blob| blob.to_vec())),
        Request::BlockTxIds { number, block_hash } => {
            let block = view
                .block(*number)?
                .filter(|block| block.block_hash == *block_hash);
            let (Some(_), Some(txs)) = (block, view.block_txs(*number)?) else {
                return Ok(Response::BlockTxIds(None));
            };
            let mut ids = Vec::with_capacity(txs.len());
            for (position, _) in (0_u16..).zip(&txs) {
                let at = MinedAt {
                    number: *number,
                    position,
                };
                ids.push(view.mined_tx(at)?.map(|tx| tx.id()));
            }
            Response::BlockTxIds(Some(ids))
        }
        // The network answers this itself.
        Request::Status => Response::Refused(Refusal::Busy),
    })
}
