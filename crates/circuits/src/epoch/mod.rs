//! The circuits of an epoch proof (`docs/circuits.md`): three tracks over the epoch's stream of deposits, transactions and block ends,
//! each cut into segments that chain by their boundaries, and joined by the epoch root.

pub(crate) mod config;
mod leaf;
pub(crate) mod merge;
#[cfg(test)]
mod probe;
pub(crate) mod stand_in;
pub(crate) mod track;
pub(crate) mod wrap;
