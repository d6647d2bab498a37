//! Making the blocks of a draft, one after the other, each on what the store would be with those before it.

use core::num::NonZeroUsize;

use agoge_l1_client::Blob;
use agoge_l1_client::kzg::{self, BLOBS_PER_TX_MAX};
use agoge_protocol::{B256, Deposit, L1Block, L1BlockNumber, L2BlockNumber, Slot, Transaction};
use agoge_state_transition::{BlockContext, Selection, TxRejection, blob, select};
use agoge_store::{
    AppliedBlock, BlockRecord, L1Change, L1Step, MinedAt, MinedTx, StepError, Store, StoreError, StoreView,
};

use super::draft::{Draft, DraftError, DraftRules, Refused, draft_hash, take_back};
use super::slots::choose_slots;
use crate::chain::inbox_start;
use crate::runtime::GoalKey;

/// Blocks in the making.
pub(super) struct Making<'s, 't> {
    store: &'s Store,
    rules: &'s DraftRules,
    l1_block: L1Block,
    head_time: u64,
    parent: (L2BlockNumber, Slot),
    changes: Vec<L1Change>,
    made: Vec<Made<'t>>,
    waiting: Vec<&'t Transaction>,
    refused: Vec<Refused>,
}

/// A block that is made.
struct Made<'t> {
    record: BlockRecord,
    blob: Blob,
    txs: Vec<&'t Transaction>,
    deposits: usize,
}

impl<'s, 't> Making<'s, 't> {
    pub(super) fn start(
        store: &'s Store,
        rules: &'s DraftRules,
        txs: &'t [Transaction],
    ) -> Result<Self, DraftError> {
        let view = store.view();
        let head = view.l1_head()?.ok_or(DraftError::NoHead)?.block;
        let tips = view.tips()?;
        let slot = view
            .block(tips.proven)?
            .map_or(Slot::new(0), |parent| parent.header.slot);
        let mut changes = Vec::new();
        if tips.pending > tips.proven {
            changes.push(L1Change::Prune { to: tips.proven });
        }
        Ok(Self {
            store,
            rules,
            l1_block: L1Block {
                number: L1BlockNumber::new(head.number.get().saturating_add(1)),
                hash: draft_hash(head.hash),
                parent_hash: head.hash,
                time: head.time.saturating_add(1),
                prevrandao: B256::ZERO,
            },
            head_time: head.time,
            parent: (tips.proven, slot),
            changes,
            made: Vec::new(),
            waiting: txs.iter().collect(),
            refused: Vec::new(),
        })
    }

