//! Shielded transactions: public inputs, ciphertexts, proof bytes; and the effects a block takes from them.

use alloy_primitives::{Address, B256, Keccak256};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use std::io::{Error, ErrorKind, Read, Result as IoResult};

use crate::element::{Element, address_limbs};
use crate::limits::{
    CIPHERTEXT_BYTES, CIPHERTEXT_ELEMENT_BITS, CIPHERTEXT_ELEMENTS, CLIENT_PROOF_BYTES_MAX, VALUE_BITS,
};
use crate::{Digest, NotCanonical};

/// First number that is no value.
pub const VALUE_BOUND: u64 = 1 << VALUE_BITS;

/// Keccak of the public inputs; the proof is not part of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TxId(pub B256);

impl core::fmt::Debug for TxId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}

impl core::fmt::Display for TxId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(&self.0, f)
    }
}

impl BorshSerialize for TxId {
    fn serialize<W: std::io::Write>(&self, writer: &mut W) -> IoResult<()> {
        crate::signature::write_b256(&self.0, writer)
    }
}

impl BorshDeserialize for TxId {
    fn deserialize_reader<R: Read>(reader: &mut R) -> IoResult<Self> {
        crate::signature::read_b256(reader).map(Self)
    }
}

/// Why public inputs or a transaction are malformed. The sender is wrong in every case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedTx {
    /// A value is `>= 2^60`.
    #[error("{field} is {found} gwei, the limit is 2^60 - 1")]
    ValueTooLarge {
        /// Which value.
        field: &'static str,
        /// As given.
        found: u64,
    },
    /// Amount 0 with a recipient, which would give one transaction two forms.
    #[error("a withdrawal of 0 names the recipient {recipient}")]
    RecipientWithoutAmount {
        /// As given.
        recipient: Address,
    },
    /// Both nullifiers have the same key.
    #[error("both nullifiers have the same key")]
    EqualNullifiers,
    /// A nullifier has the key reserved for the empty tree.
    #[error("a nullifier has the reserved key zero")]
    ZeroNullifierKey,
    /// The proof is longer than any profile's.
    #[error("proof has {found} bytes, the limit is {CLIENT_PROOF_BYTES_MAX}")]
    ProofTooLong {
        /// Bytes found.
        found: usize,
    },
    /// A ciphertext element is `>= 2^56`.
    #[error("ciphertext element {0}")]
    Ciphertext(#[source] NotCanonical),
}

/// A public withdrawal to L1. Amount 0 forces the zero recipient.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
pub struct Withdrawal {
    /// Gwei, `< 2^60`.
    pub amount: u64,
    /// Who may pull it on L1.
    #[borsh(
        serialize_with = "crate::signature::write_address",
        deserialize_with = "crate::signature::read_address"
    )]
    pub recipient: Address,
}

/// The key under which a nullifier stands in the nullifier tree: its first two elements.
pub type NullifierKey = [Element; 2];

/// First two elements of a nullifier.
pub const fn nullifier_key(nullifier: &Digest) -> NullifierKey {
    let [a, b, _, _] = nullifier.0;
    [a, b]
}

/// Public inputs of a client proof, within their ranges.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, Serialize)]
pub struct TxPublicInputs {
    genesis_id: Digest,
    anchor: Digest,
    nullifiers: [Digest; 2],
    commitments: [Digest; 2],
    fee: u64,
    withdrawal: Withdrawal,
    ciphertext_hash: Digest,
}

impl TxPublicInputs {
    /// Number of elements.
    pub const LEN: usize = 33;

    /// Checks ranges and forms.
    ///
    /// # Errors
    /// [`MalformedTx`] naming the first rule broken.
    pub fn new(
        genesis_id: Digest,
        anchor: Digest,
        nullifiers: [Digest; 2],
        commitments: [Digest; 2],
        fee: u64,
        withdrawal: Withdrawal,
        ciphertext_hash: Digest,
    ) -> Result<Self, MalformedTx> {
        check_settled(&nullifiers, fee, &withdrawal)?;
        Ok(Self {
            genesis_id,
            anchor,
            nullifiers,
            commitments,
            fee,
            withdrawal,
            ciphertext_hash,
        })
    }

