//! Leaves against their native twins, and the full size.

use agoge_protocol::{Element, Header};
use agoge_state_transition::{evaluate_blobs, fingerprint};

use crate::epoch::serialization::{EpochGates, EpochGenerators};

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
        assert_eq!(
            end.fingerprint,
            fingerprint(list.iter().copied(), challenges.alpha)
        );
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
    assert!(leaf.is_provable(&Values::new(input)));
}

/// The circuit takes settlement hash, effects hash and count from the stream, so a header that lies about them has another
/// hash, and the chain is not that of the state track.
#[test]
fn headers_that_lie_about_the_stream_have_another_chain() {
    let leaf = TestLeaf::new(3, None);
    let mut rng = rng(8);
    let input = SettlementInput {
        start: SettlementBoundary::START,
        challenges: challenges(&mut rng),
        steps: epoch(&mut rng, &[(1, 1)]).steps,
    };
    let end = numbers(&input.end().unwrap());
    let one = Element::from_u32(1);
    let lies: [fn(&mut Header, Element); 3] = [
        |header, one| header.settlement_hash.0[0] = one,
        |header, one| header.effects_hash.0[3] = one,
        |header, _| header.tx_count += 1,
    ];
    for lie in lies {
        let mut lying = input.clone();
        let Some(SettlementStep::BlockEnd { header, .. }) = lying.steps.last_mut() else {
            panic!("the block ends");
        };
        lie(header, one);
        assert_ne!(
            numbers(&lying.end().unwrap())[..4],
            end[..4],
            "the native chain takes the lie"
        );
        assert_eq!(leaf.end(&lying), end, "the circuit does not");
    }
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

/// Every gate and generator of the leaf is in the lists, and keeps what it is.
#[test]
fn a_leaf_from_disk_proves() {
    let mut leaf = TestLeaf::new(1, None);
    let mut rng = rng(9);
    let values = Values::new(SettlementInput {
        start: SettlementBoundary::START,
        challenges: challenges(&mut rng),
        steps: vec![epoch(&mut rng, &[(0, 1)]).steps.remove(0)],
    });
    let bytes = leaf.data.to_bytes(&EpochGates, &EpochGenerators).unwrap();
    let read = CircuitData::<F, C, D>::from_bytes(&bytes, &EpochGates, &EpochGenerators).unwrap();
    assert_eq!(read, leaf.data);
    leaf.data = read;
    assert!(leaf.is_provable(&values));
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
    assert_eq!((one, eleven), (254, 891));
    // With the hash of the public inputs and constants, 3 % of the rows stay free.
    assert!(rows(UNITS) + 30 < 16_384 * 97 / 100);
}
