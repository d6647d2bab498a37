//! The pool at work: checks what comes, verifies proofs in a bounded number of blocking workers, keeps bodies in the store and the index
//! in memory, follows the chain.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agoge_circuits::ClientVerifier;
use agoge_protocol::limits::BLOCK_TXS_MAX;
use agoge_protocol::{B256, Digest, L2BlockNumber, Transaction, TxEffects, TxId};
use agoge_state_transition::{BlockLimits, CheckError, StateReader as _, TxRejection, check_transaction};
use agoge_store::{MinedAt, MinedTx, Store, StoreError};
use agoge_supervisor::Spawner;
use tokio::sync::Semaphore;

use super::pool::{Insertion, Pool, PoolLimits};
use super::reason::{DropReason, RefuseReason};
use super::recent::Recent;
use crate::query::TxStatus;

/// Messages found invalid that are remembered: 32 bytes each.
const INVALID_MAX: usize = 8_192;
/// Dropped transactions whose reason is remembered.
const DROPPED_MAX: usize = 8_192;
/// Verified transactions held for proposals beside the queue: two full blocks, 16 MB.
const HELD_MAX: usize = 2 * BLOCK_TXS_MAX;
/// Rows read at once when the index is rebuilt.
const PAGE: usize = 64;

/// Verifies client proofs. Blocking, milliseconds of CPU.
pub trait ProofVerifier: Send + Sync + 'static {
    /// Whether the transaction's proof is valid for its public inputs.
    fn is_valid(&self, tx: &Transaction) -> bool;
}

impl ProofVerifier for ClientVerifier {
    fn is_valid(&self, tx: &Transaction) -> bool {
        self.verify(&tx.public_inputs, tx.proof()).is_ok()
    }
}

/// What the pool is set up with.
#[derive(Clone, Copy, Debug)]
pub struct MempoolConfig {
    /// The instance.
    pub genesis_id: Digest,
    /// The network's block limits and least fee.
    pub limits: BlockLimits,
    /// Bounds of the queue; not above the store's.
    pub pool: PoolLimits,
    /// Proofs verified at a time.
    pub workers: usize,
    /// Transactions that may wait for a worker.
    pub waiting_max: usize,
}

/// Why a transaction was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// It breaks a rule, or the pool prefers others.
    #[error(transparent)]
    Refused(#[from] RefuseReason),
    /// Too many wait for verification.
    #[error("{waiting_max} transactions wait for verification already")]
    Busy {
        /// The bound.
        waiting_max: usize,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The process is stopping.
    #[error("the process is stopping")]
    Stopping,
}

/// The pool. Clones are the same.
#[derive(Clone)]
pub struct Mempool {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<Store>,
    verifier: Arc<dyn ProofVerifier>,
    spawner: Spawner,
    config: MempoolConfig,
    waiting: Semaphore,
    workers: Semaphore,
    state: Mutex<State>,
}

struct State {
    pool: Pool,
    invalid: Recent<B256, ()>,
    dropped: Recent<TxId, DropReason>,
    held: Recent<TxId, Arc<Transaction>>,
    /// Messages being verified. Bound: `waiting_max`.
    verifying: BTreeSet<B256>,
    /// After an unwind: the tip before it. Until the chain is beyond it, anchors that are missing may come back.
    anchors_missing_until: Option<L2BlockNumber>,
}

impl core::fmt::Debug for Mempool {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Mempool")
            .field("config", &self.inner.config)
            .finish_non_exhaustive()
    }
}