    /// The store with the blocks so far.
    fn view(&self) -> Result<StoreView<'s>, StepError> {
        let (block, changes) = (self.l1_block, self.changes.clone());
        self.store.preview(L1Step { block, changes })
    }

    /// Slots of as many blocks as it takes.
    pub(super) fn slots(&self) -> Result<Vec<Slot>, DraftError> {
        let limits = &self.rules.limits;
        let newest = self.rules.timing.slot_at(self.head_time).unwrap_or(Slot::new(0));
        let withdrawals = self
            .waiting
            .iter()
            .filter(|tx| tx.public_inputs.withdrawal().amount > 0);
        let view = self.view()?;
        let due = self.due(&view, newest)?.saturating_sub(inbox_start(&view)?);
        let count = [
            blocks_for(self.waiting.len(), limits.txs_max),
            blocks_for(withdrawals.count(), limits.withdrawals_max),
            blocks_for(usize::try_from(due).unwrap_or(usize::MAX), limits.deposits_max),
        ]
        .into_iter()
        .fold(1, usize::max)
        .min(BLOBS_PER_TX_MAX);
        let (parent, slot) = self.parent;
        let slots = choose_slots(&self.rules.timing, slot, newest, count);
        if slots.is_empty() {
            return Err(DraftError::NoSlot { parent, slot });
        }
        Ok(slots)
    }

    /// Number of deposits, from the first, that are due in a slot.
    fn due(&self, view: &StoreView<'_>, slot: Slot) -> Result<u64, StoreError> {
        match slot.get().checked_sub(self.rules.inbox_lag_slots) {
            Some(lagged) => view.deposits_due(self.rules.timing.slot_start(Slot::new(lagged))),
            None => Ok(0),
        }
    }

    /// Makes the block of a slot of what waits; `false` when nothing does.
    pub(super) fn block(&mut self, slot: Slot) -> Result<bool, DraftError> {
        let view = self.view()?;
        let start = inbox_start(&view)?;
        let limit = u64::try_from(self.rules.limits.deposits_max).unwrap_or(u64::MAX);
        let due = self.due(&view, slot)?.saturating_sub(start).min(limit);
        let deposits = view.deposits(start..start.saturating_add(due))?;
        if self.waiting.is_empty() && deposits.is_empty() {
            return Ok(false);
        }
        let claimant = &self.rules.claimant;
        let context = BlockContext {
            genesis_id: claimant.genesis_id,
            slot,
            timestamp: self.rules.timing.slot_start(slot),
            fee_recipient: claimant.prover,
            inbox_start: start,
            limits: self.rules.limits,
        };
        let selection = select(&view, &context, &deposits, self.waiting.iter().copied())?;
        let included = self.sort_out(&selection);
        if included.is_empty() && deposits.is_empty() {
            return Ok(false);
        }
        let inbox_hash = view.inbox_hash(selection.block.header.inbox_end)?;
        self.add(selection, included, &deposits, inbox_hash)?;
        Ok(true)
    }

    /// Takes transactions that are included or refused out of those that wait; returns the included ones.
    fn sort_out(&mut self, selection: &Selection) -> Vec<&'t Transaction> {
        let (mut included, mut waiting) = (Vec::new(), Vec::new());
        for (position, tx) in core::mem::take(&mut self.waiting).into_iter().enumerate() {
            let reason = selection.skipped.iter().find(|(skipped, _)| *skipped == position);
            match reason.map(|(_, reason)| reason).filter(is_final) {
                Some(reason) => self.refused.push(Refused {
                    id: tx.id(),
                    reason: reason.to_string(),
                }),
                None if selection.included.contains(&position) => included.push(tx),
                None => waiting.push(tx),
            }
        }
        self.waiting = waiting;
        included
    }

    fn add(
        &mut self,
        selection: Selection,
        txs: Vec<&'t Transaction>,
        deposits: &[Deposit],
        inbox_hash: B256,
    ) -> Result<(), DraftError> {
        let Selection { block, effects, .. } = selection;
        let blob = Blob::from_bytes(blob::encode(&effects)?.to_vec())?;
        let blob_hash = kzg::versioned_hash(&blob)?;
        let free_fields = block.free_fields();
        let record = BlockRecord {
            block_hash: free_fields.block_hash(block.header.parent_archive, inbox_hash, blob_hash),
            header: block.header,
            header_hash: block.header_hash,
            free_fields,
            blob_hash,
            l1_block: self.l1_block.number,
        };
        let mined = txs.iter().zip(effects).map(|(tx, effects)| MinedTx {
            id: Some(tx.id()),
            effects,
        });
        self.changes.push(L1Change::Block(Box::new(AppliedBlock {
            record: record.clone(),
            txs: mined.collect(),
            diff: block.diff,
        })));
        self.made.push(Made {
            record,
            blob,
            txs,
            deposits: deposits.len(),
        });
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Draft, DraftError> {
        let (Some(first), Some(last)) = (self.made.first(), self.made.last()) else {
            return Err(DraftError::Nothing {
                refused: self.refused,
            });
        };
        let draft = Draft {
            key: GoalKey {
                epoch: self.rules.timing.epoch_of(first.record.header.slot),
                first: first.record.header.number,
                last: last.record.header.number,
                end_archive: last.record.free_fields.archive,
            },
            slots: self.made.iter().map(|made| made.record.header.slot).collect(),
            included: self
                .made
                .iter()
                .flat_map(|made| &made.txs)
                .map(|tx| tx.id())
                .collect(),
            deposits: self.made.iter().map(|made| made.deposits).sum(),
            refused: self.refused,
            left: self.waiting.iter().map(|tx| tx.id()).collect(),
        };
        let (block, changes) = (self.l1_block, self.changes);
        self.store.apply_l1_block(L1Step { block, changes })?;
        keep(self.store, &self.made).inspect_err(|_| {
            // The first error says more.
            take_back(self.store).ok();
        })?;
        Ok(draft)
    }
}

/// Puts transactions and blobs where proving looks for them.
fn keep(store: &Store, made: &[Made<'_>]) -> Result<(), DraftError> {
    for Made {
        record, blob, txs, ..
    } in made
    {
        let (number, slot) = (record.header.number, record.header.slot);
        for (position, tx) in (0_u16..).zip(txs) {
            if !store.keep_mined_tx(MinedAt { number, position }, tx)? {
                return Err(DraftError::NotKept { id: tx.id() });
            }
        }
        store.put_blob(slot, record.blob_hash, blob.as_bytes())?;
    }
    Ok(())
}

/// Whether a transaction that was skipped for this reason fits no later block either.
fn is_final(reason: &&TxRejection) -> bool {
    !reason.is_about_this_block()
}

fn blocks_for(things: usize, of_block: usize) -> usize {
    NonZeroUsize::new(of_block).map_or(0, |of_block| things.div_ceil(of_block.get()))
}
