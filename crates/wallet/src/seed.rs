//! The wallet's seed and every secret that follows from it. The same seed always gives the same wallet.

use agoge_protocol::{Digest, Element, ShieldedAddress};
use agoge_state_transition::hash;
use sha2::{Digest as _, Sha256};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// 32 secret bytes. Shown by nothing, wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Seed([u8; 32]);

/// A text is no seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a seed is 64 hexadecimal digits (32 bytes)")]
pub struct NotASeed;

impl Seed {
    /// A new random seed.
    pub fn random<R: rand::RngCore + rand::CryptoRng>(rng: &mut R) -> Self {
        let mut seed = Self([0; 32]);
        rng.fill_bytes(&mut seed.0);
        seed
    }

    /// From 64 hexadecimal digits, with or without 0x.
    ///
    /// # Errors
    /// [`NotASeed`].
    pub fn from_hex(text: &str) -> Result<Self, NotASeed> {
        let digits = text.trim().strip_prefix("0x").unwrap_or(text.trim());
        let mut seed = Self([0; 32]);
        hex::decode_to_slice(digits, &mut seed.0).map_err(|_| NotASeed)?;
        Ok(seed)
    }

    /// From the bytes a keystore holds.
    ///
    /// # Errors
    /// [`NotASeed`] unless they are 32.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotASeed> {
        bytes.try_into().map(Self).map_err(|_| NotASeed)
    }

    /// The bytes, for a keystore.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// All long-lived keys.
    pub fn keys(&self) -> Keys {
        let spending_key = self.elements("spend", &[]).0;
        let viewing_key = StaticSecret::from(*self.bytes("view", &[]));
        Keys {
            spending_key,
            owner: hash::owner(&spending_key),
            viewing_key,
        }
    }

    /// Secret elements bound to a purpose and a context: the randomness of a note, the rho of a dummy.
    pub fn elements(&self, purpose: &str, context: &[&[u8]]) -> Digest {
        let mut counter = 0_u32;
        let mut next = || loop {
            let round = counter.to_be_bytes();
            counter = counter.wrapping_add(1);
            let parts: Vec<&[u8]> = context.iter().copied().chain([round.as_slice()]).collect();
            let bytes = self.bytes(purpose, &parts);
            let [a, b, c, d, e, f, g, h, ..] = *bytes;
            // Rejection keeps the distribution uniform; it happens once in 2^32.
            if let Ok(element) = Element::new(u64::from_be_bytes([a, b, c, d, e, f, g, h])) {
                return element;
            }
        };
        Digest([next(), next(), next(), next()])
    }

    /// 32 secret bytes bound to a purpose and a context.
    pub fn bytes(&self, purpose: &str, context: &[&[u8]]) -> Zeroizing<[u8; 32]> {
        let mut hasher = Sha256::new();
        hasher.update(b"AGOGE_WALLET_V1");
        hasher.update(self.0);
        for part in [purpose.as_bytes()].into_iter().chain(context.iter().copied()) {
            // Lengths first, so that no two contexts run together.
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        Zeroizing::new(hasher.finalize().into())
    }
}

impl core::fmt::Debug for Seed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// Keys of a wallet. Wiped when dropped, as far as that can be done: the proof system keeps copies of the spending key while it proves.
#[derive(Clone)]
pub struct Keys {
    /// Spends notes.
    pub spending_key: [Element; 4],
    /// `H(OWNER; sk)`.
    pub owner: Digest,
    /// Finds and opens notes.
    pub viewing_key: StaticSecret,
}

impl Keys {
    /// Where others send notes to.
    pub fn address(&self) -> ShieldedAddress {
        ShieldedAddress {
            owner: self.owner,
            viewing_key: PublicKey::from(&self.viewing_key).to_bytes(),
        }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.spending_key = [Element::ZERO; 4];
        // Keeps the compiler from leaving out a write that nobody reads. The viewing key wipes itself.
        core::hint::black_box(&self.spending_key);
    }
}

impl core::fmt::Debug for Keys {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Keys")
            .field("address", &self.address().to_string())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_wallet_and_secrets_do_not_show() {
        let seed = Seed::from_hex(&"07".repeat(32)).unwrap();
        let same = Seed::from_hex(&format!("0x{}", "07".repeat(32))).unwrap();
        assert_eq!(seed.keys().address(), same.keys().address());
        assert_eq!(seed.elements("a", &[b"bc"]), same.elements("a", &[b"bc"]));
        assert_ne!(seed.elements("a", &[b"bc"]), seed.elements("a", &[b"b", b"c"]));
        assert_ne!(
            seed.keys().address(),
            Seed::from_hex(&"08".repeat(32)).unwrap().keys().address()
        );
        let shown = format!("{seed:?} {:?}", seed.keys());
        assert!(!shown.contains("0707"), "{shown}");
        for bad in ["", "07", &"0g".repeat(32), &"07".repeat(33)] {
            assert!(Seed::from_hex(bad).is_err(), "{bad}");
        }
    }
}
