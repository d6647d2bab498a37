//! What is looked at when a store is opened: cheap relations that a torn or mixed database would break.

use agoge_protocol::{L1BlockNumber, L2BlockNumber};

use crate::backend::Read;
use crate::error::StoreError;
use crate::records::L1Record;
use crate::rows;
use crate::table::Table;
use crate::view::ROWS_MAX;
use crate::{reads, state};

/// Checks that recorded L1 blocks are one chain ending where the tips stand, and that the state is that of the tip's header.
pub(crate) fn check(read: &dyn Read) -> Result<(), StoreError> {
    let mut previous: Option<L1Record> = None;
    for (key, value) in read.range(
        Table::L1Blocks,
        &rows::number_key(0),
        &rows::number_key(u64::MAX),
        ROWS_MAX,
    )? {
        let record: L1Record = rows::decode(Table::L1Blocks, &key, &value)?;
        let follows = previous.is_none_or(|previous| {
            previous.block.hash == record.block.parent_hash
                && previous.block.number.get().checked_add(1) == Some(record.block.number.get())
        });
        let has_undo = read.get(Table::L1Undo, &key)?.is_some();
        if !follows || !has_undo {
            return Err(StoreError::BrokenL1Chain {
                number: record.block.number,
            });
        }
        previous = Some(record);
    }
    let tips = reads::tips(read)?;
    let ends = previous.map_or((L2BlockNumber::GENESIS, L2BlockNumber::GENESIS, 0), |head| {
        (head.pending, head.proven, head.inbox_count)
    });
    if ends != (tips.pending, tips.proven, reads::inbox_count(read)?) {
        let number = previous.map_or(L1BlockNumber::new(0), |head| head.block.number);
        return Err(StoreError::BrokenL1Chain { number });
    }
    if tips.pending == L2BlockNumber::GENESIS {
        return Ok(());
    }
    let record = rows::load_present(read, Table::Blocks, &rows::number_key(tips.pending.get()))?;
    for (what, expected, found) in state::compare(read, &record)? {
        if expected != found {
            return Err(StoreError::TipMismatch {
                number: tips.pending,
                what,
                expected,
                found,
            });
        }
    }
    Ok(())
}
