//! Bringing one L1 block into the store: decode and execute its L2 block, one atomic step, then the mempool. Everything here blocks.
//!
//! A block that L1 took but that execution does not confirm is not followed: its committee has mis-attested. The node stays alive on the
//! last good block, unsynced, until L1 prunes or reorgs the bad one away. Once the prune is due, the node acts on the pruned chain again,
//! called or not: nobody else might.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agoge_l1_client::Blob;
use agoge_protocol::{B256, L1Block, L1BlockNumber, L1Event, L2BlockNumber, Posted, Slot};
use agoge_store::{
    AppliedBlock, BlockRecord, EpochClaim, EpochProof, L1Change, L1Step, Meaning, MinedTx, Store, StoreError,
};

use super::error::{ChainError, ExecuteError};
use super::execute::Executor;
use super::prepared::Prepared;
use super::tip::{prunable_from, pruned_tip, tip_view, view_at};
use crate::consensus::TipView;
use crate::mempool::Mempool;

/// The first block of L1's pending chain that this node does not follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfollowed {
    /// Its number on L1.
    pub number: L2BlockNumber,
    /// Its slot, which says when L1 prunes it.
    pub slot: Slot,
    /// The L1 block with it.
    pub l1_block: L1Block,
    /// The L1 block in which it was proven, if it was: L1 does not prune it then.
    pub proven_in: Option<L1BlockNumber>,
    /// Why, for a person.
    pub reason: String,
}

/// A blob that following an L1 block takes.
#[derive(Clone, Debug)]
pub enum BlobNeed {
    /// That of a block that was executed here before L1 had it, which is at hand.
    AtHand(Arc<Prepared>),
    /// That of a block that this node has not seen.
    Fetch(Posted),
}

/// Blobs by their versioned hashes.
pub type Blobs = BTreeMap<B256, Box<Blob>>;

/// Applies L1 blocks to the store and the mempool.
#[derive(Debug)]
pub struct Applier {
    store: Arc<Store>,
    executor: Executor,
    mempool: Mempool,
    unfollowed: Mutex<Option<Unfollowed>>,
}

impl Applier {
    /// An applier. `unfollowed` is what is known of L1's chain beyond the store's at the start.
    pub const fn new(
        store: Arc<Store>,
        executor: Executor,
        mempool: Mempool,
        unfollowed: Option<Unfollowed>,
    ) -> Self {
        Self {
            store,
            executor,
            mempool,
            unfollowed: Mutex::new(unfollowed),
        }
    }

    /// The block that is not followed, if there is one.
    pub fn unfollowed(&self) -> Option<Unfollowed> {
        self.lock().clone()
    }