impl Mempool {
    /// Rebuilds the index from the store's queue. Blocks.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(
        store: Arc<Store>,
        verifier: Arc<dyn ProofVerifier>,
        spawner: Spawner,
        config: MempoolConfig,
    ) -> Result<Self, StoreError> {
        let mut pool = Pool::new(config.pool);
        let mut evicted = Vec::new();
        let mut after = None;
        loop {
            let page = store.view().queued_txs(after, PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.id());
            for tx in &page {
                evicted.extend(leavers(pool.restore(tx.id(), tx, byte_len(tx))));
            }
        }
        store.remove_queued(&evicted.into_iter().map(|(id, _)| id).collect::<Vec<_>>())?;
        let state = State {
            pool,
            invalid: Recent::new(INVALID_MAX),
            dropped: Recent::new(DROPPED_MAX),
            held: Recent::new(HELD_MAX),
            verifying: BTreeSet::new(),
            anchors_missing_until: None,
        };
        let inner = Inner {
            store,
            verifier,
            spawner,
            config,
            waiting: Semaphore::new(config.waiting_max),
            workers: Semaphore::new(config.workers.max(1)),
            state: Mutex::new(state),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Takes a transaction into the queue: cheap rules first, its proof last. When this returns the transaction outlives a crash.
    ///
    /// # Errors
    /// [`SubmitError`].
    pub async fn submit(&self, tx: Transaction) -> Result<TxId, SubmitError> {
        let id = tx.id();
        self.verify_in_worker(tx, move |inner, tx| inner.submit(id, tx))
            .await?;
        Ok(id)
    }

    /// Verifies a transaction of a proposal and holds it beside the queue, however little it pays and whatever it conflicts with.
    ///
    /// # Errors
    /// [`SubmitError`].
    pub async fn hold(&self, tx: Transaction) -> Result<(), SubmitError> {
        self.verify_in_worker(tx, |inner, tx| {
            inner.check_proof(tx)?;
            lock(&inner.state).held.insert(tx.id(), Arc::new(tx.clone()));
            Ok(())
        })
        .await
    }

    async fn verify_in_worker<F>(&self, tx: Transaction, work: F) -> Result<(), SubmitError>
    where
        F: FnOnce(&Inner, &Transaction) -> Result<(), SubmitError> + Send + 'static,
    {
        let message_id = tx.message_id();
        let busy = SubmitError::Busy {
            waiting_max: self.inner.config.waiting_max,
        };
        let Ok(_waiting) = self.inner.waiting.try_acquire() else {
            return Err(busy);
        };
        {
            let mut state = lock(&self.inner.state);
            if state.invalid.get(&message_id).is_some() {
                return Err(RefuseReason::KnownInvalid.into());
            }
            if state.pool.contains(tx.id()) || !state.verifying.insert(message_id) {
                return Err(RefuseReason::AlreadyQueued.into());
            }
        }
        let _verifying = Verifying {
            inner: &self.inner,
            message_id,
        };
        let Ok(_worker) = self.inner.workers.acquire().await else {
            return Err(SubmitError::Stopping);
        };
        let inner = Arc::clone(&self.inner);
        let result = self
            .inner
            .spawner
            .spawn_blocking("mempool-verify", move || work(&inner, &tx))
            .await;
        let result = result.unwrap_or(Err(SubmitError::Stopping));
        if matches!(result, Err(SubmitError::Refused(reason)) if reason.is_sender_wrong()) {
            lock(&self.inner.state).invalid.insert(message_id, ());
        }
        result
    }

    /// Those of `ids` that are neither queued nor held: what a proposal's judge has to fetch.
    pub fn missing(&self, ids: &[TxId]) -> Vec<TxId> {
        let state = lock(&self.inner.state);
        ids.iter()
            .filter(|id| !state.pool.contains(**id) && state.held.get(id).is_none())
            .copied()
            .collect()
    }

    /// A verified transaction: held, queued or of a recent block. Blocks.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn get(&self, id: TxId) -> Result<Option<Transaction>, StoreError> {
        if let Some(held) = lock(&self.inner.state).held.get(&id) {
            return Ok(Some(held.as_ref().clone()));
        }
        self.inner.store.view().tx(id)
    }

    /// The best paying transactions, in the order in which a block takes them. Blocks.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn best(&self, limit: usize) -> Result<Vec<Transaction>, StoreError> {
        let ids: Vec<TxId> = lock(&self.inner.state).pool.best().take(limit).collect();
        let view = self.inner.store.view();
        let mut txs = Vec::with_capacity(ids.len());
        for id in ids {
            txs.extend(view.queued_tx(id)?);
        }
        Ok(txs)
    }

    /// The id of a mined transaction, if this node held or queued it.
    pub fn known_id(&self, effects: &TxEffects) -> Option<TxId> {
        let state = lock(&self.inner.state);
        let is_same = |tx: &&Arc<Transaction>| {
            tx.public_inputs.nullifiers() == &effects.nullifiers
                && tx.public_inputs.commitments() == &effects.commitments
        };
        state
            .pool
            .with_effects(effects)
            .or_else(|| state.held.values().find(is_same).map(|tx| tx.id()))
    }

    /// Follows a block that was stored: what it mined leaves, what it made impossible is dropped. Blocks.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn on_block(&self, number: L2BlockNumber, txs: &[MinedTx]) -> Result<(), StoreError> {
        let mut gone = Vec::new();
        let mut kept = Vec::new();
        {
            let mut state = lock(&self.inner.state);
            for (position, tx) in (0_u16..).zip(txs) {
                for rival in state.pool.spending_the_same(&tx.effects) {
                    state.pool.remove(rival);
                    if tx.id != Some(rival) {
                        gone.push((rival, DropReason::SpentElsewhere { number }));
                    }
                }
                if let Some(held) = tx.id.and_then(|id| state.held.remove(&id)) {
                    kept.push((MinedAt { number, position }, held));
                }
            }
        }
        for (at, tx) in kept {
            self.inner.store.keep_mined_tx(at, &tx)?;
        }
        self.drop_txs(gone)?;
        self.drop_without_anchor(number)
    }

    /// Follows an unwind (an L1 reorg or a prune) from `tip_before`: what the store queued again is in the pool again. Blocks.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn on_unwound(&self, tip_before: L2BlockNumber, requeued: &[TxId]) -> Result<(), StoreError> {
        let mut gone = Vec::new();
        for id in requeued {
            let Some(tx) = self.inner.store.view().queued_tx(*id)? else {
                continue;
            };
            let mut state = lock(&self.inner.state);
            state.dropped.remove(id);
            gone.extend(leavers(state.pool.restore(*id, &tx, byte_len(&tx))));
        }
        {
            let mut state = lock(&self.inner.state);
            state.anchors_missing_until = state.anchors_missing_until.max(Some(tip_before));
        }
        self.drop_txs(gone)
    }

    /// Removes transactions that cannot be in any block on the current state, as block building found. Blocks.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn on_skipped(
        &self,
        skipped: Vec<(TxId, TxRejection)>,
        tip: L2BlockNumber,
    ) -> Result<(), StoreError> {
        let gone = skipped.into_iter().filter_map(|(id, reason)| match reason {
            TxRejection::NullifierSpent { .. } => Some((id, DropReason::SpentElsewhere { number: tip })),
            // Anchors may come back after a reorg, and everything else is about that block alone.
            _ => None,
        });
        let gone: Vec<_> = gone.collect();
        {
            let mut state = lock(&self.inner.state);
            for (id, _) in &gone {
                state.pool.remove(*id);
            }
        }
        self.drop_txs(gone)
    }

    /// What became of a transaction, as far as it is remembered. Blocks.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn status(&self, id: TxId) -> Result<TxStatus, StoreError> {
        {
            let state = lock(&self.inner.state);
            if state.pool.contains(id) {
                return Ok(TxStatus::Queued);
            }
        }
        let view = self.inner.store.view();
        if let Some(at) = view.mined_tx_id(id)? {
            let is_proven = at.number <= view.tips()?.proven;
            let number = at.number;
            return Ok(if is_proven {
                TxStatus::Proven { number }
            } else {
                TxStatus::Mined { number }
            });
        }
        let dropped = lock(&self.inner.state).dropped.get(&id).copied();
        Ok(dropped.map_or(TxStatus::Unknown, |reason| TxStatus::Dropped { reason }))
    }

    /// Transactions and bytes queued.
    pub fn size(&self) -> (usize, usize) {
        let state = lock(&self.inner.state);
        (state.pool.len(), state.pool.bytes())
    }

    /// Once the chain is beyond where it was before an unwind, anchors that are still missing are gone for good.
    fn drop_without_anchor(&self, tip: L2BlockNumber) -> Result<(), StoreError> {
        let anchors: Vec<(TxId, Digest)> = {
            let mut state = lock(&self.inner.state);
            if state.anchors_missing_until.is_none_or(|until| tip <= until) {
                return Ok(());
            }
            state.anchors_missing_until = None;
            state.pool.anchors().collect()
        };
        let view = self.inner.store.view();
        let mut gone = Vec::new();
        for (id, anchor) in anchors {
            if view.anchor(anchor)?.is_none() {
                lock(&self.inner.state).pool.remove(id);
                gone.push((id, DropReason::AnchorGone));
            }
        }
        self.drop_txs(gone)
    }

    fn drop_txs(&self, gone: Vec<(TxId, DropReason)>) -> Result<(), StoreError> {
        self.inner.drop_txs(gone)
    }
}

