//! A change in the making: writes over a snapshot, seen by its own reads, with the former values recorded for undoing.

use std::collections::BTreeMap;
use std::ops::Bound;

use agoge_protocol::L2BlockNumber;
use borsh::{BorshDeserialize, BorshSerialize};

use crate::backend::{Batch, Read, Row};
use crate::error::StoreError;
use crate::table::Table;

/// Writes that are not stored yet, over the snapshot they are based on.
pub(crate) struct Txn<'a> {
    base: Box<dyn Read + 'a>,
    writes: BTreeMap<Table, BTreeMap<Vec<u8>, Option<Vec<u8>>>>,
}

impl<'a> Txn<'a> {
    pub(crate) fn new(base: Box<dyn Read + 'a>) -> Self {
        Self {
            base,
            writes: BTreeMap::new(),
        }
    }

    /// Puts (`Some`) or deletes (`None`) a row without recording its former value.
    pub(crate) fn set(&mut self, table: Table, key: Vec<u8>, value: Option<Vec<u8>>) {
        self.writes.entry(table).or_default().insert(key, value);
    }

    /// Like [`Self::set`], adding the former value to `journal`. A row that does not change is not recorded.
    pub(crate) fn set_recorded(
        &mut self,
        journal: &mut Vec<Undo>,
        table: Table,
        key: Vec<u8>,
        value: Option<Vec<u8>>,
    ) -> Result<(), StoreError> {
        let former = self.get(table, &key)?;
        if former != value {
            journal.push(Undo::Row {
                table,
                key: key.clone(),
                former,
            });
            self.set(table, key, value);
        }
        Ok(())
    }

    /// The writes, last value of each row.
    pub(crate) fn into_batch(self) -> Batch {
        self.writes
            .into_iter()
            .flat_map(|(table, rows)| rows.into_iter().map(move |(key, value)| (table, key, value)))
            .collect()
    }
}

impl Read for Txn<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.writes.get(&table).and_then(|rows| rows.get(key)) {
            Some(written) => Ok(written.clone()),
            None => self.base.get(table, key),
        }
    }

    fn at_or_below(&self, table: Table, key: &[u8]) -> Result<Option<Row>, StoreError> {
        let Some(rows) = self.writes.get(&table) else {
            return self.base.at_or_below(table, key);
        };
        let written = rows
            .range::<[u8], _>((Bound::Unbounded, Bound::Included(key)))
            .rev()
            .find_map(|(key, value)| Some((key.clone(), value.clone()?)));
        let mut bound = key.to_vec();
        // Each round passes one row that was deleted here, so there are at most as many rounds as deletions.
        let stored = loop {
            match self.base.at_or_below(table, &bound)? {
                Some((key, _)) if matches!(rows.get(&key), Some(None)) => match predecessor(key) {
                    Some(smaller) => bound = smaller,
                    None => break None,
                },
                found => break found,
            }
        };
        // On equal keys the row written here is the newer one.
        Ok(match (written, stored) {
            (Some(written), Some(stored)) if stored.0 > written.0 => Some(stored),
            (Some(written), _) => Some(written),
            (None, stored) => stored,
        })
    }

    fn range(&self, table: Table, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        let Some(rows) = self.writes.get(&table).filter(|_| from < to) else {
            return self.base.range(table, from, to, limit);
        };
        let written: Vec<_> = rows
            .range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)))
            .collect();
        let stored = self
            .base
            .range(table, from, to, limit.saturating_add(written.len()))?;
        let mut merged: BTreeMap<Vec<u8>, Vec<u8>> = stored.into_iter().collect();
        for (key, value) in written {
            match value {
                Some(value) => merged.insert(key.clone(), value.clone()),
                None => merged.remove(key),
            };
        }
        Ok(merged.into_iter().take(limit).collect())
    }
}

/// The largest key of the same length below `key`; `None` for all zeros. Keys of one table have one length.
fn predecessor(mut key: Vec<u8>) -> Option<Vec<u8>> {
    for byte in key.iter_mut().rev() {
        let borrow = *byte == 0;
        *byte = byte.wrapping_sub(1);
        if !borrow {
            return Some(key);
        }
    }
    None
}

/// One entry of an undo record. A record is undone from its last entry to its first.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum Undo {
    /// A row had another value, or none.
    Row {
        /// Its table.
        table: Table,
        /// Its key.
        key: Vec<u8>,
        /// What it was.
        former: Option<Vec<u8>>,
    },
    /// A block was applied; undone by the block's own record.
    Applied(L2BlockNumber),
    /// A block was unwound; its rows follow, its transactions went back to the queue.
    Unwound(L2BlockNumber),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::memory::MemoryBackend;
    use crate::backend::{Backend, Durability};
    use proptest::prelude::*;

    #[test]
    fn predecessors_borrow_and_end_at_zero() {
        assert_eq!(predecessor(vec![1, 0]), Some(vec![0, 255]));
        assert_eq!(predecessor(vec![0, 7]), Some(vec![0, 6]));
        assert_eq!(predecessor(vec![0, 0]), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn reads_over_writes_equal_reads_after_them(
            stored in prop::collection::vec((0_u8..24, 0_u8..8), 0..16),
            writes in prop::collection::vec((0_u8..24, prop::option::of(0_u8..8)), 0..16),
            at in 0_u8..24,
            (from, to, limit) in (0_u8..24, 0_u8..26, 0_usize..8),
        ) {
            let backend = MemoryBackend::default();
            let row = |key: u8, value: Option<u8>| (Table::Slots, vec![key], value.map(|v| vec![v]));
            backend.write(stored.iter().map(|(k, v)| row(*k, Some(*v))).collect(), Durability::Later).unwrap();
            let mut txn = Txn::new(backend.snapshot());
            for (key, value) in &writes {
                txn.set(Table::Slots, vec![*key], value.map(|v| vec![v]));
            }
            let over = (
                txn.get(Table::Slots, &[at]).unwrap(),
                txn.at_or_below(Table::Slots, &[at]).unwrap(),
                txn.range(Table::Slots, &[from], &[to], limit).unwrap(),
            );
            let batch = txn.into_batch();
            backend.write(batch, Durability::Later).unwrap();
            let view = backend.snapshot();
            prop_assert_eq!(over.0, view.get(Table::Slots, &[at]).unwrap());
            prop_assert_eq!(over.1, view.at_or_below(Table::Slots, &[at]).unwrap());
            prop_assert_eq!(over.2, view.range(Table::Slots, &[from], &[to], limit).unwrap());
        }
    }
}
