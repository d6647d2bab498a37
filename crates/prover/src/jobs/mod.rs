//! What a piece of work is called and where its result is kept.
//!
//! A job's name is the hash of everything that its result depends on ([`JobId`]), so after a restart or an L1 reorg the same work is found
//! done. Results are files of a [`Shelf`], which survives crashes and gives back only what was put in, whole.

mod id;
mod shelf;

pub use id::{JobId, StreamDigest};
pub use shelf::{Shelf, ShelfError};
