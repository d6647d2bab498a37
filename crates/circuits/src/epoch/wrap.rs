//! The last layer: one verification of the epoch root's proof, hashed with Keccak, for L1.
//!
//! Its public inputs are the root's, unchanged. The root's verifier data are constants.

use plonky2::iop::witness::{PartialWitness, WitnessWrite};
use plonky2::plonk::circuit_data::{CircuitConfig, CircuitData, CommonCircuitData, VerifierCircuitData};
use plonky2::plonk::proof::{ProofWithPublicInputs, ProofWithPublicInputsTarget};

use super::config::{TreeC, WrapC};
use crate::{BoxError, Builder, D, F};

/// The wrap with everything that proving needs.
pub(crate) struct WrapCircuit {
    pub(crate) data: CircuitData<F, WrapC, D>,
    root: ProofWithPublicInputsTarget<D>,
}

impl WrapCircuit {
    /// Builds the wrap of a root with this verifier data.
    pub(crate) fn build(config: CircuitConfig, root: &VerifierCircuitData<F, TreeC, D>) -> Self {
        let (builder, target) = Self::constrain(config, root);
        Self {
            data: builder.build(),
            root: target,
        }
    }

    /// Rows without padding, public inputs' hash and constants.
    #[cfg(test)]
    pub(crate) fn rows(config: CircuitConfig, root: &VerifierCircuitData<F, TreeC, D>) -> usize {
        Self::constrain(config, root).0.num_gates()
    }

    /// The wrap with data that were built before.
    pub(crate) fn with_data(root: &CommonCircuitData<F, D>, data: CircuitData<F, WrapC, D>) -> Self {
        let mut builder = Builder::new(data.common.config.clone());
        let root = builder.add_virtual_proof_with_pis(root);
        Self { data, root }
    }

    fn constrain(
        config: CircuitConfig,
        root: &VerifierCircuitData<F, TreeC, D>,
    ) -> (Builder, ProofWithPublicInputsTarget<D>) {
        let mut builder = Builder::new(config);
        let proof = builder.add_virtual_proof_with_pis(&root.common);
        let verifier = builder.constant_verifier_data(&root.verifier_only);
        builder.verify_proof::<TreeC>(&proof, &verifier, &root.common);
        builder.register_public_inputs(&proof.public_inputs);
        (builder, proof)
    }

    /// One attempt at a proof.
    pub(crate) fn prove(
        &self,
        root: &ProofWithPublicInputs<F, TreeC, D>,
    ) -> Result<ProofWithPublicInputs<F, WrapC, D>, BoxError> {
        let mut witness = PartialWitness::new();
        witness.set_proof_with_pis_target(&self.root, root)?;
        Ok(self.data.prove(witness)?)
    }
}
