//! Every constraint with values that break only it: they have no proof, and they have one as soon as it is left out.

use agoge_protocol::{Address, Element, Withdrawal};
use agoge_state_transition::Scalar;

use super::stream::{challenges, deposit, effects, epoch, rng};
use super::*;

fn f(number: u64) -> F {
    F::from_canonical_u64(number)
}

/// A leaf with the one step.
fn honest(step: SettlementStep) -> Values {
    Values::new(SettlementInput {
        start: SettlementBoundary::START,
        challenges: challenges(&mut rng(11)),
        steps: vec![step],
    })
}

fn withdrawing() -> Values {
    honest(SettlementStep::Transaction(Box::new(effects(&mut rng(12), true))))
}

struct Case {
    description: String,
    values: Values,
}

fn case(description: impl Into<String>, honest: &Values, change: impl FnOnce(&mut Values)) -> Case {
    let mut values = honest.clone();
    change(&mut values);
    Case {
        description: description.into(),
        values,
    }
}

fn check(constraint: Constraint, cases: Vec<Case>) {
    let complete = TestLeaf::new(1, None);
    let mutant = TestLeaf::new(1, Some(constraint));
    for Case { description, values } in cases {
        assert!(
            mutant.is_provable(&values),
            "{description} breaks more than {constraint:?}"
        );
        assert!(!complete.is_provable(&values), "{description} has a proof");
    }
}

#[test]
fn honest_values_have_a_proof() {
    let leaf = TestLeaf::new(1, None);
    let mut rng = rng(13);
    let mut largest = effects(&mut rng, true);
    largest.fee = (1 << 60) - 1;
    largest.withdrawal = Withdrawal {
        amount: (1 << 60) - 1,
        recipient: Address::repeat_byte(0xff),
    };
    let steps = [
        SettlementStep::Deposit(deposit(&mut rng)),
        SettlementStep::Transaction(Box::new(effects(&mut rng, false))),
        SettlementStep::Transaction(Box::new(effects(&mut rng, true))),
        SettlementStep::Transaction(Box::new(largest)),
        epoch(&mut rng, &[(0, 0)]).steps.remove(0),
    ];
    for step in steps {
        assert!(leaf.is_provable(&honest(step.clone())), "{step:?}");
    }
}

#[test]
fn kinds_are_0_or_1() {
    // Nothing to multiply, so that only the kinds are strange.
    let mut nothing = honest(SettlementStep::Deposit(deposit(&mut rng(1))));
    nothing.input.start.blobs.weight = Scalar::ZERO;
    nothing.input.start.blobs.base = Scalar::ZERO;
    nothing.units = vec![UnitValues::padding()];
    let half = f(2).inverse();
    let kinds = [
        [f(2), -f(1), F::ZERO],
        [-f(1), f(2), F::ZERO],
        [F::ZERO, -f(1), f(2)],
        [half, half, F::ZERO],
        [half, F::ZERO, half],
        [F::ZERO, half, half],
    ];
    let cases = kinds.map(|[is_deposit, is_tx, is_end]| {
        case(format!("{is_deposit}, {is_tx}, {is_end}"), &nothing, |values| {
            values.units = vec![UnitValues {
                is_deposit,
                is_tx,
                is_end,
                ..UnitValues::padding()
            }];
        })
    });
    check(Constraint::KindIsBoolean, cases.into());
}

#[test]
fn a_unit_is_of_one_kind() {
    let kinds = [[1, 1, 0], [1, 0, 1], [0, 1, 1], [1, 1, 1]];
    let cases = kinds.map(|kinds| {
        case(format!("{kinds:?}"), &withdrawing(), |values| {
            let [is_deposit, is_tx, is_end] = kinds.map(f);
            values.units[0].is_deposit = is_deposit;
            values.units[0].is_tx = is_tx;
            values.units[0].is_end = is_end;
        })
    });
    check(Constraint::OneKind, cases.into());
}

#[test]
fn a_withdrawal_of_something_is_settled() {
    let inverses = [f(0), f(1), -f(1)];
    let cases = inverses.map(|inverse| {
        case(format!("inverse {inverse}"), &withdrawing(), |values| {
            values.units[0].amount_inverse = inverse;
        })
    });
    check(Constraint::WithdrawalOfSomething, cases.into());
}

