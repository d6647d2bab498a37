//! The order of keys: wrong low leaves that are really in the tree, with what a prover would say to make them pass.

use agoge_state_transition::Tree;
use agoge_state_transition::hash;

use super::super::order::{Halves, OrderValues};
use super::super::values::LowValues;
use super::chain::{Chain, FreeTree, number, with_keys};
use super::*;

/// Keys of the tree before the transaction, in order, with their leaf indices; (0, 0) at index 0 is below them.
const KEYS: [([u64; 2], u64); 4] = [([10, 50], 1), ([10, 2 << 32 | 1], 2), ([15, 3], 4), ([30, 1], 3)];
/// Key of nullifier 1, whose low leaf is leaf 0.
const SECOND: [u64; 2] = [5, 5];

fn chain() -> Chain {
    let [first, second, fourth, third] = KEYS.map(|(key, _)| key);
    let mut chain = Chain::new(1);
    chain.grow(0, &[with_keys(1, [first, second]), with_keys(2, [third, fourth])]);
    chain
}

/// The key after one of [`KEYS`].
fn next_of(low: [u64; 2]) -> [u64; 2] {
    let position = KEYS.iter().position(|(key, _)| *key == low).unwrap();
    KEYS.get(position + 1).map_or([0, 0], |(key, _)| *key)
}

/// A leaf that a prover claims to be below a key: its key, its next key, its place.
#[derive(Clone, Copy)]
struct Claimed {
    low: [u64; 2],
    next: [u64; 2],
    index: u64,
}

/// A transaction with nullifiers of these keys that claims these low leaves. All paths are real: only the order of keys can be wrong.
fn claim_both(keys: [[u64; 2]; 2], lows: [Claimed; 2]) -> Case {
    let chain = chain();
    // The honest step of other keys, for everything else.
    let (before, step) = chain.step(0, &[with_keys(8, [[77, 77], SECOND])], 0);
    let mut case = Case::of_step(&before, &step);
    let mut tree = FreeTree::of(&chain.state, Tree::Nullifier);
    let [first, _] = keys.map(|key| key.map(number));
    let next = lows[0].next.map(number);
    tree.set(before.nullifiers.count, hash::nullifier_leaf(first, next));
    for (position, (key, claimed)) in keys.into_iter().zip(lows).enumerate() {
        let [key, low, next] = [key, claimed.low, claimed.next].map(|key| key.map(number));
        let values = &mut case.values.low_leaves[position];
        values.enclose(low, key, next);
        values.place = tree.place(claimed.index);
        tree.set(claimed.index, hash::nullifier_leaf(low, key));
        let nullifier = &mut case.values.effects.nullifiers[position];
        [nullifier[0], nullifier[1]] = key.map(element);
    }
    case.description = format!("{keys:?}");
    case
}

/// A transaction whose nullifier 0 has the key `key` and claims the leaf of `low` to be below it.
fn claim(low: [u64; 2], key: [u64; 2]) -> Case {
    let index = KEYS.iter().find(|(found, _)| *found == low).unwrap().1;
    let first = Claimed {
        low,
        next: next_of(low),
        index,
    };
    let second = Claimed {
        low: [0, 0],
        next: KEYS[0].0,
        index: 0,
    };
    claim_both([key, SECOND], [first, second])
}

fn claim_with(low: [u64; 2], key: [u64; 2], change: impl FnOnce(&mut LowValues<F>)) -> Case {
    let mut case = claim(low, key);
    change(&mut case.values.low_leaves[0]);
    case
}

#[test]
fn a_key_between_its_neighbours_has_a_proof() {
    let circuit = OneUnit::new(None);
    for (low, key) in [
        ([30, 1], [30, 2]),
        ([10, 50], [10, 51]),
        ([10, 50], [10, 2 << 32]),
        ([10, 2 << 32 | 1], [15, 2]),
    ] {
        assert!(circuit.proves(&claim(low, key)), "{key:?} above {low:?}");
    }
}

/// Double spends (the key is the low leaf's or the next one's), crossed low leaves, the reserved key.
#[test]
fn a_low_leaf_is_below_the_key_and_its_next_above() {
    check(
        Constraint::OrderDifference,
        vec![
            claim([30, 1], [30, 1]),
            claim([10, 50], [10, 50]),
            claim([30, 1], [20, 5]),
            claim([30, 1], [30, 0]),
            claim([30, 1], [0, 0]),
            claim([10, 2 << 32 | 1], [10, 1 << 32 | 5]),
            claim([10, 2 << 32 | 1], [15, 3]),
            claim([10, 2 << 32 | 1], [20, 5]),
            claim([10, 2 << 32 | 1], [15, 4]),
        ],
    );
}

/// One note twice in one transaction: its leaf is there already, above its low leaf and below its next one.
#[test]
fn a_transaction_cannot_insert_one_key_twice() {
    let key = [40, 1];
    let last = Claimed {
        low: [30, 1],
        next: [0, 0],
        index: 3,
    };
    let itself = Claimed {
        low: key,
        next: [0, 0],
        index: 5,
    };
    let before_itself = Claimed { next: key, ..last };
    let another = Claimed {
        low: [40, 1],
        ..itself
    };
    assert!(OneUnit::new(None).proves(&claim_both([key, [40, 2]], [last, another])));
    check(
        Constraint::OrderDifference,
        vec![
            claim_both([key; 2], [last, itself]),
            claim_both([key; 2], [last, before_itself]),
        ],
    );
}

