//! The node as supervised tasks.
//!
//! ```text
//! L1 -> l1-client follower -> chain-follower -(views)-> validators <-(gossip)- network <- p2p
//!                                 |                       |  ^                   |
//!                               store, mempool     builds, signs, fetches     mempool, store
//!                                                         |
//!                                                     publisher -> l1-client sender -> L1
//! ```
//!
//! Every queue is bounded and its sender waits when it is full. Nothing a crash can interrupt is more than one atomic step: the store moves
//! by whole L1 blocks, a signature is stored before it is used, the sender keeps a journal.

mod adapters;
mod error;
mod handle;
mod local;
mod network;
mod reexecute;
mod start;
mod validators;

pub use error::StartError;
pub use handle::NodeHandle;
pub(crate) use local::guard_first_slot;
pub use start::{NodeParts, start};
