//! The circuits of an epoch proof (`docs/circuits.md`): three tracks over the epoch's stream of deposits, transactions and block ends,
//! each cut into segments that chain by their boundaries, and joined by the epoch root.

mod bytes;
pub(crate) mod config;
mod leaf;
pub(crate) mod merge;
pub(crate) mod serialization;
pub(crate) mod stand_in;
#[cfg(test)]
mod tests;
pub(crate) mod state;
pub(crate) mod track;
pub(crate) mod transactions;
pub(crate) mod wrap;
