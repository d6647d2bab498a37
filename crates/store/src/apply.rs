//! Steps of the L1 chain: how an L1 block's changes are laid over the store, and how they are taken back.
//!
//! Every recorded change of a row leaves its former value behind: those of an L2 block in the block's own undo record (so that a prune can
//! unwind it), all others in the record of the L1 block (so that a reorg can). An L1 record says only *that* a block was applied; a prune's
//! record holds all that the unwound blocks had written, so that a reorg which removes the prune brings the blocks back.
//!
//! Transactions are not journalled but follow their block: applying it moves them from the queue to the block, unwinding moves them back.

use agoge_protocol::limits::L1_REORG_DEPTH_MAX;
use agoge_protocol::{B256, Deposit, Epoch, L2BlockNumber, TxId};

use crate::backend::Read;
use crate::config::StoreConfig;
use crate::error::{StepError, StoreError};
use crate::pool;
use crate::records::{
    AppliedBlock, EpochClaim, EpochProof, InstanceEntry, L1Change, L1Record, L1Step, MinedAt, MinedTx,
    StepOutcome, Tips,
};
use crate::rows::{self, meta};
use crate::table::Table;
use crate::txn::{Txn, Undo};
use crate::{reads, state};

/// Changes that one L1 block may bring: an L1 block of 36 M gas holds fewer events of our contracts.
pub const L1_CHANGES_MAX: usize = 4_096;
/// Rows of an expired log dropped at once: more than one only after the configured bound became smaller.
const EXPIRED_ROWS_MAX: usize = 16;

/// A step being laid over a transaction.
pub(crate) struct Stepper<'t, 'a> {
    txn: &'t mut Txn<'a>,
    journal: Vec<Undo>,
    tips: Tips,
    inbox_count: u64,
    outcome: StepOutcome,
}

/// Lays an L1 block over `txn`.
pub(crate) fn apply(txn: &mut Txn<'_>, config: &StoreConfig, step: L1Step) -> Result<StepOutcome, StepError> {
    let number = step.block.number;
    let changes_count = step.changes.len();
    if changes_count > L1_CHANGES_MAX {
        return Err(StepError::TooManyChanges {
            number,
            found: changes_count,
            limit: L1_CHANGES_MAX,
        });
    }
    check_follows(txn, &step)?;
    let tips = reads::tips(txn)?;
    let inbox_count = reads::inbox_count(txn)?;
    let mut stepper = Stepper {
        txn,
        journal: Vec::new(),
        tips,
        inbox_count,
        outcome: StepOutcome::default(),
    };
    for change in step.changes {
        stepper.change(config, step.block.number.get(), change)?;
    }
    let Stepper {
        journal,
        tips,
        inbox_count,
        mut outcome,
        ..
    } = stepper;
    store_tips(txn, tips);
    let record = L1Record {
        block: step.block,
        pending: tips.pending,
        proven: tips.proven,
        inbox_count,
    };
    let key = rows::number_key(number.get());
    txn.set(Table::L1Blocks, key.clone(), Some(rows::encode(&record)));
    txn.set(Table::L1Undo, key, Some(rows::encode(&journal)));
    for table in [Table::L1Blocks, Table::L1Undo] {
        drop_expired(txn, table, number.get(), config.l1_blocks_max)?;
    }
    // A reorg may replace the 64 newest L1 blocks, so what was proven before them stays proven.
    let settled = rows::number_key(number.get().saturating_sub(L1_REORG_DEPTH_MAX));
    if let Some(settled) = rows::load::<L1Record>(txn, Table::L1Blocks, &settled)? {
        pool::drop_proven(txn, config, settled.proven)?;
    }
    outcome.tips = tips;
    Ok(outcome)
}

