//! A circuit of the kind that L1 verifies, as the wrap of an epoch's root is: it verifies a proof with 24 public inputs. Its
//! rate is 1/8 instead of 1/128, so that many proofs can be made; all else is the wrap's.

use plonky2::field::types::Field;
use plonky2::fri::FriConfig;
use plonky2::fri::reduction_strategies::FriReductionStrategy;
use plonky2::gates::noop::NoopGate;
use plonky2::hash::poseidon::PoseidonHash;
use plonky2::iop::target::Target;
use plonky2::iop::witness::{PartialWitness, WitnessWrite};
use plonky2::plonk::circuit_data::{CircuitConfig, CircuitData};
use plonky2::plonk::proof::{ProofWithPublicInputs, ProofWithPublicInputsTarget};

use super::super::config::L1Config;
use crate::{Builder, C, D, F};

/// The circuit, the one that it verifies, and their inputs.
pub(super) struct StandIn {
    pub(super) wrap: CircuitData<F, L1Config, D>,
    root: CircuitData<F, C, D>,
    public: Vec<Target>,
    proof: ProofWithPublicInputsTarget<D>,
}

impl StandIn {
    pub(super) fn build() -> Self {
        let mut builder = Builder::new(config(80, 4, 21, 16, &[4, 4]));
        let public = builder.add_virtual_targets(24);
        builder.hash_n_to_hash_no_pad::<PoseidonHash>(public.clone());
        while builder.num_gates() < 1 << 9 {
            builder.add_gate(NoopGate, vec![]);
        }
        builder.register_public_inputs(&public);
        let root = builder.build::<C>();

        let mut builder = Builder::new(config(60, 3, 11, 23, &[3, 3]));
        let proof = builder.add_virtual_proof_with_pis(&root.common);
        let verifier = builder.constant_verifier_data(&root.verifier_only);
        builder.verify_proof::<C>(&proof, &verifier, &root.common);
        builder.register_public_inputs(&proof.public_inputs);
        Self {
            wrap: builder.build(),
            root,
            public,
            proof,
        }
    }

    pub(super) fn prove(&self, public: &[F; 24]) -> ProofWithPublicInputs<F, L1Config, D> {
        let mut witness = PartialWitness::new();
        for (target, element) in self.public.iter().zip(public) {
            witness.set_target(*target, *element).unwrap();
        }
        let root = self.root.prove(witness).unwrap();
        let mut witness = PartialWitness::new();
        witness.set_proof_with_pis_target(&self.proof, &root).unwrap();
        self.wrap.prove(witness).unwrap()
    }
}

fn config(
    routed: usize,
    rate_bits: usize,
    queries: usize,
    proof_of_work_bits: u32,
    arity_bits: &[usize],
) -> CircuitConfig {
    CircuitConfig {
        num_routed_wires: routed,
        num_challenges: 3,
        security_bits: 20,
        fri_config: FriConfig {
            rate_bits,
            cap_height: 4,
            proof_of_work_bits,
            reduction_strategy: FriReductionStrategy::Fixed(arity_bits.to_vec()),
            num_query_rounds: queries,
        },
        ..CircuitConfig::standard_recursion_config()
    }
}

/// Public inputs that differ by seed; some are the largest and the smallest element.
pub(super) fn public_inputs(seed: u64) -> [F; 24] {
    let mut state = F::from_canonical_u64(seed + 3);
    core::array::from_fn(|index| match index {
        5 => F::NEG_ONE,
        6 => F::ZERO,
        _ => {
            state = state.exp_u64(7) + F::from_canonical_u64(seed + 11);
            state
        }
    })
}
