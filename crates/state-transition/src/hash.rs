//! The one hash of Layer 2: plonky2's Poseidon sponge whose capacity starts with the tag and the number of inputs
//! (`docs/protocol.md` section 4).
//!
//! A [`Tag`] carries its length in its type, so a hash of the wrong length does not compile and no two uses can meet.
//! `circuits` has the twin of [`hash`] inside a proof.

use agoge_protocol::{
    Address, Ciphertext, Digest, Element, Header, NotCanonical, TxEffects, TxPublicInputs, address_limbs,
};
use plonky2::field::goldilocks_field::GoldilocksField;
use plonky2::field::types::{Field, PrimeField64};
use plonky2::hash::poseidon::{Poseidon, SPONGE_RATE, SPONGE_WIDTH};

/// What a hash is for: a number and, in the type, how many elements go in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag<const N: usize>(u32);

impl<const N: usize> Tag<N> {
    /// Number of the tag, the first element of the capacity.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// Number of inputs, the second element of the capacity.
    pub const fn inputs(self) -> usize {
        N
    }
}

/// Inputs: sk.
pub const OWNER: Tag<4> = Tag(1);
/// Inputs: pk, r.
pub const PARTIAL: Tag<8> = Tag(2);
/// Inputs: partial, value, rho.
pub const NOTE: Tag<9> = Tag(3);
/// Inputs: first nullifier, output index.
pub const RHO: Tag<5> = Tag(4);
/// Inputs: genesis id, inbox index.
pub const DEPOSIT_RHO: Tag<5> = Tag(5);
/// Inputs: sk, commitment.
pub const NULLIFIER: Tag<8> = Tag(6);
/// Inputs: left, right.
pub const NODE: Tag<8> = Tag(7);
/// Inputs: key (2), next key (2).
pub const NULLIFIER_LEAF: Tag<4> = Tag(8);
/// Inputs: both ciphertexts.
pub const CIPHERTEXTS: Tag<26> = Tag(9);
/// Inputs: nullifiers (8), commitments (8), fee, withdrawal amount, recipient (3), ciphertext hash (4).
pub const TX_EFFECTS: Tag<25> = Tag(10);
/// Inputs: accumulator, transaction effects hash.
pub const EFFECTS_STEP: Tag<8> = Tag(11);
/// Inputs: accumulator, partial, value.
pub const DEPOSIT_STEP: Tag<9> = Tag(12);
/// Inputs: accumulator, recipient (3), amount.
pub const WITHDRAWAL_STEP: Tag<8> = Tag(13);
/// Inputs: the header's fields in order.
pub const HEADER: Tag<{ Header::LEN }> = Tag(14);
/// Inputs: accumulator, transaction effects hash, anchor, genesis id.
pub const TX_CHAIN_STEP: Tag<16> = Tag(15);
/// Inputs: accumulator, header hash, archive root after the block.
pub const HEADER_CHAIN_STEP: Tag<12> = Tag(16);
/// Inputs: digest (4) and Merkle cap (16 digests) of an inner circuit of an epoch proof.
pub const CIRCUIT: Tag<68> = Tag(17);

/// `H(tag; inputs)`.
pub fn hash<const N: usize>(tag: Tag<N>, inputs: &[Element; N]) -> Digest {
    let mut state = [GoldilocksField::ZERO; SPONGE_WIDTH];
    let (rate, capacity) = state.split_at_mut(SPONGE_RATE);
    let length = u32::try_from(N).unwrap_or(u32::MAX); // The longest input has 35 elements.
    for (slot, number) in capacity.iter_mut().zip([tag.0, length]) {
        *slot = GoldilocksField(u64::from(number));
    }
    let mut chunks = inputs.chunks(SPONGE_RATE);
    if let Some(first) = chunks.next() {
        overwrite(rate, first);
    }
    state = GoldilocksField::poseidon(state);
    for chunk in chunks {
        overwrite(&mut state, chunk);
        state = GoldilocksField::poseidon(state);
    }
    let [a, b, c, d, ..] = state;
    Digest([a, b, c, d].map(canonical))
}

fn overwrite(rate: &mut [GoldilocksField], chunk: &[Element]) {
    for (slot, element) in rate.iter_mut().zip(chunk) {
        *slot = GoldilocksField(element.get());
    }
}

fn canonical(field: GoldilocksField) -> Element {
    // A canonical number is below the modulus by definition.
    Element::new(field.to_canonical_u64()).unwrap_or(Element::ZERO)
}

/// `a ‖ b`.
fn pair(a: Digest, b: Digest) -> [Element; 8] {
    let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = (a.0, b.0);
    [a0, a1, a2, a3, b0, b1, b2, b3]
}

/// Owner `pk` of a spending key.
pub fn owner(spending_key: &[Element; 4]) -> Digest {
    hash(OWNER, spending_key)
}

/// The part of a note that its maker chooses without knowing value or rho; what a depositor writes on L1.
pub fn partial(owner: Digest, randomness: Digest) -> Digest {
    hash(PARTIAL, &pair(owner, randomness))
}

/// Commitment of a note, the leaf of the note tree. `value` is gwei, `< 2^60`.
pub fn commitment(partial: Digest, value: Element, rho: Digest) -> Digest {
    let ([p0, p1, p2, p3], [r0, r1, r2, r3]) = (partial.0, rho.0);
    hash(NOTE, &[p0, p1, p2, p3, value, r0, r1, r2, r3])
}

/// Which of a transaction's two outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Output {
    /// Commitment 0.
    First,
    /// Commitment 1.
    Second,
}

