//! A root without a statement but of the true one's shape, until that one is here.

use agoge_protocol::{Digest, Element};
use plonky2::gates::noop::NoopGate;
use plonky2::iop::target::Target;
use plonky2::iop::witness::{PartialWitness, WitnessWrite};
use plonky2::plonk::circuit_data::CircuitData;
use plonky2::plonk::proof::ProofWithPublicInputsTarget;

use super::config::{self, TreeC};
use super::track::TreeProof;
use crate::gadgets;
use crate::{BoxError, Builder, D, F};

/// The stand-in with everything that proving needs.
pub(crate) struct StandInRoot {
    pub(crate) data: CircuitData<F, TreeC, D>,
    public: Vec<Target>,
    inner: CircuitData<F, TreeC, D>,
    inner_proof: ProofWithPublicInputsTarget<D>,
    inner_start: Target,
}

impl StandInRoot {
    /// Builds 2^14 rows.
    pub(crate) fn build() -> Self {
        let tree = config::TREE.circuit_config();
        let mut builder = Builder::new(tree.clone());
        let inner_start = builder.add_virtual_target();
        let zero = builder.zero();
        let hash = gadgets::hash(
            &mut builder,
            agoge_state_transition::hash::OWNER,
            &[inner_start, zero, zero, zero],
        );
        builder.register_public_inputs(&hash);
        builder.register_public_input(inner_start);
        while builder.num_gates() <= 1 << 8 {
            builder.add_gate(NoopGate, vec![]);
        }
        let inner = builder.build::<TreeC>();

        let mut builder = Builder::new(config::ROOT.circuit_config());
        let public = builder.add_virtual_targets(24);
        let inner_proof = builder.add_virtual_proof_with_pis(&inner.common);
        let verifier = builder.constant_verifier_data(&inner.verifier_only);
        builder.verify_proof::<TreeC>(&inner_proof, &verifier, &inner.common);
        while builder.num_gates() <= 1 << 13 {
            builder.add_gate(NoopGate, vec![]);
        }
        builder.register_public_inputs(&public);
        Self {
            data: builder.build(),
            public,
            inner,
            inner_proof,
            inner_start,
        }
    }

    /// Proves that these are 24 elements.
    pub(crate) fn prove(&self, public: &[Element; 24]) -> Result<TreeProof, BoxError> {
        let mut witness = PartialWitness::new();
        witness.set_target(self.inner_start, crate::field::digest(Digest::ZERO)[0])?;
        let inner = self.inner.prove(witness)?;
        let mut witness = PartialWitness::new();
        for (target, element) in self.public.iter().zip(public) {
            witness.set_target(*target, crate::field::element(*element))?;
        }
        witness.set_proof_with_pis_target(&self.inner_proof, &inner)?;
        Ok(self.data.prove(witness)?)
    }
}
