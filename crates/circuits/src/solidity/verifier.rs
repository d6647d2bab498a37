//! The decision of the contract, in Rust.

use std::panic::{AssertUnwindSafe, catch_unwind};

use plonky2::plonk::circuit_data::VerifierCircuitData;
use plonky2::plonk::proof::ProofWithPublicInputs;

use super::config::L1Config;
use super::proof::{DecodeError, decode};
use crate::{BoxError, D, F};

/// Why a proof is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RefusedProof {
    /// Found before any cryptography.
    #[error(transparent)]
    Form(#[from] DecodeError),
    /// The form is right and the proof is not one for these public inputs.
    #[error("the proof is not valid for these public inputs")]
    Invalid(#[source] BoxError),
    /// The proof system panicked on the bytes; no input is known that does this.
    #[error("the proof system failed on the proof")]
    Panicked,
}

/// Accepts the bytes that the circuit's contract accepts for these public inputs.
///
/// # Errors
/// [`RefusedProof`]: the form, or the proof.
pub(crate) fn verify(
    circuit: &VerifierCircuitData<F, L1Config, D>,
    public_inputs: &[F],
    proof: &[u8],
) -> Result<(), RefusedProof> {
    let proof = decode(proof, &circuit.common)?;
    let public_inputs = public_inputs.to_vec();
    catch_unwind(AssertUnwindSafe(|| {
        circuit.verify(ProofWithPublicInputs { proof, public_inputs })
    }))
    .map_err(|_| RefusedProof::Panicked)?
    .map_err(|error| RefusedProof::Invalid(error.into()))
}