/// The rho of a transaction's output.
pub fn rho(first_nullifier: Digest, output: Output) -> Digest {
    let [n0, n1, n2, n3] = first_nullifier.0;
    let index = match output {
        Output::First => Element::ZERO,
        Output::Second => Element::from_u32(1),
    };
    hash(RHO, &[n0, n1, n2, n3, index])
}

/// The rho of a deposit.
///
/// # Errors
/// [`NotCanonical`] when the inbox index is not below the modulus, which no inbox reaches.
pub fn deposit_rho(genesis_id: Digest, inbox_index: u64) -> Result<Digest, NotCanonical> {
    let [g0, g1, g2, g3] = genesis_id.0;
    Ok(hash(DEPOSIT_RHO, &[g0, g1, g2, g3, Element::new(inbox_index)?]))
}

/// The nullifier of a note, known only to who holds its spending key.
pub fn nullifier(spending_key: &[Element; 4], commitment: Digest) -> Digest {
    hash(NULLIFIER, &pair(Digest(*spending_key), commitment))
}

/// Inner node of every tree.
pub fn node(left: Digest, right: Digest) -> Digest {
    hash(NODE, &pair(left, right))
}

/// Leaf of the nullifier tree.
pub fn nullifier_leaf(key: [Element; 2], next_key: [Element; 2]) -> Digest {
    let ([k0, k1], [n0, n1]) = (key, next_key);
    hash(NULLIFIER_LEAF, &[k0, k1, n0, n1])
}

/// What a transaction's public inputs say about its ciphertexts.
pub fn ciphertexts(both: &[Ciphertext; 2]) -> Digest {
    let mut inputs = [Element::ZERO; 26];
    let elements = both.iter().flat_map(|ciphertext| ciphertext.elements());
    for (slot, element) in inputs.iter_mut().zip(elements) {
        *slot = *element;
    }
    hash(CIPHERTEXTS, &inputs)
}

/// Everything of a transaction that a block settles.
///
/// # Errors
/// [`NotCanonical`] when fee or withdrawal amount are not below the modulus.
pub fn tx_effects(effects: &TxEffects, ciphertext_hash: Digest) -> Result<Digest, NotCanonical> {
    let mut inputs = [Element::ZERO; 25];
    let [n0, n1] = effects.nullifiers;
    let [c0, c1] = effects.commitments;
    let values = [
        Element::new(effects.fee)?,
        Element::new(effects.withdrawal.amount)?,
    ];
    let elements = [n0, n1, c0, c1]
        .into_iter()
        .flat_map(|digest| digest.0)
        .chain(values)
        .chain(address_limbs(effects.withdrawal.recipient))
        .chain(ciphertext_hash.0);
    for (slot, element) in inputs.iter_mut().zip(elements) {
        *slot = element;
    }
    Ok(hash(TX_EFFECTS, &inputs))
}

/// [`tx_effects`] of a transaction: the public inputs from the first nullifier on are what is hashed.
pub fn tx_effects_of(inputs: &TxPublicInputs) -> Digest {
    let elements = inputs.to_elements();
    hash(TX_EFFECTS, elements.last_chunk().unwrap_or(&[Element::ZERO; 25]))
}

/// One transaction more in a block's effects hash.
pub fn effects_step(accumulator: Digest, tx_effects: Digest) -> Digest {
    hash(EFFECTS_STEP, &pair(accumulator, tx_effects))
}

/// One deposit more in a block's settlement hash. `value` is gwei, `< 2^60`.
pub fn deposit_step(accumulator: Digest, partial: Digest, value: Element) -> Digest {
    let ([a0, a1, a2, a3], [p0, p1, p2, p3]) = (accumulator.0, partial.0);
    hash(DEPOSIT_STEP, &[a0, a1, a2, a3, p0, p1, p2, p3, value])
}

/// One withdrawal more in a block's settlement hash. `amount` is gwei, `< 2^60`.
pub fn withdrawal_step(accumulator: Digest, recipient: Address, amount: Element) -> Digest {
    let [a0, a1, a2, a3] = accumulator.0;
    let [r0, r1, r2] = address_limbs(recipient);
    hash(WITHDRAWAL_STEP, &[a0, a1, a2, a3, r0, r1, r2, amount])
}

/// Hash of a header, the leaf of the archive.
///
/// # Errors
/// [`NotCanonical`] when an integer field is not below the modulus.
pub fn header(header: &Header) -> Result<Digest, NotCanonical> {
    Ok(hash(HEADER, &header.to_elements()?))
}

/// One transaction more in the chain that the tracks of an epoch proof share (`docs/protocol.md` section 16.5).
pub fn tx_chain_step(accumulator: Digest, tx_effects: Digest, anchor: Digest, genesis_id: Digest) -> Digest {
    let ([a0, a1, a2, a3], [e0, e1, e2, e3]) = (accumulator.0, tx_effects.0);
    let ([n0, n1, n2, n3], [g0, g1, g2, g3]) = (anchor.0, genesis_id.0);
    hash(
        TX_CHAIN_STEP,
        &[a0, a1, a2, a3, e0, e1, e2, e3, n0, n1, n2, n3, g0, g1, g2, g3],
    )
}

/// One block more in the chain that the tracks of an epoch proof share. `archive` is the root after the header was appended.
pub fn header_chain_step(accumulator: Digest, header_hash: Digest, archive: Digest) -> Digest {
    let ([a0, a1, a2, a3], [h0, h1, h2, h3]) = (accumulator.0, header_hash.0);
    let [r0, r1, r2, r3] = archive.0;
    hash(
        HEADER_CHAIN_STEP,
        &[a0, a1, a2, a3, h0, h1, h2, h3, r0, r1, r2, r3],
    )
}

#[cfg(test)]
mod tests;
