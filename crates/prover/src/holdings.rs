//! Client proofs of blocks: fetched from peers, verified, kept with their block until the epoch is settled.
//!
//! A blob holds neither anchors nor proofs, so a block is asked for by its hash: one peer tells the ids of its transactions, then the
//! transactions are fetched. Whatever a peer sends is compared with the block's effects, and its anchor and its proof are verified before it
//! is kept; a peer whose answers are of no use is not asked again in that try.

use std::sync::Arc;

use agoge_circuits::ClientVerifier;
use agoge_p2p::{P2pHandle, PeerId, REQUEST_TXS_MAX, Request, RequestError, Response, Target};
use agoge_protocol::{BlockHash, Digest, L2BlockNumber, Transaction, TxId};
use agoge_state_transition::{StateReader as _, hash};
use agoge_store::{MinedAt, Store, StoreError, StoreView};
use agoge_supervisor::{Lost, Spawner};

/// Peers asked for one block in one try.
const PEERS_ASKED_MAX: usize = 8;
/// Transactions of one request: about 1.4 MB of answer.
const TXS_ASKED_MAX: usize = if REQUEST_TXS_MAX < 16 { REQUEST_TXS_MAX } else { 16 };

/// Why client proofs are not fetched.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Work was lost: the process is stopping.
    #[error(transparent)]
    Lost(#[from] Lost),
}

/// Fetches and keeps client proofs. Clones are the same.
#[derive(Clone, Debug)]
pub struct Holdings {
    store: Arc<Store>,
    p2p: P2pHandle,
    verifier: Arc<ClientVerifier>,
    genesis_id: Digest,
    spawner: Spawner,
}

/// Positions of a block whose transaction is not kept; `None` when the block is gone.
///
/// # Errors
/// [`StoreError`].
pub fn missing(view: &StoreView<'_>, number: L2BlockNumber) -> Result<Option<Vec<u16>>, StoreError> {
    let Some(txs) = view.block_txs(number)? else {
        return Ok(None);
    };
    let mut positions = Vec::new();
    for (position, _) in (0_u16..).zip(&txs) {
        if !view.has_mined_tx(MinedAt { number, position })? {
            positions.push(position);
        }
    }
    Ok(Some(positions))
}

/// The kept transactions of a block, in order; `None` when one is missing.
///
/// # Errors
/// [`StoreError`].
pub fn transactions(
    view: &StoreView<'_>,
    number: L2BlockNumber,
) -> Result<Option<Vec<Transaction>>, StoreError> {
    let Some(txs) = view.block_txs(number)? else {
        return Ok(None);
    };
    let kept = (0_u16..)
        .zip(&txs)
        .map(|(position, _)| view.mined_tx(MinedAt { number, position }));
    kept.collect()
}

/// Whether a transaction, whose effects are those of a block, is valid in itself. Whether its anchor is a block's is for [`keep`] to see.
pub fn is_valid(verifier: &ClientVerifier, genesis_id: Digest, tx: &Transaction) -> bool {
    let inputs = &tx.public_inputs;
    inputs.genesis_id() == genesis_id
        && inputs.ciphertext_hash() == hash::ciphertexts(&tx.ciphertexts)
        && verifier.verify(inputs, tx.proof()).is_ok()
}

/// Keeps those of `txs` that are wanted at a position of block `number`, have the block's effects there, an anchor of an earlier block and
/// a valid proof; returns how many are kept.
///
/// # Errors
/// [`StoreError`].
pub fn keep(
    store: &Store,
    number: L2BlockNumber,
    wanted: &[(u16, TxId)],
    txs: &[Transaction],
    is_valid: &dyn Fn(&Transaction) -> bool,
) -> Result<usize, StoreError> {
    let mut kept = 0_usize;
    for tx in txs {
        let id = tx.id();
        let Some((position, _)) = wanted.iter().find(|(_, wanted)| *wanted == id) else {
            continue;
        };
        // Effects do not show the anchor: with one that is no earlier block's note root, the block would have no witness. The table has
        // the first block with a root.
        let anchor = store.view().anchor(tx.public_inputs.anchor())?;
        if anchor.is_none_or(|block| block >= number) {
            tracing::warn!(%number, %id, "a peer sent a transaction whose anchor is no earlier block's");
            continue;
        }
        if !is_valid(tx) {
            tracing::warn!(%number, %id, "a peer sent a transaction without a valid proof");
            continue;
        }
        let at = MinedAt {
            number,
            position: *position,
        };
        kept = kept.saturating_add(usize::from(store.keep_mined_tx(at, tx)?));
    }
    Ok(kept)
}

