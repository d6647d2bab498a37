//! Every constraint with values that break only it: they have no proof, and they have one as soon as it is left out.

use agoge_protocol::limits::VALUE_BITS;
use agoge_state_transition::hash;
use plonky2::field::types::{Field, PrimeField64};

use super::*;
use crate::InputNote;

fn f(number: u64) -> F {
    F::from_canonical_u64(number)
}

/// Values as a prover sets them who breaks one rule and keeps the others.
fn changed(change: impl FnOnce(&mut Values<F>)) -> Values<F> {
    let mut values = values(&witness(1));
    change(&mut values);
    update_key_witness(&mut values);
    values
}

struct Case {
    description: String,
    values: Values<F>,
}

fn case(description: impl Into<String>, change: impl FnOnce(&mut Values<F>)) -> Case {
    Case {
        description: description.into(),
        values: changed(change),
    }
}

fn check(constraint: Constraint, cases: Vec<Case>) {
    let complete = testing_circuit(None);
    let mutant = testing_circuit(Some(constraint));
    for Case { description, values } in cases {
        assert!(
            is_provable(&mutant, &values),
            "{description} breaks more than {constraint:?}"
        );
        assert!(!is_provable(&complete, &values), "{description} has a proof");
    }
}

/// Makes input `spent` a note of this value and the other a dummy, in a tree of its own.
fn single_input(values: &mut Values<F>, spent: usize, value: F) {
    values.inputs[1 - spent].value = F::ZERO;
    values.inputs[spent].value = value;
    values.anchor = root(&values.inputs[spent]).0.map(|element| f(element.get()));
}

#[test]
fn valid_values_have_a_proof() {
    let circuit = testing_circuit(None);
    assert!(is_provable(&circuit, &values(&witness(1))));
    let other_key_witness = {
        let mut values = values(&witness(1));
        let [a, b] = values
            .inputs
            .each_ref()
            .map(|input| hash::nullifier(&native(input.spending_key).0, commitment(input)).0[1].get());
        values.key_witness = [F::ZERO, (f(a) - f(b)).inverse()];
        values
    };
    assert!(
        is_provable(&circuit, &other_key_witness),
        "keys may differ in their second element"
    );
    let without_withdrawal = changed(|v| {
        v.withdrawal_amount = F::ZERO;
        v.recipient = [F::ZERO; 3];
        v.outputs[0].value += f(100);
    });
    assert!(is_provable(&circuit, &without_withdrawal));
    let largest = changed(|v| {
        single_input(v, 0, f((1 << VALUE_BITS) - 1));
        v.outputs[0].value = f((1 << VALUE_BITS) - 1);
        v.outputs[1].value = F::ZERO;
        v.fee = F::ZERO;
        v.withdrawal_amount = F::ZERO;
        v.recipient = [F::ZERO; 3];
    });
    assert!(is_provable(&circuit, &largest), "2^60 - 1 is a value");
    let largest_recipient = changed(|v| v.recipient = [f((1 << 56) - 1), f((1 << 56) - 1), f((1 << 48) - 1)]);
    assert!(
        is_provable(&circuit, &largest_recipient),
        "all addresses are recipients"
    );
}

#[test]
fn input_values_are_below_2_60() {
    let over = |spent| {
        case(format!("2^60 in input {spent}"), move |v| {
            single_input(v, spent, f(1 << 60));
            v.outputs[0].value = f((1 << 60) - 400);
        })
    };
    check(Constraint::InputValueRange, vec![over(0), over(1)]);
}

#[test]
fn output_values_are_below_2_60_and_sums_do_not_wrap() {
    let wraps = |output: usize, value: F| {
        case(
            format!("{value} in output {output} and the rest in the other"),
            move |v| {
                v.outputs[output].value = value;
                v.outputs[1 - output].value = f(850) - value;
            },
        )
    };
    check(
        Constraint::OutputValueRange,
        vec![
            wraps(0, -f(5)),
            wraps(1, -f(5)),
            wraps(0, F::NEG_ONE),
            wraps(1, f(1 << 63)),
        ],
    );
}

#[test]
fn the_fee_is_below_2_60() {
    let wraps = case("fee of -50", |v| {
        v.fee = -f(50);
        v.outputs[0].value += f(100);
    });
    check(Constraint::FeeRange, vec![wraps]);
}

#[test]
fn the_withdrawal_is_below_2_60() {
    let wraps = case("withdrawal of -100", |v| {
        v.withdrawal_amount = -f(100);
        v.amount_inverse = v.withdrawal_amount.inverse();
        v.outputs[0].value += f(200);
    });
    check(Constraint::WithdrawalAmountRange, vec![wraps]);
}

#[test]
fn no_value_out_of_range_anywhere_has_a_proof() {
    let circuit = testing_circuit(None);
    for number in [1 << 60, 1 << 63, F::NEG_ONE.to_canonical_u64()] {
        let value = f(number);
        let cases: [fn(&mut Values<F>, F); 4] = [
            |v, x| v.inputs[0].value = x,
            |v, x| v.outputs[1].value = x,
            |v, x| v.fee = x,
            |v, x| v.withdrawal_amount = x,
        ];
        for (index, set) in cases.into_iter().enumerate() {
            assert!(
                !is_provable(&circuit, &changed(|v| set(v, value))),
                "place {index}, {number}"
            );
        }
    }
}

