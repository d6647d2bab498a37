//! Honest units of every kind, for tests that break them.

use plonky2::field::types::PrimeField64;

use super::chain::{Chain, effects, with_keys};
use super::*;

/// Positions in a header's elements.
pub(super) const NUMBER: usize = 4;
pub(super) const NOTE_ROOT: usize = 11;
pub(super) const NULLIFIER_ROOT: usize = 16;
pub(super) const RECIPIENT: usize = 30;

/// After two blocks; the note count has this parity.
pub(super) fn chain(parity: u64) -> Chain {
    let mut chain = Chain::new(2 + parity);
    chain.grow(0, &[with_keys(1, [[10, 1], [20, 1]])]);
    chain
}

pub(super) fn deposit(parity: u64) -> Case {
    let (before, step) = chain(parity).step(1, &[], 0);
    Case::of_step(&before, &step)
}

/// Nullifiers 40 and 30, so that both have the same low leaf: 20.
pub(super) fn transaction(parity: u64) -> Case {
    // Seed 3 pays out.
    let (before, step) = chain(parity).step(0, &[with_keys(3, [[40, 1], [30, 1]])], 0);
    Case::of_step(&before, &step)
}

/// The end of a block with a transaction: odd leaves wait.
pub(super) fn block_end(parity: u64) -> Case {
    let (before, step) = chain(parity).step(1, &[effects(3)], 2);
    Case::of_step(&before, &step)
}

pub(super) fn padding() -> Case {
    Case::padding(&chain(1).boundary())
}

pub(super) fn number(value: F) -> u64 {
    value.to_canonical_u64()
}

pub(super) fn follow_root(case: &mut Case, position: usize, root: Digest) {
    for (slot, element) in case.values.header[position..].iter_mut().zip(root.0) {
        *slot = super::element(element);
    }
}
