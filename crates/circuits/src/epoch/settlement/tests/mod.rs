//! Segments of a few units in small circuits; the full size is measured by one proof.

mod leaf;
mod relation;
mod stream;

use plonky2::field::types::PrimeField64;
use plonky2::fri::reduction_strategies::FriReductionStrategy;
use plonky2::iop::witness::Witness;
use plonky2::plonk::circuit_data::{CircuitConfig, CircuitData};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use crate::{C, D};

/// A circuit of the tests: start, end and context are its public inputs.
struct TestLeaf {
    leaf: SettlementLeaf,
    data: CircuitData<F, C, D>,
    targets: SettlementTargets,
    end: Vec<Target>,
}

/// No security, little proof of work: what has a proof at all has one here.
fn config() -> CircuitConfig {
    let mut config = CircuitConfig::standard_recursion_config();
    config.security_bits = 0;
    config.fri_config.proof_of_work_bits = 0;
    config.fri_config.num_query_rounds = 2;
    config.fri_config.reduction_strategy = FriReductionStrategy::ConstantArityBits(4, 5);
    config
}

impl TestLeaf {
    fn new(units: usize, omitted: Option<Constraint>) -> Self {
        let leaf = SettlementLeaf { units, omitted };
        let mut builder = Builder::new(config());
        let LeafCircuit {
            targets,
            start,
            end,
            context,
        } = leaf.build(&mut builder);
        builder.register_public_inputs(&[start, end.clone(), context].concat());
        Self {
            leaf,
            data: builder.build::<C>(),
            targets,
            end,
        }
    }

    /// The end boundary that the circuit computes, by witness generation alone.
    fn end(&self, input: &SettlementInput) -> Vec<u64> {
        let mut witness = PartialWitness::new();
        self.leaf.assign(&self.targets, input, &mut witness).unwrap();
        let full = plonky2::iop::generator::generate_partial_witness(
            witness,
            &self.data.prover_only,
            &self.data.common,
        )
        .unwrap();
        self.end
            .iter()
            .map(|target| full.get_target(*target).to_canonical_u64())
            .collect()
    }

    fn is_provable(&self, values: &Values) -> bool {
        let mut witness = PartialWitness::new();
        self.targets
            .assign(&values.input, &values.inverse, &values.units, &mut witness)
            .unwrap();
        let proof = catch_unwind(AssertUnwindSafe(|| self.data.prove(witness)));
        proof.is_ok_and(|proof| proof.is_ok_and(|proof| self.data.verify(proof).is_ok()))
    }
}

/// Everything that a prover sets.
#[derive(Clone, Debug)]
struct Values {
    input: SettlementInput,
    inverse: [F; scalar::LIMBS],
    units: Vec<UnitValues<F>>,
}

impl Values {
    /// As an honest prover sets them.
    fn new(input: SettlementInput) -> Self {
        let point = BlobPoint::new(input.challenges.z).unwrap();
        Self {
            inverse: point.inverse().to_limbs().map(F::from_canonical_u32),
            units: input
                .steps
                .iter()
                .map(|step| UnitValues::new(step).unwrap())
                .collect(),
            input,
        }
    }
}

/// The numbers of a native boundary as the circuit has them.
fn numbers(boundary: &SettlementBoundary) -> Vec<u64> {
    boundary.to_elements().map(|element| element.get()).to_vec()
}
