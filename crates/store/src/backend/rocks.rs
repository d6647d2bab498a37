//! RocksDB: one column family a table, one write batch a change.

use std::path::Path;

use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamily, ColumnFamilyDescriptor, DB, DBCompressionType, DBRecoveryMode,
    Direction, IteratorMode, LogLevel, Options, ReadOptions, SnapshotWithThreadMode, WriteBatch,
    WriteOptions,
};

use super::{Backend, Batch, Durability, Read, Row};
use crate::error::{DatabaseError, StoreError};
use crate::table::Table;

/// A node at rest stays small: all memtables together, the block cache, the write-ahead log.
const MEMTABLES_BYTES: usize = 16 << 20;
const MEMTABLE_BYTES: usize = 2 << 20;
const BLOCK_CACHE_BYTES: usize = 8 << 20;
const LOG_BYTES: u64 = 32 << 20;
const OPEN_FILES_MAX: i32 = 128;
/// Values from this size (transactions with proofs, blobs, undo records) are kept apart from their keys, so compaction does not copy them.
const SEPARATE_VALUE_BYTES: u64 = 4_096;

/// Tables in a RocksDB directory.
pub(crate) struct RocksBackend {
    db: DB,
}

impl RocksBackend {
    /// Opens or creates the database; the caller holds the directory's lock.
    pub(crate) fn open(path: &Path) -> Result<Self, DatabaseError> {
        let mut options = Options::default();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        options.set_paranoid_checks(true);
        // A write cut short by a crash is the end of the log; damage before the end is refused.
        options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
        options.set_db_write_buffer_size(MEMTABLES_BYTES);
        options.set_max_total_wal_size(LOG_BYTES);
        options.set_max_open_files(OPEN_FILES_MAX);
        options.set_max_background_jobs(2);
        options.set_keep_log_file_num(2);
        options.set_max_log_file_size(1 << 20);
        options.set_log_level(LogLevel::Warn);
        options.set_stats_dump_period_sec(0);
        let cache = Cache::new_lru_cache(BLOCK_CACHE_BYTES).map_err(DatabaseError::new)?;
        let families = Table::ALL
            .iter()
            .map(|table| ColumnFamilyDescriptor::new(table.name(), family_options(*table, &cache)));
        DB::open_cf_descriptors(&options, path, families)
            .map(|db| Self { db })
            .map_err(DatabaseError::new)
    }

    fn family(&self, table: Table) -> Result<&ColumnFamily, StoreError> {
        self.db
            .cf_handle(table.name())
            .ok_or_else(|| StoreError::MissingRow {
                table: table.name(),
                key: Vec::new(),
            })
    }
}

fn family_options(table: Table, cache: &Cache) -> Options {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(cache);
    blocks.set_bloom_filter(10.0, false);
    blocks.set_format_version(5);
    let mut options = Options::default();
    options.set_write_buffer_size(MEMTABLE_BYTES);
    options.set_block_based_table_factory(&blocks);
    // Digests, proofs and ciphertexts do not compress.
    options.set_compression_type(DBCompressionType::None);
    if matches!(
        table,
        Table::BlockUndo | Table::L1Undo | Table::QueuedTxs | Table::MinedTxs | Table::Blobs
    ) {
        options.set_enable_blob_files(true);
        options.set_min_blob_size(SEPARATE_VALUE_BYTES);
        options.set_enable_blob_gc(true);
    }
    options
}

impl Backend for RocksBackend {
    fn snapshot(&self) -> Box<dyn Read + '_> {
        Box::new(RocksSnapshot {
            backend: self,
            snapshot: self.db.snapshot(),
        })
    }

    fn write(&self, batch: Batch, durability: Durability) -> Result<(), StoreError> {
        let mut writes = WriteBatch::default();
        for (table, key, value) in batch {
            let family = self.family(table)?;
            match value {
                Some(value) => writes.put_cf(family, key, value),
                None => writes.delete_cf(family, key),
            }
        }
        let mut options = WriteOptions::default();
        options.set_sync(durability == Durability::Now);
        Ok(self.db.write_opt(writes, &options).map_err(DatabaseError::new)?)
    }
}

struct RocksSnapshot<'a> {
    backend: &'a RocksBackend,
    snapshot: SnapshotWithThreadMode<'a, DB>,
}

impl RocksSnapshot<'_> {
    fn first(
        &self,
        table: Table,
        options: ReadOptions,
        mode: IteratorMode<'_>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let family = self.backend.family(table)?;
        self.snapshot
            .iterator_cf_opt(family, options, mode)
            .take(limit)
            .map(|row| row.map(|(key, value)| (key.into_vec(), value.into_vec())))
            .collect::<Result<_, _>>()
            .map_err(|e| DatabaseError::new(e).into())
    }
}

impl Read for RocksSnapshot<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let family = self.backend.family(table)?;
        Ok(self.snapshot.get_cf(family, key).map_err(DatabaseError::new)?)
    }

    fn has(&self, table: Table, key: &[u8]) -> Result<bool, StoreError> {
        let family = self.backend.family(table)?;
        // The value is not copied out of the database.
        let found = self.snapshot.get_pinned_cf(family, key);
        Ok(found.map_err(DatabaseError::new)?.is_some())
    }

    fn at_or_below(&self, table: Table, key: &[u8]) -> Result<Option<Row>, StoreError> {
        let mode = IteratorMode::From(key, Direction::Reverse);
        Ok(self.first(table, ReadOptions::default(), mode, 1)?.pop())
    }

    fn range(&self, table: Table, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        if from >= to {
            return Ok(Vec::new());
        }
        let mut options = ReadOptions::default();
        options.set_iterate_upper_bound(to);
        self.first(
            table,
            options,
            IteratorMode::From(from, Direction::Forward),
            limit,
        )
    }
}