#[test]
fn only_what_is_equal_is_skipped() {
    check(
        Constraint::EqualIsSkipped,
        vec![
            claim_with([30, 1], [20, 5], |low| {
                low.below.is_first_equal = f(1);
                low.below.is_high_equal = f(1);
                (low.below.smaller, low.below.larger) = (Halves::of(1), Halves::of(5));
            }),
            claim_with([10, 2 << 32 | 1], [10, 1 << 32 | 5], |low| {
                low.below.is_high_equal = f(1);
            }),
            // 20 is not below 15, but 3 is above 1.
            claim_with([10, 2 << 32 | 1], [20, 1], |low| {
                low.above.is_first_equal = f(1);
                low.above.is_high_equal = f(1);
                (low.above.smaller, low.above.larger) = (Halves::of(1), Halves::of(3));
            }),
        ],
    );
}

#[test]
fn flags_of_the_order_are_0_or_1() {
    // With a flag of -1 the comparison is of 2 x - y instead of x or y.
    let minus_one = F::NEG_ONE;
    let mirrored = |number: u64| Halves::of(agoge_protocol::element::MODULUS - number);
    check(
        Constraint::OrderFlags,
        vec![
            claim_with([10, 50], [10, 40], |low| {
                low.below.is_first_equal = minus_one;
                // 10 - (50 - 10) and 10 - (40 - 10)
                (low.below.smaller, low.below.larger) = (mirrored(30), mirrored(20));
                low.below.is_high_equal = f(0);
                // Their high halves differ or are equal; the low ones decide.
                if low.below.smaller.high == low.below.larger.high {
                    low.below.is_high_equal = f(1);
                }
            }),
            claim_with([10, 50], [10, 40], |low| low.below.is_high_equal = minus_one),
        ],
    );
}

#[test]
fn halves_are_those_of_the_number() {
    check(
        Constraint::HalvesAreTheNumber,
        vec![
            claim_with([30, 1], [20, 5], |low| low.below.larger = Halves::of(31)),
            claim_with([30, 1], [20, 5], |low| low.below.smaller = Halves::of(19)),
            claim_with([10, 2 << 32 | 1], [20, 5], |low| {
                low.above.larger = Halves::of(21)
            }),
        ],
    );
}

#[test]
fn halves_have_32_bits() {
    let minus = |number: u64| f(number) - f(1 << 32);
    check(
        Constraint::HalfRange,
        vec![claim_with([30, 1], [20, 5], |low| {
            low.below.is_high_equal = f(0);
            low.below.larger = Halves::from_numbers(1, 0);
            low.below.larger.low = minus(20);
        })],
    );
}

/// 20 + p has the halves 2^32 - 1 and 21.
#[test]
fn halves_are_of_a_number_below_the_modulus() {
    let second_form = |number: u64, inverse: u64| {
        let mut halves = Halves::from_numbers((1 << 32) - 1, number + 1);
        halves.inverse = f(inverse);
        halves
    };
    let cases = [0, 1, 12_345]
        .into_iter()
        .flat_map(|inverse| {
            [
                claim_with([30, 1], [20, 5], |low| {
                    low.below.is_high_equal = f(0);
                    low.below.larger = second_form(20, inverse);
                }),
                claim_with([10, 50], [10, 40], |low| {
                    low.below.is_high_equal = f(0);
                    low.below.larger = second_form(40, inverse);
                }),
                claim_with([10, 2 << 32 | 1], [20, 5], |low| {
                    low.above.is_high_equal = f(0);
                    low.above.larger = second_form(15, inverse);
                }),
            ]
        })
        .collect();
    check(Constraint::CanonicalHalves, cases);
}

#[test]
fn the_last_leafs_flag_is_0_or_1() {
    // Twice skipped is compared the other way round.
    check(
        Constraint::LastFlag,
        vec![claim_with([30, 1], [50, 1], |low| low.is_last = f(2))],
    );
}

#[test]
fn the_last_leaf_has_no_next_key() {
    check(
        Constraint::LastHasNoNext,
        vec![
            claim_with([10, 2 << 32 | 1], [20, 5], |low| low.is_last = f(1)),
            claim_with([10, 2 << 32 | 1], [15, 3], |low| low.is_last = f(1)),
        ],
    );
}

#[test]
fn hints_of_honest_keys_are_accepted_whatever_the_unused_inverse() {
    let case = claim_with([30, 1], [40, 5], |low| {
        let honest = OrderValues::of([30, 1].map(number), [40, 5].map(number));
        low.below = honest;
        assert_eq!(low.below.is_first_equal, f(0));
    });
    let max = agoge_protocol::element::MODULUS - 1;
    let unused = claim_with([30, 1], [max, 5], |low| low.below.larger.inverse = f(9));
    let circuit = OneUnit::new(None);
    assert!(circuit.proves(&case));
    assert!(circuit.proves(&unused));
}
