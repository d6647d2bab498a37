//! The pool at work: checks what comes, verifies proofs in a bounded number of blocking workers, keeps bodies in the store and the index
//! in memory, follows the chain.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agoge_circuits::ClientVerifier;
use agoge_protocol::limits::BLOCK_TXS_MAX;
use agoge_protocol::{B256, Digest, L2BlockNumber, Transaction, TxEffects, TxId};
use agoge_state_transition::{BlockLimits, CheckError, StateReader as _, TxRejection, check_transaction};
use agoge_store::{MinedAt, MinedTx, Queued, Store, StoreError};
use agoge_supervisor::{Spawner, contained};
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
/// Transactions of proposals that may wait for a worker, beside those that are submitted: what one block can have.
const HOLDS_WAITING_MAX: usize = BLOCK_TXS_MAX;
/// L2 blocks for which a missing anchor is waited for at most. An L1 reorg unwinds fewer (L1 takes at most one L2 block in one of its
/// own and is final after 64), so its blocks had their chance to come back.
const ANCHOR_WAIT_BLOCKS: u64 = 64;
/// Rows read at once when the index is rebuilt.
const PAGE: usize = 64;

/// Verifies client proofs. Blocking, milliseconds of CPU.
pub trait ProofVerifier: Send + Sync + 'static {
    /// Whether the transaction's proof is valid for its public inputs.
    fn is_valid(&self, tx: &Transaction) -> bool;
}

impl ProofVerifier for ClientVerifier {
    /// A panic of the proof system on a proof is caught by the verifier: the proof is invalid and the process goes on. This holds for
    /// the calling thread, on which plonky2 verifies, as far as we know, without any other.
    fn is_valid(&self, tx: &Transaction) -> bool {
        contained(|| self.verify(&tx.public_inputs, tx.proof())).is_ok()
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
    /// Proofs of submitted transactions verified at a time; as many again of proposals' transactions.
    pub workers: usize,
    /// Submitted transactions that may wait for a worker.
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
    /// What gossip and users submit.
    submissions: Lane,
    /// Transactions of proposals, which a flood of submissions must not keep from being attested to.
    holds: Lane,
    /// Where the store is written to as well, its lock is taken after this one.
    state: Mutex<State>,
}

/// The way to the verifier of one kind of transactions.
struct Lane {
    waiting_max: usize,
    waiting: Semaphore,
    workers: Semaphore,
}

impl Lane {
    fn new(waiting_max: usize, workers: usize) -> Self {
        Self {
            waiting_max,
            waiting: Semaphore::new(waiting_max),
            workers: Semaphore::new(workers.max(1)),
        }
    }
}

struct State {
    pool: Pool,
    invalid: Recent<B256, ()>,
    dropped: Recent<TxId, DropReason>,
    held: Recent<TxId, Arc<Transaction>>,
    /// Messages being verified. Bound: `waiting_max` of both lanes.
    verifying: BTreeSet<B256>,
    /// After an unwind, or a restart with anchors missing: until the chain is beyond this block, anchors that are missing may come back
    /// (the same blocks after a reorg; after a prune other blocks that consume the same deposits). `None`: none are missing.
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
    /// Rebuilds the index from the store's queue. Where the chain was before an unwind is not recorded, so anchors that are missing are
    /// waited for as long as after the longest. Blocks.
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
        let view = store.view();
        let longest = last_wait(view.tips()?.pending);
        let mut anchors_missing_until = None;
        for (_, anchor) in pool.anchors() {
            if view.anchor(anchor)?.is_none() {
                anchors_missing_until = Some(longest);
                break;
            }
        }
        drop(view);
        let state = State {
            pool,
            invalid: Recent::new(INVALID_MAX),
            dropped: Recent::new(DROPPED_MAX),
            held: Recent::new(HELD_MAX),
            verifying: BTreeSet::new(),
            anchors_missing_until,
        };
        let inner = Inner {
            store,
            verifier,
            spawner,
            config,
            submissions: Lane::new(config.waiting_max, config.workers),
            holds: Lane::new(HOLDS_WAITING_MAX, config.workers),
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
        self.verify_in_worker(&self.inner.submissions, tx, move |inner, tx| inner.submit(id, tx))
            .await?;
        Ok(id)
    }

    /// Verifies a transaction of a proposal and holds it beside the queue, however little it pays and whatever it conflicts with. It does
    /// not wait behind submitted ones.
    ///
    /// # Errors
    /// [`SubmitError`].
    pub async fn hold(&self, tx: Transaction) -> Result<(), SubmitError> {
        self.verify_in_worker(&self.inner.holds, tx, |inner, tx| {
            inner.check_proof(tx)?;
            lock(&inner.state).held.insert(tx.id(), Arc::new(tx.clone()));
            Ok(())
        })
        .await
    }