    /// The block that is not followed and that still counts in an L1 block of time `time`: one whose prune is due then does not, for the next
    /// block prunes it, and [`Self::tip_at`] already is what that block is made on.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn unfollowed_at(&self, time: u64) -> Result<Option<Unfollowed>, ChainError> {
        let Some(unfollowed) = self.unfollowed() else {
            return Ok(None);
        };
        let rules = self.executor.rules();
        let view = self.store.view();
        let tips = view.tips()?;
        let is_pruned = if unfollowed.proven_in.is_some() {
            false
        } else if tips.pending == tips.proven {
            // Nothing of ours is unproven: on L1 the first unproven block is the one that is not followed.
            time >= prunable_from(&rules.timing, rules.proof_window_epochs, unfollowed.slot)
        } else {
            pruned_tip(&view, &rules.timing, rules.proof_window_epochs, time)?.is_some()
        };
        Ok(Some(unfollowed).filter(|_| !is_pruned))
    }

    /// The blobs that are needed to follow `events`: those of the blocks among them. A committee's block comes alone; blocks that are
    /// appended together with their proof are up to an epoch's.
    pub fn blob_needs(&self, events: &[L1Event]) -> Vec<BlobNeed> {
        if self.lock().is_some() && !events.iter().any(|event| matches!(event, L1Event::Pruned { .. })) {
            return Vec::new();
        }
        let blocks = events.iter().filter_map(L1Event::posted);
        let needs = blocks.map(|(_, posted)| {
            let prepared = self.executor.prepared().get(posted.block_hash);
            prepared.map_or(BlobNeed::Fetch(posted), BlobNeed::AtHand)
        });
        needs.collect()
    }

    /// Applies the next L1 block. `blobs` are those that [`Self::blob_needs`] asks to be fetched.
    ///
    /// # Errors
    /// [`ChainError`]; the store stands at the block before then.
    pub fn extend(&self, block: L1Block, events: Vec<L1Event>, blobs: &Blobs) -> Result<(), ChainError> {
        let tip_before = self.store.view().tips()?.pending;
        let mut step = Step {
            applier: self,
            block,
            tip: tip_before,
            pruned_to: None,
            mined: Vec::new(),
            changes: Vec::new(),
        };
        for event in events {
            step.take(event, blobs)?;
        }
        let Step {
            changes,
            pruned_to,
            mined,
            ..
        } = step;
        let outcome = self.store.apply_l1_block(L1Step { block, changes })?;
        if pruned_to.is_some() {
            self.mempool.on_unwound(tip_before, &outcome.requeued)?;
        }
        for Mined { number, posted, txs } in mined {
            self.mempool.on_block(number, &txs)?;
            let prepared = self.executor.prepared().get(posted.block_hash);
            let fetched = blobs.get(&posted.blob_hash).map(Box::as_ref);
            let blob = prepared.as_ref().map(|prepared| &prepared.blob).or(fetched);
            if let Some(blob) = blob {
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
        let tip_before = self.store.view().tips()?.pending;
        let outcome = self.store.rollback_l1(to.number, to.hash)?;
        self.mempool.on_unwound(tip_before, &outcome.requeued)?;
        if !outcome.mined.is_empty() {
            self.mine_again()?;
        }
        let mut unfollowed = self.lock();
        unfollowed.take_if(|unfollowed| unfollowed.l1_block.number > to.number);
        if let Some(unfollowed) = unfollowed.as_mut() {
            unfollowed.proven_in.take_if(|proven_in| *proven_in > to.number);
        }
        Ok(())
    }

    /// A prune was taken back: the blocks that it unwound stand again, and their transactions leave the pool again. They are among the
    /// unproven blocks, of which there are at most a proof window's.
    fn mine_again(&self) -> Result<(), StoreError> {
        let view = self.store.view();
        let tips = view.tips()?;
        let mut number = tips.proven.next();
        while number <= tips.pending {
            if let Some(txs) = view.block_txs(number)? {
                self.mempool.on_block(number, &txs)?;
            }
            number = number.next();
        }
        Ok(())
    }

    /// The tip as a block in an L1 block of time `time` would see it.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn tip_at(&self, time: u64) -> Result<TipView, ChainError> {
        let rules = self.executor.rules();
        let view = view_at(self.store.view(), &rules.timing, rules.proof_window_epochs, time)?;
        Ok(tip_view(&view)?)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Unfollowed>> {
        // One word, replaced whole.
        self.unfollowed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Mined {
    number: L2BlockNumber,
    posted: Posted,
    txs: Vec<MinedTx>,
}

/// One L1 block on its way into the store.
struct Step<'a> {
    applier: &'a Applier,
    block: L1Block,
    /// Our pending tip after the changes so far.
    tip: L2BlockNumber,
    pruned_to: Option<L2BlockNumber>,
    mined: Vec<Mined>,
    changes: Vec<L1Change>,
}

impl Step<'_> {
    fn take(&mut self, event: L1Event, blobs: &Blobs) -> Result<(), ChainError> {
        match Meaning::of(event, self.block.number) {
            Meaning::Change(change) => {
                match &change {
                    L1Change::Claimed(claim) => {
                        let EpochClaim {
                            epoch,
                            prover,
                            basis_point_fee,
                            ..
                        } = claim;
                        tracing::info!(%epoch, %prover, basis_point_fee, "an epoch was claimed");
                    }
                    L1Change::ClaimEnd { epoch, end } => {
                        tracing::info!(%epoch, outcome = ?end.outcome, "a claim was settled");
                    }
                    _ => {}
                }
                self.changes.push(change);
            }
            Meaning::Prune { to } => self.prune(to),
            Meaning::Proof(proof) => self.proof(proof),
            Meaning::Block { number, posted } => self.block(number, posted, blobs)?,
        }
        Ok(())
    }

    fn proof(&mut self, proof: EpochProof) {
        let EpochProof {
            epoch,
            prover,
            from,
            to,
            settled_from,
            ..
        } = proof;
        if to > self.tip {
            return self.refuse_proof(to);
        }
        tracing::info!(%epoch, %prover, %from, %to, %settled_from, "blocks were proven");
        self.changes.push(L1Change::EpochProof(proof));
        // A proof that settles nothing only delivers a claim; the tip is beyond it already.
        if settled_from <= to {
            self.changes.push(L1Change::Proven { to });
        }
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
            self.pruned_to = Some(to);
        }
    }

    fn block(&mut self, number: L2BlockNumber, posted: Posted, blobs: &Blobs) -> Result<(), ChainError> {
        if self.applier.lock().is_some() {
            return Ok(());
        }
        if number != self.tip.next() {
            let reason = format!("block {number} does not follow block {}", self.tip);
            self.refuse(number, posted.free_fields.slot, reason);
            return Ok(());
        }
        let blob = blobs.get(&posted.blob_hash).map(Box::as_ref);
        match self.execute(&posted, blob) {
            Ok(applied) => {
                self.tip = number;
                self.mined.push(Mined {
                    number,
                    posted,
                    txs: applied.txs.clone(),
                });
                self.changes.push(L1Change::Block(Box::new(applied)));
                Ok(())
            }
            Err(error) if error.is_block_wrong() => {
                self.refuse(number, posted.free_fields.slot, error.to_string());
                Ok(())
            }
            Err(error) => Err(ChainError::Execute(Box::new(error))),
        }
    }

    fn execute(&self, posted: &Posted, blob: Option<&Blob>) -> Result<AppliedBlock, ExecuteError> {
        let applier = self.applier;
        let is_changed = |change: &L1Change| matches!(change, L1Change::Prune { .. } | L1Change::Block(_));
        let view = if self.changes.iter().any(is_changed) {
            let (block, changes) = (self.block, self.changes.clone());
            applier.store.preview(L1Step { block, changes })?
        } else {
            applier.store.view()
        };
        let prepared = applier.executor.prepared().get(posted.block_hash);
        let (executed, effects) = match (&prepared, blob) {
            (Some(prepared), _) if prepared.proposal.parent_archive == view.archive_root()? => {
                (prepared.executed.clone(), prepared.effects.clone())
            }
            // It was attested to on another parent, which an L1 reorg has replaced.
            (Some(prepared), _) => applier.executor.execute_posted(&view, posted, &prepared.blob)?,
            (None, Some(blob)) => applier.executor.execute_posted(&view, posted, blob)?,
            (None, None) => {
                return Err(ExecuteError::BlobMissing {
                    blob_hash: posted.blob_hash,
                });
            }
        };
        let known = |effects| MinedTx {
            id: applier.mempool.known_id(&effects),
            effects,
        };
        let record = BlockRecord {
            header: executed.header,
            header_hash: executed.header_hash,
            free_fields: posted.free_fields,
            blob_hash: posted.blob_hash,
            block_hash: posted.block_hash,
            l1_block: self.block.number,
        };
        Ok(AppliedBlock {
            record,
            txs: effects.into_iter().map(known).collect(),
            diff: executed.diff,
        })
    }

    /// L1 has a proof of a block that is not followed: no prune takes it away.
    fn refuse_proof(&self, to: L2BlockNumber) {
        let timing = &self.applier.executor.rules().timing;
        let slot = timing.slot_at(self.block.time).unwrap_or(Slot::new(0));
        self.refuse(
            to,
            slot,
            "L1 has a proof of a block that is not followed".to_owned(),
        );
        if let Some(unfollowed) = self.applier.lock().as_mut() {
            unfollowed.proven_in.get_or_insert(self.block.number);
        }
    }

    fn refuse(&self, number: L2BlockNumber, slot: Slot, reason: String) {
        tracing::error!(%number, l1_block = %self.block.number, %reason, "L1 has a block that is not followed");
        let mut unfollowed = self.applier.lock();
        if unfollowed.is_none() {
            *unfollowed = Some(Unfollowed {
                number,
                slot,
                l1_block: self.block,
                proven_in: None,
                reason,
            });
        }
    }
}
