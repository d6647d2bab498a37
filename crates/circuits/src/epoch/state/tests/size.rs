//! Rows, and a proof of the product's size.

use plonky2::field::types::PrimeField64;

use super::super::leaf::{STATE_UNITS, StateInput};
use super::chain::{Chain, effects};
use super::*;
use crate::epoch::config::TREE;

/// 3 % of 2^14 rows stay free for the public inputs' hash, constants and what a gate may need tomorrow.
#[test]
fn a_segment_fits_its_rows_with_room() {
    let mut builder = Builder::new(TREE.circuit_config());
    constrain(&mut builder, &StateLeaf::new());
    let rows = builder.num_gates();
    assert_eq!(rows, STATE_UNITS * 362 + 6);
    assert!(rows * 100 <= (1 << 14) * 97, "{rows} rows");
}

#[test]
fn a_whole_segment_is_proven_and_shows_its_boundaries_slow() {
    let leaf = StateLeaf::new();
    let mut builder = Builder::new(TREE.circuit_config());
    let (targets, _) = constrain(&mut builder, &leaf);
    let circuit = builder.build::<C>();
    assert_eq!(circuit.common.degree_bits(), 14);

    let chain = Chain::new(3);
    let txs: Vec<_> = (0..40).map(effects).collect();
    let (start, block) = chain.steps(1, &txs);
    let end = block.steps.iter().fold(start, |boundary, step| {
        boundary.apply(genesis_id(), step).unwrap()
    });
    let input = StateInput {
        genesis_id: genesis_id(),
        start,
        steps: block.steps,
    };
    let mut witness = PartialWitness::new();
    leaf.assign(&targets, &input, &mut witness).unwrap();
    let before = std::time::Instant::now();
    let proof = circuit.prove(witness).unwrap();
    println!("{} steps in {:?}", input.steps.len(), before.elapsed());

    let shown: Vec<u64> = proof
        .public_inputs
        .iter()
        .map(PrimeField64::to_canonical_u64)
        .collect();
    let expected: Vec<u64> = [start, end]
        .iter()
        .flat_map(|boundary| boundary.to_elements().unwrap())
        .chain(genesis_id().0)
        .map(agoge_protocol::Element::get)
        .collect();
    assert_eq!(shown, expected);
    circuit.verify(proof).unwrap();
}
