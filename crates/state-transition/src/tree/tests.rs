//! Roots against the plainest reading of section 6, golden initial roots, paths.

use proptest::prelude::*;

use super::*;
use crate::fixture::{Fault, Faulty, ReadFailed, digest};
use crate::{MemoryState, StateDiff};

/// The root by definition: recursion over the whole tree, cut only where it is empty.
pub(crate) fn reference_root(leaves: &BTreeMap<u64, Digest>) -> Digest {
    fn subtree(leaves: &BTreeMap<u64, Digest>, level: u32, index: u64) -> Digest {
        let span = 1_u64 << level;
        let mut inside = leaves.range(index * span..(index + 1) * span);
        match (inside.next(), level) {
            (Some((_, leaf)), 0) => *leaf,
            (None, 0) => Digest::ZERO,
            (None, _) => {
                let below = subtree(leaves, level - 1, index * 2);
                hash::node(below, below)
            }
            _ => hash::node(
                subtree(leaves, level - 1, index * 2),
                subtree(leaves, level - 1, index * 2 + 1),
            ),
        }
    }
    subtree(leaves, 32, 0)
}

/// Sets leaves in one batch and applies it.
fn set(state: &mut MemoryState, leaves: BTreeMap<u64, Digest>) -> Digest {
    let count = state
        .leaf_count(Tree::Note)
        .unwrap()
        .max(leaves.keys().next_back().map_or(0, |last| last + 1));
    let mut writes = vec![Write::LeafCount {
        tree: Tree::Note,
        count,
    }];
    let root = update(&*state, Tree::Note, leaves, count, &mut writes).unwrap();
    state.apply(&StateDiff::new(writes));
    root
}

#[test]
fn initial_roots_are_constants() {
    let state = MemoryState::new();
    let empty = "0x6d09b61a40cf9718f146fa94a69007c62cbde507906d44c194e6c62052262742";
    assert_eq!(root(&state, Tree::Note).unwrap().to_string(), empty);
    assert_eq!(root(&state, Tree::Archive).unwrap().to_string(), empty);
    assert_eq!(
        root(&state, Tree::Nullifier).unwrap().to_string(),
        "0x65d9655a51044f6a8b45f798832cf609d1030474f0e90552645845bf858f0d2a"
    );
    assert_eq!(empty_root(), reference_root(&BTreeMap::new()));
    let leaf = hash::nullifier_leaf(
        [agoge_protocol::Element::ZERO; 2],
        [agoge_protocol::Element::ZERO; 2],
    );
    assert_eq!(
        root(&state, Tree::Nullifier).unwrap(),
        reference_root(&BTreeMap::from([(0, leaf)]))
    );
    assert_eq!(state.leaf_count(Tree::Nullifier), Ok(1));
}

#[test]
fn every_leaf_has_a_path_and_no_other_leaf_fits_it() {
    let mut state = MemoryState::new();
    let root = set(&mut state, (0..11).zip((0..).map(digest)).collect());
    for (index, leaf) in (0..11).zip((0..).map(digest)) {
        let path = note_path(&state, index).unwrap().unwrap();
        assert!(path.verify(leaf, root), "leaf {index}");
        assert!(!path.verify(digest(99), root));
        assert!(!path.verify(leaf, digest(99)));
        assert!(
            !MerklePath {
                index: index ^ 1,
                ..path
            }
            .verify(leaf, root)
        );
        assert!(
            !MerklePath {
                index: index + LEAVES_MAX,
                ..path
            }
            .verify(leaf, root),
            "an alias of the index"
        );
    }
    assert_eq!(note_path(&state, 11), Ok(None));
}

#[test]
fn a_failing_or_torn_store_is_told_apart_from_an_empty_one() {
    let mut inner = MemoryState::new();
    set(&mut inner, BTreeMap::from([(0, digest(1))]));
    let leaves = || BTreeMap::from([(1, digest(2))]);
    let failing = Faulty {
        inner: inner.clone(),
        fault: Fault::Nodes,
    };
    assert_eq!(
        update(&failing, Tree::Note, leaves(), 2, &mut Vec::new()),
        Err(TreeError::Read(ReadFailed))
    );
    assert_eq!(root(&failing, Tree::Note), Err(ReadFailed));
    let torn = Faulty {
        inner,
        fault: Fault::NoNodes,
    };
    let missing = NodeId {
        tree: Tree::Note,
        level: 0,
        index: 0,
    };
    assert_eq!(
        update(&torn, Tree::Note, leaves(), 2, &mut Vec::new()),
        Err(TreeError::MissingNode(missing))
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn batches_one_by_one_and_the_definition_agree(sizes in proptest::collection::vec(0_u64..9, 1..6)) {
        let (mut batched, mut single) = (MemoryState::new(), MemoryState::new());
        let mut all = BTreeMap::new();
        for size in sizes {
            let start = u64::try_from(all.len()).unwrap();
            let batch: BTreeMap<_, _> =
                (start..start + size).map(|i| (i, digest(u32::try_from(i).unwrap()))).collect();
            all.extend(batch.clone());
            for (index, leaf) in &batch {
                set(&mut single, BTreeMap::from([(*index, *leaf)]));
            }
            let root = set(&mut batched, batch);
            prop_assert_eq!(root, reference_root(&all));
            prop_assert_eq!(&batched, &single);
        }
    }

    #[test]
    fn changing_old_leaves_while_appending_gives_the_root_of_the_final_leaves(
        old in 1_u64..20, changed in proptest::collection::btree_set(0_u64..20, 0..6), appended in 0_u64..6
    ) {
        let mut state = MemoryState::new();
        let mut all: BTreeMap<_, _> = (0..old).map(|i| (i, digest(u32::try_from(i).unwrap()))).collect();
        set(&mut state, all.clone());
        let changed = changed.into_iter().filter(|i| *i < old).map(|i| (i, digest(500)));
        let batch: BTreeMap<_, _> = changed.chain((old..old + appended).map(|i| (i, digest(600)))).collect();
        all.extend(batch.clone());
        prop_assert_eq!(set(&mut state, batch), reference_root(&all));
    }
}