fn check_follows(txn: &Txn<'_>, step: &L1Step) -> Result<(), StepError> {
    let Some(head) = reads::l1_head(txn)? else {
        return Ok(());
    };
    let follows = head.block.number.get().checked_add(1) == Some(step.block.number.get())
        && head.block.hash == step.block.parent_hash;
    if follows {
        return Ok(());
    }
    Err(StepError::NotNextL1Block {
        expected: head.block.number,
        expected_hash: head.block.hash,
        found: step.block.number,
        found_parent: step.block.parent_hash,
    })
}

fn store_tips(txn: &mut Txn<'_>, tips: Tips) {
    txn.set(Table::Meta, meta::TIPS.to_vec(), Some(rows::encode(&tips)));
}

/// Drops rows of a log that are more than `keep` behind `newest`. What is dropped is not recorded: nothing returns to it.
fn drop_expired(txn: &mut Txn<'_>, table: Table, newest: u64, keep: u64) -> Result<(), StoreError> {
    // The newest row counts as one of those kept.
    let first_kept = newest.saturating_add(1).saturating_sub(keep);
    let expired = txn.range(
        table,
        &rows::number_key(0),
        &rows::number_key(first_kept),
        EXPIRED_ROWS_MAX,
    )?;
    for (key, _) in expired {
        txn.set(table, key, None);
    }
    Ok(())
}

impl Stepper<'_, '_> {
    fn change(&mut self, config: &StoreConfig, l1_number: u64, change: L1Change) -> Result<(), StepError> {
        match change {
            L1Change::Deposit(deposit) => self.deposit(&deposit),
            L1Change::Block(block) => self.block(config, l1_number, *block),
            L1Change::Prune { to } => self.prune(to),
            L1Change::Proven { to } => self.proven(to),
            L1Change::EpochProof(proof) => self.epoch_proof(&proof),
            L1Change::Claimed(claim) => self.claimed(claim),
            L1Change::ClaimDeadline { epoch, deadline } => {
                self.change_claim(epoch, |claim| claim.deadline = Some(deadline))
            }
            L1Change::ClaimEnd { epoch, end } => self.change_claim(epoch, |claim| claim.end = Some(end)),
            L1Change::Seed { epoch, seed } => {
                self.record(Table::Seeds, rows::number_key(epoch.get()), rows::encode(&seed.0))
            }
            L1Change::Instance { instance, activation } => {
                let position =
                    rows::last_number(self.txn, Table::Instances)?.map_or(0, |last| last.saturating_add(1));
                let entry = InstanceEntry { instance, activation };
                self.record(Table::Instances, rows::number_key(position), rows::encode(&entry))
            }
        }
    }

    fn record(&mut self, table: Table, key: Vec<u8>, value: Vec<u8>) -> Result<(), StepError> {
        Ok(self
            .txn
            .set_recorded(&mut self.journal, table, key, Some(value))?)
    }

    fn epoch_proof(&mut self, proof: &EpochProof) -> Result<(), StepError> {
        let count = reads::epoch_proofs(self.txn, proof.epoch)?.len();
        let position = u16::try_from(count).unwrap_or(u16::MAX);
        let key = rows::epoch_proof_key(proof.epoch, position);
        self.record(Table::EpochProofs, key, rows::encode(proof))
    }

    /// A claim, or the cheaper one that replaces it: the deadline is the epoch's and stays.
    fn claimed(&mut self, mut claim: EpochClaim) -> Result<(), StepError> {
        let key = rows::number_key(claim.epoch.get());
        let replaced = rows::load::<EpochClaim>(self.txn, Table::Claims, &key)?;
        if let Some(open) = replaced.filter(|replaced| replaced.end.is_none()) {
            claim.deadline = claim.deadline.or(open.deadline);
        }
        self.record(Table::Claims, key, rows::encode(&claim))
    }

