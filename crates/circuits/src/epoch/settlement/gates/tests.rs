//! Each gate by itself: what its rows allow, that its three evaluations agree, that its degree is what it says.

use agoge_state_transition::Scalar;
use plonky2::field::extension::FieldExtension;
use plonky2::field::types::{Field, PrimeField64, Sample};
use plonky2::gates::gate::GateRef;
use plonky2::hash::hash_types::HashOut;
use plonky2::iop::witness::PartialWitness;
use plonky2::plonk::circuit_data::CircuitConfig;
use plonky2::plonk::vars::EvaluationVarsBaseBatch;
use plonky2::util::serialization::GateSerializer;
use proptest::prelude::*;

use super::*;
use crate::C;
use crate::epoch::serialization::EpochGates;
use crate::epoch::settlement::scalar::{COLUMNS, LIMBS, MODULUS};

fn gates() -> Vec<GateRef<F, D>> {
    vec![
        GateRef::new(Custom(Range::LIMB)),
        GateRef::new(Custom(Range::CARRY)),
        GateRef::new(Custom(Split)),
        GateRef::new(Custom(Product)),
        GateRef::new(Custom(Reduction)),
        GateRef::new(Custom(Mux)),
    ]
}

fn evaluate(gate: &GateRef<F, D>, wires: &[Extension]) -> Vec<Extension> {
    gate.0.eval_unfiltered(EvaluationVars {
        local_constants: &[],
        local_wires: wires,
        public_inputs_hash: &HashOut::ZERO,
    })
}

fn lifted(wires: &[F]) -> Vec<Extension> {
    wires
        .iter()
        .map(|wire| FieldExtension::<D>::from_basefield(*wire))
        .collect()
}

#[test]
fn rows_fit_and_their_constraints_are_counted() {
    let config = CircuitConfig::standard_recursion_config();
    for gate in gates() {
        let gate = gate.0;
        assert!(gate.num_wires() <= config.num_wires, "{}", gate.id());
        let zeros = lifted(&vec![F::ZERO; gate.num_wires()]);
        let constraints = evaluate(&GateRef(gate.clone()), &zeros);
        assert_eq!(constraints.len(), gate.num_constraints(), "{}", gate.id());
    }
    assert!(Product.wires() <= config.num_routed_wires);
    assert!(Reduction.wires() <= config.num_routed_wires);
    assert!(Mux.wires() <= config.num_routed_wires);
}

/// Along a line through random points a constraint of degree d is a polynomial of degree d: its differences of order d + 1
/// vanish, and some of order d do not.
#[test]
fn constraints_have_the_degree_that_the_gate_says() {
    for gate in gates() {
        let wires = gate.0.num_wires();
        let [start, step] = [Extension::rand_vec(wires), Extension::rand_vec(wires)];
        let degree = gate.0.degree();
        let points: Vec<Vec<Extension>> = (0..=degree + 1)
            .map(|t| {
                let t = Extension::from_canonical_usize(t);
                let wires: Vec<_> = start.iter().zip(&step).map(|(a, b)| *a + *b * t).collect();
                evaluate(&gate, &wires)
            })
            .collect();
        let mut has_full_degree = false;
        for constraint in 0..gate.0.num_constraints() {
            let mut values: Vec<Extension> = points.iter().map(|point| point[constraint]).collect();
            for order in 0..=degree {
                if order == degree {
                    has_full_degree |= values[0] != Extension::ZERO;
                }
                values = values.windows(2).map(|pair| pair[1] - pair[0]).collect();
            }
            assert_eq!(
                values,
                [Extension::ZERO],
                "{} constraint {constraint}",
                gate.0.id()
            );
        }
        assert!(has_full_degree, "{} is of a lower degree", gate.0.id());
    }
}

#[test]
fn provers_and_verifiers_evaluate_the_same() {
    for gate in gates() {
        // More points than are packed together, and some left over.
        let points: Vec<Vec<F>> = (0..11).map(|_| F::rand_vec(gate.0.num_wires())).collect();
        let by_wire: Vec<F> = (0..gate.0.num_wires())
            .flat_map(|wire| points.iter().map(move |point| point[wire]))
            .collect();
        let batch = EvaluationVarsBaseBatch::new(points.len(), &[], &by_wire, &HashOut::ZERO);
        let found = gate.0.eval_unfiltered_base_batch(batch);
        for (index, point) in points.iter().enumerate() {
            let expected = evaluate(&gate, &lifted(point));
            let found: Vec<F> = found.iter().skip(index).step_by(points.len()).copied().collect();
            assert_eq!(lifted(&found), expected, "{}", gate.0.id());
        }
    }
}

