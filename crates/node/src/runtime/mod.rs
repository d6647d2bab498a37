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
//! That is the stack of one instance (`stack`), of which each runs in a group of its own; `shared` is what they have in common: L1, the one
//! sender, keys behind one guard. [`agoge_l1_client::instances`] follows the Registry and starts and stops stacks; `signals` checks at every L1 head what proposers
//! signal for; `reports` sends equivocations of others to L1.
//!
//! Every queue is bounded and its sender waits when it is full. Nothing a crash can interrupt is more than one atomic step: the store moves
//! by whole L1 blocks, a signature is stored before it is used, the sender keeps a journal.

mod adapters;
mod error;
mod handle;
mod local;
mod network;
mod node;
mod reexecute;
mod reports;
mod shared;
mod signals;
mod stack;
mod start;
mod validators;

pub use error::StartError;
pub use handle::InstanceHandle;
pub(crate) use local::guard_first_slot;
pub use node::NodeHandle;
pub use start::{NodeParts, start};
