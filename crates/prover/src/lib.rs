//! The prover: watches epochs, quotes for them, proves them, submits the proofs.
//!
//! `chain` follows L1 into the store; `holdings` fetches client proofs; `plan` cuts an epoch into jobs; `jobs` names them and keeps their
//! results; `work` does them; `epochs` decides what to prove, quote and send; `runtime` wires them as supervised tasks, a stack of them for each
//! instance of the Rollup. `append` makes blocks together with their proof, for an instance that has no committee any more.

pub mod append;
pub mod bench;
pub mod chain;
pub mod cli;
pub mod config;

pub mod epochs;
pub mod holdings;
pub mod jobs;
mod metrics;
pub mod plan;
pub mod runtime;
pub mod work;
