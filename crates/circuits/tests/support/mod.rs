//! A valid witness, for this crate's tests, benchmark and example.

use std::cmp::Ordering;

use agoge_circuits::{ClientWitness, InputNote, OutputNote};
use agoge_protocol::limits::TREE_DEPTH;
use agoge_protocol::{Address, Digest, Element, Withdrawal};
use agoge_state_transition::hash;
use rand::Rng;

/// Any digest.
pub(crate) fn digest(rng: &mut impl Rng) -> Digest {
    Digest(core::array::from_fn(|_| {
        Element::new(rng.gen_range(0..agoge_protocol::element::MODULUS)).unwrap_or_default()
    }))
}

/// Two notes of 700 and 300 gwei at random places of one tree, outputs of 600 and 250, a fee of 50, a withdrawal of 100.
pub(crate) fn witness(rng: &mut impl Rng) -> ClientWitness {
    let mut inputs = [700, 300].map(|value| InputNote {
        spending_key: digest(rng).0,
        value,
        rho: digest(rng),
        randomness: digest(rng),
        index: rng.r#gen(),
        siblings: [Digest::ZERO; TREE_DEPTH].map(|_| digest(rng)),
    });
    place_in_one_tree(&mut inputs, rng.gen_range(0..32));
    let anchor = inputs[0].root().unwrap_or_default();
    ClientWitness {
        genesis_id: digest(rng),
        anchor,
        inputs,
        outputs: [600, 250].map(|value| OutputNote {
            partial: digest(rng),
            value,
        }),
        fee: 50,
        withdrawal: Withdrawal {
            amount: 100,
            recipient: Address::from(rng.r#gen::<[u8; 20]>()),
        },
        ciphertext_hash: digest(rng),
    }
}

/// Makes the paths meet below a common node: each is in the other's sibling subtree at this level.
fn place_in_one_tree([first, second]: &mut [InputNote; 2], level: u32) {
    let node_at = |note: &InputNote| {
        let leaf = note.commitment().unwrap_or_default();
        note.siblings
            .iter()
            .zip(0..level)
            .fold(leaf, |node, (sibling, level)| {
                if (note.index >> level) & 1 == 0 {
                    hash::node(node, *sibling)
                } else {
                    hash::node(*sibling, node)
                }
            })
    };
    let (left, right) = (node_at(first), node_at(second));
    for ((a, b), at) in first.siblings.iter_mut().zip(&mut second.siblings).zip(0..) {
        match level.cmp(&at) {
            Ordering::Less => *b = *a,
            Ordering::Equal => (*a, *b) = (right, left),
            Ordering::Greater => {}
        }
    }
    let below = (1_u32 << level) - 1;
    second.index = ((first.index ^ (1 << level)) & !below) | (second.index & below);
}