impl Inner {
    fn submit(&self, id: TxId, tx: &Transaction) -> Result<(), SubmitError> {
        let bytes = byte_len(tx);
        self.check_state(tx)?;
        lock(&self.state).pool.check(id, tx, bytes)?;
        self.check_proof(tx)?;
        // The chain may have moved on meanwhile. Under the lock either this check sees the block, or `on_block` sees the transaction.
        let mut state = lock(&self.state);
        self.check_state(tx)?;
        let insertion = state.pool.insert(id, tx, bytes)?;
        state.dropped.remove(&id);
        drop(state);
        let replaced = insertion
            .replaced
            .iter()
            .map(|gone| (*gone, DropReason::Replaced { by: id }));
        let evicted = insertion.evicted.iter().map(|gone| (*gone, DropReason::Evicted));
        self.drop_txs(replaced.chain(evicted).collect())?;
        if let Err(error) = self.store.queue_tx(tx) {
            lock(&self.state).pool.remove(id);
            return Err(error.into());
        }
        Ok(())
    }

    fn check_state(&self, tx: &Transaction) -> Result<(), SubmitError> {
        match check_transaction(
            &self.store.view(),
            self.config.genesis_id,
            &self.config.limits,
            tx,
        ) {
            Ok(()) => Ok(()),
            Err(CheckError::State(error)) => Err(error.into()),
            Err(CheckError::Rejected(rejection)) => Err(RefuseReason::from(rejection).into()),
        }
    }

