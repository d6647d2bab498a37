//! Following L1 into the store: blocks with their blobs, deposits, proofs, prunes and reorgs.
//!
//! A prover needs every block's state and none of a node's duties: there is no mempool here, blocks are executed from their blobs, and
//! client proofs are fetched later ([`crate::holdings`]).

mod apply;
mod error;
mod follow;

pub(crate) use apply::inbox_start;
pub use apply::{Applier, BlobsByHash, ChainRules, Unfollowed};
pub use error::ChainError;
pub use follow::{BlobFetcher, Blobs, ChainFollower, ChainState, FetchError};
