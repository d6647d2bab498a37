//! How a proof that L1 verifies is hashed.
//!
//! plonky2's own `KeccakGoldilocksConfig` hashes little-endian words and permutes 12 words by three Keccaks for every 8 words
//! of transcript. The EVM reads big-endian words, and one Keccak over a long message costs it little more than one over a
//! short one. So the last layer has a configuration of its own:
//!
//! * a field element is 8 bytes, big-endian;
//! * a Merkle leaf is the first 25 bytes of the Keccak-256 of its elements, a node that of its two children: 100 bits
//!   against collisions, as in plonky2's;
//! * the transcript is a chain of digests: `digest = keccak(digest || elements)`, for every 64 elements and before every
//!   challenge. A digest gives two challenges: its upper and its lower 128 bits, each mod p.
//!
//! A digest is absorbed as four elements of 7, 7, 7 and 4 bytes, so no two digests are absorbed alike.

use agoge_protocol::keccak256;
use plonky2::field::extension::quadratic::QuadraticExtension;
use plonky2::field::types::{Field, PrimeField64};
use plonky2::hash::hashing::PlonkyPermutation;
use plonky2::hash::poseidon::PoseidonHash;
use plonky2::plonk::config::{GenericConfig, GenericHashOut, Hasher};
use serde::{Deserialize, Serialize};

use crate::F;

/// Bytes of a Merkle node.
pub(crate) const NODE_BYTES: usize = 25;
/// Elements that one Keccak of the transcript absorbs at most.
pub(super) const BLOCK_ELEMENTS: usize = 64;
/// Bytes of a digest that one element holds.
const ELEMENT_BYTES: usize = 7;
/// Bytes of a Keccak digest.
const DIGEST_BYTES: usize = 32;
/// Bytes of an element.
const WORD: usize = 8;

/// The configuration of the proof that L1 verifies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct L1Config;

impl GenericConfig<2> for L1Config {
    type F = F;
    type FE = QuadraticExtension<F>;
    type Hasher = L1Hasher;
    type InnerHasher = PoseidonHash;
}

/// Truncated Keccak over big-endian elements.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct L1Hasher;

impl Hasher<F> for L1Hasher {
    const HASH_SIZE: usize = NODE_BYTES;
    type Hash = L1Node;
    type Permutation = L1Transcript;

    fn hash_no_pad(input: &[F]) -> L1Node {
        let mut message = Vec::with_capacity(input.len() * WORD);
        write_elements(&mut message, input);
        L1Node::of(&message)
    }

    /// Every leaf is hashed: there is no leaf so short that it is its own digest.
    fn hash_or_noop(input: &[F]) -> L1Node {
        Self::hash_no_pad(input)
    }

    fn two_to_one(left: L1Node, right: L1Node) -> L1Node {
        let mut message = [0; 2 * NODE_BYTES];
        let halves = message.iter_mut().zip(left.0.iter().chain(&right.0));
        for (byte, from) in halves {
            *byte = *from;
        }
        L1Node::of(&message)
    }
}

/// A Merkle node: the first bytes of a Keccak digest.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct L1Node([u8; NODE_BYTES]);

impl L1Node {
    /// The digest of a message.
    fn of(message: &[u8]) -> Self {
        Self::from_bytes(keccak256(message).as_slice())
    }

    /// The bytes.
    pub(super) const fn as_bytes(&self) -> &[u8; NODE_BYTES] {
        &self.0
    }
}

impl GenericHashOut<F> for L1Node {
    fn to_bytes(&self) -> Vec<u8> {
        self.0.to_vec()
    }

    /// The first bytes; zeros where there are none.
    fn from_bytes(bytes: &[u8]) -> Self {
        let mut node = [0; NODE_BYTES];
        for (byte, from) in node.iter_mut().zip(bytes) {
            *byte = *from;
        }
        Self(node)
    }

    fn to_vec(&self) -> Vec<F> {
        self.0
            .chunks(ELEMENT_BYTES)
            .map(|bytes| {
                let number = bytes
                    .iter()
                    .fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
                F::from_canonical_u64(number)
            })
            .collect()
    }
}

/// The transcript, in the shape of the permutation that plonky2's challenger expects: what is set is what the next
/// "permutation" absorbs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct L1Transcript {
    /// The chain so far.
    digest: [u8; DIGEST_BYTES],
    /// Elements to absorb; those after `filled` are zero.
    block: [F; BLOCK_ELEMENTS],
    /// How many of them there are.
    filled: usize,
    /// The challenges of the digest; the challenger takes the last first.
    challenges: [F; 2],
}

impl Default for L1Transcript {
    fn default() -> Self {
        Self {
            digest: [0; DIGEST_BYTES],
            block: [F::ZERO; BLOCK_ELEMENTS],
            filled: 0,
            challenges: [F::ZERO; 2],
        }
    }
}

impl AsRef<[F]> for L1Transcript {
    fn as_ref(&self) -> &[F] {
        &self.block
    }
}

impl PlonkyPermutation<F> for L1Transcript {
    const RATE: usize = BLOCK_ELEMENTS;
    const WIDTH: usize = BLOCK_ELEMENTS;

    /// The start of every transcript. plonky2 hands in zeros only, which stand for an empty one.
    fn new<I: IntoIterator<Item = F>>(_elements: I) -> Self {
        Self::default()
    }

    fn set_elt(&mut self, element: F, index: usize) {
        self.set_from_slice(&[element], index);
    }

    fn set_from_iter<I: IntoIterator<Item = F>>(&mut self, elements: I, start: usize) {
        for (slot, (element, index)) in self
            .block
            .iter_mut()
            .skip(start)
            .zip(elements.into_iter().zip(start..))
        {
            *slot = element;
            self.filled = self.filled.max(index + 1);
        }
    }

    fn set_from_slice(&mut self, elements: &[F], start: usize) {
        self.set_from_iter(elements.iter().copied(), start);
    }

    fn permute(&mut self) {
        // On the stack: the proof of work comes here millions of times.
        let mut message = [0; DIGEST_BYTES + BLOCK_ELEMENTS * WORD];
        let (start, rest) = message.split_at_mut(DIGEST_BYTES);
        start.copy_from_slice(&self.digest);
        let words = rest.as_chunks_mut::<WORD>().0.iter_mut();
        for (word, element) in words.zip(self.block.iter().take(self.filled)) {
            *word = element.to_canonical_u64().to_be_bytes();
        }
        let length = DIGEST_BYTES + self.filled * WORD;
        let digest = keccak256(message.get(..length).unwrap_or(&message));

        let (upper, lower) = digest.split_at(DIGEST_BYTES / 2);
        *self = Self {
            digest: digest.0,
            challenges: [challenge(lower), challenge(upper)],
            ..Self::default()
        };
    }

    fn squeeze(&self) -> &[F] {
        &self.challenges
    }
}

/// A big-endian number of 128 bits, mod p.
fn challenge(half: &[u8]) -> F {
    let number = half
        .iter()
        .fold(0_u128, |number, byte| (number << 8) | u128::from(*byte));
    F::from_noncanonical_u128(number)
}

/// Appends elements in their canonical form.
pub(super) fn write_elements<'a>(message: &mut Vec<u8>, elements: impl IntoIterator<Item = &'a F>) {
    for element in elements {
        message.extend_from_slice(&element.to_canonical_u64().to_be_bytes());
    }
}
