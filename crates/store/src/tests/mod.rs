//! Tests of the store from outside its methods and inside its tables: every case runs on RocksDB and on the in-memory twin.

mod claims;
mod conformance;
mod crash;
mod directory;
mod guard;
mod guard_interchange;
mod model;
mod support;
