//! Making client proofs.

use std::panic::{AssertUnwindSafe, catch_unwind};

use agoge_protocol::TxPublicInputs;
use agoge_protocol::network::ClientProfile;
use plonky2::util::serialization::Write;

use super::circuit::ClientCircuit;
use super::values::Values;
use super::verifier::{ClientVerifier, VerifierDataError, VerifyError};
use super::verifier_data;
use super::witness::{ClientWitness, WitnessError};
use crate::BoxError;

/// Makes client proofs of one profile. Building it builds the circuit (about a second in the default profile), so build it
/// once and share it.
pub struct ClientProver {
    circuit: ClientCircuit,
    verifier: ClientVerifier,
}

/// Why there is no prover. Both mean a damaged or inconsistent build of this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientProverError {
    /// The committed verifier data cannot be used.
    #[error(transparent)]
    VerifierData(#[from] VerifierDataError),
    /// The circuit in the source is not the one whose verifier data are committed: nobody would accept its proofs.
    #[error("the client circuit of the {profile:?} profile differs from its committed verifier data")]
    CircuitChanged {
        /// Which circuit.
        profile: ClientProfile,
    },
}

/// Why a witness got no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// The witness breaks a rule; found before any proving.
    #[error(transparent)]
    Witness(#[from] WitnessError),
    /// The proof system failed twice.
    #[error("the proof system failed")]
    Prover(#[source] BoxError),
    /// The proof system panicked twice.
    #[error("the proof system panicked")]
    Panicked,
    /// The proofs that were made do not verify, twice.
    #[error("the proof made does not verify")]
    Unverifiable(#[source] VerifyError),
}

impl ClientProver {
    /// Builds the circuit and compares it with the committed verifier data.
    ///
    /// # Errors
    /// [`ClientProverError`].
    pub fn new(profile: ClientProfile) -> Result<Self, ClientProverError> {
        let verifier = ClientVerifier::new(profile)?;
        let circuit = ClientCircuit::build(profile, None);
        if circuit.data.verifier_data() != *verifier.data() {
            return Err(ClientProverError::CircuitChanged { profile });
        }
        Ok(Self { circuit, verifier })
    }

    /// The verifier of the proofs made here.
    pub const fn verifier(&self) -> &ClientVerifier {
        &self.verifier
    }

    /// Log2 of the circuit's rows, blinding included.
    pub fn degree_bits(&self) -> usize {
        self.circuit.data.common.degree_bits()
    }

    /// Proves a transaction: its public inputs and the proof's bytes.
    ///
    /// The witness is checked natively first. Blinding comes from the operating system's randomness, inside plonky2: two
    /// proofs of one witness differ (in the default profile), so never compare or deduplicate proofs by their bytes. With tiny
    /// probability the prover meets a division by zero, hence one retry. The proof is verified before it is returned. Seconds
    /// of CPU on all cores; async callers use a blocking thread. plonky2 does not wipe its copies of the witness from memory.
    ///
    /// # Errors
    /// [`ProveError::Witness`] when the witness breaks a rule; the others when the proof system fails twice.
    pub fn prove(&self, witness: &ClientWitness) -> Result<(TxPublicInputs, Vec<u8>), ProveError> {
        let public_inputs = witness.public_inputs()?;
        let values = Values::new(witness, &public_inputs);
        let attempt = || -> Result<Vec<u8>, ProveError> {
            let proof = catch_unwind(AssertUnwindSafe(|| prove_values(&self.circuit, &values)))
                .map_err(|_| ProveError::Panicked)?
                .map_err(ProveError::Prover)?;
            self.verifier
                .verify(&public_inputs, &proof)
                .map_err(ProveError::Unverifiable)?;
            Ok(proof)
        };
        // The second attempt draws other blinding; should it fail too, its reason stands for both.
        let proof = attempt().or_else(|_| attempt())?;
        Ok((public_inputs, proof))
    }

    /// The verifier data of the circuit in the source: what `data/` must hold. For the example that writes these files and
    /// the test that compares them; `None` when the circuit has a gate that the encoding does not know.
    pub fn build_verifier_data(profile: ClientProfile) -> Option<Vec<u8>> {
        verifier_data::encode(&ClientCircuit::build(profile, None).data.verifier_data()).ok()
    }
}

impl core::fmt::Debug for ClientProver {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ClientProver")
            .field("profile", &self.verifier.profile())
            .finish_non_exhaustive()
    }
}

/// One attempt at a proof, whatever the values.
pub(super) fn prove_values(circuit: &ClientCircuit, values: &Values<crate::F>) -> Result<Vec<u8>, BoxError> {
    let proof = circuit.data.prove(circuit.assign(values)?)?;
    let mut bytes = Vec::new();
    bytes.write_proof(&proof.proof).map_err(|e| e.to_string())?;
    Ok(bytes)
}