    async fn verify_in_worker<F>(&self, lane: &Lane, tx: Transaction, work: F) -> Result<(), SubmitError>
    where
        F: FnOnce(&Inner, &Transaction) -> Result<(), SubmitError> + Send + 'static,
    {
        let message_id = tx.message_id();
        let busy = SubmitError::Busy {
            waiting_max: lane.waiting_max,
        };
        let Ok(_waiting) = lane.waiting.try_acquire() else {
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
        let Ok(_worker) = lane.workers.acquire().await else {
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

    /// The best paying transactions whose anchors are known, in the order in which a block takes them. Those whose anchors an unwind took
    /// keep their place in the pool for a while and take none here. Blocks.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn best(&self, limit: usize) -> Result<Vec<Transaction>, StoreError> {
        // Bound: the pool's count.
        let ranking: Vec<(TxId, Digest)> = lock(&self.inner.state).pool.best().collect();
        let view = self.inner.store.view();
        let mut known = BTreeMap::new();
        let mut txs = Vec::new();
        for (id, anchor) in ranking {
            if txs.len() >= limit {
                break;
            }
            let is_known = match known.get(&anchor) {
                Some(is_known) => *is_known,
                None => {
                    let is_known = view.anchor(anchor)?.is_some();
                    known.insert(anchor, is_known);
                    is_known
                }
            };
            if is_known {
                txs.extend(view.queued_tx(id)?);
            }
        }
        Ok(txs)
    }

    /// The id of a mined transaction, if this node held or queued one with exactly these effects.
    pub fn known_id(&self, effects: &TxEffects) -> Option<TxId> {
        let state = lock(&self.inner.state);
        let is_same = |tx: &&Arc<Transaction>| {
            tx.public_inputs.nullifiers() == &effects.nullifiers && tx.effects() == *effects
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
        let mut kept = Vec::new();
        {
            let mut gone = Vec::new();
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
            self.inner.drop_txs(&mut state, gone)?;
        }
        for (at, tx) in kept {
            self.inner.store.keep_mined_tx(at, &tx)?;
        }
        self.drop_without_anchor(number)
    }

    /// Follows an unwind (an L1 reorg or a prune) from `tip_before`: what the store queued again is in the pool again.
    ///
    /// Transactions whose anchors are gone stay until the chain is beyond `tip_before`, as the same blocks may come back, but for no more
    /// than 64 blocks: a prune may take the chain back by any number, and it may never be that long again. Blocks.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn on_unwound(&self, tip_before: L2BlockNumber, requeued: &[TxId]) -> Result<(), StoreError> {
        let longest = last_wait(self.inner.store.view().tips()?.pending);
        let mut state = lock(&self.inner.state);
        let until = state.anchors_missing_until.max(Some(tip_before));
        state.anchors_missing_until = until.min(Some(longest));
        for id in requeued {
            let Some(tx) = self.inner.store.view().queued_tx(*id)? else {
                continue;
            };
            state.dropped.remove(id);
            let gone = leavers(state.pool.restore(*id, &tx, byte_len(&tx))).collect();
            self.inner.drop_txs(&mut state, gone)?;
        }
        Ok(())
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
        let mut state = lock(&self.inner.state);
        for (id, _) in &gone {
            state.pool.remove(*id);
        }
        self.inner.drop_txs(&mut state, gone)
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

    /// Once missing anchors have been waited for, those that are still missing are taken to be gone for good.
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
                gone.push((id, DropReason::AnchorGone));
            }
        }
        let mut state = lock(&self.inner.state);
        for (id, _) in &gone {
            state.pool.remove(*id);
        }
        self.inner.drop_txs(&mut state, gone)
    }
}

impl Inner {
    fn submit(&self, id: TxId, tx: &Transaction) -> Result<(), SubmitError> {
        let bytes = byte_len(tx);
        self.check_state(tx)?;
        lock(&self.state).pool.check(id, tx, bytes)?;
        self.check_proof(tx)?;
        // The chain may have moved on meanwhile. Under the lock either this check sees the block, or `on_block` sees the transaction.
        // Body and index change under it together: an unsynced write, no longer than a look-up.
        let mut state = lock(&self.state);
        self.check_state(tx)?;
        let insertion = state.pool.insert(id, tx, bytes)?;
        let replaced = insertion
            .replaced
            .iter()
            .map(|gone| (*gone, DropReason::Replaced { by: id }));
        let evicted = insertion.evicted.iter().map(|gone| (*gone, DropReason::Evicted));
        let leaving = replaced.chain(evicted).collect();
        let queued = self
            .drop_txs(&mut state, leaving)
            .and_then(|()| self.store.queue_tx(tx));
        if let Ok(Queued::Kept | Queued::Known) = queued {
            state.dropped.remove(&id);
            return Ok(());
        }
        state.pool.remove(id);
        // Full although the pool has room: an unwind queued transactions that the pool has not been told of yet.
        queued?;
        let lowest = state.pool.lowest_fee().unwrap_or(tx.public_inputs.fee());
        Err(RefuseReason::PoolFull { lowest }.into())
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

    /// Removes the bodies of transactions that have left the index, under the same lock: nobody sees one without the other.
    fn drop_txs(&self, state: &mut State, gone: Vec<(TxId, DropReason)>) -> Result<(), StoreError> {
        if gone.is_empty() {
            return Ok(());
        }
        self.store
            .remove_queued(&gone.iter().map(|(id, _)| *id).collect::<Vec<_>>())?;
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

/// The last block at which anchors that are missing at `tip` are waited for.
const fn last_wait(tip: L2BlockNumber) -> L2BlockNumber {
    L2BlockNumber::new(tip.get().saturating_add(ANCHOR_WAIT_BLOCKS))
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
