//! The blocks of a proof, as the store has them.

use core::ops::RangeInclusive;

use agoge_protocol::settlement::{SettledBlock, SettledDeposit, SettlementError, SettlementList};
use agoge_protocol::{B256, Deposit, Digest, Epoch, L2BlockNumber, Timing, TxEffects};
use agoge_state_transition::tree;
use agoge_store::{BlockRecord, StoreError, StoreView};

/// A block with what it settles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochBlock {
    /// The block.
    pub record: BlockRecord,
    /// Effects of its transactions, in order.
    pub effects: Vec<TxEffects>,
    /// Deposits that it consumed, in order.
    pub deposits: Vec<Deposit>,
}

/// Consecutive blocks of one epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochBlocks {
    /// The epoch.
    pub epoch: Epoch,
    /// Archive root before the first block.
    pub start_archive: Digest,
    /// Deposits consumed before the first block.
    pub inbox_start: u64,
    /// The blocks, at least one.
    pub blocks: Vec<EpochBlock>,
}

/// Why blocks cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BlocksError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A block is not there: a reorg or prune came in between.
    #[error("block {number} is not in the store")]
    Missing {
        /// Its number.
        number: L2BlockNumber,
    },
    /// No blocks were asked for.
    #[error("the range of blocks is empty")]
    Empty,
    /// The blocks are of two epochs.
    #[error("blocks of epochs {first} and {last} have no common proof")]
    TwoEpochs {
        /// Of the first block.
        first: Epoch,
        /// Of another.
        last: Epoch,
    },
}

impl EpochBlocks {
    /// Reads a range of blocks.
    ///
    /// # Errors
    /// [`BlocksError`].
    pub fn read(
        view: &StoreView<'_>,
        timing: &Timing,
        range: RangeInclusive<L2BlockNumber>,
    ) -> Result<Self, BlocksError> {
        let (first, last) = (*range.start(), *range.end());
        let before = match first
            .previous()
            .filter(|before| *before != L2BlockNumber::GENESIS)
        {
            Some(number) => Some(record(view, number)?),
            None => None,
        };
        let start_archive = before
            .as_ref()
            .map_or_else(tree::empty_root, |before| before.free_fields.archive);
        let inbox_start = before.map_or(0, |before| before.header.inbox_end);
        let mut blocks: Vec<EpochBlock> = Vec::new();
        let mut inbox = inbox_start;
        let mut number = first;
        while number <= last {
            let record = record(view, number)?;
            let txs = view.block_txs(number)?.ok_or(BlocksError::Missing { number })?;
            let deposits = view.deposits(inbox..record.header.inbox_end)?;
            inbox = record.header.inbox_end;
            blocks.push(EpochBlock {
                record,
                effects: txs.into_iter().map(|tx| tx.effects).collect(),
                deposits,
            });
            number = number.next();
        }
        let epoch_of = |block: &EpochBlock| timing.epoch_of(block.record.header.slot);
        let epoch = blocks.first().map(epoch_of).ok_or(BlocksError::Empty)?;
        if let Some(last) = blocks.iter().map(epoch_of).find(|other| *other != epoch) {
            return Err(BlocksError::TwoEpochs { first: epoch, last });
        }
        Ok(Self {
            epoch,
            start_archive,
            inbox_start,
            blocks,
        })
    }

    /// The blocks from `first` on, as a proof of the rest of an epoch is about them.
    #[must_use]
    pub fn since(&self, first: L2BlockNumber) -> Self {
        let (before, blocks): (Vec<_>, Vec<_>) = self
            .blocks
            .iter()
            .cloned()
            .partition(|block| block.record.header.number < first);
        let last_before = before.last().map(|block| &block.record);
        Self {
            epoch: self.epoch,
            start_archive: last_before.map_or(self.start_archive, |last| last.free_fields.archive),
            inbox_start: last_before.map_or(self.inbox_start, |last| last.header.inbox_end),
            blocks,
        }
    }

    /// Archive root after the last block.
    pub fn end_archive(&self) -> Digest {
        self.blocks
            .last()
            .map_or(self.start_archive, |block| block.record.free_fields.archive)
    }

    /// Versioned hashes of the blobs, in order.
    pub fn blob_hashes(&self) -> Vec<B256> {
        self.blocks.iter().map(|block| block.record.blob_hash).collect()
    }

    /// The first and the last block.
    pub fn range(&self) -> Option<RangeInclusive<L2BlockNumber>> {
        let number = |block: &EpochBlock| block.record.header.number;
        Some(self.blocks.first().map(number)?..=self.blocks.last().map(number)?)
    }

    /// What L1 settles of the blocks.
    ///
    /// # Errors
    /// [`SettlementError`]: never for blocks that execution accepted.
    pub fn settlement(&self) -> Result<SettlementList, SettlementError> {
        SettlementList::new(self.blocks.iter().map(settled).collect())
    }
}

fn settled(block: &EpochBlock) -> SettledBlock {
    let header = &block.record.header;
    let withdrawals = block.effects.iter().map(|effects| effects.withdrawal);
    SettledBlock {
        slot: header.slot,
        fee_recipient: header.fee_recipient,
        total_fees: header.total_fees,
        tx_count: u16::try_from(block.effects.len()).unwrap_or(u16::MAX),
        archive: block.record.free_fields.archive,
        deposits: block
            .deposits
            .iter()
            .map(|deposit| SettledDeposit {
                partial: deposit.partial,
                value: deposit.value,
            })
            .collect(),
        withdrawals: withdrawals.filter(|withdrawal| withdrawal.amount > 0).collect(),
    }
}

fn record(view: &StoreView<'_>, number: L2BlockNumber) -> Result<BlockRecord, BlocksError> {
    view.block(number)?.ok_or(BlocksError::Missing { number })
}
