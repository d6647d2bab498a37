//! Typed tables over RocksDB with an in-memory twin, schema version, undo log and the signing guard.
//!
//! [`Store`] holds what a node can rebuild from L1 and its peers: the state, blocks, the recorded part of the L1 chain, queued and recent
//! transactions, blobs. It changes by [`Store::apply_l1_block`] and [`Store::rollback_l1`]: an L1 block and all it brings (deposits,
//! blocks, prunes, proofs) are one atomic write, so a crash leaves the store standing at one L1 block or the next, never between. A
//! [`StoreView`] reads one consistent state and is what blocks are executed on.
//!
//! [`SigningGuard`] holds what nobody can rebuild: what this node's keys have signed. It is a file of its own, and not part of any copy of the
//! store.
//!
//! Everything here blocks.

mod apply;
mod backend;
mod blobs;
mod check;
mod config;
mod error;
pub mod guard;
mod identity;
mod lock;
mod meaning;
mod pool;
mod reads;
mod records;
mod rows;
mod state;
mod store;
mod table;
mod txn;
mod view;

pub use apply::L1_CHANGES_MAX;
pub use config::StoreConfig;
pub use error::{DatabaseError, OpenError, StepError, StoreError};
pub use guard::SigningGuard;
pub use identity::{SCHEMA_VERSION, StoreIdentity};
pub use meaning::Meaning;
pub use pool::{PoolSize, Queued};
pub use records::{
    AppliedBlock, BlockRecord, ClaimEnd, EpochClaim, EpochProof, InstanceEntry, L1Change, L1Record, L1Step,
    MinedAt, MinedTx, StepOutcome, Tips,
};
pub use store::Store;
pub use view::{ROWS_MAX, StoreView};

#[cfg(test)]
mod tests;
