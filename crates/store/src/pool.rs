//! Transactions with their client proofs: queued ones, which survive a restart, and those of recent blocks, which return to the queue when
//! their block is unwound and are served to peers and provers until then.

use agoge_protocol::{Epoch, L2BlockNumber, Transaction, TxId};
use borsh::{BorshDeserialize, BorshSerialize};

use crate::backend::Read;
use crate::config::StoreConfig;
use crate::error::StoreError;
use crate::reads;
use crate::records::{MinedAt, MinedTx};
use crate::rows::{self, meta};
use crate::table::Table;
use crate::txn::Txn;

/// Rows dropped at once when blocks leave the window: two blocks' worth, so a window that became smaller is caught up with.
const EXPIRED_ROWS_MAX: usize = 2 * agoge_protocol::limits::BLOCK_TXS_MAX;

/// What the queue holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PoolSize {
    /// Transactions.
    pub count: u64,
    /// Bytes of their encodings.
    pub bytes: u64,
}

/// What became of a transaction offered to the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queued {
    /// It is kept.
    Kept,
    /// It was there.
    Known,
    /// The bound of the queue is reached: something has to leave first.
    Full(PoolSize),
}

pub(crate) fn size(read: &dyn Read) -> Result<PoolSize, StoreError> {
    Ok(rows::load(read, Table::Meta, meta::POOL)?.unwrap_or_default())
}

fn store_size(txn: &mut Txn<'_>, size: PoolSize) {
    txn.set(Table::Meta, meta::POOL.to_vec(), Some(rows::encode(&size)));
}

/// Adds to the queue, within `limits`.
pub(crate) fn queue(txn: &mut Txn<'_>, tx: &Transaction, limits: PoolSize) -> Result<Queued, StoreError> {
    let key = rows::tx_key(tx.id());
    if txn.get(Table::QueuedTxs, &key)?.is_some() {
        return Ok(Queued::Known);
    }
    let value = rows::encode(tx);
    let size = grown(size(txn)?, &value);
    if size.count > limits.count || size.bytes > limits.bytes {
        return Ok(Queued::Full(self::size(txn)?));
    }
    txn.set(Table::QueuedTxs, key, Some(value));
    store_size(txn, size);
    Ok(Queued::Kept)
}

/// Removes from the queue; whether it was there.
pub(crate) fn remove(txn: &mut Txn<'_>, id: TxId) -> Result<bool, StoreError> {
    Ok(take_queued(txn, id)?.is_some())
}

/// Moves the queued ones of a block's transactions to the block.
pub(crate) fn mine(
    txn: &mut Txn<'_>,
    number: L2BlockNumber,
    txs: &[MinedTx],
) -> Result<Vec<TxId>, StoreError> {
    let mut moved = Vec::new();
    for (position, tx) in (0_u16..).zip(txs) {
        let Some(id) = tx.id else { continue };
        if let Some(value) = take_queued(txn, id)? {
            txn.set(Table::MinedTxs, rows::position_key(number, position), Some(value));
            moved.push(id);
        }
    }
    Ok(moved)
}

/// Moves the transactions kept for a block back to the queue. They are taken even above its bounds, which then are exceeded by no more
/// than the transactions of the blocks that can be unwound.
pub(crate) fn requeue(txn: &mut Txn<'_>, number: L2BlockNumber) -> Result<Vec<TxId>, StoreError> {
    let (from, to) = (
        rows::position_key(number, 0),
        rows::position_key(number.next(), 0),
    );
    let mut moved = Vec::new();
    for (key, value) in txn.range(Table::MinedTxs, &from, &to, usize::from(u16::MAX))? {
        let id = rows::decode::<Transaction>(Table::MinedTxs, &key, &value)?.id();
        txn.set(Table::MinedTxs, key, None);
        // Set when it was kept after its block; if the block knew it, its undo record has removed the row.
        txn.set(Table::TxIds, rows::tx_key(id), None);
        if txn.get(Table::QueuedTxs, &rows::tx_key(id))?.is_none() {
            let size = grown(size(txn)?, &value);
            store_size(txn, size);
            txn.set(Table::QueuedTxs, rows::tx_key(id), Some(value));
        }
        moved.push(id);
    }
    Ok(moved)
}

/// Keeps a mined transaction that arrived after its block, if the block has its effects there and is recent. It leaves the queue and is
/// found by its id.
pub(crate) fn keep_mined(
    txn: &mut Txn<'_>,
    config: &StoreConfig,
    at: MinedAt,
    tx: &Transaction,
) -> Result<bool, StoreError> {
    let pending = reads::tips(txn)?.pending.get();
    let is_recent = at.number.get() > pending.saturating_sub(config.mined_tx_blocks_max);
    let block: Option<Vec<MinedTx>> = rows::load(txn, Table::Effects, &rows::number_key(at.number.get()))?;
    let found = block.as_ref().and_then(|txs| txs.get(usize::from(at.position)));
    if !is_recent || found.is_none_or(|found| found.effects != tx.effects()) {
        return Ok(false);
    }
    let id = tx.id();
    take_queued(txn, id)?;
    txn.set(Table::TxIds, rows::tx_key(id), Some(rows::encode(&at)));
    txn.set(
        Table::MinedTxs,
        rows::position_key(at.number, at.position),
        Some(rows::encode(tx)),
    );
    Ok(true)
}