    fn check_proof(&self, tx: &Transaction) -> Result<(), SubmitError> {
        if self.verifier.is_valid(tx) {
            Ok(())
        } else {
            Err(RefuseReason::InvalidProof.into())
        }
    }

    fn drop_txs(&self, gone: Vec<(TxId, DropReason)>) -> Result<(), StoreError> {
        if gone.is_empty() {
            return Ok(());
        }
        self.store
            .remove_queued(&gone.iter().map(|(id, _)| *id).collect::<Vec<_>>())?;
        let mut state = lock(&self.state);
        for (id, reason) in gone {
            state.dropped.insert(id, reason);
        }
        Ok(())
    }
}

/// Strikes a message off the list of those being verified, however verification ends.
struct Verifying<'a> {
    inner: &'a Inner,
    message_id: B256,
}

impl Drop for Verifying<'_> {
    fn drop(&mut self) {
        lock(&self.inner.state).verifying.remove(&self.message_id);
    }
}

/// Those that a restored transaction drove out.
fn leavers(insertion: Insertion) -> impl Iterator<Item = (TxId, DropReason)> {
    let replaced = insertion.replaced.into_iter();
    replaced
        .chain(insertion.evicted)
        .map(|id| (id, DropReason::Evicted))
}

fn byte_len(tx: &Transaction) -> usize {
    // Writing to a vector cannot fail.
    borsh::to_vec(tx).map_or(0, |bytes| bytes.len())
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // Each change is one call that leaves the maps whole, so they are whole even after a panic elsewhere.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