    /// The instance the transaction is for.
    pub const fn genesis_id(&self) -> Digest {
        self.genesis_id
    }
    /// Note root of some header that the spent notes are under.
    pub const fn anchor(&self) -> Digest {
        self.anchor
    }
    /// Nullifiers of both inputs.
    pub const fn nullifiers(&self) -> &[Digest; 2] {
        &self.nullifiers
    }
    /// Commitments of both outputs.
    pub const fn commitments(&self) -> &[Digest; 2] {
        &self.commitments
    }
    /// Gwei.
    pub const fn fee(&self) -> u64 {
        self.fee
    }
    /// Public withdrawal.
    pub const fn withdrawal(&self) -> Withdrawal {
        self.withdrawal
    }
    /// `H(CIPHERTEXTS; ...)`.
    pub const fn ciphertext_hash(&self) -> Digest {
        self.ciphertext_hash
    }

    /// The public inputs in the circuit's order (`docs/protocol.md` section 7).
    pub fn to_elements(&self) -> [Element; Self::LEN] {
        let mut out = [Element::ZERO; Self::LEN];
        let [n0, n1] = self.nullifiers;
        let [c0, c1] = self.commitments;
        // Both values are below 2^60 by construction, hence canonical.
        let value = |v| Element::new(v).unwrap_or(Element::ZERO);
        let elements = [self.genesis_id, self.anchor, n0, n1, c0, c1]
            .into_iter()
            .flat_map(|digest| digest.0)
            .chain([value(self.fee), value(self.withdrawal.amount)])
            .chain(address_limbs(self.withdrawal.recipient))
            .chain(self.ciphertext_hash.0);
        for (slot, element) in out.iter_mut().zip(elements) {
            *slot = element;
        }
        out
    }

    /// The transaction id.
    pub fn tx_id(&self) -> TxId {
        let mut hasher = Keccak256::new();
        hasher.update(b"AGOGE_TX_V1");
        for element in self.to_elements() {
            hasher.update(element.get().to_be_bytes());
        }
        TxId(hasher.finalize())
    }
}

impl BorshDeserialize for TxPublicInputs {
    fn deserialize_reader<R: Read>(reader: &mut R) -> IoResult<Self> {
        let (genesis_id, anchor, nullifiers, commitments) = BorshDeserialize::deserialize_reader(reader)?;
        let (fee, withdrawal, ciphertext_hash) = BorshDeserialize::deserialize_reader(reader)?;
        Self::new(
            genesis_id,
            anchor,
            nullifiers,
            commitments,
            fee,
            withdrawal,
            ciphertext_hash,
        )
        .map_err(|e| Error::new(ErrorKind::InvalidData, e))
    }
}

/// The rules for what a block settles, whether it arrived in a transaction or in a blob.
fn check_settled(nullifiers: &[Digest; 2], fee: u64, withdrawal: &Withdrawal) -> Result<(), MalformedTx> {
    check_value("fee", fee)?;
    check_value("withdrawal", withdrawal.amount)?;
    if withdrawal.amount == 0 && withdrawal.recipient != Address::ZERO {
        return Err(MalformedTx::RecipientWithoutAmount {
            recipient: withdrawal.recipient,
        });
    }
    let [first, second] = nullifiers.each_ref().map(nullifier_key);
    if first == second {
        return Err(MalformedTx::EqualNullifiers);
    }
    if [first, second].contains(&[Element::ZERO; 2]) {
        return Err(MalformedTx::ZeroNullifierKey);
    }
    Ok(())
}

fn check_value(field: &'static str, found: u64) -> Result<(), MalformedTx> {
    if found < VALUE_BOUND {
        Ok(())
    } else {
        Err(MalformedTx::ValueTooLarge { field, found })
    }
}

/// A note ciphertext: 13 elements of 56 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize)]
pub struct Ciphertext([Element; CIPHERTEXT_ELEMENTS]);

impl Ciphertext {
    /// Accepts elements below 2^56.
    ///
    /// # Errors
    /// [`NotCanonical`] with the first number that is too large.
    pub fn new(elements: [Element; CIPHERTEXT_ELEMENTS]) -> Result<Self, NotCanonical> {
        match elements.iter().find(|e| e.get() >> CIPHERTEXT_ELEMENT_BITS != 0) {
            Some(bad) => Err(NotCanonical { found: bad.get() }),
            None => Ok(Self(elements)),
        }
    }

    /// From 91 bytes, 7 bytes big-endian an element.
    pub fn from_bytes(bytes: &[u8; CIPHERTEXT_BYTES]) -> Self {
        let mut out = [Element::ZERO; CIPHERTEXT_ELEMENTS];
        for (element, chunk) in out.iter_mut().zip(bytes.as_chunks::<7>().0) {
            let number = chunk
                .iter()
                .fold(0_u64, |acc, byte| (acc << 8) | u64::from(*byte));
            // 56 bits are always canonical.
            *element = Element::new(number).unwrap_or(Element::ZERO);
        }
        Self(out)
    }

