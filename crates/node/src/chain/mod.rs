//! Following the chain: L1 events into the store, committees, and blocks built or re-executed on the tip.
//!
//! * `follow` is the actor that takes [`agoge_protocol::ChainEvent`]s; `apply` brings one L1 block into the store, atomically. Reorgs and
//!   prunes are ordinary input.
//! * `execute` builds a proposer's block, re-executes somebody's proposal, and decodes and executes a block that L1 has.
//! * `prepared` remembers blocks that this node built or re-executed, so that they are not fetched and executed again when L1 has them.
//! * `committees` finds an epoch's committee from the frozen set and its seed.
//! * `tip` judges the tip by the time of the next L1 block.

mod apply;
mod committees;
mod error;
mod execute;
mod follow;
mod prepared;
mod tip;

pub use apply::{Applier, BlobNeed, Blobs, Unfollowed};
pub use committees::{Committees, ReadError, SetReader};
pub use error::{ChainError, ExecuteError};
pub use execute::{BlockRules, Built, Executor};
pub use follow::{BlobFetcher, ChainFollower, ChainNotice};
pub use prepared::{Prepared, PreparedBlocks};
pub use tip::{pruned_tip, tip_view};