#[test]
fn verifiers_in_circuits_evaluate_the_same() {
    for gate in gates() {
        let mut builder = Builder::new(CircuitConfig::standard_recursion_config());
        let wires = builder.add_virtual_extension_targets(gate.0.num_wires());
        let vars = EvaluationTargets {
            local_constants: &[],
            local_wires: &wires,
            public_inputs_hash: &builder.add_virtual_hash(),
        };
        let found = gate.0.eval_unfiltered_circuit(&mut builder, vars);
        let circuit = builder.mock_build::<C>();
        let values = Extension::rand_vec(wires.len());
        let mut witness = PartialWitness::new();
        witness.set_extension_targets(&wires, &values).unwrap();
        let full = circuit.generate_witness(witness);
        let found: Vec<Extension> = found
            .into_iter()
            .map(|target| full.get_extension_target(target))
            .collect();
        assert_eq!(found, evaluate(&gate, &values), "{}", gate.0.id());
    }
}

#[test]
fn gates_keep_their_identity_on_disk() {
    let mut builder = Builder::new(CircuitConfig::standard_recursion_config());
    builder.add_gate(plonky2::gates::noop::NoopGate, vec![]);
    let common = builder.build::<C>().common;
    for gate in gates() {
        let mut bytes = vec![];
        EpochGates.write_gate(&mut bytes, &gate, &common).unwrap();
        let read = EpochGates.read_gate(&mut Buffer::new(&bytes), &common).unwrap();
        assert_eq!(read, gate);
    }
    // A range that no gate has.
    let mut bytes = vec![];
    EpochGates
        .write_gate(&mut bytes, &GateRef::new(Custom(Range::LIMB)), &common)
        .unwrap();
    let digits = bytes.iter().position(|byte| *byte == 14).unwrap();
    bytes[digits] = 15;
    assert!(EpochGates.read_gate(&mut Buffer::new(&bytes), &common).is_err());
}

/// A row whose inputs are given, completed as the generator does.
fn completed<R: Relation>(relation: &R, inputs: impl Fn(usize) -> Vec<F>) -> Vec<F> {
    let mut row = vec![F::ZERO; relation.wires()];
    for operation in 0..relation.operations() {
        let inputs = inputs(operation);
        for (wire, value) in relation.inputs(operation).into_iter().zip(&inputs) {
            row[wire] = *value;
        }
        for (wire, value) in relation.complete(operation, &inputs) {
            row[wire] = value;
        }
    }
    row
}

fn satisfies<R: Relation>(relation: &R, row: &[F]) -> bool {
    let constraints = evaluate(&GateRef::new(Custom(relation.clone())), &lifted(row));
    constraints
        .iter()
        .all(|constraint| *constraint == Extension::ZERO)
}

/// Changes each wire of a satisfied row alone.
fn no_wire_is_free<R: Relation>(relation: &R, row: &[F], except: &[usize]) {
    assert!(satisfies(relation, row));
    for wire in (0..row.len()).filter(|wire| !except.contains(wire)) {
        for change in [1, 4, 1 << 28, 1 << 32, 0x1234_5678_9abc] {
            let mut changed = row.to_vec();
            changed[wire] += F::from_canonical_u64(change);
            assert!(
                !satisfies(relation, &changed),
                "wire {wire} may change by {change}"
            );
        }
    }
}

fn f(number: u64) -> F {
    F::from_canonical_u64(number)
}

#[test]
fn ranges_end_where_they_say() {
    for (range, bits) in [(Range::LIMB, 28), (Range::CARRY, 36)] {
        let bound = 1_u64 << bits;
        for (number, is_inside) in [
            (0, true),
            (bound - 1, true),
            (bound, false),
            (bound + 1, false),
            (F::NEG_ONE.to_canonical_u64(), false),
        ] {
            let row = completed(&range, |_| vec![f(number)]);
            assert_eq!(satisfies(&range, &row), is_inside, "{number} in {bits} bits");
        }
        no_wire_is_free(&range, &completed(&range, |i| vec![f(bound - 1 - i as u64)]), &[]);
    }
}

