//! The circuits of an epoch proof (`docs/circuits.md`): three tracks over the epoch's stream of deposits, transactions and block ends,
//! each cut into segments that chain by their boundaries, and joined by the epoch root.

pub(crate) mod artefacts;
mod bytes;
pub(crate) mod circuits;
pub(crate) mod config;
pub(crate) mod expected;
pub(crate) mod jobs;
mod leaf;
pub(crate) mod merge;
pub(crate) mod prover;
mod resident;
pub(crate) mod root;
pub(crate) mod segments;
pub(crate) mod serialization;
pub(crate) mod settlement;
mod shapes;
pub(crate) mod state;
#[cfg(test)]
mod tests;
pub(crate) mod track;
pub(crate) mod transactions;
pub(crate) mod verifier;
pub(crate) mod wrap;
