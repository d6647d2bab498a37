//! Trees and block execution of Layer 2: from a state and transactions to new roots and effects. Pure, storage behind a trait.
//!
//! ```text
//! state (a StateReader) + BlockContext + deposits + effects -> execute_block  (following L1: effects from the blob)
//! state (a StateReader) + BlockContext + deposits + txs     -> execute_txs    (attester), select (proposer)
//!   -> ExecutedBlock: header, archive, StateDiff            -> the store applies the diff and keeps its inverse as undo
//! ```
//!
//! Client proofs are not looked at here (`circuits` verifies them), nor are signatures, L1 times or the inbox rule: the caller passes the
//! deposits that are due.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

pub mod blob;
pub mod blob_evaluation;
pub mod block;
pub mod error;
pub mod fingerprint;
#[cfg(test)]
mod fixture;
pub mod hash;
pub mod memory;
pub mod selection;
pub mod state;
pub mod tree;
pub mod witness;

pub use blob_evaluation::{BlobPoint, BlobSums, Scalar, evaluate_blobs};
pub use block::{BlockContext, BlockLimits, ExecutedBlock, execute_block};
pub use error::{ExecutionError, Inconsistency, TxRejection};
pub use fingerprint::{Fingerprint, fingerprint};
pub use memory::MemoryState;
pub use selection::{CheckError, Selection, check_transaction, execute_txs, select};
pub use state::{NodeId, NullifierLeaf, StateDiff, StateReader, Tree, Write};
pub use tree::MerklePath;
