//! Reads of one consistent state: whatever a view answers belongs together, however the store moves on meanwhile.

use std::ops::Range;

use agoge_protocol::limits::{BLOB_BYTES, L1_REORG_DEPTH_MAX};
use agoge_protocol::transaction::NullifierKey;
use agoge_protocol::{
    B256, BlockHash, Deposit, Digest, Epoch, L1Block, L1BlockNumber, L2BlockNumber, Slot, Transaction, TxId,
};

use crate::apply::{check_unwindable, unwind_rows};
use crate::backend::Read;
use crate::error::{StepError, StoreError};
use crate::pool::{self, PoolSize};
use crate::records::{BlockRecord, EpochClaim, EpochProof, InstanceEntry, L1Record, MinedAt, MinedTx, Tips};
use crate::rows;
use crate::table::Table;
use crate::txn::Txn;
use crate::{blobs, reads, state};

/// Rows that one call returns at most.
pub const ROWS_MAX: usize = 4_096;

/// The store as it was at one moment. Its [`agoge_state_transition::StateReader`] is the state after the pending tip.
pub struct StoreView<'a> {
    read: Box<dyn Read + 'a>,
}

impl<'a> StoreView<'a> {
    pub(crate) fn new(read: Box<dyn Read + 'a>) -> Self {
        Self { read }
    }

    pub(crate) fn read(&self) -> &dyn Read {
        self.read.as_ref()
    }

    /// The chain as it would be after a prune to `to`: what everybody acts on once a prune is due, whether or not it was called.
    /// Transactions with their client proofs stay where they are.
    ///
    /// # Errors
    /// [`StepError::NotUnwindable`] when `to` is not between the proven and the pending tip or is out of the undo log's reach.
    pub fn pruned_to(self, to: L2BlockNumber) -> Result<Self, StepError> {
        check_unwindable(self.read(), self.tips()?, to)?;
        self.state_at(to)
    }

    /// The chain as it was after block `to`, proven or not, as far back as the undo log reaches. Transactions with their client proofs
    /// stay where they are.
    ///
    /// # Errors
    /// [`StepError::NotUnwindable`] when `to` is above the pending tip or out of the undo log's reach.
    pub fn state_at(self, to: L2BlockNumber) -> Result<Self, StepError> {
        let mut tips = self.tips()?;
        tips.proven = tips.proven.min(to);
        tips.finalized = tips.finalized.min(to);
        check_unwindable(self.read(), tips, to)?;
        let mut txn = Txn::new(self.read);
        while tips.pending > to {
            unwind_rows(&mut txn, tips.pending, None)?;
            tips.pending = tips.pending.previous().unwrap_or(L2BlockNumber::GENESIS);
        }
        txn.set(Table::Meta, rows::meta::TIPS.to_vec(), Some(rows::encode(&tips)));
        Ok(Self { read: Box::new(txn) })
    }

    /// The tips.
    ///
    /// # Errors
    /// [`StoreError`], as for every read here: the database failed or a row is damaged.
    pub fn tips(&self) -> Result<Tips, StoreError> {
        reads::tips(self.read())
    }

