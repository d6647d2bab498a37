//! Transactions that wait for a block: bounded, deterministic in what it keeps, cheap to refuse.

mod reason;

pub use reason::{DropReason, RefuseReason};
