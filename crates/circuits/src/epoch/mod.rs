//! The circuits of an epoch proof (`docs/circuits.md`): three tracks over the epoch's stream of deposits, transactions and block ends,
//! each cut into segments that chain by their boundaries, and joined by the epoch root.

mod artefacts;
mod bytes;
mod circuits;
pub(crate) mod config;
mod expected;
pub(crate) mod jobs;
mod leaf;
pub(crate) mod merge;
pub(crate) mod prover;
mod resident;
pub(crate) mod root;
mod segments;
pub(crate) mod serialization;
pub(crate) mod settlement;
mod shapes;
pub(crate) mod stand_in;
pub(crate) mod state;
#[cfg(test)]
mod tests;
pub(crate) mod track;
pub(crate) mod transactions;
pub(crate) mod verifier;
pub(crate) mod wrap;
