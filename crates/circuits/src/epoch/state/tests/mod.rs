//! Units against their native twin, and every constraint with values that break only it.

mod agree;
mod chain;
mod order;
mod places;
mod relation;
mod size;
mod units;

use std::panic::{AssertUnwindSafe, catch_unwind};

use agoge_protocol::Digest;
use agoge_state_transition::witness::{StateBoundary, StateStep};
use plonky2::field::types::Field;
use plonky2::fri::FriConfig;
use plonky2::fri::reduction_strategies::FriReductionStrategy;
use plonky2::iop::witness::PartialWitness;
use plonky2::plonk::circuit_data::{CircuitConfig, CircuitData};

use super::boundary::Boundary;
use super::leaf::{StateLeaf, StateTargets};
use super::unit::Constraint;
use super::values::UnitValues;
use crate::epoch::track::Leaf;
use crate::field::element;
use crate::{Builder, C, D, F};
use chain::genesis_id;

/// The tree's gates with a verifier that looks at little: what tests ask is whether the prover finds a proof at all.
fn config() -> CircuitConfig {
    CircuitConfig {
        security_bits: 1,
        num_challenges: 1,
        fri_config: FriConfig {
            rate_bits: 3,
            cap_height: 0,
            proof_of_work_bits: 0,
            reduction_strategy: FriReductionStrategy::ConstantArityBits(4, 5),
            num_query_rounds: 2,
        },
        ..CircuitConfig::standard_recursion_config()
    }
}

/// Adds a leaf and shows its boundaries.
fn constrain(
    builder: &mut Builder,
    leaf: &StateLeaf,
) -> (StateTargets, Boundary<plonky2::iop::target::Target>) {
    let circuit = leaf.build(builder);
    for part in [&circuit.start, &circuit.end, &circuit.context] {
        builder.register_public_inputs(part);
    }
    (circuit.targets, Boundary::from_list(&circuit.end).unwrap())
}

/// A circuit of one unit.
struct OneUnit {
    data: CircuitData<F, C, D>,
    targets: StateTargets,
}

impl OneUnit {
    fn new(omitted: Option<Constraint>) -> Self {
        let leaf = StateLeaf::with_units(1);
        let leaf = omitted.map_or(leaf, |omitted| leaf.without(omitted));
        let mut builder = Builder::new(config());
        let (targets, _) = constrain(&mut builder, &leaf);
        Self {
            data: builder.build::<C>(),
            targets,
        }
    }

    /// Whether there is a proof for the values: the prover makes one, and the verifier accepts it.
    fn proves(&self, Case { start, values, .. }: &Case) -> bool {
        let proof = catch_unwind(AssertUnwindSafe(|| {
            let mut witness = PartialWitness::new();
            let start = start.to_list();
            let units = core::slice::from_ref(values);
            StateLeaf::set(&self.targets, genesis_id(), &start, units, &mut witness).unwrap();
            self.data.prove(witness)
        }));
        proof.is_ok_and(|proof| proof.is_ok_and(|proof| self.data.verify(proof).is_ok()))
    }
}

/// One unit's values and the boundary before it.
#[derive(Clone)]
struct Case {
    description: String,
    start: Boundary<F>,
    values: UnitValues<F>,
}

impl Case {
    /// Honest values of a step.
    fn of_step(before: &StateBoundary, step: &StateStep) -> Self {
        let after = before.apply(genesis_id(), step).unwrap();
        Self {
            description: String::new(),
            start: targets_of(before),
            values: UnitValues::of_step(genesis_id(), before, &after, step).unwrap(),
        }
    }

    /// Honest padding.
    fn padding(before: &StateBoundary) -> Self {
        Self {
            description: String::new(),
            start: targets_of(before),
            values: UnitValues::padding(genesis_id(), before),
        }
    }

    fn change(&self, description: impl Into<String>, change: impl FnOnce(&mut Self)) -> Self {
        let mut case = self.clone();
        change(&mut case);
        case.description = description.into();
        case
    }
}

/// Each case has a proof without the constraint and none with it.
fn check(constraint: Constraint, cases: Vec<Case>) {
    let complete = OneUnit::new(None);
    let mutant = OneUnit::new(Some(constraint));
    for case in cases {
        let description = &case.description;
        assert!(
            mutant.proves(&case),
            "{description} breaks more than {constraint:?}"
        );
        assert!(!complete.proves(&case), "{description} has a proof");
    }
}

fn targets_of(boundary: &StateBoundary) -> Boundary<F> {
    Boundary::from_list(&boundary.to_elements().unwrap().map(element)).unwrap()
}

fn f(number: u64) -> F {
    F::from_canonical_u64(number)
}

fn native(elements: [F; 4]) -> Digest {
    Digest(elements.map(crate::field::native))
}
