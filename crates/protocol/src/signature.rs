//! Compact secp256k1 signatures (EIP-2098) and byte helpers for borsh.

use alloy_primitives::{Address, B256, FixedBytes, Signature, U256};
use borsh::{BorshDeserialize, BorshSerialize};
use std::io::{Read, Result as IoResult, Write};

/// 64 bytes: r, then s with the parity of y in its top bit. `s` is in the lower half of the curve order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct CompactSignature([u8; 64]);

/// Half of secp256k1's order, the largest `s` accepted.
const HALF_ORDER: U256 = U256::from_limbs([
    0xdfe9_2f46_681b_20a0,
    0x5d57_6e73_57a4_501d,
    0xffff_ffff_ffff_ffff,
    0x7fff_ffff_ffff_ffff,
]);

/// Why a signature names nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// `s` is in the upper half: a second form of a valid signature.
    #[error("signature is not in its canonical (low s) form")]
    HighS,
    /// No public key belongs to it.
    #[error("signature cannot be recovered")]
    Unrecoverable,
}

impl CompactSignature {
    /// Takes 64 bytes as they came; validity is judged by [`Self::recover`].
    pub const fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// The 64 bytes.
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }

    /// Converts a freshly made signature, bringing `s` to the lower half.
    pub fn from_signature(signature: &Signature) -> Self {
        Self(signature.normalized_s().as_erc2098())
    }

    /// The address whose key signed `digest`.
    ///
    /// # Errors
    /// [`SignatureError`] when the signature is malleable or has no signer.
    pub fn recover(&self, digest: B256) -> Result<Address, SignatureError> {
        let signature = Signature::from_erc2098(&self.0);
        if signature.s() > HALF_ORDER {
            return Err(SignatureError::HighS);
        }
        signature
            .recover_address_from_prehash(&digest)
            .map_err(|_| SignatureError::Unrecoverable)
    }
}

impl core::fmt::Debug for CompactSignature {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "0x{}", alloy_primitives::hex::encode(self.0))
    }
}

impl serde::Serialize for CompactSignature {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        FixedBytes(self.0).serialize(serializer)
    }
}

impl<'de> serde::Deserialize<'de> for CompactSignature {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        FixedBytes::deserialize(deserializer).map(|FixedBytes(bytes)| Self(bytes))
    }
}

/// Writes an address as 20 bytes (borsh field helper).
///
/// # Errors
/// Those of the writer.
pub fn write_address<W: Write>(address: &Address, writer: &mut W) -> IoResult<()> {
    writer.write_all(address.as_slice())
}

/// Reads an address of 20 bytes (borsh field helper).
///
/// # Errors
/// Those of the reader.
pub fn read_address<R: Read>(reader: &mut R) -> IoResult<Address> {
    <[u8; 20]>::deserialize_reader(reader).map(Address::from)
}

/// Writes 32 bytes (borsh field helper).
///
/// # Errors
/// Those of the writer.
pub fn write_b256<W: Write>(bytes: &B256, writer: &mut W) -> IoResult<()> {
    writer.write_all(bytes.as_slice())
}

/// Reads 32 bytes (borsh field helper).
///
/// # Errors
/// Those of the reader.
pub fn read_b256<R: Read>(reader: &mut R) -> IoResult<B256> {
    <[u8; 32]>::deserialize_reader(reader).map(B256::from)
}
