//! Typed reads that both a view and a change in the making need.

use std::cmp::Ordering;

use agoge_protocol::transaction::NullifierKey;
use agoge_protocol::{Deposit, Epoch, L2BlockNumber};

use crate::backend::Read;
use crate::error::StoreError;
use crate::records::{BlockRecord, EpochClaim, EpochProof, L1Record, MinedAt, Tips};
use crate::rows::{self, meta};
use crate::table::Table;
use crate::view::ROWS_MAX;

pub(crate) fn tips(read: &dyn Read) -> Result<Tips, StoreError> {
    Ok(rows::load(read, Table::Meta, meta::TIPS)?.unwrap_or_default())
}

/// The newest recorded L1 block.
pub(crate) fn l1_head(read: &dyn Read) -> Result<Option<L1Record>, StoreError> {
    let last = read.at_or_below(Table::L1Blocks, &rows::number_key(u64::MAX))?;
    last.map(|(key, value)| rows::decode(Table::L1Blocks, &key, &value))
        .transpose()
}

/// Proofs of an epoch's blocks, in the order in which L1 took them; at most [`ROWS_MAX`].
pub(crate) fn epoch_proofs(read: &dyn Read, epoch: Epoch) -> Result<Vec<EpochProof>, StoreError> {
    let (from, to) = (
        rows::epoch_proof_key(epoch, 0),
        rows::epoch_proof_key(epoch.next(), 0),
    );
    let rows = read.range(Table::EpochProofs, &from, &to, ROWS_MAX)?;
    rows.iter()
        .map(|(key, value)| rows::decode(Table::EpochProofs, key, value))
        .collect()
}

/// Claims without an end of an epoch and those after it, in order, among the first [`ROWS_MAX`] claims.
pub(crate) fn open_claims(read: &dyn Read, from: Epoch) -> Result<Vec<EpochClaim>, StoreError> {
    let (from, to) = (rows::number_key(from.get()), rows::number_key(u64::MAX));
    let mut claims = Vec::new();
    for (key, value) in read.range(Table::Claims, &from, &to, ROWS_MAX)? {
        let claim: EpochClaim = rows::decode(Table::Claims, &key, &value)?;
        if claim.end.is_none() {
            claims.push(claim);
        }
    }
    Ok(claims)
}

/// Deposits in the inbox.
pub(crate) fn inbox_count(read: &dyn Read) -> Result<u64, StoreError> {
    Ok(rows::last_number(read, Table::Deposits)?.map_or(0, |last| last.saturating_add(1)))
}

pub(crate) fn block(read: &dyn Read, number: L2BlockNumber) -> Result<Option<BlockRecord>, StoreError> {
    rows::load(read, Table::Blocks, &rows::number_key(number.get()))
}

fn block_present(read: &dyn Read, number: u64) -> Result<BlockRecord, StoreError> {
    rows::load_present(read, Table::Blocks, &rows::number_key(number))
}

/// The smallest number in `low..high` for which `is_reached` holds; `high` when there is none. `is_reached` is monotone.
fn first_where(
    mut low: u64,
    mut high: u64,
    mut is_reached: impl FnMut(u64) -> Result<bool, StoreError>,
) -> Result<u64, StoreError> {
    while low.cmp(&high) == Ordering::Less {
        let middle = low.midpoint(high);
        if is_reached(middle)? {
            high = middle;
        } else {
            low = middle.saturating_add(1);
        }
    }
    Ok(low)
}

/// Deposits made at or before an L1 time: their times never decrease.
pub(crate) fn deposits_due(read: &dyn Read, time: u64) -> Result<u64, StoreError> {
    first_where(0, inbox_count(read)?, |index| {
        let deposit: Deposit = rows::load_present(read, Table::Deposits, &rows::number_key(index))?;
        Ok(deposit.time > time)
    })
}

/// Where a nullifier was inserted. Every transaction inserts two leaves, so leaf and header counts name the place.
pub(crate) fn mined_at(read: &dyn Read, key: NullifierKey) -> Result<Option<MinedAt>, StoreError> {
    let Some(leaf) = crate::state::nullifier_leaf_index(read, key)? else {
        return Ok(None);
    };
    let end = tips(read)?.pending.get().saturating_add(1);
    let number = first_where(1, end, |number| {
        Ok(block_present(read, number)?.header.nullifier_count > leaf)
    })?;
    let header = block_present(read, number)?.header;
    let from_end = header.nullifier_count.saturating_sub(leaf).div_ceil(2);
    let position = u16::try_from(header.tx_count.saturating_sub(from_end)).unwrap_or(u16::MAX);
    Ok(Some(MinedAt {
        number: L2BlockNumber::new(number),
        position,
    }))
}

/// The block that appended a leaf of the note tree; `None` for leaves that are not there.
pub(crate) fn block_of_note(read: &dyn Read, leaf: u64) -> Result<Option<L2BlockNumber>, StoreError> {
    let end = tips(read)?.pending.get().saturating_add(1);
    let number = first_where(1, end, |number| {
        Ok(block_present(read, number)?.header.note_count > leaf)
    })?;
    Ok((number < end).then(|| L2BlockNumber::new(number)))
}
