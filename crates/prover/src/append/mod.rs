//! Blocks that come together with their proof (`docs/protocol.md` 16.7): how money leaves an instance that has no committee any more.
//!
//! `slots` chooses when the blocks are; `making` makes them and `draft` lays them over the store as if L1 had taken
//! them, so that statement and proof are made from it exactly as for a committee's blocks, and takes them back; `follow` brings the store to L1's head first; `prove` makes the
//! proof; `appender` does all of it and sends the transaction.

mod appender;
mod draft;
mod error;
mod follow;
mod making;
mod prove;
mod slots;

pub use appender::{Appended, Appender, Patience, state};
pub use draft::{Draft, DraftError, DraftRules, Refused, take_back};
pub use error::{AppendError, NotNow};
pub use follow::{Catching, FollowError};
pub use prove::ProveError;
pub use slots::choose_slots;
