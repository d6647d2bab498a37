//! Every constraint but those of the order of keys: with values that break only it.

use agoge_protocol::{Digest, Element};
use agoge_state_transition::witness::PairPath;
use agoge_state_transition::{Tree, hash, tree};
use plonky2::field::types::PrimeField64;

use super::super::values::{PAIR_DEPTH, Place, bits};
use super::chain::{Chain, FreeTree, effects, with_keys};
use super::*;

/// Positions in a header's elements.
const NUMBER: usize = 4;
const NOTE_ROOT: usize = 11;
const NULLIFIER_ROOT: usize = 16;
const RECIPIENT: usize = 30;

/// After two blocks; the note count has this parity.
fn chain(parity: u64) -> Chain {
    let mut chain = Chain::new(2 + parity);
    chain.grow(0, &[with_keys(1, [[10, 1], [20, 1]])]);
    chain
}

fn deposit(parity: u64) -> Case {
    let (before, step) = chain(parity).step(1, &[], 0);
    Case::of_step(&before, &step)
}

/// Nullifiers 40 and 30, so that both have the same low leaf: 20.
fn transaction(parity: u64) -> Case {
    // Seed 3 pays out.
    let (before, step) = chain(parity).step(0, &[with_keys(3, [[40, 1], [30, 1]])], 0);
    Case::of_step(&before, &step)
}

/// The end of a block with a transaction: odd leaves wait.
fn block_end(parity: u64) -> Case {
    let (before, step) = chain(parity).step(1, &[effects(3)], 2);
    Case::of_step(&before, &step)
}

fn padding() -> Case {
    Case::padding(&chain(1).boundary())
}

fn number(value: F) -> u64 {
    value.to_canonical_u64()
}

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

fn follow_root(case: &mut Case, position: usize, root: Digest) {
    for (slot, element) in case.values.header[position..].iter_mut().zip(root.0) {
        *slot = super::element(element);
    }
}

#[test]
fn honest_units_have_a_proof() {
    let circuit = OneUnit::new(None);
    for parity in [0, 1] {
        for (kind, case) in [
            ("deposit", deposit(parity)),
            ("transaction", transaction(parity)),
            ("block end", block_end(parity)),
            ("padding", padding()),
        ] {
            assert!(circuit.proves(&case), "{kind}, parity {parity}");
        }
    }
}

#[test]
fn a_unit_is_of_one_kind() {
    let kinds = vec![
        deposit(0).change("two deposits at once", |case| case.values.kind.deposit = f(2)),
        transaction(0).change("deposit and transaction", |case| case.values.kind.deposit = f(1)),
        deposit(1).change("a deposit taken back", |case| {
            case.values.kind.deposit = F::NEG_ONE;
        }),
        deposit(0).change("half a deposit", |case| {
            case.values.kind.deposit = f(2).inverse();
        }),
    ];
    check(Constraint::OneKind, kinds);
}

