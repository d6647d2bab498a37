//! Shielded addresses: bech32m, prefix `agoge`.

use bech32::{Bech32m, Hrp};

use crate::{B256, Digest, NotCanonical};

const PREFIX: Hrp = Hrp::parse_unchecked("agoge");

/// Where a note can be sent: who may spend it and who may read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ShieldedAddress {
    /// `H(OWNER; sk)`.
    pub owner: Digest,
    /// X25519 public key.
    pub viewing_key: [u8; 32],
}

/// Why a text is no shielded address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not bech32m, or its checksum does not fit.
    #[error("not a bech32m text: {0}")]
    Encoding(String),
    /// The part before the `1` is another network's.
    #[error("prefix is {found:?}, expected \"agoge\"")]
    Prefix {
        /// The prefix as it was given.
        found: String,
    },
    /// Not 64 bytes.
    #[error("payload has {found} bytes, expected 64")]
    Length {
        /// Bytes found.
        found: usize,
    },
    /// The owner key is not canonical.
    #[error("owner key: {0}")]
    Owner(#[from] NotCanonical),
}

impl core::fmt::Display for ShieldedAddress {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut payload = [0_u8; 64];
        let (owner, viewing) = payload.split_at_mut(32);
        owner.copy_from_slice(self.owner.to_b256().as_slice());
        viewing.copy_from_slice(&self.viewing_key);
        let text = bech32::encode::<Bech32m>(PREFIX, &payload).map_err(|_| core::fmt::Error)?;
        f.write_str(&text)
    }
}

impl core::str::FromStr for ShieldedAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let checked = bech32::primitives::decode::CheckedHrpstring::new::<Bech32m>(text)
            .map_err(|e| AddressError::Encoding(e.to_string()))?;
        if checked.hrp() != PREFIX {
            return Err(AddressError::Prefix {
                found: checked.hrp().to_string(),
            });
        }
        let payload: Vec<u8> = checked.byte_iter().collect();
        let bytes: [u8; 64] = payload
            .as_slice()
            .try_into()
            .map_err(|_| AddressError::Length { found: payload.len() })?;
        let (owner, viewing) = bytes.split_at(32);
        let mut viewing_key = [0_u8; 32];
        viewing_key.copy_from_slice(viewing);
        Ok(Self {
            owner: Digest::from_b256(B256::from_slice(owner))?,
            viewing_key,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Element;

    #[test]
    fn round_trip_and_refusals() {
        let address = ShieldedAddress {
            owner: Digest([Element::from_u32(7); 4]),
            viewing_key: [9; 32],
        };
        let text = address.to_string();
        assert_eq!(text.parse(), Ok(address));
        assert!(text.replace('q', "p").parse::<ShieldedAddress>().is_err());
        let foreign = bech32::encode::<Bech32m>(Hrp::parse_unchecked("other"), &[0; 64]).unwrap();
        assert!(matches!(
            foreign.parse::<ShieldedAddress>(),
            Err(AddressError::Prefix { .. })
        ));
        let short = bech32::encode::<Bech32m>(PREFIX, &[0; 63]).unwrap();
        assert_eq!(
            short.parse::<ShieldedAddress>(),
            Err(AddressError::Length { found: 63 })
        );
        let out_of_field = bech32::encode::<Bech32m>(PREFIX, &[0xff; 64]).unwrap();
        assert!(matches!(
            out_of_field.parse::<ShieldedAddress>(),
            Err(AddressError::Owner(_))
        ));
    }
}
