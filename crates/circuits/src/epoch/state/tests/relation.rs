//! Kinds, headers, sums over a block: with values that break one constraint only.

use agoge_state_transition::tree;
use plonky2::iop::witness::Witness;

use super::super::values::{Kind, bits};
use super::units::*;
use super::*;

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

/// Without a kind nothing is added, whatever the unit holds and wherever in a block it stands.
#[test]
fn padding_is_the_identity() {
    let mut builder = Builder::new(config());
    let (targets, end) = constrain(&mut builder, &StateLeaf::with_units(1));
    let circuit = builder.mock_build::<C>();
    for case in [padding(), deposit(1), transaction(0), block_end(1)] {
        let mut values = case.values;
        values.kind = Kind {
            deposit: F::ZERO,
            transaction: F::ZERO,
            block_end: F::ZERO,
        };
        for is_in in [F::ZERO, F::ONE] {
            let mut start = case.start;
            start.notes.is_odd_leaf_in = is_in;
            start.nullifiers.is_odd_leaf_in = is_in;
            start.block.settlement_hash = [1, 2, 3, 4].map(f);
            start.block.effects_hash = [5, 6, 7, 8].map(f);
            (start.block.total_fees, start.block.tx_count) = (f(9), f(10));
            start.tx_chain = [11, 12, 13, 14].map(f);
            start.header_chain = [15, 16, 17, 18].map(f);
            let mut witness = PartialWitness::new();
            let units = core::slice::from_ref(&values);
            StateLeaf::set(&targets, genesis_id(), &start.to_list(), units, &mut witness).unwrap();
            let full = circuit.generate_witness(witness);
            let found: Vec<F> = end
                .to_list()
                .into_iter()
                .map(|target| full.get_target(target))
                .collect();
            assert_eq!(found, start.to_list());
        }
    }
}