#[test]
fn what_goes_in_comes_out() {
    check(
        Constraint::Conservation,
        vec![
            case("output 0 one more", |v| v.outputs[0].value += F::ONE),
            case("output 1 one less", |v| v.outputs[1].value -= F::ONE),
            case("no fee", |v| v.fee = F::ZERO),
            case("withdrawal one more", |v| {
                v.withdrawal_amount += F::ONE;
                v.amount_inverse = v.withdrawal_amount.inverse();
            }),
            case("inputs of value 0", |v| {
                v.inputs.iter_mut().for_each(|input| input.value = F::ZERO)
            }),
        ],
    );
}

#[test]
fn inputs_with_a_value_are_under_the_anchor() {
    let mut cases = vec![];
    for input in [0, 1] {
        let name = |what: &str| format!("{what}, input {input}");
        cases.extend([
            case(name("foreign key"), |v| v.inputs[input].spending_key[0] += F::ONE),
            case(name("key 0"), |v| v.inputs[input].spending_key = [F::ZERO; 4]),
            case(name("other rho"), |v| v.inputs[input].rho[3] += F::ONE),
            case(name("other randomness"), |v| {
                v.inputs[input].randomness[2] += F::ONE
            }),
            case(name("lowest index bit"), |v| {
                v.inputs[input].index_bits[0] = F::ONE - v.inputs[input].index_bits[0];
            }),
            case(name("highest index bit"), |v| {
                v.inputs[input].index_bits[31] = F::ONE - v.inputs[input].index_bits[31];
            }),
            case(name("swapped siblings"), |v| v.inputs[input].siblings.swap(3, 4)),
            case(name("dummy with a value"), |v| {
                let value = v.inputs[input].value;
                let dummy = InputNote::dummy([Element::from_u32(9); 4], Digest([Element::from_u32(3); 4]));
                v.inputs[input].spending_key = dummy.spending_key.map(|e| f(e.get()));
                v.inputs[input].siblings = [[F::ZERO; 4]; 32];
                v.inputs[input].value = value;
            }),
            case(name("other value"), |v| {
                v.inputs[input].value += F::ONE;
                v.outputs[0].value += F::ONE;
            }),
        ]);
    }
    for element in 0..4 {
        cases.push(case(format!("anchor element {element}"), |v| {
            v.anchor[element] += F::ONE
        }));
    }
    check(Constraint::Membership, cases);
}

#[test]
fn a_dummy_of_value_0_needs_no_place_in_the_tree() {
    let circuit = testing_circuit(None);
    for input in [0, 1] {
        let dummy = changed(|v| {
            v.inputs[input].value = F::ZERO;
            let total = v.inputs[0].value + v.inputs[1].value;
            v.outputs[0].value = f(10);
            v.outputs[1].value = total - f(160);
        });
        assert!(is_provable(&circuit, &dummy), "input {input}");
    }
}

#[test]
fn one_note_cannot_be_both_inputs() {
    let twice = |key_witness: [F; 2]| {
        let mut case = case(format!("one note twice, {key_witness:?}"), |v| {
            v.inputs[1] = v.inputs[0].clone();
            v.outputs[0].value += f(400);
        });
        case.values.key_witness = key_witness;
        case
    };
    check(
        Constraint::NullifierKeysDiffer,
        vec![twice([F::ZERO; 2]), twice([F::ONE; 2])],
    );
}

#[test]
fn wrong_key_witnesses_have_no_proof() {
    let mut values = values(&witness(1));
    values.key_witness[0] += F::ONE;
    assert!(is_provable(
        &testing_circuit(Some(Constraint::NullifierKeysDiffer)),
        &values
    ));
    assert!(!is_provable(&testing_circuit(None), &values));
}

#[test]
fn a_withdrawal_of_0_has_no_recipient() {
    let mut cases = vec![];
    for limb in 0..3 {
        for inverse in [F::ZERO, F::ONE, f(12_345)] {
            cases.push(case(format!("limb {limb}, inverse {inverse}"), |v| {
                v.outputs[0].value += f(100);
                v.withdrawal_amount = F::ZERO;
                v.recipient = [F::ZERO; 3];
                v.recipient[limb] = f(7);
                v.amount_inverse = inverse;
            }));
        }
    }
    check(Constraint::NoRecipientWithoutAmount, cases);
}

#[test]
fn recipient_limbs_have_56_56_and_48_bits() {
    let limb = |limb: usize, value: F| {
        case(format!("limb {limb} of {value}"), move |v| {
            v.recipient[limb] = value
        })
    };
    check(
        Constraint::RecipientLimbs,
        vec![
            limb(0, f(1 << 56)),
            limb(1, f(1 << 56)),
            limb(2, f(1 << 48)),
            limb(2, f(1 << 55)),
            limb(0, F::NEG_ONE),
            limb(1, F::NEG_ONE),
            limb(2, F::NEG_ONE),
        ],
    );
}

#[test]
fn an_index_bit_is_0_or_1() {
    let circuit = testing_circuit(None);
    // On a dummy, so that membership asks for nothing; the Poseidon gate alone refuses.
    let with_bit = |bit: F| {
        changed(|v| {
            single_input(v, 0, f(1_000));
            v.inputs[1].index_bits[5] = bit;
        })
    };
    assert!(is_provable(&circuit, &with_bit(F::ONE)));
    for bit in [f(2), F::NEG_ONE] {
        assert!(!is_provable(&circuit, &with_bit(bit)), "{bit}");
    }
}