impl Holdings {
    /// Over a store and the network.
    pub const fn new(
        store: Arc<Store>,
        p2p: P2pHandle,
        verifier: Arc<ClientVerifier>,
        genesis_id: Digest,
        spawner: Spawner,
    ) -> Self {
        Self {
            store,
            p2p,
            verifier,
            genesis_id,
            spawner,
        }
    }

    /// Tries once to complete a block; returns how many of its transactions are still missing.
    ///
    /// # Errors
    /// [`HoldError`]; peers that do not answer are no error.
    pub async fn complete(&self, number: L2BlockNumber, block_hash: BlockHash) -> Result<usize, HoldError> {
        let mut asked: Vec<PeerId> = Vec::new();
        loop {
            let missing = self.missing(number).await?;
            if missing.is_empty() || asked.len() >= PEERS_ASKED_MAX {
                return Ok(missing.len());
            }
            let target = Target::AnyExcept(asked.clone());
            let answer = match self
                .p2p
                .request(target, Request::BlockTxIds { number, block_hash })
                .await
            {
                Ok(answer) => answer,
                // A peer that was asked and did not answer is not named; the others are still asked by the next try.
                Err(RequestError::Stopped(_)) => return Ok(missing.len()),
                Err(error) => {
                    tracing::debug!(%number, %error, "ids of a block's transactions not fetched");
                    return Ok(missing.len());
                }
            };
            asked.push(answer.peer);
            let Response::BlockTxIds(Some(ids)) = answer.response else {
                continue;
            };
            let wanted: Vec<(u16, TxId)> = missing
                .iter()
                .filter_map(|position| Some((*position, (*ids.get(usize::from(*position))?)?)))
                .collect();
            for part in wanted.chunks(TXS_ASKED_MAX) {
                self.fetch(number, part, answer.peer).await?;
            }
        }
    }

    async fn missing(&self, number: L2BlockNumber) -> Result<Vec<u16>, HoldError> {
        let store = Arc::clone(&self.store);
        let missing = self
            .spawner
            .spawn_blocking("missing-client-proofs", move || missing(&store.view(), number));
        Ok(missing.await??.unwrap_or_default())
    }

    /// Fetches transactions by id, from the peer that named them first, then from any.
    async fn fetch(
        &self,
        number: L2BlockNumber,
        wanted: &[(u16, TxId)],
        peer: PeerId,
    ) -> Result<(), HoldError> {
        let ids: Vec<TxId> = wanted.iter().map(|(_, id)| *id).collect();
        for target in [Target::Peer(peer), Target::AnyExcept(vec![peer])] {
            let Ok(answer) = self.p2p.request(target, Request::Transactions(ids.clone())).await else {
                continue;
            };
            let Response::Transactions(txs) = answer.response else {
                continue;
            };
            if self.keep(number, wanted.to_vec(), txs).await? == wanted.len() {
                break;
            }
        }
        Ok(())
    }

    /// Verifies and keeps; returns how many of `wanted` are kept.
    async fn keep(
        &self,
        number: L2BlockNumber,
        wanted: Vec<(u16, TxId)>,
        txs: Vec<Transaction>,
    ) -> Result<usize, HoldError> {
        let (store, verifier, genesis_id) = (
            Arc::clone(&self.store),
            Arc::clone(&self.verifier),
            self.genesis_id,
        );
        let kept = self.spawner.spawn_blocking("verify-client-proofs", move || {
            let is_valid =
                |tx: &Transaction| agoge_supervisor::contained(|| is_valid(&verifier, genesis_id, tx));
            keep(&store, number, &wanted, &txs, &is_valid)
        });
        Ok(kept.await??)
    }
}
