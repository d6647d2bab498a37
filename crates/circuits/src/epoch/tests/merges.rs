use std::sync::LazyLock;

use plonky2::iop::witness::PartialWitness;
use plonky2::plonk::circuit_data::CircuitData;

use super::*;
use crate::epoch::leaf::LeafProver;
use crate::epoch::merge::{Check, Child, MergeProver, SegmentTarget, TrackVerifier, native_circuit_id};
use crate::epoch::track::{Layout, TrackError, TreeVerifier};
use crate::field;

struct Track {
    leaf: LeafProver<Counter>,
    merge: MergeProver,
}

/// Built once for all tests.
static TRACK: LazyLock<Track> = LazyLock::new(|| {
    let leaf = LeafProver::build(&Counter, &toy_shape()).unwrap();
    let merge = merge_of(&leaf, None);
    Track { leaf, merge }
});

fn merge_of(leaf: &LeafProver<Counter>, omitted: Option<Check>) -> MergeProver {
    let data = &leaf.data;
    let layout = Layout::of::<Counter>();
    MergeProver::build(&data.common, &data.verifier_only, layout, &toy_shape(), omitted).unwrap()
}

fn own(merge: &MergeProver) -> &TreeVerifier {
    &merge.data.verifier_only
}

fn segment(start: u32, step: u32, times: u32) -> TreeProof {
    let input = Count { start, step, times };
    TRACK.leaf.prove(&Counter, &input).unwrap()
}

fn leaf(proof: &TreeProof) -> Child<'_> {
    Child {
        proof,
        is_merge: false,
    }
}

fn merged(proof: &TreeProof) -> Child<'_> {
    Child {
        proof,
        is_merge: true,
    }
}

/// Start, end, context.
fn statement(proof: &TreeProof) -> [u64; 3] {
    use plonky2::field::types::PrimeField64;
    core::array::from_fn(|i| proof.public_inputs[i].to_canonical_u64())
}

/// A tree whose children do not meet, by a merge without the check of their order.
fn forged() -> (MergeProver, TreeProof) {
    let foreign = merge_of(&TRACK.leaf, Some(Check::Order));
    let (first, second) = (segment(0, 1, 2), segment(50, 1, 1));
    let proof = provable(&foreign.data, || {
        foreign.prove(&[leaf(&first), leaf(&second)], own(&foreign))
    });
    (foreign, proof.unwrap())
}

#[test]
fn leaves_and_merges_merge_into_one_segment() {
    let Track { merge, .. } = &*TRACK;
    assert_eq!(TRACK.leaf.data.common, merge.data.common, "one shape");
    let leaves = [segment(5, 3, 1), segment(8, 3, 2), segment(14, 3, 0)];
    let pair = provable(&merge.data, || {
        merge.prove(&[leaf(&leaves[0]), leaf(&leaves[1])], own(merge))
    })
    .unwrap();
    assert_eq!(statement(&pair), [5, 14, 3]);
    let mixed = provable(&merge.data, || {
        merge.prove(&[merged(&pair), leaf(&leaves[2])], own(merge))
    });
    assert_eq!(statement(&mixed.unwrap()), [5, 14, 3]);
    let alone = provable(&merge.data, || merge.prove(&[merged(&pair)], own(merge))).unwrap();
    assert_eq!(statement(&alone), [5, 14, 3], "an absent child adds nothing");
    let id = native_circuit_id(own(merge)).0.map(field::element);
    for proof in [&pair, &alone] {
        assert_eq!(proof.public_inputs[3..], id, "merge id");
    }
    assert!(merge.prove(&[], own(merge)).is_err());
    assert!(
        merge
            .prove(
                &[leaf(&leaves[0]), leaf(&leaves[1]), leaf(&leaves[2])],
                own(merge)
            )
            .is_err()
    );
}

#[test]
fn data_read_back_prove_as_those_built() {
    let shape = toy_shape();
    let rebuilt = LeafProver::with_data(
        &Counter,
        &shape,
        LeafProver::build(&Counter, &shape).unwrap().data,
    );
    let proof = rebuilt
        .prove(
            &Counter,
            &Count {
                start: 1,
                step: 2,
                times: 3,
            },
        )
        .unwrap();
    assert_eq!(statement(&proof), [1, 7, 2]);
    let merge = MergeProver::with_data(&shape, merge_of(&rebuilt, None).data);
    assert!(provable(&merge.data, || merge.prove(&[leaf(&proof)], own(&merge))).is_some());
}