    /// Changes a claim; one that is not known (it was made before this store began) stays unknown.
    fn change_claim(&mut self, epoch: Epoch, change: impl FnOnce(&mut EpochClaim)) -> Result<(), StepError> {
        let key = rows::number_key(epoch.get());
        let Some(mut claim) = rows::load::<EpochClaim>(self.txn, Table::Claims, &key)? else {
            return Ok(());
        };
        change(&mut claim);
        self.record(Table::Claims, key, rows::encode(&claim))
    }

    fn deposit(&mut self, deposit: &Deposit) -> Result<(), StepError> {
        if deposit.index != self.inbox_count {
            return Err(StepError::NotNextDeposit {
                expected: self.inbox_count,
                found: deposit.index,
            });
        }
        self.record(
            Table::Deposits,
            rows::number_key(deposit.index),
            rows::encode(deposit),
        )?;
        self.inbox_count = self.inbox_count.saturating_add(1);
        Ok(())
    }

    fn block(&mut self, config: &StoreConfig, l1_number: u64, block: AppliedBlock) -> Result<(), StepError> {
        let AppliedBlock { record, txs, diff } = block;
        let number = record.header.number;
        if number != self.tips.pending.next() {
            return Err(StepError::NotNextBlock {
                tip: self.tips.pending,
                found: number,
            });
        }
        let parent_archive = state::archive_root(self.txn)?;
        check_equal(
            number,
            "parent archive",
            record.header.parent_archive.to_b256(),
            parent_archive.to_b256(),
        )?;
        check_equal(
            number,
            "L1 block",
            number_word(record.l1_block.get()),
            number_word(l1_number),
        )?;

        let mut undo = Vec::new();
        state::write(self.txn, &mut undo, &diff)?;
        for (what, expected, found) in state::compare(self.txn, &record)? {
            check_equal(number, what, expected, found)?;
        }
        let key = rows::number_key(number.get());
        let slot_key = rows::number_key(record.header.slot.get());
        let writes = [
            (Table::Blocks, key.clone(), rows::encode(&record)),
            (Table::Effects, key.clone(), rows::encode(&txs)),
            (Table::Slots, slot_key, rows::encode(&number)),
        ];
        for (table, key, value) in writes {
            self.txn.set_recorded(&mut undo, table, key, Some(value))?;
        }
        for (position, tx) in (0_u16..).zip(&txs) {
            let Some(id) = tx.id else { continue };
            let at = rows::encode(&MinedAt { number, position });
            self.txn
                .set_recorded(&mut undo, Table::TxIds, rows::tx_key(id), Some(at))?;
        }
        self.txn.set(Table::BlockUndo, key, Some(rows::encode(&undo)));
        self.journal.push(Undo::Applied(number));
        let mined = pool::mine(self.txn, number, &txs)?;
        self.outcome.mined.extend(mined);
        self.tips.pending = number;
        drop_expired(self.txn, Table::BlockUndo, number.get(), config.undo_blocks_max)?;
        pool::drop_expired(self.txn, number, config.mined_tx_blocks_max)?;
        Ok(())
    }

    fn prune(&mut self, to: L2BlockNumber) -> Result<(), StepError> {
        check_unwindable(self.txn, self.tips, to)?;
        while self.tips.pending > to {
            let number = self.tips.pending;
            self.journal.push(Undo::Unwound(number));
            let requeued = unwind_block(self.txn, number, Some(&mut self.journal))?;
            self.outcome.requeued.extend(requeued);
            self.tips.pending = number.previous().unwrap_or(L2BlockNumber::GENESIS);
        }
        Ok(())
    }

    fn proven(&mut self, to: L2BlockNumber) -> Result<(), StepError> {
        let Tips { pending, proven, .. } = self.tips;
        if to < proven || to > pending {
            return Err(StepError::NotProvable { to, pending, proven });
        }
        self.tips.proven = to;
        Ok(())
    }
}

fn check_equal(
    number: L2BlockNumber,
    what: &'static str,
    expected: B256,
    found: B256,
) -> Result<(), StepError> {
    if expected == found {
        Ok(())
    } else {
        Err(StepError::DiffMismatch {
            number,
            what,
            expected,
            found,
        })
    }
}

