//! Bringing one L1 block into the store. Everything here blocks.
//!
//! A block that L1 took but that execution does not confirm can never be proven, nor can any block after it: it is not followed, and
//! nothing after it is, until L1 prunes or reorgs it away.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agoge_l1_client::Blob;
use agoge_protocol::transaction::{NullifierKey, nullifier_key};
use agoge_protocol::{
    B256, Digest, Epoch, FreeFields, L1Block, L1BlockNumber, L1Event, L2BlockNumber, Posted, Timing,
    Transaction, TxEffects, TxId,
};
use agoge_state_transition::{BlockContext, BlockLimits, blob, execute_block};
use agoge_store::{
    AppliedBlock, BlockRecord, EpochProof, L1Change, L1Step, Meaning, MinedTx, Store, StoreError, StoreView,
};

use super::ChainError;

/// Unwound transactions that are remembered: those of a proof window of full blocks, about 180 MB in the store.
const UNWOUND_MAX: usize = 2_048;

/// Queued transactions read at once at the start: about 6 MB.
const QUEUED_PAGE: usize = 64;

/// The network's numbers that following depends on.
#[derive(Clone, Copy, Debug)]
pub struct ChainRules {
    /// The instance.
    pub genesis_id: Digest,
    /// How time is cut.
    pub timing: Timing,
    /// T, D, W and the least fee.
    pub limits: BlockLimits,
}

/// Blobs by their versioned hash.
pub type BlobsByHash = BTreeMap<B256, Blob>;

/// The first block of L1's pending chain that is not followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfollowed {
    /// Its number.
    pub number: L2BlockNumber,
    /// Its epoch, or an earlier one if blocks before it were missed: no epoch before this one lacks blocks.
    pub epoch: Epoch,
    /// The L1 block with it.
    pub l1_block: L1BlockNumber,
    /// Why, for a person.
    pub reason: String,
}

/// Applies L1 blocks to the store.
#[derive(Debug)]
pub struct Applier {
    store: Arc<Store>,
    rules: ChainRules,
    unfollowed: Mutex<Option<Unfollowed>>,
    /// Transactions of unwound blocks, which return with the same blocks after most reorgs.
    unwound: Mutex<Unwound>,
}

/// Ids of transactions that wait in the store's queue, by their first nullifier, the oldest first to be forgotten.
#[derive(Debug, Default)]
struct Unwound {
    ids: BTreeMap<NullifierKey, TxId>,
    order: VecDeque<NullifierKey>,
}

