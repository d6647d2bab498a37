//! What the store needs from a key-value engine, and the two engines: RocksDB and a map in memory.

pub(crate) mod memory;
pub(crate) mod rocks;

use crate::error::StoreError;
use crate::table::Table;

/// A key and its value.
pub(crate) type Row = (Vec<u8>, Vec<u8>);

/// Rows to put (`Some`) or delete (`None`), written together or not at all.
pub(crate) type Batch = Vec<(Table, Vec<u8>, Option<Vec<u8>>)>;

/// Reads of one consistent state.
pub(crate) trait Read: Send + Sync {
    /// The value of a key.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Whether a key has a value.
    fn has(&self, table: Table, key: &[u8]) -> Result<bool, StoreError> {
        Ok(self.get(table, key)?.is_some())
    }

    /// The row with the largest key `<= key`.
    fn at_or_below(&self, table: Table, key: &[u8]) -> Result<Option<Row>, StoreError>;

    /// Up to `limit` rows with `from <= key < to`, in order.
    fn range(&self, table: Table, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Row>, StoreError>;
}

/// When a write must be on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Before the call returns.
    Now,
    /// With the next durable write; survives the end of the process, not of the machine.
    Later,
}

/// A key-value engine.
pub(crate) trait Backend: Send + Sync {
    /// A view that later writes do not change.
    fn snapshot(&self) -> Box<dyn Read + '_>;

    /// Writes all rows or none.
    fn write(&self, batch: Batch, durability: Durability) -> Result<(), StoreError>;
}
