//! What peers say and ask: gossip to the mempool and the validators, requests to the mempool and the store.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use agoge_p2p::{
    GossipMessage, P2pEvent, P2pHandle, PeerId, Refusal, Request, Responder, Response, Ticket, Verdict,
};
use agoge_protocol::{SignedQuote, Transaction, TxId};
use agoge_store::{Store, StoreError};
use agoge_supervisor::{CancellationToken, Health, Spawner};
use tokio::sync::mpsc;

use super::validators::Heard;
use crate::mempool::{Mempool, RefuseReason, SubmitError};
use crate::query::PeerView;
use crate::quotes::Quotes;

/// Between two looks at the list of peers.
const PEERS_INTERVAL: Duration = Duration::from_secs(2);
/// Name of this component on health pages.
const HEALTH: &str = "p2p";

/// The connected peers as of the last look. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct PeerList(Arc<Mutex<Vec<PeerView>>>);

impl PeerList {
    /// The list.
    pub(super) fn get(&self) -> Vec<PeerView> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, peers: Vec<PeerView>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = peers;
    }
}

/// The actor.
#[derive(Debug)]
pub(super) struct Network {
    // Interfaces.
    pub(super) p2p: P2pHandle,
    pub(super) events: mpsc::Receiver<P2pEvent>,
    pub(super) validators: mpsc::Sender<Heard>,
    pub(super) mempool: Mempool,
    pub(super) quotes: Quotes,
    pub(super) store: Arc<Store>,
    pub(super) health: Health,
    pub(super) spawner: Spawner,
    pub(super) peers: PeerList,
    // Config.
    pub(super) peers_min: u32,
}

impl Network {
    /// Runs until cancelled or until the network stops.
    pub(super) async fn run(mut self, cancel: CancellationToken) -> Result<(), Infallible> {
        self.health.register(HEALTH);
        let mut look = tokio::time::interval(PEERS_INTERVAL);
        loop {
            tokio::select! {
                () = cancel.cancelled() => return Ok(()),
                _ = look.tick() => self.look_at_peers().await,
                event = self.events.recv() => match event {
                    Some(event) => self.handle(event).await,
                    None => return Ok(()),
                },
            }
        }
    }

    async fn handle(&mut self, event: P2pEvent) {
        match event {
            P2pEvent::Gossip {
                peer,
                message,
                ticket,
            } => self.handle_gossip(peer, message, ticket).await,
            P2pEvent::Request { request, reply, .. } => self.handle_request(request, reply),
            P2pEvent::PeerConnected { .. } | P2pEvent::PeerDisconnected { .. } => self.look_at_peers().await,
        }
    }

    async fn handle_gossip(&self, peer: PeerId, message: GossipMessage, ticket: Ticket) {
        let heard = match message {
            GossipMessage::Transaction(tx) => return self.submit(*tx, ticket),
            GossipMessage::Proposal(proposal) => Heard::Proposal(Box::new(proposal), ticket),
            GossipMessage::Attestation(attestation) => Heard::Attestation(attestation, ticket),
            GossipMessage::Quote(quote) => return self.take_quote(peer, *quote, ticket),
        };
        // The validators' task lives as long as this one, except while the process stops.
        self.validators.send(heard).await.ok();
    }

    /// The mempool's bound on waiting transactions bounds these tasks, too: beyond it they end at once.
    fn submit(&self, tx: Transaction, ticket: Ticket) {
        let (mempool, p2p) = (self.mempool.clone(), self.p2p.clone());
        self.spawner.spawn("gossiped-transaction", async move {
            let verdict = match mempool.submit(tx).await {
                Ok(_) => Verdict::Accept,
                Err(SubmitError::Refused(reason)) if reason.is_sender_wrong() => Verdict::Reject,
                Err(SubmitError::Refused(RefuseReason::KnownInvalid)) => Verdict::Reject,
                Err(error) => {
                    tracing::debug!(%error, "gossiped transaction not taken");
                    Verdict::Ignore
                }
            };
            // The network may be stopping.
            p2p.report(ticket, verdict).await.ok();
            Ok::<(), Infallible>(())
        });
    }

    /// Rates bound these tasks; those that wait for L1 are bounded by the quotes' look-ups.
    fn take_quote(&self, peer: PeerId, quote: SignedQuote, ticket: Ticket) {
        let (quotes, p2p) = (self.quotes.clone(), self.p2p.clone());
        self.spawner.spawn("gossiped-quote", async move {
            let verdict = match quotes.submit(Some(peer), quote).await {
                Ok(_) => Verdict::Accept,
                Err(refusal) => {
                    tracing::debug!(%refusal, "gossiped quote not taken");
                    if refusal.is_sender_wrong() {
                        Verdict::Reject
                    } else {
                        Verdict::Ignore
                    }
                }
            };
            // The network may be stopping.
            p2p.report(ticket, verdict).await.ok();
            Ok::<(), Infallible>(())
        });
    }

    /// The network's bound on requests bounds these tasks.
    fn handle_request(&self, request: Request, reply: Responder) {
        let (mempool, store) = (self.mempool.clone(), Arc::clone(&self.store));
        let answer = self
            .spawner
            .spawn_blocking("peer-request", move || match request {
                Request::Transactions(ids) => transactions(&mempool, &ids).map(Response::Transactions),
                Request::BlockTxIds { number, block_hash } => {
                    let ids = store.view().block_tx_ids(number, block_hash);
                    ids.map(Response::BlockTxIds)
                }
                Request::Blob(hash) => Ok(Response::Blob(store.view().blob(hash)?.map(|blob| blob.to_vec()))),
                // The network answers this itself.
                Request::Status => Ok(Response::Refused(Refusal::Busy)),
            });
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

    async fn look_at_peers(&self) {
        let Ok(peers) = self.p2p.peers().await else { return };
        let found = u32::try_from(peers.len()).unwrap_or(u32::MAX);
        let state = if found >= self.peers_min {
            Ok(())
        } else {
            Err(format!("{found} peers, at least {} are needed", self.peers_min))
        };
        self.health.set(HEALTH, state);
        let view = |peer: agoge_p2p::PeerInfo| PeerView {
            id: peer.id.to_string(),
            address: peer.address.to_string(),
            score: rounded(peer.score),
        };
        self.peers.set(peers.into_iter().map(view).collect());
        let (count, bytes) = self.mempool.size();
        metrics::gauge!(crate::metrics::POOL_TXS).set(approximate(count));
        metrics::gauge!(crate::metrics::POOL_BYTES).set(approximate(bytes));
    }
}

fn transactions(mempool: &Mempool, ids: &[TxId]) -> Result<Vec<Transaction>, StoreError> {
    let mut txs = Vec::with_capacity(ids.len());
    for id in ids {
        txs.extend(mempool.get(*id)?);
    }
    Ok(txs)
}

fn approximate(number: usize) -> f64 {
    crate::metrics::approximate(u64::try_from(number).unwrap_or(u64::MAX))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "clamped to a range that an i64 holds"
)]
const fn rounded(score: f64) -> i64 {
    score.clamp(-1e9, 1e9) as i64
}
