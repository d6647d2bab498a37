//! The state track: deposits, transactions and block ends of an epoch applied to the trees, one *unit* each.
//!
//! Given a boundary before, a genesis id and up to N steps, the boundary after is what [`StateBoundary::apply`] makes of them. Unused
//! units are padding and change nothing. Relation, constraints and figures: `docs/circuits.md`.
//!
//! A unit has one set of paths for whatever it is; only what differs between kinds is gated by the kind's flag.
//!
//! | part | deposit | transaction | block end |
//! |---|---|---|---|
//! | append path of the note tree | one note | two notes | the odd leaf enters |
//! | append path of the nullifier tree | - | odd leaf and nullifier 0 | the odd leaf enters |
//! | header | - | of the anchor | of the block |
//! | anchor's path | - | under the parent's archive | - |
//! | first low path | - | below nullifier 0 | place of the header in the archive |
//! | second low path | - | below nullifier 1 | - |
//!
//! [`StateBoundary::apply`]: agoge_state_transition::witness::StateBoundary::apply

mod block;
mod boundary;
mod leaf;
mod order;
#[cfg(test)]
mod tests;
mod trees;
mod unit;
mod values;

pub(crate) use boundary::Boundary;
pub(crate) use leaf::StateLeaf;
pub use leaf::{STATE_UNITS, StateInput};
