//! Circuit and native twin give the same boundary.

use agoge_protocol::element::MODULUS;
use agoge_state_transition::witness::{StateBoundary, StateStep, StepError};
use plonky2::iop::witness::{PartialWitness, Witness};
use proptest::prelude::*;

use super::super::leaf::{StateInput, StateInputError};
use super::chain::{Chain, effects, genesis_id, with_keys};
use super::*;

const UNITS: usize = 5;

/// The boundary after an input's steps, by witness generation alone.
fn end_in_circuit(input: &StateInput) -> Vec<F> {
    let leaf = StateLeaf::with_units(UNITS);
    let mut builder = Builder::new(config());
    let (targets, end) = constrain(&mut builder, &leaf);
    let circuit = builder.mock_build::<C>();
    let mut witness = PartialWitness::new();
    leaf.assign(&targets, input, &mut witness).unwrap();
    let full = circuit.generate_witness(witness);
    end.to_list()
        .into_iter()
        .map(|target| full.get_target(target))
        .collect()
}

fn walk(start: StateBoundary, steps: &[StateStep]) -> StateBoundary {
    steps.iter().fold(start, |boundary, step| {
        boundary.apply(genesis_id(), step).unwrap()
    })
}

/// Cuts steps into segments of at most [`UNITS`] and compares each one's end.
fn compare(mut start: StateBoundary, steps: &[StateStep]) {
    for segment in steps.chunks(UNITS) {
        let end = walk(start, segment);
        let input = StateInput {
            genesis_id: genesis_id(),
            start,
            steps: segment.to_vec(),
        };
        assert_eq!(end_in_circuit(&input), targets_of(&end).to_list());
        start = end;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    /// Blocks of all shapes from any parity of the counts, in full segments and padded ones.
    #[test]
    fn the_circuit_and_its_twin_agree(
        first in 1..4_u64,
        earlier in 0..2_u32,
        deposits in 0..3_u64,
        txs in 0..4_u32,
        seed in 0..1_000_u32,
    ) {
        let mut chain = Chain::new(first);
        let earlier: Vec<_> = (0..earlier).map(|i| effects(seed + i)).collect();
        chain.grow(0, &earlier);
        let txs: Vec<_> = (0..txs).map(|i| effects(seed + 100 + i)).collect();
        let (start, block) = chain.steps(deposits, &txs);
        compare(start, &block.steps);
    }
}

/// Two insertions in sequence: each nullifier may be the other's low leaf, and the odd leaf may be either's.
#[test]
fn the_circuit_and_its_twin_agree_on_any_order_of_nullifiers() {
    let chain = Chain::new(1);
    let txs = [
        with_keys(1, [[10, 1], [20, 1]]),
        with_keys(2, [[30, 1], [25, 1]]),
        with_keys(4, [[22, 1], [21, 1]]),
        with_keys(5, [[5, 7], [5, 6]]),
    ];
    let (start, block) = chain.steps(1, &txs);
    compare(start, &block.steps);
}

#[test]
fn keys_at_the_ends_of_their_range_have_a_proof() {
    let circuit = OneUnit::new(None);
    let chain = Chain::new(1);
    let (max, high) = (MODULUS - 1, 1 << 32);
    for keys in [
        [[0, 1], [max, max]],
        [[max, 0], [0, max]],
        [[high - 1, high], [high, high - 1]],
        [[max - 1, high - 1], [max, high]],
    ] {
        let (before, step) = chain.step(0, &[with_keys(1, keys)], 0);
        assert!(circuit.proves(&Case::of_step(&before, &step)), "{keys:?}");
    }
}

#[test]
fn inputs_that_do_not_fit_are_refused_before_proving() {
    let chain = Chain::new(1);
    let (start, block) = chain.steps(2, &[effects(1)]);
    let input = StateInput {
        genesis_id: genesis_id(),
        start,
        steps: block.steps,
    };
    let bytes = borsh::to_vec(&input).unwrap();
    assert_eq!(borsh::from_slice::<StateInput>(&bytes).unwrap(), input);

    let small = StateLeaf::with_units(3);
    assert!(matches!(
        small.values(&input),
        Err(StateInputError::TooManySteps { found: 4, limit: 3 })
    ));
    let leaf = StateLeaf::with_units(4);
    assert_eq!(leaf.values(&input).unwrap().len(), 4);
    let mut swapped = input.clone();
    swapped.steps.swap(1, 2);
    let refused = leaf.values(&swapped);
    assert!(matches!(
        refused,
        Err(StateInputError::Step {
            position: 2,
            reason: StepError::DepositAfterTransaction { .. }
        })
    ));
    let mut builder = Builder::new(config());
    let (targets, _) = constrain(&mut builder, &leaf);
    let mut overflow = input;
    overflow.start.number = agoge_protocol::L2BlockNumber::new(u64::MAX);
    overflow.steps.clear();
    assert!(
        leaf.assign(&targets, &overflow, &mut PartialWitness::new())
            .is_err()
    );
}