impl Applier {
    /// An applier. What was not followed before a restart shows again with the next block on L1, which does not follow ours; transactions
    /// that were unwound before it wait in the store's queue, where only they are.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn new(store: Arc<Store>, rules: ChainRules) -> Result<Self, StoreError> {
        let applier = Self {
            store,
            rules,
            unfollowed: Mutex::new(None),
            unwound: Mutex::default(),
        };
        let mut after = None;
        loop {
            let page = applier.store.view().queued_txs(after, QUEUED_PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.id());
            applier.remember(page.iter())?;
        }
        Ok(applier)
    }

    /// The block that is not followed, if there is one.
    pub fn unfollowed(&self) -> Option<Unfollowed> {
        self.lock().clone()
    }

    /// The blocks among `events`, whose blobs are needed. A committee's block comes alone; blocks that are appended together with their
    /// proof are up to an epoch's.
    pub fn blob_needs(&self, events: &[L1Event]) -> Vec<Posted> {
        let has_prune = events.iter().any(|event| matches!(event, L1Event::Pruned { .. }));
        if self.lock().is_some() && !has_prune {
            return Vec::new();
        }
        events
            .iter()
            .filter_map(L1Event::posted)
            .map(|(_, posted)| posted)
            .collect()
    }

    /// Applies the next L1 block; `blobs` are those that [`Self::blob_needs`] asks for.
    ///
    /// # Errors
    /// [`ChainError`]; the store stands at the block before then.
    pub fn extend(
        &self,
        block: L1Block,
        events: Vec<L1Event>,
        blobs: &BlobsByHash,
    ) -> Result<(), ChainError> {
        let mut step = Step {
            applier: self,
            block,
            tip: self.store.view().tips()?.pending,
            followed: Vec::new(),
            changes: Vec::new(),
        };
        for event in events {
            step.take(event, blobs)?;
        }
        let Step {
            changes, followed, ..
        } = step;
        let outcome = self.store.apply_l1_block(L1Step { block, changes })?;
        self.remember_queued(&outcome.requeued)?;
        for posted in followed {
            if let Some(blob) = blobs.get(&posted.blob_hash) {
                self.store
                    .put_blob(posted.free_fields.slot, posted.blob_hash, blob.as_bytes())?;
            }
        }
        Ok(())
    }

    /// Returns to an L1 block that is recorded.
    ///
    /// # Errors
    /// [`ChainError`]: the reorg is deeper than the store's records, or the store failed.
    pub fn roll_back(&self, to: &L1Block) -> Result<(), ChainError> {
        let outcome = self.store.rollback_l1(to.number, to.hash)?;
        self.remember_queued(&outcome.requeued)?;
        self.lock().take_if(|unfollowed| unfollowed.l1_block > to.number);
        Ok(())
    }

    fn remember_queued(&self, requeued: &[TxId]) -> Result<(), StoreError> {
        for id in requeued {
            let queued = self.store.view().queued_tx(*id)?;
            self.remember(queued.iter())?;
        }
        Ok(())
    }

    /// Remembers unwound transactions within [`UNWOUND_MAX`]; the oldest leave the store's queue.
    fn remember<'t>(&self, txs: impl Iterator<Item = &'t Transaction>) -> Result<(), StoreError> {
        let mut unwound = self.unwound.lock().unwrap_or_else(PoisonError::into_inner);
        for tx in txs {
            let key = nullifier_key(&tx.public_inputs.nullifiers()[0]);
            if unwound.ids.insert(key, tx.id()).is_none() {
                unwound.order.push_back(key);
            }
        }
        let excess = unwound.order.len().saturating_sub(UNWOUND_MAX);
        let dropped: Vec<_> = unwound.order.drain(..excess).collect();
        let ids: Vec<_> = dropped.iter().filter_map(|key| unwound.ids.remove(key)).collect();
        self.store.remove_queued(&ids)?;
        Ok(())
    }

    /// The id of an unwound transaction with these effects.
    fn known_id(&self, effects: &TxEffects) -> Result<Option<TxId>, ChainError> {
        let key = nullifier_key(&effects.nullifiers[0]);
        let id = {
            let unwound = self.unwound.lock().unwrap_or_else(PoisonError::into_inner);
            unwound.ids.get(&key).copied()
        };
        let Some(id) = id else { return Ok(None) };
        let tx = self.store.view().queued_tx(id)?;
        Ok(tx.filter(|tx| tx.effects() == *effects).map(|_| id))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Unfollowed>> {
        // One word, replaced whole.
        self.unfollowed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One L1 block on its way into the store.
struct Step<'a> {
    applier: &'a Applier,
    block: L1Block,
    /// Our pending tip after the changes so far.
    tip: L2BlockNumber,
    /// Blocks that are executed.
    followed: Vec<Posted>,
    changes: Vec<L1Change>,
}

impl Step<'_> {
    fn take(&mut self, event: L1Event, blobs: &BlobsByHash) -> Result<(), ChainError> {
        match Meaning::of(event, self.block.number) {
            Meaning::Change(change) => self.changes.push(change),
            Meaning::Prune { to } => self.prune(to),
            Meaning::Proof(proof) => self.proof(proof)?,
            Meaning::Block { number, posted } => self.block(number, posted, blobs)?,
        }
        Ok(())
    }

    fn proof(&mut self, proof: EpochProof) -> Result<(), ChainError> {
        let EpochProof { to, settled_from, .. } = proof;
        if to > self.tip {
            let reason = "L1 has a proof of a block that is not followed".to_owned();
            self.refuse(to, self.tip_epoch()?.unwrap_or(proof.epoch), reason);
            return Ok(());
        }
        self.changes.push(L1Change::EpochProof(proof));
        // A proof that settles nothing only delivers a claim; the tip is beyond it already.
        if settled_from <= to {
            self.changes.push(L1Change::Proven { to });
        }
        Ok(())
    }

    fn prune(&mut self, to: L2BlockNumber) {
        if to > self.tip {
            return;
        }
        // Whatever was not followed came after our tip, and is gone.
        self.applier.lock().take();
        if to < self.tip {
            self.changes.push(L1Change::Prune { to });
            self.tip = to;
        }
    }

    fn block(
        &mut self,
        number: L2BlockNumber,
        posted: Posted,
        blobs: &BlobsByHash,
    ) -> Result<(), ChainError> {
        if self.applier.lock().is_some() {
            return Ok(());
        }
        let epoch = self.applier.rules.timing.epoch_of(posted.free_fields.slot);
        if number != self.tip.next() {
            let reason = format!("block {number} does not follow block {}", self.tip);
            self.refuse(number, self.tip_epoch()?.unwrap_or(epoch), reason);
            return Ok(());
        }
        match self.execute(&posted, blobs.get(&posted.blob_hash)) {
            Ok(applied) => {
                self.tip = number;
                self.followed.push(posted);
                self.changes.push(L1Change::Block(Box::new(applied)));
                Ok(())
            }
            Err(error) if error.is_block_wrong() => {
                self.refuse(number, epoch, error.to_string());
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn execute(&self, posted: &Posted, blob: Option<&Blob>) -> Result<AppliedBlock, ChainError> {
        let blob_hash = posted.blob_hash;
        let blob = blob.ok_or(ChainError::BlobMissing { blob_hash })?;
        let is_changed = |change: &L1Change| matches!(change, L1Change::Prune { .. } | L1Change::Block(_));
        let view = if self.changes.iter().any(is_changed) {
            let (block, changes) = (self.block, self.changes.clone());
            self.applier.store.preview(L1Step { block, changes })?
        } else {
            self.applier.store.view()
        };
        let rules = &self.applier.rules;
        let effects = blob::decode(blob.as_bytes(), rules.limits.txs_max)?;
        let inbox_start = inbox_start(&view)?;
        let FreeFields {
            slot,
            fee_recipient,
            inbox_end,
            archive,
        } = posted.free_fields;
        // The deposits' range is L1's word, which it checks itself; the block hash below binds their rolling hash.
        let deposits = view.deposits(inbox_start..inbox_end)?;
        let context = BlockContext {
            genesis_id: rules.genesis_id,
            slot,
            timestamp: rules.timing.slot_start(slot),
            fee_recipient,
            inbox_start,
            limits: rules.limits,
        };
        let executed = execute_block(&view, &context, &deposits, &effects)?;
        if executed.archive != archive {
            return Err(ChainError::Archive {
                expected: executed.archive,
                found: archive,
            });
        }
        let inbox_hash = view.inbox_hash(inbox_end)?;
        let parent_archive = executed.header.parent_archive;
        let expected = executed
            .free_fields()
            .block_hash(parent_archive, inbox_hash, blob_hash);
        if expected != posted.block_hash {
            return Err(ChainError::BlockHash {
                expected,
                found: posted.block_hash,
            });
        }
        // Ids are not on L1; they come with the transactions, unless a reorg has unwound these.
        let txs = effects
            .into_iter()
            .map(|effects| {
                let id = self.applier.known_id(&effects)?;
                Ok(MinedTx { id, effects })
            })
            .collect::<Result<_, ChainError>>()?;
        let record = BlockRecord {
            header: executed.header,
            header_hash: executed.header_hash,
            free_fields: posted.free_fields,
            blob_hash,
            block_hash: posted.block_hash,
            l1_block: self.block.number,
        };
        Ok(AppliedBlock {
            record,
            txs,
            diff: executed.diff,
        })
    }

    fn refuse(&self, number: L2BlockNumber, epoch: Epoch, reason: String) {
        let mut unfollowed = self.applier.lock();
        if unfollowed.is_none() {
            tracing::error!(%number, l1_block = %self.block.number, %reason, "L1 has a block that cannot be proven");
            *unfollowed = Some(Unfollowed {
                number,
                epoch,
                l1_block: self.block.number,
                reason,
            });
        }
    }

    /// Epoch of our tip, if the store has it: the first that can lack blocks when the next is not the one on L1.
    fn tip_epoch(&self) -> Result<Option<Epoch>, ChainError> {
        let block = self.applier.store.view().block(self.tip)?;
        let timing = &self.applier.rules.timing;
        Ok(block.map(|block| timing.epoch_of(block.header.slot)))
    }
}

/// Deposits consumed up to the tip of a view.
pub(crate) fn inbox_start(view: &StoreView<'_>) -> Result<u64, StoreError> {
    let tip = view.tips()?.pending;
    Ok(view.block(tip)?.map_or(0, |record| record.header.inbox_end))
}
