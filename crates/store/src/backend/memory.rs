//! The in-memory twin: ordered maps, shared with snapshots until the next write.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Backend, Batch, Durability, Read, Row};
use crate::error::StoreError;
use crate::table::Table;

type Map = BTreeMap<Table, BTreeMap<Vec<u8>, Vec<u8>>>;

/// Tables in memory.
#[derive(Default)]
pub(crate) struct MemoryBackend {
    map: Mutex<Arc<Map>>,
}

struct MemorySnapshot(Arc<Map>);

impl Backend for MemoryBackend {
    fn snapshot(&self) -> Box<dyn Read + '_> {
        // A writer that panicked left either the old or the new map: both are whole.
        Box::new(MemorySnapshot(
            self.map.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        ))
    }

    fn write(&self, batch: Batch, _: Durability) -> Result<(), StoreError> {
        let mut guard = self.map.lock().unwrap_or_else(PoisonError::into_inner);
        let map = Arc::make_mut(&mut guard);
        for (table, key, value) in batch {
            let rows = map.entry(table).or_default();
            match value {
                Some(value) => rows.insert(key, value),
                None => rows.remove(&key),
            };
        }
        Ok(())
    }
}

impl Read for MemorySnapshot {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.get(&table).and_then(|rows| rows.get(key)).cloned())
    }

    fn at_or_below(&self, table: Table, key: &[u8]) -> Result<Option<Row>, StoreError> {
        let bounds = (Bound::Unbounded, Bound::Included(key));
        Ok(self
            .0
            .get(&table)
            .and_then(|rows| rows.range::<[u8], _>(bounds).next_back())
            .map(owned))
    }

    fn range(&self, table: Table, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        if from >= to {
            return Ok(Vec::new());
        }
        let bounds = (Bound::Included(from), Bound::Excluded(to));
        let rows = self
            .0
            .get(&table)
            .into_iter()
            .flat_map(|rows| rows.range::<[u8], _>(bounds));
        Ok(rows.take(limit).map(owned).collect())
    }
}

fn owned((key, value): (&Vec<u8>, &Vec<u8>)) -> Row {
    (key.clone(), value.clone())
}