#[test]
fn an_element_has_one_split() {
    const P: u64 = agoge_protocol::element::MODULUS;
    let mask = (1 << 28) - 1;
    for number in [
        0,
        1,
        mask,
        1 << 28,
        (1 << 56) - 1,
        (1 << 32) - 2,
        (1 << 32) - 1,
        1 << 32,
        P - 2,
        P - 1,
    ] {
        let row = completed(&Split, |_| vec![f(number)]);
        assert!(satisfies(&Split, &row), "{number}");
        for operation in 0..Split.operations() {
            let limbs = Split::limbs(operation).map(|wire| row[wire].to_canonical_u64());
            assert_eq!(limbs, [number & mask, (number >> 28) & mask, number >> 56]);
        }
    }
    // n + p is written with the digits of n + p, every inverse tried: the sum is right modulo p, the form is not.
    for number in [0, 1, 5, (1 << 32) - 2] {
        for inverse in [F::ZERO, F::ONE, F::NEG_ONE, f(77)] {
            let mut row = completed(&Split, |_| vec![f(number)]);
            let other = number + P;
            let [low, middle, high] = Split::limbs(0);
            row[low] = f(other & mask);
            row[middle] = f((other >> 28) & mask);
            row[high] = f(other >> 56);
            let mut digits = Split
                .complete(0, &[f(0)])
                .into_iter()
                .skip(3)
                .map(|(wire, _)| wire);
            for (wire, shift) in digits.clone().take(32).zip((0..64).step_by(2)) {
                row[wire] = f((other >> shift) & 3);
            }
            row[digits.next_back().unwrap()] = inverse;
            // Only 0 + p is below 2^64 with a low half of 1; all of these have a high half of ones.
            assert_eq!(other >> 32, 0xffff_ffff);
            assert!(!satisfies(&Split, &row), "{number} as {other}");
            let broken = evaluate(&GateRef::new(Custom(Split)), &lifted(&row));
            assert_eq!(
                broken.iter().filter(|c| **c != Extension::ZERO).count(),
                1,
                "only the form"
            );
        }
    }
}

#[test]
fn no_wire_of_a_split_is_free_that_matters() {
    // The inverse is free where the low half is 0, and changes nothing there.
    let row = completed(&Split, |i| vec![f(0xffff_fffe_1234_5678 + i as u64)]);
    no_wire_is_free(&Split, &row, &[]);
}

/// Limbs of a number below 2^255.
fn limbs(seed: u64) -> Vec<F> {
    let limb = |i: u64| seed.wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ (i << 40)) >> 36;
    (0..LIMBS as u64)
        .map(|i| f(if i == 9 { limb(i) & 7 } else { limb(i) }))
        .collect()
}

#[test]
fn products_are_polynomial_products() {
    let inputs: Vec<F> = (1..5).flat_map(limbs).chain((0..COLUMNS as u64).map(f)).collect();
    let row = completed(&Product, |_| inputs.clone());
    let value = |from: usize, len: usize, x: F| {
        row[from..from + len]
            .iter()
            .rev()
            .fold(F::ZERO, |sum, limb| sum * x + *limb)
    };
    // Polynomials of degree 18 that agree at 19 points are equal.
    for x in 0..COLUMNS as u64 {
        let [a, b, c, d] = [0, 1, 2, 3].map(|which| value(Product::factor(which), LIMBS, f(x)));
        let before = value(Product::BEFORE, COLUMNS, f(x));
        assert_eq!(value(Product::AFTER, COLUMNS, f(x)), before + a * b + c * d);
    }
    no_wire_is_free(&Product, &row, &[]);
}

#[test]
fn a_mux_is_a_weighted_sum() {
    let inputs = |place: usize| vec![f(1), f(0), f(5), f(10 + place as u64), f(20), f(30)];
    let row = completed(&Mux, inputs);
    for place in 0..Mux::WIDTH {
        assert_eq!(row[Mux::outcome(place)], f(10 + place as u64 + 150));
    }
    let unweighted: Vec<usize> = (0..Mux::WIDTH).map(|place| Mux::value(place, 1)).collect();
    no_wire_is_free(&Mux, &row, &unweighted);
}

fn columns() -> impl Strategy<Value = Vec<u64>> {
    let column = prop_oneof![0_u64..1 << 63, Just(0), Just((1 << 63) - 1)];
    prop::collection::vec(column, COLUMNS)
}

