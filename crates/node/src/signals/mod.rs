//! What this node's proposers signal for (`docs/protocol.md` 17.1): the operator's choice, kept across restarts, and whether it still holds on L1.

mod choice;
mod verdict;

pub use choice::Choice;
pub use verdict::verdict;