    /// The 91 bytes.
    pub fn to_bytes(&self) -> [u8; CIPHERTEXT_BYTES] {
        let mut out = [0_u8; CIPHERTEXT_BYTES];
        for (chunk, element) in out.as_chunks_mut::<7>().0.iter_mut().zip(self.0) {
            let [_, tail @ ..] = element.get().to_be_bytes();
            *chunk = tail;
        }
        out
    }

    /// The elements, each `< 2^56`.
    pub const fn elements(&self) -> &[Element; CIPHERTEXT_ELEMENTS] {
        &self.0
    }
}

impl BorshDeserialize for Ciphertext {
    fn deserialize_reader<R: Read>(reader: &mut R) -> IoResult<Self> {
        Self::new(BorshDeserialize::deserialize_reader(reader)?)
            .map_err(|e| Error::new(ErrorKind::InvalidData, e))
    }
}

impl Serialize for Ciphertext {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        alloy_primitives::Bytes::from(self.to_bytes().to_vec()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Ciphertext {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = alloy_primitives::Bytes::deserialize(deserializer)?;
        let exact: &[u8; CIPHERTEXT_BYTES] = bytes
            .as_ref()
            .try_into()
            .map_err(|_| serde::de::Error::invalid_length(bytes.len(), &"91 bytes"))?;
        Ok(Self::from_bytes(exact))
    }
}

/// A transaction as it travels: public inputs, both ciphertexts, the client proof.
///
/// That the ciphertexts hash to the public inputs' ciphertext hash, and that the proof is valid, is for `state-transition` and `circuits`.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize)]
pub struct Transaction {
    /// What the proof is about.
    pub public_inputs: TxPublicInputs,
    /// One for each output.
    pub ciphertexts: [Ciphertext; 2],
    proof: Vec<u8>,
}

impl Transaction {
    /// Puts a transaction together.
    ///
    /// # Errors
    /// [`MalformedTx::ProofTooLong`].
    pub fn new(
        public_inputs: TxPublicInputs,
        ciphertexts: [Ciphertext; 2],
        proof: Vec<u8>,
    ) -> Result<Self, MalformedTx> {
        if proof.len() > CLIENT_PROOF_BYTES_MAX {
            return Err(MalformedTx::ProofTooLong { found: proof.len() });
        }
        Ok(Self {
            public_inputs,
            ciphertexts,
            proof,
        })
    }

    /// Bytes of the client proof, unverified.
    pub fn proof(&self) -> &[u8] {
        &self.proof
    }

    /// The transaction id.
    pub fn id(&self) -> TxId {
        self.public_inputs.tx_id()
    }

    /// Keccak of the whole encoding, proof included: the key of caches of invalid messages.
    pub fn message_id(&self) -> B256 {
        // Writing to a vector cannot fail.
        alloy_primitives::keccak256(borsh::to_vec(self).unwrap_or_default())
    }

    /// What a block keeps of the transaction.
    pub fn effects(&self) -> TxEffects {
        let inputs = &self.public_inputs;
        TxEffects {
            nullifiers: inputs.nullifiers,
            commitments: inputs.commitments,
            fee: inputs.fee,
            withdrawal: inputs.withdrawal,
            ciphertexts: self.ciphertexts,
        }
    }
}

impl BorshDeserialize for Transaction {
    fn deserialize_reader<R: Read>(reader: &mut R) -> IoResult<Self> {
        let (public_inputs, ciphertexts) = BorshDeserialize::deserialize_reader(reader)?;
        let length = u32::deserialize_reader(reader)?;
        let length = usize::try_from(length).map_err(|e| Error::new(ErrorKind::InvalidData, e))?;
        if length > CLIENT_PROOF_BYTES_MAX {
            return Err(Error::new(
                ErrorKind::InvalidData,
                MalformedTx::ProofTooLong { found: length },
            ));
        }
        let mut proof = vec![0; length];
        reader.read_exact(&mut proof)?;
        Ok(Self {
            public_inputs,
            ciphertexts,
            proof,
        })
    }
}

/// The part of a transaction that becomes data on L1.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct TxEffects {
    /// Nullifiers of both inputs, in order.
    pub nullifiers: [Digest; 2],
    /// Commitments of both outputs, in order.
    pub commitments: [Digest; 2],
    /// Gwei.
    pub fee: u64,
    /// Public withdrawal.
    pub withdrawal: Withdrawal,
    /// One for each output.
    pub ciphertexts: [Ciphertext; 2],
}

