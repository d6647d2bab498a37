//! Tests that need proofs, at toy sizes: a few queries, no proof of work, the same code.

mod committed;
mod files;
mod jobs;
mod merges;
mod roots;
mod sizes;
mod transactions;
mod verified;

use std::panic::{AssertUnwindSafe, catch_unwind};

use plonky2::field::types::Field;
use plonky2::fri::FriConfig;
use plonky2::fri::reduction_strategies::FriReductionStrategy;
use plonky2::iop::target::Target;
use plonky2::iop::witness::{PartialWitness, WitnessWrite};
use plonky2::plonk::circuit_data::{CircuitConfig, CircuitData};

use super::config::{TREE, TreeC};
use super::track::{Leaf, LeafCircuit, Shape, TreeProof};
use crate::{BoxError, Builder, D, F};

/// The tree's configuration with two queries.
fn toy_config() -> CircuitConfig {
    CircuitConfig {
        security_bits: 6,
        fri_config: FriConfig {
            rate_bits: 3,
            cap_height: 1,
            proof_of_work_bits: 0,
            reduction_strategy: FriReductionStrategy::Fixed(vec![4]),
            num_query_rounds: 2,
        },
        ..TREE.circuit_config()
    }
}

fn toy_shape() -> Shape {
    Shape {
        config: toy_config(),
        degree_bits: 11,
        arity: 2,
    }
}

/// A track that counts: the end is the start and so many times the context.
struct Counter;

struct Count {
    start: u32,
    step: u32,
    times: u32,
}

impl Leaf for Counter {
    type Input = Count;
    type Targets = [Target; 3];
    const BOUNDARY: usize = 1;
    const CONTEXT: usize = 1;

    fn build(&self, builder: &mut Builder) -> LeafCircuit<[Target; 3]> {
        let targets = builder.add_virtual_target_arr();
        let [start, step, times] = targets;
        let end = builder.mul_add(step, times, start);
        LeafCircuit {
            targets,
            start: vec![start],
            end: vec![end],
            context: vec![step],
        }
    }

    fn assign(
        &self,
        targets: &[Target; 3],
        input: &Count,
        witness: &mut PartialWitness<F>,
    ) -> Result<(), BoxError> {
        let values = [input.start, input.step, input.times].map(F::from_canonical_u32);
        Ok(witness.set_target_arr(targets, &values)?)
    }
}

/// Whether the attempt makes a proof that the circuit's verifier accepts; the proof.
fn provable(
    data: &CircuitData<F, TreeC, D>,
    attempt: impl FnOnce() -> Result<TreeProof, BoxError>,
) -> Option<TreeProof> {
    let proof = catch_unwind(AssertUnwindSafe(attempt)).ok()?.ok()?;
    data.verify(proof.clone()).ok().map(|()| proof)
}
