//! Places in trees: where leaves may be appended, what is in a tree.

use agoge_protocol::{Digest, Element};
use agoge_state_transition::Tree;
use agoge_state_transition::witness::PairPath;

use super::super::values::{PAIR_DEPTH, Place};
use super::chain::FreeTree;
use super::units::*;
use super::*;

fn index_of<const N: usize>(place: &Place<F, N>) -> u64 {
    place
        .bits
        .iter()
        .rev()
        .fold(0, |index, bit| index << 1 | number(*bit))
}

/// The root that an append path leads to from a pair.
fn pair_root(place: &Place<F, PAIR_DEPTH>, pair: [Digest; 2]) -> Digest {
    PairPath {
        siblings: place.siblings.map(native),
    }
    .root(index_of(place) << 1, pair)
}

/// Makes the header say the nullifier root that the append path of a block end leads to.
fn follow_nullifier_root(case: &mut Case) {
    let pair = [native(case.start.nullifiers.odd_leaf), Digest::ZERO];
    follow_root(
        case,
        NULLIFIER_ROOT,
        pair_root(&case.values.nullifier_place, pair),
    );
}

/// A deposit into the pair after the next one.
fn skipping(parity: F) -> Case {
    let tree = FreeTree::of(&chain(0).state, Tree::Note);
    let case = deposit(0);
    let count = number(case.start.notes.count);
    case.change("a pair too far", |case| {
        case.values.note_place = tree.place(count + 2);
        case.values.note_parity = parity;
    })
}

#[test]
fn the_parity_of_the_note_count_is_a_bit() {
    check(Constraint::NoteParityIsABit, vec![skipping(-f(2))]);
}

#[test]
fn notes_are_appended_at_the_count() {
    let state = chain(1).state;
    let with_parity = deposit(0).change("the other half of the pair", |case| {
        case.values.note_parity = f(1);
    });
    let elsewhere = padding().change("padding elsewhere", |case| {
        case.values.note_place = FreeTree::of(&state, Tree::Note).place(8);
    });
    check(
        Constraint::NoteIndex,
        vec![skipping(f(0)), with_parity, elsewhere],
    );
}

#[test]
fn the_place_of_new_notes_is_empty_and_under_the_root() {
    let mut cases = vec![];
    for (kind, case) in [("deposit", deposit(0)), ("transaction", transaction(0))] {
        for level in [0, 30] {
            cases.push(case.change(format!("{kind}, sibling {level}"), |case| {
                case.values.note_place.siblings[level][3] += F::ONE;
            }));
        }
        cases.push(case.change(format!("{kind}, other root"), |case| {
            case.start.notes.root[1] += F::ONE;
        }));
        cases.push(
            case.change(format!("{kind}, odd leaf after an even count"), |case| {
                case.start.notes.odd_leaf[0] += F::ONE;
            }),
        );
        cases.push(case.change(format!("{kind}, place taken"), |case| {
            case.start.notes.count -= f(2);
            let before = number(case.start.notes.count);
            case.values.note_place = FreeTree::of(&chain(0).state, Tree::Note).place(before);
        }));
    }
    cases.push(deposit(1).change("other odd leaf", |case| {
        case.start.notes.odd_leaf[2] += F::ONE;
    }));
    cases.push(deposit(1).change("odd leaf said to wait", |case| {
        case.start.notes.is_odd_leaf_in = F::ZERO;
    }));
    cases.push(
        block_end(0).change("block end, waiting leaf said to be in", |case| {
            case.start.notes.is_odd_leaf_in = F::ONE;
        }),
    );
    cases.push(block_end(0).change("block end, sibling 5", |case| {
        case.values.note_place.siblings[5][0] += F::ONE;
        let pair = [native(case.start.notes.odd_leaf), Digest::ZERO];
        follow_root(case, NOTE_ROOT, pair_root(&case.values.note_place, pair));
    }));
    check(Constraint::NotePath, cases);
}

#[test]
fn nullifiers_are_appended_at_the_count() {
    let (before, step) = chain(1).step(0, &[], 0);
    let tree = FreeTree::of(&chain(1).state, Tree::Nullifier);
    let end = Case::of_step(&before, &step);
    let count = before.nullifiers.count;
    let far = end.change("a pair too far", |case| {
        case.values.nullifier_place = tree.place(count + 2);
        // Nothing is there yet.
        case.start.nullifiers.is_odd_leaf_in = F::ZERO;
        follow_nullifier_root(case);
    });
    let elsewhere = padding().change("padding elsewhere", |case| {
        case.values.nullifier_place = tree.place(count + 2);
    });
    check(Constraint::NullifierIndex, vec![far, elsewhere]);
}

