//! Goldilocks elements and digests: canonical by construction.

use alloy_primitives::{Address, B256};
use borsh::{BorshDeserialize, BorshSerialize};
use std::io::{Error, ErrorKind, Read, Result as IoResult};

/// The Goldilocks prime, `2^64 - 2^32 + 1`.
pub const MODULUS: u64 = 0xffff_ffff_0000_0001;

/// A number was not below its bound, so it would have been a second encoding of another value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:#x} is not below the field modulus")]
pub struct NotCanonical {
    /// The number as it was given.
    pub found: u64,
}

/// A canonical Goldilocks element, `0 <= value < p`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, BorshSerialize)]
pub struct Element(u64);

impl Element {
    /// Zero.
    pub const ZERO: Self = Self(0);

    /// Accepts a canonical number.
    ///
    /// # Errors
    /// [`NotCanonical`] when `value >= p`.
    pub const fn new(value: u64) -> Result<Self, NotCanonical> {
        if value < MODULUS {
            Ok(Self(value))
        } else {
            Err(NotCanonical { found: value })
        }
    }

    /// A 32-bit number, which is always canonical.
    pub const fn from_u32(value: u32) -> Self {
        Self(value as u64)
    }

    /// The number, `< p`.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl core::fmt::Debug for Element {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl BorshDeserialize for Element {
    fn deserialize_reader<R: Read>(reader: &mut R) -> IoResult<Self> {
        Self::new(u64::deserialize_reader(reader)?).map_err(|e| Error::new(ErrorKind::InvalidData, e))
    }
}

/// Four elements: the output of a hash. 32 bytes at every border, big-endian, element 0 first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, BorshSerialize, BorshDeserialize)]
pub struct Digest(pub [Element; 4]);

impl Digest {
    /// The zero digest: an empty leaf, an empty accumulator.
    pub const ZERO: Self = Self([Element::ZERO; 4]);

    /// Decodes 32 bytes.
    ///
    /// # Errors
    /// [`NotCanonical`] naming the first of the four numbers that is `>= p`.
    pub fn from_b256(bytes: B256) -> Result<Self, NotCanonical> {
        let mut out = [Element::ZERO; 4];
        for (element, chunk) in out.iter_mut().zip(bytes.0.as_chunks::<8>().0) {
            *element = Element::new(u64::from_be_bytes(*chunk))?;
        }
        Ok(Self(out))
    }

    /// The 32 bytes of this digest.
    pub fn to_b256(self) -> B256 {
        let mut out = [0_u8; 32];
        for (chunk, element) in out.as_chunks_mut::<8>().0.iter_mut().zip(self.0) {
            *chunk = element.get().to_be_bytes();
        }
        B256::from(out)
    }
}

impl core::fmt::Debug for Digest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.to_b256().fmt(f)
    }
}

impl core::fmt::Display for Digest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(&self.to_b256(), f)
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_b256().serialize(serializer)
    }
}

impl<'de> serde::Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_b256(B256::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// An L1 address as three elements of 56, 56 and 48 bits, most significant first.
pub fn address_limbs(address: Address) -> [Element; 3] {
    let limb = |bytes: &[u8]| {
        Element(
            bytes
                .iter()
                .fold(0_u64, |acc, byte| (acc << 8) | u64::from(*byte)),
        )
    };
    let (head, tail) = address.0.split_at(7);
    let (middle, last) = tail.split_at(7);
    [limb(head), limb(middle), limb(last)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modulus_and_above_are_refused() {
        assert!(Element::new(MODULUS - 1).is_ok());
        assert_eq!(Element::new(MODULUS), Err(NotCanonical { found: MODULUS }));
        assert!(borsh::from_slice::<Element>(&u64::MAX.to_le_bytes()).is_err());
        let mut bytes = [0_u8; 32];
        bytes[8..16].copy_from_slice(&MODULUS.to_be_bytes());
        assert!(Digest::from_b256(B256::from(bytes)).is_err());
    }

    #[test]
    fn digest_bytes_are_big_endian_element_zero_first() {
        let digest = Digest([1_u32, 2, 3, 4].map(Element::from_u32));
        let bytes = digest.to_b256();
        assert_eq!((bytes[7], bytes[15], bytes[23], bytes[31]), (1, 2, 3, 4));
        assert_eq!(Digest::from_b256(bytes), Ok(digest));
    }

    #[test]
    fn address_limbs_recompose() {
        let address = Address::from([0xab; 20]);
        let [a, b, c] = address_limbs(address);
        let number = (u128::from(b.get()) << 48) | u128::from(c.get());
        assert_eq!(a.get(), 0x00ab_abab_abab_abab);
        assert_eq!(number, 0x00ab_abab_abab_abab_abab_abab_abab);
    }
}
