//! The prover: watches epochs, quotes for them, proves them, submits the proofs.

pub mod cli;
pub mod jobs;
pub mod plan;