/// With no amount any inverse says the same: nothing is settled.
#[test]
fn a_withdrawal_of_nothing_is_not_settled_whatever_the_inverse() {
    let leaf = TestLeaf::new(1, None);
    let mut values = honest(SettlementStep::Transaction(Box::new(effects(&mut rng(3), false))));
    values.units[0].amount_inverse = f(7);
    assert!(leaf.is_provable(&values));
}

#[test]
fn fees_and_amounts_have_one_form() {
    let wide = [[1 << 28, 0, 0], [0, 1 << 28, 0], [0, 0, 16], [3, 2, 1 << 27]].map(|limbs| limbs.map(f));
    let fees = wide.map(|limbs| {
        case(format!("fee {limbs:?}"), &withdrawing(), |v| {
            v.units[0].fee = limbs
        })
    });
    check(Constraint::FeeLimbs, fees.into());
    let amounts = wide.map(|limbs| {
        case(format!("amount {limbs:?}"), &withdrawing(), |v| {
            let amount = limbs[0] + limbs[1] * f(1 << 28) + limbs[2] * f(1 << 56);
            v.units[0].amount = limbs;
            v.units[0].amount_inverse = amount.inverse();
        })
    });
    check(Constraint::AmountLimbs, amounts.into());
}

#[test]
fn parts_of_a_recipient_have_their_widths() {
    let cases = [28, 20, 8, 28, 20, 8, 28, 20].into_iter().enumerate();
    let cases = cases.map(|(part, bits)| {
        case(format!("part {part} of 2^{bits}"), &withdrawing(), |values| {
            values.units[0].recipient[part] = f(1 << bits);
        })
    });
    check(Constraint::RecipientLimbs, cases.collect());
}

#[test]
fn ciphertext_elements_have_56_bits() {
    let places = [(0, 0), (0, 1), (12, 1), (13, 0), (25, 1)];
    let cases = places.map(|(element, limb)| {
        case(
            format!("element {element}, limb {limb}"),
            &withdrawing(),
            |values| {
                values.units[0].ciphertexts[element][limb] = f(1 << 28);
            },
        )
    });
    check(Constraint::CiphertextLimbs, cases.into());
}

#[test]
fn the_count_is_a_limb() {
    let end = honest(epoch(&mut rng(2), &[(0, 0)]).steps.remove(0));
    let cases = [1 << 28, 1 << 30].map(|count| {
        case(format!("{count} transactions"), &end, |values| {
            values.input.start.tx_count = Element::new(count).unwrap();
        })
    });
    check(Constraint::TxCountLimb, cases.into());
}

#[test]
fn limbs_of_the_point_have_56_bits() {
    let padding = Values {
        units: vec![UnitValues::padding()],
        ..withdrawing()
    };
    let cases = [0, 1, 2].map(|limb| {
        case(format!("limb {limb}"), &padding, |values| {
            // The circuit takes the low 56 bits; their inverse is that of the honest point.
            let wide = values.input.challenges.z[limb].get() | 1 << 56;
            values.input.challenges.z[limb] = Element::new(wide).unwrap();
        })
    });
    check(Constraint::PointLimbs, cases.into());
}

#[test]
fn the_inverse_of_the_point_has_limbs_of_28_bits() {
    let padding = Values {
        units: vec![UnitValues::padding()],
        ..withdrawing()
    };
    let cases = [0, 4, 8].map(|limb| {
        case(format!("limb {limb}"), &padding, |values| {
            // The same number.
            values.inverse[limb] += f(1 << 28);
            values.inverse[limb + 1] -= F::ONE;
        })
    });
    check(Constraint::InverseLimbs, cases.into());
}

#[test]
fn the_inverse_is_that_of_the_point() {
    let padding = Values {
        units: vec![UnitValues::padding()],
        ..withdrawing()
    };
    let cases = [
        case("one more", &padding, |values| values.inverse[0] += F::ONE),
        case("zero", &padding, |values| values.inverse = [F::ZERO; 10]),
        case("one", &padding, |values| {
            values.inverse = core::array::from_fn(|i| f(u64::from(i == 0)))
        }),
    ];
    check(Constraint::Inverse, cases.into());
}