/// Drops mined transactions of blocks that are more than `keep` behind `newest`.
pub(crate) fn drop_expired(txn: &mut Txn<'_>, newest: L2BlockNumber, keep: u64) -> Result<(), StoreError> {
    let first_kept = L2BlockNumber::new(newest.get().saturating_add(1).saturating_sub(keep));
    drop_before(txn, first_kept)
}

/// Drops mined transactions of epochs that were proven whole as of an L1 block that no ordinary reorg replaces. `proven` is the proven tip
/// then.
///
/// An epoch of which only a prefix is proven keeps all of its transactions: whoever proves the rest alone needs the rest, and who has
/// claimed the epoch proves it whole. An epoch whose claim is open keeps them, too: its claimant delivers what others have proven.
pub(crate) fn drop_proven(
    txn: &mut Txn<'_>,
    config: &StoreConfig,
    proven: L2BlockNumber,
) -> Result<(), StoreError> {
    // Without a next block the epoch may still grow.
    let open = match reads::block(txn, proven.next())? {
        Some(next) => Some(next),
        None => reads::block(txn, proven)?,
    };
    let Some(open) = open else { return Ok(()) };
    let slot = open.header.slot.get();
    let first_slot = slot.saturating_sub(slot.checked_rem(config.epoch_slots).unwrap_or(0));
    let Some(slot_before) = first_slot.checked_sub(1) else {
        return Ok(());
    };
    let Some((key, value)) = txn.at_or_below(Table::Slots, &rows::number_key(slot_before))? else {
        return Ok(());
    };
    let last: L2BlockNumber = rows::decode(Table::Slots, &key, &value)?;
    let claimed = first_claimed(txn, config)?;
    drop_before(
        txn,
        claimed.map_or(last.next(), |claimed| claimed.min(last.next())),
    )
}

/// First block of the oldest epoch with an open claim, among the blocks whose transactions may be kept at all.
fn first_claimed(txn: &Txn<'_>, config: &StoreConfig) -> Result<Option<L2BlockNumber>, StoreError> {
    let after_tip = reads::tips(txn)?.pending.next().get();
    let oldest = L2BlockNumber::new(after_tip.saturating_sub(config.mined_tx_blocks_max).max(1));
    let Some(oldest) = reads::block(txn, oldest)? else {
        return Ok(None);
    };
    let epoch_of = |slot: u64| Epoch::new(slot.checked_div(config.epoch_slots).unwrap_or(0));
    for claim in reads::open_claims(txn, epoch_of(oldest.header.slot.get()))? {
        let first_slot = |epoch: Epoch| rows::number_key(epoch.get().saturating_mul(config.epoch_slots));
        let (from, to) = (first_slot(claim.epoch), first_slot(claim.epoch.next()));
        if let Some((key, first)) = txn.range(Table::Slots, &from, &to, 1)?.pop() {
            return Ok(Some(rows::decode(Table::Slots, &key, &first)?));
        }
    }
    Ok(None)
}

fn drop_before(txn: &mut Txn<'_>, first_kept: L2BlockNumber) -> Result<(), StoreError> {
    let from = rows::position_key(L2BlockNumber::GENESIS, 0);
    for (key, _) in txn.range(
        Table::MinedTxs,
        &from,
        &rows::position_key(first_kept, 0),
        EXPIRED_ROWS_MAX,
    )? {
        txn.set(Table::MinedTxs, key, None);
    }
    Ok(())
}

fn take_queued(txn: &mut Txn<'_>, id: TxId) -> Result<Option<Vec<u8>>, StoreError> {
    let key = rows::tx_key(id);
    let Some(value) = txn.get(Table::QueuedTxs, &key)? else {
        return Ok(None);
    };
    let PoolSize { count, bytes } = size(txn)?;
    store_size(
        txn,
        PoolSize {
            count: count.saturating_sub(1),
            bytes: bytes.saturating_sub(bytes_of(&value)),
        },
    );
    txn.set(Table::QueuedTxs, key, None);
    Ok(Some(value))
}

fn grown(size: PoolSize, value: &[u8]) -> PoolSize {
    PoolSize {
        count: size.count.saturating_add(1),
        bytes: size.bytes.saturating_add(bytes_of(value)),
    }
}

fn bytes_of(value: &[u8]) -> u64 {
    u64::try_from(value.len()).unwrap_or(u64::MAX)
}
