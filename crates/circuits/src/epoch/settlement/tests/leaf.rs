//! Leaves against their native twins, and the full size.

use agoge_protocol::Element;
use agoge_state_transition::{evaluate_blobs, fingerprint};

use super::stream::{TIMING, challenges, epoch, rng};
use super::*;

/// Proves the steps in leaves of `units`, each from the end of the one before, and gives the last end.
fn run(leaf: &TestLeaf, steps: &[SettlementStep], challenges: SettlementChallenges) -> SettlementBoundary {
    let mut start = SettlementBoundary::START;
    for steps in steps.chunks(leaf.leaf.units()) {
        let input = SettlementInput {
            start,
            challenges,
            steps: steps.to_vec(),
        };
        let end = input.end().unwrap();
        assert_eq!(leaf.end(&input), numbers(&end));
        start = end;
    }
    start
}

#[test]
fn segments_lead_to_the_fingerprint_and_the_value_of_the_blobs() {
    let leaf = TestLeaf::new(3, None);
    for (seed, shape) in [
        (1, &[(0, 0)][..]),
        (2, &[(2, 3), (0, 0), (1, 0), (0, 2)]),
        (3, &[(0, 1), (4, 4), (0, 0), (0, 0)]),
    ] {
        let mut rng = rng(seed);
        let epoch = epoch(&mut rng, shape);
        let challenges = challenges(&mut rng);
        let end = run(&leaf, &epoch.steps, challenges);
        let elements = epoch.list.elements(epoch.inbox_start, &TIMING).unwrap();
        let (count, list) = elements.split_last().unwrap();
        assert_eq!(*count, end.block_count);
        assert_eq!(end.fingerprint, fingerprint(list.iter().copied(), challenges.alpha));
        let y = evaluate_blobs(epoch.blocks.iter().map(Vec::as_slice), challenges.z);
        assert_eq!(end.blobs.total.to_wide_limbs(), y);
        let between_blocks = SettlementBoundary {
            header_chain: end.header_chain,
            fingerprint: end.fingerprint,
            blobs: end.blobs,
            block_count: end.block_count,
            ..SettlementBoundary::START
        };
        assert_eq!(end, between_blocks);
    }
}

#[test]
fn a_segment_has_a_proof() {
    let leaf = TestLeaf::new(4, None);
    let mut rng = rng(5);
    let steps = epoch(&mut rng, &[(1, 2)]).steps;
    let input = SettlementInput {
        start: SettlementBoundary::START,
        challenges: challenges(&mut rng),
        steps,
    };
    assert!(leaf.is_provable(&input, &units(&input)));
}

#[test]
fn padding_changes_nothing() {
    let leaf = TestLeaf::new(2, None);
    let mut rng = rng(6);
    let challenges = challenges(&mut rng);
    let mut start = SettlementBoundary::START;
    for step in epoch(&mut rng, &[(1, 2), (0, 1)]).steps {
        let empty = SettlementInput {
            start: start.clone(),
            challenges,
            steps: vec![],
        };
        assert_eq!(leaf.end(&empty), numbers(&start));
        start.apply(&step, &challenges).unwrap();
    }
}

#[test]
fn too_many_steps_and_the_point_0_are_refused() {
    let leaf = TestLeaf::new(1, None);
    let mut rng = rng(7);
    let mut input = SettlementInput {
        start: SettlementBoundary::START,
        challenges: challenges(&mut rng),
        steps: epoch(&mut rng, &[(0, 1)]).steps,
    };
    let error = |input: &SettlementInput| {
        leaf.leaf
            .assign(&leaf.targets, input, &mut PartialWitness::new())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(error(&input), "a segment of 2 steps for a leaf of 1");
    input.steps.clear();
    input.challenges.z = [Element::ZERO; 3];
    assert_eq!(error(&input), "the blobs' point is 0");
}

/// Rows without padding to a power of two.
fn rows(units: usize) -> usize {
    let mut builder = Builder::new(config());
    SettlementLeaf::new(units).build(&mut builder);
    builder.num_gates()
}

#[test]
fn a_unit_has_few_rows() {
    let (one, eleven) = (rows(1), rows(11));
    println!("{one} rows with 1 unit, {eleven} with 11, {} with 240", rows(240));
    assert!(eleven - one < 700);
}