#[test]
fn deposits_come_before_transactions() {
    let after = |count: u64| {
        deposit(1).change(format!("deposit after {count} transactions"), |case| {
            case.start.block.tx_count = f(count);
        })
    };
    check(Constraint::DepositsFirst, vec![after(1), after(64)]);
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

#[test]
fn an_anchor_is_the_note_root_of_an_archived_header() {
    let case = transaction(0);
    let mut cases = vec![];
    // All but the genesis id and the recipient's limbs, which have constraints of their own: here any other note root, slot, count.
    for position in [NUMBER, 5, 7, 11, 14, 15, 22, 29, 33, 34] {
        cases.push(case.change(format!("header element {position}"), |case| {
            case.values.header[position] += F::ONE;
        }));
    }
    let empty = tree::empty_root();
    cases.push(case.change("root of the empty tree", |case| {
        follow_root(case, NOTE_ROOT, empty);
    }));
    cases.push(case.change("sibling 2", |case| {
        case.values.anchor_place.siblings[2][1] += F::ONE;
    }));
    cases.push(case.change("an index that is empty", |case| {
        case.values.anchor_place.bits = bits(9);
    }));
    cases.push(case.change("another archive", |case| {
        case.start.archive[0] += F::ONE;
    }));
    check(Constraint::AnchorPath, cases);
}

#[test]
fn headers_are_of_the_instance() {
    let mut cases = vec![];
    for limb in 0..4 {
        for (kind, case) in [("block end", block_end(0)), ("padding", padding())] {
            cases.push(case.change(format!("{kind}, limb {limb}"), |case| {
                case.values.header[limb] += F::ONE;
            }));
        }
    }
    check(Constraint::HeaderGenesis, cases);
}

/// Every element of the block's header but genesis id, slot, timestamp and fee recipient follows from the boundary.
#[test]
fn a_blocks_header_is_that_of_its_steps() {
    let case = block_end(1);
    let fixed = (NUMBER..=NUMBER).chain(7..RECIPIENT).chain([33, 34]);
    let cases = fixed.map(|position| {
        case.change(format!("header element {position}"), |case| {
            case.values.header[position] += F::ONE;
        })
    });
    check(Constraint::HeaderFields, cases.collect());
    let circuit = OneUnit::new(None);
    for position in [5, 6, RECIPIENT, RECIPIENT + 1, RECIPIENT + 2] {
        let free = case.change("", |case| case.values.header[position] += F::ONE);
        assert!(
            circuit.proves(&free),
            "header element {position} is the proposer's"
        );
    }
}

#[test]
fn fee_recipients_have_limbs_of_56_56_and_48_bits() {
    let limb = |limb: usize, value: F| {
        block_end(0).change(format!("limb {limb} of {value}"), |case| {
            case.values.header[RECIPIENT + limb] = value;
        })
    };
    check(
        Constraint::RecipientLimbs,
        vec![
            limb(0, f(1 << 56)),
            limb(1, f(1 << 56)),
            limb(2, f(1 << 48)),
            limb(2, F::NEG_ONE),
        ],
    );
}

#[test]
fn total_fees_stay_below_2_60() {
    let fees = |total: F, fee: F| {
        transaction(0).change(format!("{fee} on top of {total}"), |case| {
            case.start.block.total_fees = total;
            case.values.effects.fee = fee;
        })
    };
    check(
        Constraint::TotalFees,
        vec![
            fees(f((1 << 60) - 1), f(1)),
            fees(f(5), -f(6)),
            fees(f(0), f(1 << 60)),
        ],
    );
    assert!(OneUnit::new(None).proves(&fees(f((1 << 60) - 2), f(1))));
}

#[test]
fn a_withdrawal_enters_the_settlement_hash_whatever_the_inverse() {
    let with = |inverse: F| {
        transaction(0).change(format!("inverse {inverse}"), |case| {
            case.values.effects.amount_inverse = inverse;
        })
    };
    check(
        Constraint::WithdrawalIsSettled,
        vec![with(F::ZERO), with(F::ONE), with(F::NEG_ONE)],
    );
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

#[test]
fn padding_is_the_identity() {
    let before = chain(1).boundary();
    let case = Case::padding(&before);
    let mut builder = Builder::new(config());
    let (targets, end) = constrain(&mut builder, &StateLeaf::with_units(1));
    let circuit = builder.mock_build::<C>();
    // Any start, the odd leaf waiting or not, in the middle of a block.
    for is_in in [F::ZERO, F::ONE] {
        let mut start = case.start;
        start.notes.is_odd_leaf_in = is_in;
        start.nullifiers.is_odd_leaf_in = is_in;
        start.block.settlement_hash = [f(1), f(2), f(3), f(4)];
        start.block.effects_hash = [f(5), f(6), f(7), f(8)];
        (start.block.total_fees, start.block.tx_count) = (f(9), f(10));
        start.tx_chain = super::super::values::digest(hash::owner(&[Element::ZERO; 4]));
        start.header_chain = [f(11); 4];
        let mut witness = PartialWitness::new();
        let units = core::slice::from_ref(&case.values);
        StateLeaf::set(&targets, genesis_id(), &start.to_list(), units, &mut witness).unwrap();
        let full = circuit.generate_witness(witness);
        let found: Vec<F> = end
            .to_list()
            .into_iter()
            .map(|target| plonky2::iop::witness::Witness::get_target(&full, target))
            .collect();
        assert_eq!(found, start.to_list());
    }
}