/// Whether the ranges hold that `Reduction` relies on.
fn in_range(row: &[F]) -> bool {
    let number = |wire: usize| row[wire].to_canonical_u64();
    (Reduction::QUOTIENT..Reduction::CARRY).all(|wire| number(wire) < 1 << 28)
        && (Reduction::CARRY..Reduction.wires()).all(|wire| number(wire) < 1 << 36)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// All columns below 2^63, as long as the quotient has ten limbs: those of two numbers below r have.
    #[test]
    fn reductions_agree_with_the_native_field(mut columns in columns()) {
        columns[COLUMNS - 1] &= 0xff;
        columns[COLUMNS - 2] &= 0xf_ffff_ffff;
        columns[COLUMNS - 3] &= 0xfff_ffff_ffff_ffff;
        let row = completed(&Reduction, |_| columns.iter().map(|c| f(*c)).collect());
        prop_assert!(satisfies(&Reduction, &row));
        prop_assert!(in_range(&row));
        let result: Vec<u64> = row[Reduction::RESULT..Reduction::CARRY].iter().map(|x| x.to_canonical_u64()).collect();
        let expected = Scalar::from_columns(&columns).to_limbs().map(u64::from);
        prop_assert_eq!(result, expected.to_vec());
    }

    /// The result plus r, with the quotient less 1, is congruent too, and its row is satisfied. Any other result has no row.
    #[test]
    fn results_are_congruent_and_nothing_else(a in 2..u64::MAX, wrong in 0..LIMBS, by in 1_u64..1 << 28) {
        let product = completed(&Product, |_| {
            let factors = [limbs(a), limbs(a ^ 1), vec![F::ZERO; 2 * LIMBS]].concat();
            factors.into_iter().chain(vec![F::ZERO; COLUMNS]).collect()
        });
        let columns: Vec<u64> = product[Product::AFTER..].iter().map(|c| c.to_canonical_u64()).collect();
        let result = Scalar::from_columns(&columns).to_limbs().map(u64::from);

        let mut plus_r = result;
        let mut carry = 0;
        for (limb, modulus) in plus_r.iter_mut().zip(MODULUS) {
            let sum = *limb + modulus + carry;
            (*limb, carry) = (sum & 0xfff_ffff, sum >> 28);
        }
        let row = row_with(&columns, plus_r);
        prop_assert!(satisfies(&Reduction, &row) && in_range(&row));

        // The limbs of a wrong result: whatever quotient and carries the columns force from below, either a column is not
        // satisfied or a wire is out of its range.
        let mut other = result;
        other[wrong] = (other[wrong] + by) & 0xfff_ffff;
        let row = row_with(&columns, other);
        prop_assert!(!(satisfies(&Reduction, &row) && in_range(&row)));
    }
}

/// The row that the columns force on a result from the lowest up.
fn row_with(columns: &[u64], result: [u64; LIMBS]) -> Vec<F> {
    let (quotient, carries) = reduction::divide(columns, &result);
    columns
        .iter()
        .copied()
        .chain(quotient)
        .chain(result)
        .chain(carries)
        .map(F::from_canonical_u64)
        .collect()
}

#[test]
fn no_wire_of_a_reduction_is_free() {
    let row = completed(&Reduction, |_| {
        (0..COLUMNS as u64).map(|i| f((1 << 60) >> (3 * i))).collect()
    });
    no_wire_is_free(&Reduction, &row, &[]);
}

/// A quotient that is one off, repaired by carries modulo p: the columns are satisfied, and a carry is out of its range.
#[test]
fn a_wrong_quotient_needs_a_carry_out_of_range() {
    let columns: Vec<u64> = (0..COLUMNS as u64)
        .map(|i| if i < 12 { (1 << 59) + i } else { 0 })
        .collect();
    let honest = completed(&Reduction, |_| columns.iter().map(|c| f(*c)).collect());
    assert!(satisfies(&Reduction, &honest) && in_range(&honest));
    let radix_inverse = f(1 << 28).inverse();
    for wire in Reduction::QUOTIENT..Reduction::CARRY {
        let mut row = honest.clone();
        row[wire] += F::ONE;
        // Each carry is set so that its column holds in the field; the last column has none to set.
        for k in 0..Reduction::CARRIES {
            let constraint = evaluate(&GateRef::new(Custom(Reduction)), &lifted(&row))[k];
            row[Reduction::CARRY + k] += constraint.0[0] * radix_inverse;
        }
        let constraints = evaluate(&GateRef::new(Custom(Reduction)), &lifted(&row));
        assert!(
            constraints[..Reduction::CARRIES]
                .iter()
                .all(|c| *c == Extension::ZERO)
        );
        assert!(!in_range(&row), "wire {wire}");
    }
}

#[test]
fn the_modulus_is_that_of_the_scalar_field() {
    assert_eq!(Scalar::from_columns(&MODULUS), Scalar::ZERO);
    assert_eq!(
        MODULUS[0], 1,
        "division goes from the lowest limb, whose inverse is 1"
    );
    assert!(MODULUS.iter().all(|limb| limb >> 28 == 0));
}