pub(crate) fn number_word(number: u64) -> B256 {
    B256::left_padding_from(&number.to_be_bytes())
}

/// Checks that every block after `to` can be unwound.
pub(crate) fn check_unwindable(read: &dyn Read, tips: Tips, to: L2BlockNumber) -> Result<(), StepError> {
    let Tips { pending, proven, .. } = tips;
    let oldest = rows::first_number(read, Table::BlockUndo)?.map(L2BlockNumber::new);
    let is_logged = to == pending || oldest.is_some_and(|oldest| oldest <= to.next());
    if to < proven || to > pending || !is_logged {
        return Err(StepError::NotUnwindable {
            to,
            pending,
            proven,
            oldest,
        });
    }
    Ok(())
}

/// Takes back the newest block and queues its transactions again; returns these.
fn unwind_block(
    txn: &mut Txn<'_>,
    number: L2BlockNumber,
    journal: Option<&mut Vec<Undo>>,
) -> Result<Vec<TxId>, StoreError> {
    unwind_rows(txn, number, journal)?;
    pool::requeue(txn, number)
}

/// Takes back what the newest block has written, by its undo record. With a journal, what that was is recorded there, so that the
/// unwinding itself can be undone.
pub(crate) fn unwind_rows(
    txn: &mut Txn<'_>,
    number: L2BlockNumber,
    mut journal: Option<&mut Vec<Undo>>,
) -> Result<(), StoreError> {
    let key = rows::number_key(number.get());
    let undo: Vec<Undo> = rows::load_present(txn, Table::BlockUndo, &key)?;
    let mut put = |txn: &mut Txn<'_>, table, key, value| match journal.as_deref_mut() {
        Some(journal) => txn.set_recorded(journal, table, key, value),
        None => {
            txn.set(table, key, value);
            Ok(())
        }
    };
    for entry in undo.into_iter().rev() {
        if let Undo::Row { table, key, former } = entry {
            put(txn, table, key, former)?;
        }
    }
    put(txn, Table::BlockUndo, key, None)
}

/// Takes back the newest L1 block. `None` when no L1 block is recorded.
pub(crate) fn roll_back_one(txn: &mut Txn<'_>) -> Result<Option<StepOutcome>, StoreError> {
    let Some(head) = reads::l1_head(txn)? else {
        return Ok(None);
    };
    let key = rows::number_key(head.block.number.get());
    let journal: Vec<Undo> = rows::load_present(txn, Table::L1Undo, &key)?;
    let mut outcome = StepOutcome::default();
    for entry in journal.into_iter().rev() {
        match entry {
            Undo::Row { table, key, former } => txn.set(table, key, former),
            Undo::Applied(number) => outcome.requeued.extend(unwind_block(txn, number, None)?),
            Undo::Unwound(number) => {
                // The block's rows stand again, for they were recorded after this entry.
                let txs: Vec<MinedTx> =
                    rows::load_present(txn, Table::Effects, &rows::number_key(number.get()))?;
                outcome.mined.extend(pool::mine(txn, number, &txs)?);
            }
        }
    }
    txn.set(Table::L1Blocks, key.clone(), None);
    txn.set(Table::L1Undo, key, None);
    outcome.tips = tips_of(txn)?;
    store_tips(txn, outcome.tips);
    Ok(Some(outcome))
}

/// The tips as the newest recorded L1 block left them.
fn tips_of(txn: &Txn<'_>) -> Result<Tips, StoreError> {
    let former = reads::tips(txn)?;
    let head = reads::l1_head(txn)?;
    let (pending, proven) = head.map_or((Tips::default().pending, Tips::default().proven), |h| {
        (h.pending, h.proven)
    });
    Ok(Tips {
        pending,
        proven,
        finalized: former.finalized.min(proven),
    })
}