#[test]
fn the_place_of_new_nullifiers_is_empty_and_under_the_root() {
    let end = block_end(1);
    let mut cases = vec![];
    for level in [0, 30] {
        cases.push(end.change(format!("sibling {level}"), |case| {
            case.values.nullifier_place.siblings[level][0] += F::ONE;
            follow_nullifier_root(case);
        }));
    }
    cases.push(end.change("odd leaf said to be in", |case| {
        case.start.nullifiers.is_odd_leaf_in = F::ONE;
    }));
    cases.push(end.change("other root", |case| {
        case.start.nullifiers.root[3] += F::ONE;
    }));
    cases.push(transaction(0).change("transaction, other root before", |case| {
        case.start.nullifiers.root[0] += F::ONE;
    }));
    check(Constraint::NullifierPath, cases);
}

#[test]
fn low_leaves_are_in_the_tree() {
    let both = |change: fn(&mut Place<F, 32>)| {
        // The second low leaf is the first one changed, so the same wrong path fits it.
        transaction(1).change("first", |case| {
            for low in &mut case.values.low_leaves {
                change(&mut low.place);
            }
        })
    };
    check(
        Constraint::FirstLowPath,
        vec![
            both(|place| place.siblings[0][0] += F::ONE),
            both(|place| place.siblings[31][2] += F::ONE),
            both(|place| place.bits[31] = F::ONE),
        ],
    );
    let second = |description: &str, change: fn(&mut Place<F, 32>)| {
        transaction(1).change(description, |case| change(&mut case.values.low_leaves[1].place))
    };
    let invented = transaction(1).change("a leaf that is not there", |case| {
        let [_, low] = &mut case.values.low_leaves;
        let key = [25, 30, 40].map(|first| [Element::from_u32(first), Element::from_u32(1)]);
        low.enclose(key[0], key[1], key[2]);
    });
    let without_next = transaction(1).change("its next key left out", |case| {
        let [_, low] = &mut case.values.low_leaves;
        let key = [20, 30].map(|first| [Element::from_u32(first), Element::from_u32(1)]);
        low.enclose(key[0], key[1], [Element::ZERO; 2]);
    });
    check(
        Constraint::SecondLowPath,
        vec![
            second("sibling 0", |place| place.siblings[0][1] += F::ONE),
            second("sibling 31", |place| place.siblings[31][3] += F::ONE),
            second("index bit", |place| place.bits[5] = F::ONE),
            invented,
            without_next,
        ],
    );
}

#[test]
fn a_header_is_appended_at_the_archives_end() {
    let archive = FreeTree::of(&chain(0).state, Tree::Archive);
    let far = block_end(0).change("one too far", |case| {
        let place = &mut case.values.low_leaves[0].place;
        *place = archive.place(index_of(place) + 1);
    });
    check(Constraint::ArchiveIndex, vec![far]);

    let taken = block_end(0).change("place taken", |case| {
        let place = &mut case.values.low_leaves[0].place;
        *place = archive.place(index_of(place) - 1);
        case.start.number -= F::ONE;
        case.values.header[NUMBER] -= F::ONE;
    });
    let sibling = |level: usize| {
        block_end(1).change(format!("sibling {level}"), |case| {
            case.values.low_leaves[0].place.siblings[level][0] += F::ONE;
        })
    };
    check(Constraint::ArchivePath, vec![taken, sibling(0), sibling(31)]);
}

/// Index bits are wires of Poseidon rows, which alone hold them to 0 and 1.
#[test]
fn index_bits_are_0_or_1() {
    let circuit = OneUnit::new(None);
    // The same index, from numbers that are no bits; padding asks nothing else of the place.
    let same_index = padding().change("", |case| {
        let bits = &mut case.values.note_place.bits;
        (bits[0], bits[1]) = (bits[0] + f(2), bits[1] - F::ONE);
    });
    assert!(!circuit.proves(&same_index));
    let anchor = padding().change("", |case| case.values.anchor_place.bits[3] = f(2));
    assert!(!circuit.proves(&anchor));
}
