use agoge_protocol::network::ClientProfile;
use agoge_protocol::{Address, Element, address_limbs};
use agoge_state_transition::hash::{self, HEADER, NOTE, OWNER, PARTIAL};
use plonky2::field::extension::FieldExtension;
use plonky2::field::types::PrimeField64;
use plonky2::fri::reduction_strategies::FriReductionStrategy;
use plonky2::gates::base_sum::BaseSumGate;
use plonky2::gates::gate::Gate;
use plonky2::gates::poseidon::PoseidonGate;
use plonky2::hash::hash_types::HashOut;
use plonky2::iop::witness::{PartialWitness, Witness, WitnessWrite};
use plonky2::plonk::circuit_data::CircuitConfig;
use plonky2::plonk::vars::EvaluationVars;
use proptest::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use crate::{C, D};

/// The testing profile for circuits of a few rows: a folding schedule of any degree.
fn config() -> CircuitConfig {
    let mut config = crate::profile::circuit_config(ClientProfile::Testing);
    config.fri_config.reduction_strategy = FriReductionStrategy::ConstantArityBits(4, 5);
    config
}

/// What the gadget gives for the inputs, by witness generation alone.
fn hash_in_circuit<const N: usize>(tag: Tag<N>, inputs: &[Element; N]) -> Vec<u64> {
    let mut builder = Builder::new(config());
    let targets = inputs.map(|_| builder.add_virtual_target());
    let output = hash(&mut builder, tag, &targets);
    let circuit = builder.mock_build::<C>();
    let mut witness = PartialWitness::new();
    for (target, input) in targets.iter().zip(inputs) {
        witness
            .set_target(*target, F::from_canonical_u64(input.get()))
            .unwrap();
    }
    let full = circuit.generate_witness(witness);
    output
        .iter()
        .map(|target| full.get_target(*target).to_canonical_u64())
        .collect()
}

fn elements<const N: usize>() -> impl Strategy<Value = [Element; N]> {
    prop::collection::vec(0..agoge_protocol::element::MODULUS, N)
        .prop_map(|numbers| core::array::from_fn(|i| Element::new(numbers[i]).unwrap()))
}

fn numbers(digest: agoge_protocol::Digest) -> Vec<u64> {
    digest.0.map(Element::get).to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    /// Shorter than a block, a block, one more, several.
    #[test]
    fn hash_and_native_hash_agree(a in elements::<4>(), b in elements::<8>(), c in elements::<9>(), d in elements::<35>()) {
        prop_assert_eq!(hash_in_circuit(OWNER, &a), numbers(hash::hash(OWNER, &a)));
        prop_assert_eq!(hash_in_circuit(PARTIAL, &b), numbers(hash::hash(PARTIAL, &b)));
        prop_assert_eq!(hash_in_circuit(NOTE, &c), numbers(hash::hash(NOTE, &c)));
        prop_assert_eq!(hash_in_circuit(HEADER, &d), numbers(hash::hash(HEADER, &d)));
    }
}

/// Whether values have a proof of being constrained like this.
fn holds<const N: usize>(values: [u64; N], constrain: impl FnOnce(&mut Builder, &[Target; N])) -> bool {
    let mut builder = Builder::new(config());
    let targets = values.map(|_| builder.add_virtual_target());
    constrain(&mut builder, &targets);
    let circuit = builder.build::<C>();
    let mut witness = PartialWitness::new();
    for (target, value) in targets.iter().zip(values) {
        witness.set_target(*target, F::from_canonical_u64(value)).unwrap();
    }
    let proof = catch_unwind(AssertUnwindSafe(|| circuit.prove(witness)));
    proof.is_ok_and(|proof| proof.is_ok_and(|proof| circuit.verify(proof).is_ok()))
}

#[test]
fn ranges_end_where_they_say() {
    for bits in [48, 56, 60] {
        let bound = 1_u64 << bits;
        for (value, expected) in [(0, true), (bound - 1, true), (bound, false), (bound + 1, false)] {
            let found = holds([value], |builder, [x]| assert_bits(builder, *x, bits));
            assert_eq!(found, expected, "{value} in {bits} bits");
        }
    }
}

#[test]
fn limbs_of_addresses_and_nothing_more() {
    let largest = address_limbs(Address::repeat_byte(0xff)).map(Element::get);
    assert!(holds(largest, assert_address_limbs));
    for limb in 0..3 {
        let mut limbs = largest;
        limbs[limb] += 1;
        assert!(!holds(limbs, assert_address_limbs), "limb {limb}");
    }
}

type Extension = <F as plonky2::field::extension::Extendable<D>>::Extension;

/// Whether a row with these wires satisfies the gate.
fn satisfies(gate: &impl Gate<F, D>, wires: &[F]) -> bool {
    let wires: Vec<Extension> = wires
        .iter()
        .map(|wire| <Extension as FieldExtension<D>>::from_basefield(*wire))
        .collect();
    let vars = EvaluationVars {
        local_constants: &[],
        local_wires: &wires,
        public_inputs_hash: &HashOut::ZERO,
    };
    gate.eval_unfiltered(vars)
        .iter()
        .all(|constraint| *constraint == Extension::ZERO)
}

/// A satisfied row of a gate whose free wires are set by `free`.
fn satisfied_row<G: Gate<F, D>>(gate: impl Fn() -> G, free: &[(usize, u64)]) -> Vec<F> {
    let mut builder = Builder::new(config());
    let row = builder.add_gate(gate(), vec![]);
    let circuit = builder.mock_build::<C>();
    let mut witness = PartialWitness::new();
    for (wire, value) in free {
        witness
            .set_target(Target::wire(row, *wire), F::from_canonical_u64(*value))
            .unwrap();
    }
    let full = circuit.generate_witness(witness);
    (0..gate().num_wires())
        .map(|wire| full.get_target(Target::wire(row, wire)))
        .collect()
}

/// Changes each wire of a satisfied row alone: none is free.
fn no_wire_is_free<G: Gate<F, D>>(gate: impl Fn() -> G, free: &[(usize, u64)]) {
    let row = satisfied_row(&gate, free);
    let gate = gate();
    assert!(satisfies(&gate, &row));
    for wire in 0..row.len() {
        for change in [
            F::ONE,
            F::NEG_ONE,
            F::from_canonical_u64(1 << 32),
            F::from_canonical_u64(0x1234_5678_9abc),
        ] {
            let mut changed = row.clone();
            changed[wire] += change;
            assert!(!satisfies(&gate, &changed), "wire {wire} may change by {change}");
        }
    }
}

#[test]
fn no_wire_of_a_poseidon_row_is_free() {
    /// After 12 inputs and 12 outputs.
    const SWAP_WIRE: usize = 24;
    for swap in [0, 1] {
        let mut free: Vec<(usize, u64)> = (0..12).map(|wire| (wire, 1_000 + wire as u64)).collect();
        free.push((SWAP_WIRE, swap));
        no_wire_is_free(PoseidonGate::<F, D>::new, &free);
    }
}

#[test]
fn no_wire_of_a_range_check_row_is_free() {
    for value in [0, 1, 0x0fed_cba9_8765_4321, (1 << 60) - 1] {
        no_wire_is_free(|| BaseSumGate::<4>::new(RANGE_LIMBS), &[(0, value)]);
    }
}
