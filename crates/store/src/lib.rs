//! Typed tables over RocksDB with an in-memory twin, schema version, undo log and the signing guard.