impl TxEffects {
    /// Checks the same ranges and forms as [`TxPublicInputs::new`].
    ///
    /// # Errors
    /// [`MalformedTx`] naming the first rule broken.
    pub fn check(&self) -> Result<(), MalformedTx> {
        check_settled(&self.nullifiers, self.fee, &self.withdrawal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(seed: u32) -> Digest {
        Digest([seed, seed + 1, seed + 2, seed + 3].map(Element::from_u32))
    }

    fn inputs(
        fee: u64,
        withdrawal: Withdrawal,
        nullifiers: [Digest; 2],
    ) -> Result<TxPublicInputs, MalformedTx> {
        TxPublicInputs::new(
            digest(1),
            digest(5),
            nullifiers,
            [digest(20), digest(30)],
            fee,
            withdrawal,
            digest(40),
        )
    }

    #[test]
    fn each_rule_has_a_case() {
        let nullifiers = [digest(9), digest(13)];
        let none = Withdrawal::default();
        let to_nobody = Withdrawal {
            amount: 1,
            recipient: Address::ZERO,
        };
        let of_nothing = Withdrawal {
            amount: 0,
            recipient: Address::repeat_byte(1),
        };
        let too_much = Withdrawal {
            amount: VALUE_BOUND,
            recipient: Address::ZERO,
        };
        assert!(inputs(VALUE_BOUND - 1, none, nullifiers).is_ok());
        assert!(inputs(1, to_nobody, nullifiers).is_ok());
        let cases = [
            (
                inputs(VALUE_BOUND, none, nullifiers),
                MalformedTx::ValueTooLarge {
                    field: "fee",
                    found: VALUE_BOUND,
                },
            ),
            (
                inputs(1, too_much, nullifiers),
                MalformedTx::ValueTooLarge {
                    field: "withdrawal",
                    found: VALUE_BOUND,
                },
            ),
            (
                inputs(1, of_nothing, nullifiers),
                MalformedTx::RecipientWithoutAmount {
                    recipient: Address::repeat_byte(1),
                },
            ),
            (inputs(1, none, [digest(9); 2]), MalformedTx::EqualNullifiers),
            (
                inputs(1, none, [digest(9), Digest::ZERO]),
                MalformedTx::ZeroNullifierKey,
            ),
        ];
        for (result, expected) in cases {
            assert_eq!(result, Err(expected));
        }
    }

    #[test]
    fn encoding_round_trips_and_refuses_what_the_constructor_refuses() {
        let inputs = inputs(5, Withdrawal::default(), [digest(9), digest(13)]).unwrap();
        let ciphertext = Ciphertext::from_bytes(&[0xff; CIPHERTEXT_BYTES]);
        let tx = Transaction::new(inputs, [ciphertext; 2], vec![1, 2, 3]).unwrap();
        let bytes = borsh::to_vec(&tx).unwrap();
        assert_eq!(borsh::from_slice::<Transaction>(&bytes).unwrap(), tx);
        for length in 0..bytes.len() {
            assert!(
                borsh::from_slice::<Transaction>(&bytes[..length]).is_err(),
                "truncated to {length}"
            );
        }
        let mut extended = bytes.clone();
        extended.push(0);
        assert!(borsh::from_slice::<Transaction>(&extended).is_err());
        let mut alias = bytes;
        alias[..8].copy_from_slice(&(crate::element::MODULUS + 1).to_le_bytes());
        assert!(borsh::from_slice::<Transaction>(&alias).is_err());
    }

    #[test]
    fn ciphertext_bytes_round_trip_and_57_bits_are_refused() {
        let bytes: [u8; CIPHERTEXT_BYTES] = core::array::from_fn(|i| u8::try_from(i).unwrap());
        assert_eq!(Ciphertext::from_bytes(&bytes).to_bytes(), bytes);
        let mut elements = [Element::ZERO; CIPHERTEXT_ELEMENTS];
        elements[3] = Element::new(1 << 56).unwrap();
        assert_eq!(Ciphertext::new(elements), Err(NotCanonical { found: 1 << 56 }));
    }

    #[test]
    fn the_id_ignores_the_proof() {
        let inputs = inputs(5, Withdrawal::default(), [digest(9), digest(13)]).unwrap();
        let ciphertext = Ciphertext::from_bytes(&[0; CIPHERTEXT_BYTES]);
        let [a, b] =
            [vec![1], vec![2]].map(|proof| Transaction::new(inputs.clone(), [ciphertext; 2], proof).unwrap());
        assert_eq!(a.id(), b.id());
        assert_ne!(a.message_id(), b.message_id());
    }
}
