//! The free values of the client circuit, once as field elements and once as targets: one struct for both, so that the two
//! sides cannot differ in order or number.

use agoge_protocol::limits::TREE_DEPTH;
use agoge_protocol::transaction::nullifier_key;
use agoge_protocol::{Digest, TxPublicInputs, address_limbs};
use plonky2::field::types::Field;

use super::witness::{ClientWitness, InputNote, OutputNote};
use crate::F;
use crate::field::{digest, element};

/// Free values of an input note.
#[derive(Clone, Debug)]
pub(super) struct InputValues<T> {
    pub(super) spending_key: [T; 4],
    pub(super) value: T,
    pub(super) rho: [T; 4],
    pub(super) randomness: [T; 4],
    /// Least significant first.
    pub(super) index_bits: [T; TREE_DEPTH],
    /// Lowest first.
    pub(super) siblings: [[T; 4]; TREE_DEPTH],
}

/// Free values of an output note.
#[derive(Clone, Debug)]
pub(super) struct OutputValues<T> {
    pub(super) partial: [T; 4],
    pub(super) value: T,
}

/// All free values. Everything else in the circuit is computed from these.
#[derive(Clone, Debug)]
pub(super) struct Values<T> {
    pub(super) genesis_id: [T; 4],
    pub(super) anchor: [T; 4],
    pub(super) inputs: [InputValues<T>; 2],
    pub(super) outputs: [OutputValues<T>; 2],
    pub(super) fee: T,
    pub(super) withdrawal_amount: T,
    pub(super) recipient: [T; 3],
    pub(super) ciphertext_hash: [T; 4],
    /// `x, y` with `x * (difference of first key elements) + y * (difference of second) = 1`.
    pub(super) key_witness: [T; 2],
    /// `1 / withdrawal_amount`, or anything for amount 0.
    pub(super) amount_inverse: T,
}

impl<T: Copy> Values<T> {
    /// Takes every value from `next`.
    pub(super) fn from_fn(mut next: impl FnMut() -> T) -> Self {
        Self {
            genesis_id: array(&mut next),
            anchor: array(&mut next),
            inputs: core::array::from_fn(|_| InputValues {
                spending_key: array(&mut next),
                value: next(),
                rho: array(&mut next),
                randomness: array(&mut next),
                index_bits: array(&mut next),
                siblings: core::array::from_fn(|_| array(&mut next)),
            }),
            outputs: core::array::from_fn(|_| OutputValues {
                partial: array(&mut next),
                value: next(),
            }),
            fee: next(),
            withdrawal_amount: next(),
            recipient: array(&mut next),
            ciphertext_hash: array(&mut next),
            key_witness: array(&mut next),
            amount_inverse: next(),
        }
    }

    /// Every value, in the order of the fields.
    pub(super) fn to_list(&self) -> Vec<T> {
        let mut list = Vec::new();
        list.extend(self.genesis_id);
        list.extend(self.anchor);
        for input in &self.inputs {
            list.extend(input.spending_key);
            list.push(input.value);
            list.extend(input.rho);
            list.extend(input.randomness);
            list.extend(input.index_bits);
            list.extend(input.siblings.iter().flatten());
        }
        for output in &self.outputs {
            list.extend(output.partial);
            list.push(output.value);
        }
        list.extend([self.fee, self.withdrawal_amount]);
        list.extend(self.recipient);
        list.extend(self.ciphertext_hash);
        list.extend(self.key_witness);
        list.push(self.amount_inverse);
        list
    }
}

fn array<T, const N: usize>(next: &mut impl FnMut() -> T) -> [T; N] {
    core::array::from_fn(|_| next())
}

impl Values<F> {
    /// The values of a witness that has passed [`ClientWitness::public_inputs`] with this result.
    pub(super) fn new(witness: &ClientWitness, public_inputs: &TxPublicInputs) -> Self {
        let withdrawal = witness.withdrawal;
        let amount = F::from_noncanonical_u64(withdrawal.amount);
        Self {
            genesis_id: digest(witness.genesis_id),
            anchor: digest(witness.anchor),
            inputs: witness.inputs.each_ref().map(input),
            outputs: witness.outputs.each_ref().map(output),
            fee: F::from_noncanonical_u64(witness.fee),
            withdrawal_amount: amount,
            recipient: address_limbs(withdrawal.recipient).map(element),
            ciphertext_hash: digest(witness.ciphertext_hash),
            key_witness: key_witness(public_inputs.nullifiers()),
            amount_inverse: amount.try_inverse().unwrap_or(F::ZERO),
        }
    }
}

fn input(note: &InputNote) -> InputValues<F> {
    let mut index = note.index;
    InputValues {
        spending_key: note.spending_key.map(element),
        value: F::from_noncanonical_u64(note.value),
        rho: digest(note.rho),
        randomness: digest(note.randomness),
        index_bits: core::array::from_fn(|_| {
            let bit = F::from_bool(index & 1 == 1);
            index >>= 1;
            bit
        }),
        siblings: note.siblings.map(digest),
    }
}

fn output(note: &OutputNote) -> OutputValues<F> {
    OutputValues {
        partial: digest(note.partial),
        value: F::from_noncanonical_u64(note.value),
    }
}

/// `(1/a, 0)` or `(0, 1/b)` for the keys' differences a, b; zeros for equal keys, for which there is no witness.
pub(super) fn key_witness(nullifiers: &[Digest; 2]) -> [F; 2] {
    let [first, second] = nullifiers
        .each_ref()
        .map(|nullifier| nullifier_key(nullifier).map(element));
    let ([a0, b0], [a1, b1]) = (first, second);
    match ((a0 - a1).try_inverse(), (b0 - b1).try_inverse()) {
        (Some(inverse), _) => [inverse, F::ZERO],
        (None, Some(inverse)) => [F::ZERO, inverse],
        (None, None) => [F::ZERO; 2],
    }
}
