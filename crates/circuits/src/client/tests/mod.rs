//! Tests that need proofs.

mod proofs;
mod relation;
#[path = "../../../tests/support/mod.rs"]
pub(crate) mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};

use agoge_protocol::network::ClientProfile;
use agoge_protocol::{Digest, Element};
use agoge_state_transition::hash;
use plonky2::field::types::PrimeField64;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::circuit::{ClientCircuit, Constraint};
use super::values::{InputValues, Values, key_witness};
use crate::{ClientWitness, F};

fn witness(seed: u64) -> ClientWitness {
    support::witness(&mut ChaCha8Rng::seed_from_u64(seed))
}

fn values(witness: &ClientWitness) -> Values<F> {
    Values::new(witness, &witness.public_inputs().unwrap())
}

fn testing_circuit(omitted: Option<Constraint>) -> ClientCircuit {
    ClientCircuit::build(ClientProfile::Testing, omitted)
}

/// Whether there is a proof for the values: the prover makes one, and the verifier of the same circuit accepts it.
fn is_provable(circuit: &ClientCircuit, values: &Values<F>) -> bool {
    let proof = catch_unwind(AssertUnwindSafe(|| {
        circuit.data.prove(circuit.assign(values).unwrap())
    }));
    proof.is_ok_and(|proof| proof.is_ok_and(|proof| circuit.data.verify(proof).is_ok()))
}

fn native(elements: [F; 4]) -> Digest {
    Digest(elements.map(|element| Element::new(element.to_canonical_u64()).unwrap()))
}

/// Commitment of an input, whatever its value.
fn commitment(input: &InputValues<F>) -> Digest {
    let owner = hash::owner(&native(input.spending_key).0);
    let value = Element::new(input.value.to_canonical_u64()).unwrap();
    hash::commitment(
        hash::partial(owner, native(input.randomness)),
        value,
        native(input.rho),
    )
}

/// Root that an input leads to, whatever its value.
fn root(input: &InputValues<F>) -> Digest {
    input
        .index_bits
        .iter()
        .zip(input.siblings)
        .fold(commitment(input), |node, (bit, sibling)| {
            match bit.to_canonical_u64() {
                0 => hash::node(node, native(sibling)),
                _ => hash::node(native(sibling), node),
            }
        })
}

/// Sets the key witness to that of the nullifiers as they are.
fn update_key_witness(values: &mut Values<F>) {
    let nullifiers = values
        .inputs
        .each_ref()
        .map(|input| hash::nullifier(&native(input.spending_key).0, commitment(input)));
    values.key_witness = key_witness(&nullifiers);
}