#[test]
fn children_that_do_not_meet_or_have_other_contexts_are_refused() {
    let cases = [
        (Check::Order, segment(50, 1, 1)),
        (Check::Context, segment(2, 7, 1)),
    ];
    let first = segment(0, 1, 2);
    for (check, second) in cases {
        let children = || [leaf(&first), leaf(&second)];
        let incomplete = merge_of(&TRACK.leaf, Some(check));
        let merge = &TRACK.merge;
        assert!(
            provable(&incomplete.data, || incomplete
                .prove(&children(), own(&incomplete)))
            .is_some(),
            "{check:?} is what refuses this"
        );
        assert!(
            provable(&merge.data, || merge.prove(&children(), own(merge))).is_none(),
            "{check:?}"
        );
    }
}

/// CK-17: a merge takes its own verifier data from the prover. With another circuit's it takes that circuit's proofs, and
/// says so by its merge id, which no merge above takes for its own.
#[test]
fn a_foreign_merge_cannot_enter_a_tree_unseen() {
    let (foreign, forged) = forged();
    let good = &TRACK.merge;
    assert_eq!(foreign.data.common, good.data.common);

    assert!(
        provable(&good.data, || good.prove(&[leaf(&forged)], own(good))).is_none(),
        "not a leaf"
    );
    assert!(
        provable(&good.data, || good.prove(&[merged(&forged)], own(good))).is_none(),
        "not this merge"
    );
    let smuggled = provable(&good.data, || good.prove(&[merged(&forged)], own(&foreign))).unwrap();
    let id = native_circuit_id(own(&foreign)).0.map(field::element);
    assert_eq!(smuggled.public_inputs[3..], id, "what it took shows");
    assert!(
        provable(&good.data, || good.prove(&[merged(&smuggled)], own(good))).is_none(),
        "a merge of another id is refused"
    );

    let incomplete = merge_of(&TRACK.leaf, Some(Check::MergeId));
    let smuggled = provable(&incomplete.data, || {
        incomplete.prove(&[merged(&forged)], own(&foreign))
    })
    .unwrap();
    assert!(
        provable(&incomplete.data, || incomplete
            .prove(&[merged(&smuggled)], own(&incomplete)))
        .is_some(),
        "the merge id is what refuses it"
    );
}

/// A circuit above the track that takes any of its segments.
struct Above {
    data: CircuitData<F, TreeC, D>,
    segment: SegmentTarget,
}

fn above(check_merge_id: bool) -> Above {
    let track = TrackVerifier {
        common: TRACK.leaf.data.common.clone(),
        leaf: TRACK.leaf.data.verifier_only.clone(),
        merge: own(&TRACK.merge).clone(),
        layout: Layout::of::<Counter>(),
    };
    let mut builder = Builder::new(toy_config());
    let segment = SegmentTarget::allocate(&mut builder, &track);
    segment.constrain(&mut builder, &track, check_merge_id);
    Above {
        data: builder.build(),
        segment,
    }
}

impl Above {
    fn takes(&self, proof: &TreeProof, is_merge: bool) -> bool {
        provable(&self.data, || {
            let mut witness = PartialWitness::new();
            self.segment.assign(&mut witness, proof, is_merge)?;
            Ok(self.data.prove(witness)?)
        })
        .is_some()
    }
}

#[test]
fn above_a_track_only_its_own_segments_are_taken() {
    let (foreign, forged) = forged();
    let good = &TRACK.merge;
    let single = segment(0, 1, 1);
    let pair = good.prove(&[leaf(&single)], own(good)).unwrap();
    let smuggled = good.prove(&[merged(&forged)], own(&foreign)).unwrap();
    let complete = above(true);
    assert!(complete.takes(&single, false), "leaf");
    assert!(complete.takes(&pair, true), "merge");
    assert!(!complete.takes(&single, true), "a leaf is no merge");
    assert!(!complete.takes(&pair, false), "a merge is no leaf");
    assert!(!complete.takes(&forged, true), "another circuit's");
    assert!(!complete.takes(&smuggled, true), "a merge over another circuit's");
    assert!(
        above(false).takes(&smuggled, true),
        "the merge id is what refuses it"
    );
}

#[test]
fn a_circuit_that_does_not_fit_is_an_error() {
    let shape = Shape {
        degree_bits: 8,
        ..toy_shape()
    };
    let leaf = LeafProver::build(&Counter, &shape).unwrap();
    let layout = Layout::of::<Counter>();
    let merge = MergeProver::build(&leaf.data.common, &leaf.data.verifier_only, layout, &shape, None);
    assert!(matches!(
        merge.err(),
        Some(TrackError::Degree {
            circuit: "merge",
            expected: 8,
            ..
        })
    ));
}
