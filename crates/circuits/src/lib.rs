//! The plonky2 statements, their public-input layouts and verifier data. The only user of plonky2's prover.
//!
//! A wallet builds a [`ClientProver`] once and proves [`ClientWitness`]es; a node builds a [`ClientVerifier`] from data
//! committed in this crate and never builds a circuit. A proof is bytes plus typed public inputs: no plonky2 type leaves
//! this crate. `docs/circuits.md` is the text: the relation, every constraint, what is not constrained, measurements.

// The fixture that tests share with the benchmark and the example names this crate as they do.
#[cfg(test)]
extern crate self as agoge_circuits;

mod client;
mod encoding;
mod epoch;
mod field;
mod gadgets;
mod profile;
mod reference;
mod solidity;

pub use client::prover::{ClientProver, ClientProverError, ProveError};
pub use client::verifier::{ClientVerifier, VerifierDataError, VerifyError};
pub use client::witness::{ClientWitness, InputNote, OutputNote, WitnessError};
pub use epoch::artefacts::FileError;
pub use epoch::circuits::CircuitsError;
pub use epoch::expected::JobError;
pub use epoch::jobs::{
    EPOCH_PROOF_BYTES_MAX, EpochProof, Job, JobId, JobOutput, MERGE_CHILDREN_MAX, MergeInput, RootInput,
    RootProof, SegmentProof, TREE_PROOF_BYTES_MAX, Track,
};
pub use epoch::prover::EpochProver;
pub use epoch::root::ParentHeader;
pub use epoch::segments::SegmentError;
pub use epoch::settlement::{
    SettlementBoundary, SettlementChallenges, SettlementInput, SettlementStep, SettlementStepError,
};
pub use epoch::state::{STATE_UNITS, StateInput};
pub use epoch::transactions::{BATCH_TRANSACTIONS, ProvenTransaction, TransactionsError, TransactionsInput};
pub use epoch::verifier::{EpochVerifier, EpochVerifierError, EpochVerifyError};
pub use reference::{ReferenceError, ReferenceProof};
pub use solidity::{GenerateError, SoliditySource, solidity_sources};

/// Goldilocks.
type F = plonky2::field::goldilocks_field::GoldilocksField;
/// Poseidon everywhere: Merkle trees, transcript and hashes inside circuits.
type C = plonky2::plonk::config::PoseidonGoldilocksConfig;
/// Degree of the extension field that challenges and openings come from.
const D: usize = 2;
/// Collects a circuit.
type Builder = plonky2::plonk::circuit_builder::CircuitBuilder<F, D>;
/// plonky2 reports by `anyhow`; this keeps its errors as sources.
type BoxError = Box<dyn core::error::Error + Send + Sync>;