    /// The newest recorded L1 block and where the chain stands after it; `None` before the first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn l1_head(&self) -> Result<Option<L1Record>, StoreError> {
        reads::l1_head(self.read())
    }

    /// The newest recorded L1 blocks, oldest first: the deepest reorg and one, from which a follower goes on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn l1_cursor(&self) -> Result<Vec<L1Block>, StoreError> {
        let Some(head) = self.l1_head()? else {
            return Ok(Vec::new());
        };
        let mut blocks = vec![head.block];
        for back in 1..=L1_REORG_DEPTH_MAX {
            let number = head.block.number.get().checked_sub(back).map(L1BlockNumber::new);
            let record = number.map(|number| self.l1_record(number)).transpose()?;
            let Some(record) = record.flatten() else {
                break;
            };
            blocks.push(record.block);
        }
        blocks.reverse();
        Ok(blocks)
    }

    /// A recorded L1 block; the newest `l1_blocks_max` are.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn l1_record(&self, number: L1BlockNumber) -> Result<Option<L1Record>, StoreError> {
        rows::load(self.read(), Table::L1Blocks, &rows::number_key(number.get()))
    }

    /// A block of the pending chain.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn block(&self, number: L2BlockNumber) -> Result<Option<BlockRecord>, StoreError> {
        reads::block(self.read(), number)
    }

    /// The number of a slot's block.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn block_at_slot(&self, slot: Slot) -> Result<Option<L2BlockNumber>, StoreError> {
        rows::load(self.read(), Table::Slots, &rows::number_key(slot.get()))
    }

    /// First and last block of a range of slots; `None` if no slot of it has a block.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn blocks_of_slots(
        &self,
        slots: Range<Slot>,
    ) -> Result<Option<(L2BlockNumber, L2BlockNumber)>, StoreError> {
        let (from, to) = (
            rows::number_key(slots.start.get()),
            rows::number_key(slots.end.get()),
        );
        let Some((key, first)) = self.read.range(Table::Slots, &from, &to, 1)?.pop() else {
            return Ok(None);
        };
        let first: L2BlockNumber = rows::decode(Table::Slots, &key, &first)?;
        // There is at least the first.
        let before_end = rows::number_key(slots.end.get().saturating_sub(1));
        let last = self.read.at_or_below(Table::Slots, &before_end)?;
        let last = last.map_or(Ok(first), |(key, last)| rows::decode(Table::Slots, &key, &last))?;
        Ok(Some((first, last)))
    }

    /// Proofs of an epoch's blocks, in the order in which L1 took them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn epoch_proofs(&self, epoch: Epoch) -> Result<Vec<EpochProof>, StoreError> {
        reads::epoch_proofs(self.read(), epoch)
    }

    /// The claim of an epoch.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn claim(&self, epoch: Epoch) -> Result<Option<EpochClaim>, StoreError> {
        rows::load(self.read(), Table::Claims, &rows::number_key(epoch.get()))
    }

    /// Claims without an end of an epoch and those after it, in order, among the first [`ROWS_MAX`] claims.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open_claims(&self, from: Epoch) -> Result<Vec<EpochClaim>, StoreError> {
        reads::open_claims(self.read(), from)
    }

    /// Transactions of a block, in order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn block_txs(&self, number: L2BlockNumber) -> Result<Option<Vec<MinedTx>>, StoreError> {
        rows::load(self.read(), Table::Effects, &rows::number_key(number.get()))
    }

    /// Ids of a block's transactions, in order, as far as they were known when it was mined: what a prover asks for first. `None` when the
    /// pending chain has another block there, or none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn block_tx_ids(
        &self,
        number: L2BlockNumber,
        block_hash: BlockHash,
    ) -> Result<Option<Vec<Option<TxId>>>, StoreError> {
        if self
            .block(number)?
            .is_none_or(|record| record.block_hash != block_hash)
        {
            return Ok(None);
        }
        let txs = self.block_txs(number)?;
        Ok(txs.map(|txs| txs.into_iter().map(|tx| tx.id).collect()))
    }

    /// Leaf index of a note.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn note_leaf(&self, commitment: Digest) -> Result<Option<u64>, StoreError> {
        rows::load(self.read(), Table::NoteLeaves, &rows::digest_key(commitment))
    }

    /// The block that appended a leaf of the note tree.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn block_of_note(&self, leaf: u64) -> Result<Option<L2BlockNumber>, StoreError> {
        reads::block_of_note(self.read(), leaf)
    }

    /// Where a nullifier was spent: also how a transaction is found on a node that never knew its id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn mined_nullifier(&self, key: NullifierKey) -> Result<Option<MinedAt>, StoreError> {
        reads::mined_at(self.read(), key)
    }

    /// Where a transaction was mined, if this node knew it then or got it later.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn mined_tx_id(&self, id: TxId) -> Result<Option<MinedAt>, StoreError> {
        rows::load(self.read(), Table::TxIds, &rows::tx_key(id))
    }

    /// A mined transaction with its client proof, while it is kept.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn mined_tx(&self, at: MinedAt) -> Result<Option<Transaction>, StoreError> {
        rows::load(
            self.read(),
            Table::MinedTxs,
            &rows::position_key(at.number, at.position),
        )
    }

    /// Whether a mined transaction is kept, without reading it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn has_mined_tx(&self, at: MinedAt) -> Result<bool, StoreError> {
        self.read()
            .has(Table::MinedTxs, &rows::position_key(at.number, at.position))
    }

    /// A transaction by id, queued or mined, while it is kept.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn tx(&self, id: TxId) -> Result<Option<Transaction>, StoreError> {
        if let Some(queued) = self.queued_tx(id)? {
            return Ok(Some(queued));
        }
        let mined = self.mined_tx_id(id)?.map_or(Ok(None), |at| self.mined_tx(at))?;
        // A block's effects do not show the anchor: what is kept there may be another transaction with the same.
        Ok(mined.filter(|tx| tx.id() == id))
    }

    /// A queued transaction.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn queued_tx(&self, id: TxId) -> Result<Option<Transaction>, StoreError> {
        rows::load(self.read(), Table::QueuedTxs, &rows::tx_key(id))
    }

    /// Queued transactions in order of their ids, after `after`; at most `limit` and [`ROWS_MAX`]. A restarting mempool pages through.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn queued_txs(&self, after: Option<TxId>, limit: usize) -> Result<Vec<Transaction>, StoreError> {
        // The smallest key above an id is the id and one more byte; none is above 33 bytes of ones.
        let from = after.map_or_else(Vec::new, |id| [id.0.as_slice(), &[0]].concat());
        let rows = self
            .read
            .range(Table::QueuedTxs, &from, &[u8::MAX; 33], limit.min(ROWS_MAX))?;
        rows.iter()
            .map(|(key, value)| rows::decode(Table::QueuedTxs, key, value))
            .collect()
    }

    /// What the queue holds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn pool_size(&self) -> Result<PoolSize, StoreError> {
        pool::size(self.read())
    }

    /// Deposits in the inbox.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn inbox_count(&self) -> Result<u64, StoreError> {
        reads::inbox_count(self.read())
    }

    /// Number of deposits made at L1 times `<= time`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn deposits_due(&self, time: u64) -> Result<u64, StoreError> {
        reads::deposits_due(self.read(), time)
    }

    /// Deposits of a range of inbox indices, as far as they exist; at most [`ROWS_MAX`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn deposits(&self, range: Range<u64>) -> Result<Vec<Deposit>, StoreError> {
        let (from, to) = (rows::number_key(range.start), rows::number_key(range.end));
        let rows = self.read.range(Table::Deposits, &from, &to, ROWS_MAX)?;
        rows.iter()
            .map(|(key, value)| rows::decode(Table::Deposits, key, value))
            .collect()
    }

    /// The inbox's rolling hash after deposit `end - 1`; zero before the first, and of deposits that do not exist.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn inbox_hash(&self, end: u64) -> Result<B256, StoreError> {
        let last = match end.checked_sub(1) {
            Some(before) => self.deposits(before..end)?.pop(),
            None => None,
        };
        Ok(last.map_or(B256::ZERO, |deposit| deposit.inbox_hash))
    }

    /// The seed of an epoch.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn seed(&self, epoch: Epoch) -> Result<Option<B256>, StoreError> {
        let seed: Option<[u8; 32]> = rows::load(self.read(), Table::Seeds, &rows::number_key(epoch.get()))?;
        Ok(seed.map(B256::from))
    }

    /// Entries of the Registry in order; at most [`ROWS_MAX`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn instances(&self) -> Result<Vec<InstanceEntry>, StoreError> {
        let rows = self.read.range(
            Table::Instances,
            &rows::number_key(0),
            &rows::number_key(u64::MAX),
            ROWS_MAX,
        )?;
        rows.iter()
            .map(|(key, value)| rows::decode(Table::Instances, key, value))
            .collect()
    }

    /// An archived blob, [`BLOB_BYTES`] long, by its versioned hash.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn blob(&self, hash: B256) -> Result<Option<Box<[u8; BLOB_BYTES]>>, StoreError> {
        blobs::get(self.read(), hash)
    }

    /// Archive root of the pending tip: the parent of the next block.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn archive_root(&self) -> Result<Digest, StoreError> {
        state::archive_root(self.read())
    }
}
