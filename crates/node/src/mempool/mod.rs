//! Transactions that wait for a block: bounded, deterministic in what it keeps, cheap to refuse.
//!
//! `pool` is the pure index that decides who stays (bodies and proofs are in the store), `recent` a bounded memory, `service` the part that
//! checks, verifies in a bounded number of blocking workers, and stores.

mod pool;
mod reason;
mod recent;
mod service;

pub use pool::{Insertion, Pool, PoolLimits};
pub use reason::{DropReason, RefuseReason};
pub use recent::Recent;
pub use service::{Mempool, MempoolConfig, ProofVerifier, SubmitError};
