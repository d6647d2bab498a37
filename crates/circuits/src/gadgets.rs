//! Parts that circuits are made of, each with its native twin in `state-transition`.
//!
//! No gadget splits a 64-bit number: all comparisons are range checks of at most 60 bits, whose limbs cannot sum to `p` or
//! more, so there is one decomposition only.

use agoge_protocol::limits::{TREE_DEPTH, VALUE_BITS};
use agoge_state_transition::hash::{NODE, Tag};
use plonky2::field::types::Field;
use plonky2::hash::hashing::PlonkyPermutation;
use plonky2::hash::poseidon::{PoseidonHash, PoseidonPermutation, SPONGE_RATE};
use plonky2::iop::target::{BoolTarget, Target};
use plonky2::plonk::config::AlgebraicHasher;

use crate::{Builder, F};

/// Four targets that hold a digest.
pub(crate) type DigestTarget = [Target; 4];

/// Base-4 limbs of a range check: 60 bits in 31 routed wires of one row.
const RANGE_LIMBS: usize = 30;

/// `H(tag; inputs)`; the twin of `state_transition::hash::hash`. One row for every 8 inputs.
pub(crate) fn hash<const N: usize>(builder: &mut Builder, tag: Tag<N>, inputs: &[Target; N]) -> DigestTarget {
    let mut state = empty_sponge(builder, tag);
    for chunk in inputs.chunks(SPONGE_RATE) {
        state.set_from_slice(chunk, 0);
        state = builder.permute::<PoseidonHash>(state);
    }
    digest(builder, &state)
}

/// Root of the tree in which `leaf` stands at the index with these bits (least significant first) beside these siblings
/// (lowest first). One row a level.
///
/// The Poseidon gate itself asserts that its swap wire, here the index bit, is 0 or 1. So an index has one form only.
pub(crate) fn merkle_root(
    builder: &mut Builder,
    leaf: DigestTarget,
    index_bits: &[Target; TREE_DEPTH],
    siblings: &[DigestTarget; TREE_DEPTH],
) -> DigestTarget {
    climb(builder, leaf, index_bits, siblings)
}

/// The node that is reached from a node at any level: as [`merkle_root`], with as many levels as there are bits and siblings.
pub(crate) fn climb(
    builder: &mut Builder,
    node: DigestTarget,
    index_bits: &[Target],
    siblings: &[DigestTarget],
) -> DigestTarget {
    debug_assert_eq!(index_bits.len(), siblings.len());
    let empty = empty_sponge(builder, NODE);
    let mut node = node;
    for (bit, sibling) in index_bits.iter().zip(siblings) {
        let mut state = empty;
        state.set_from_iter(node.into_iter().chain(*sibling), 0);
        state = PoseidonHash::permute_swapped(state, BoolTarget::new_unsafe(*bit), builder);
        node = digest(builder, &state);
    }
    node
}

/// Constrains `x < 2^bits` for an even number of bits up to 60. One row.
pub(crate) fn assert_bits(builder: &mut Builder, x: Target, bits: u32) {
    debug_assert!(bits.is_multiple_of(2) && bits <= VALUE_BITS);
    let limbs = builder.split_le_base::<4>(x, RANGE_LIMBS);
    let used = limbs.iter().zip((0..bits).step_by(2)).count();
    for above in limbs.into_iter().skip(used) {
        builder.assert_zero(above);
    }
}

/// Constrains the three limbs of an L1 address to 56, 56 and 48 bits. Three rows.
pub(crate) fn assert_address_limbs(builder: &mut Builder, limbs: &[Target; 3]) {
    for (limb, bits) in limbs.iter().zip([56, 56, 48]) {
        assert_bits(builder, *limb, bits);
    }
}

/// A sponge with the tag and the number of inputs in its capacity.
fn empty_sponge<const N: usize>(builder: &mut Builder, tag: Tag<N>) -> PoseidonPermutation<Target> {
    let zero = builder.zero();
    let capacity = [
        builder.constant(F::from_canonical_u32(tag.number())),
        builder.constant(F::from_canonical_usize(tag.inputs())),
        zero,
        zero,
    ];
    PoseidonPermutation::new([zero; SPONGE_RATE].into_iter().chain(capacity))
}

fn digest(builder: &mut Builder, state: &PoseidonPermutation<Target>) -> DigestTarget {
    let mut out = [builder.zero(); 4];
    for (slot, target) in out.iter_mut().zip(state.squeeze()) {
        *slot = *target;
    }
    out
}

#[cfg(test)]
mod tests;
