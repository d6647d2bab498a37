//! The real root and wrap over toy tracks: which circuits' proofs they take.

use agoge_protocol::Element;
use plonky2::field::types::PrimeField64;

use super::roots::values;
use super::*;
use crate::epoch::leaf::LeafProver;
use crate::epoch::merge::{Check, Child, MergeProver, TrackVerifier};
use crate::epoch::root::{RootProver, RootSegment, Tracks};
use crate::epoch::settlement::SettlementBoundary;
use crate::epoch::state::Boundary;
use crate::epoch::track::{Layout, TreeVerifier};
use crate::epoch::wrap::WrapCircuit;
use crate::field;

/// A track whose leaf says whatever it is given.
struct Given<const BOUNDARY: usize, const CONTEXT: usize>;

impl<const BOUNDARY: usize, const CONTEXT: usize> Leaf for Given<BOUNDARY, CONTEXT> {
    type Input = [Vec<Element>; 3];
    type Targets = [Vec<Target>; 3];
    const BOUNDARY: usize = BOUNDARY;
    const CONTEXT: usize = CONTEXT;

    fn build(&self, builder: &mut Builder) -> LeafCircuit<[Vec<Target>; 3]> {
        let targets = [BOUNDARY, BOUNDARY, CONTEXT].map(|length| builder.add_virtual_targets(length));
        let [start, end, context] = targets.clone();
        LeafCircuit {
            targets,
            start,
            end,
            context,
        }
    }

    fn assign(
        &self,
        targets: &[Vec<Target>; 3],
        input: &[Vec<Element>; 3],
        witness: &mut PartialWitness<F>,
    ) -> Result<(), BoxError> {
        for (target, element) in targets.iter().flatten().zip(input.iter().flatten()) {
            witness.set_target(*target, field::element(*element))?;
        }
        Ok(())
    }
}

/// One statement, proven by every circuit there is.
struct Proven {
    track: TrackVerifier,
    /// Another merge of the same shape.
    foreign: TreeVerifier,
    leaf: TreeProof,
    merged: TreeProof,
    /// By the other merge.
    forged: TreeProof,
    /// By the true merge over the other one.
    smuggled: TreeProof,
}

impl Proven {
    fn of<const BOUNDARY: usize, const CONTEXT: usize>(statement: &[Vec<Element>; 3]) -> Self {
        let shape = toy_shape();
        let given = Given::<BOUNDARY, CONTEXT>;
        let layout = Layout::of::<Given<BOUNDARY, CONTEXT>>();
        let prover = LeafProver::build(&given, &shape).unwrap();
        let data = prover.data.verifier_data();
        let merge_of =
            |omitted| MergeProver::build(&data.common, &data.verifier_only, layout, &shape, omitted).unwrap();
        let (merge, foreign) = (merge_of(None), merge_of(Some(Check::Order)));
        let own = |merge: &MergeProver| merge.data.verifier_only.clone();
        let prove = |merge: &MergeProver, proof: &TreeProof, is_merge, own: &TreeVerifier| {
            provable(&merge.data, || merge.prove(&[Child { proof, is_merge }], own)).unwrap()
        };
        let leaf = provable(&prover.data, || prover.prove(&given, statement)).unwrap();
        let merged = prove(&merge, &leaf, false, &own(&merge));
        let forged = prove(&foreign, &leaf, false, &own(&foreign));
        let smuggled = prove(&merge, &forged, true, &own(&foreign));
        Self {
            track: TrackVerifier {
                common: data.common,
                leaf: data.verifier_only,
                merge: own(&merge),
                layout,
            },
            foreign: own(&foreign),
            leaf,
            merged,
            forged,
            smuggled,
        }
    }
}

#[test]
fn the_root_and_the_wrap_take_proofs_of_their_own_circuits_only_slow() {
    let values = values();
    let [transactions, state, settlement] = values.segments();
    let proven = [
        Proven::of::<4, 0>(&transactions),
        Proven::of::<{ Boundary::<Element>::LEN }, 4>(&state),
        Proven::of::<{ SettlementBoundary::LEN }, 5>(&settlement),
    ];
    let tracks = |[transactions, state, settlement]: [TrackVerifier; 3]| Tracks {
        transactions,
        state,
        settlement,
    };
    let true_tracks = proven.each_ref().map(|proven| proven.track.clone());
    let root = RootProver::build(toy_config(), &tracks(true_tracks.clone()));
    let prove = |root: &RootProver, segments: [(&TreeProof, bool); 3]| {
        let segments = segments.map(|(proof, is_merge)| RootSegment { proof, is_merge });
        provable(&root.data, || root.prove(segments, values.parent.as_ref()))
    };
    let leaves = || proven.each_ref().map(|proven| (&proven.leaf, false));
    let merges = || proven.each_ref().map(|proven| (&proven.merged, true));

    let expected = values.expected().to_elements().map(Element::get);
    let of_leaves = prove(&root, leaves()).unwrap();
    for proof in [&of_leaves, &prove(&root, merges()).unwrap()] {
        let found = proof.public_inputs.iter().map(|x| x.to_canonical_u64());
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }
    for (place, proven) in proven.iter().enumerate() {
        for (name, segment) in [
            ("a leaf is no merge", (&proven.leaf, true)),
            ("a merge is no leaf", (&proven.merged, false)),
            ("another merge's", (&proven.forged, true)),
            ("another merge's as a leaf", (&proven.forged, false)),
            ("over another merge's", (&proven.smuggled, true)),
        ] {
            let mut segments = leaves();
            segments[place] = segment;
            assert!(prove(&root, segments).is_none(), "track {place}: {name}");
        }
    }

    let wrap = WrapCircuit::build(toy_config(), &root.data.verifier_data());
    let wraps = |proof: &TreeProof| {
        catch_unwind(AssertUnwindSafe(|| wrap.prove(proof).ok()))
            .ok()
            .flatten()
            .is_some_and(|proof| wrap.data.verify(proof).is_ok())
    };
    assert!(wraps(&of_leaves));
    // One track's merge is another: the rest of its constants, and what it says, are the true root's.
    let mut others = true_tracks;
    others[1].merge = proven[1].foreign.clone();
    let other = RootProver::build(toy_config(), &tracks(others));
    assert_eq!(other.data.common, root.data.common, "one shape");
    let proof = prove(&other, leaves()).unwrap();
    assert_eq!(proof.public_inputs, of_leaves.public_inputs);
    assert!(!wraps(&proof), "another root's");
}
