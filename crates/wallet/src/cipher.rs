//! Note encryption (`docs/protocol.md` section 7): X25519 and ChaCha20-Poly1305, one fresh key for each ciphertext.

use agoge_protocol::limits::CIPHERTEXT_BYTES;
use agoge_protocol::transaction::VALUE_BOUND;
use agoge_protocol::{B256, Ciphertext, Digest, ShieldedAddress};
use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use sha2::{Digest as _, Sha256};
use x25519_dalek::{PublicKey, SharedSecret, StaticSecret};
use zeroize::Zeroizing;

const EPHEMERAL: usize = 32;
const SEALED: usize = 56;

/// What the owner of a note has to learn; rho is public. `Debug` shows nothing of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NoteSecret {
    /// Gwei.
    pub value: u64,
    /// The note's randomness r.
    pub randomness: Digest,
}

impl core::fmt::Debug for NoteSecret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("NoteSecret(..)")
    }
}

/// The recipient's viewing key is one of the few points with which no secret can be shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the recipient's viewing key is of low order: nothing can be encrypted to it")]
pub struct WeakViewingKey;

/// Encrypts a note to an address. `ephemeral` must be used for this ciphertext only, because the nonce is fixed.
///
/// # Errors
/// [`WeakViewingKey`].
pub fn seal(
    to: &ShieldedAddress,
    note: NoteSecret,
    ephemeral: [u8; 32],
) -> Result<Ciphertext, WeakViewingKey> {
    let ephemeral = StaticSecret::from(ephemeral);
    let ephemeral_public = PublicKey::from(&ephemeral);
    let viewing = PublicKey::from(to.viewing_key);
    let shared = ephemeral.diffie_hellman(&viewing);
    if !shared.was_contributory() {
        return Err(WeakViewingKey);
    }
    let mut plain = Zeroizing::new([0_u8; 40]);
    let (value, randomness) = plain.split_at_mut(8);
    value.copy_from_slice(&note.value.to_be_bytes());
    randomness.copy_from_slice(note.randomness.to_b256().as_slice());
    let sealed = cipher(&shared, &ephemeral_public, &viewing)
        .encrypt(&Nonce::default(), plain.as_slice())
        // Fails only above 256 GiB.
        .map_err(|_| WeakViewingKey)?;
    let mut bytes = [0_u8; CIPHERTEXT_BYTES];
    for (byte, from) in bytes
        .iter_mut()
        .zip(ephemeral_public.as_bytes().iter().chain(&sealed))
    {
        *byte = *from;
    }
    Ok(Ciphertext::from_bytes(&bytes))
}

/// Opens a ciphertext if it is for this viewing key and holds a well-formed note.
pub fn open(viewing: &StaticSecret, ciphertext: &Ciphertext) -> Option<NoteSecret> {
    let bytes = ciphertext.to_bytes();
    let (ephemeral, rest) = bytes.split_at(EPHEMERAL);
    let (sealed, padding) = rest.split_at(SEALED);
    if padding.iter().any(|byte| *byte != 0) {
        return None;
    }
    let ephemeral = PublicKey::from(<[u8; 32]>::try_from(ephemeral).ok()?);
    let shared = viewing.diffie_hellman(&ephemeral);
    if !shared.was_contributory() {
        return None;
    }
    let opener = cipher(&shared, &ephemeral, &PublicKey::from(viewing));
    let plain = Zeroizing::new(opener.decrypt(&Nonce::default(), sealed).ok()?);
    let (value, randomness) = plain.split_at_checked(8)?;
    let value = u64::from_be_bytes(value.try_into().ok()?);
    let randomness = Digest::from_b256(B256::try_from(randomness).ok()?).ok()?;
    (value < VALUE_BOUND).then_some(NoteSecret { value, randomness })
}

fn cipher(shared: &SharedSecret, ephemeral: &PublicKey, viewing: &PublicKey) -> ChaCha20Poly1305 {
    let mut hasher = Sha256::new();
    hasher.update(b"AGOGE_NOTE_V1");
    hasher.update(shared.as_bytes());
    hasher.update(ephemeral.as_bytes());
    hasher.update(viewing.as_bytes());
    let key = Zeroizing::new(<[u8; 32]>::from(hasher.finalize()));
    ChaCha20Poly1305::new(Key::from_slice(key.as_slice()))
}

#[cfg(test)]
mod tests {
    use agoge_protocol::Element;

    use super::*;
    use crate::seed::Seed;

    fn note() -> NoteSecret {
        NoteSecret {
            value: 123,
            randomness: Digest([1_u32, 2, 3, 4].map(Element::from_u32)),
        }
    }

    #[test]
    fn only_the_recipient_opens_and_every_changed_byte_is_noticed() {
        let keys = Seed::from_hex(&"07".repeat(32)).unwrap().keys();
        let stranger = Seed::from_hex(&"08".repeat(32)).unwrap().keys();
        let sealed = seal(&keys.address(), note(), [3; 32]).unwrap();
        assert_eq!(open(&keys.viewing_key, &sealed), Some(note()));
        assert_eq!(open(&stranger.viewing_key, &sealed), None);
        let bytes = sealed.to_bytes();
        for position in 0..CIPHERTEXT_BYTES {
            // The top bit of an X25519 key is ignored by definition; flip another.
            let mut changed = bytes;
            changed[position] ^= 1;
            assert_eq!(
                open(&keys.viewing_key, &Ciphertext::from_bytes(&changed)),
                None,
                "byte {position}"
            );
        }
    }

    #[test]
    fn a_low_order_viewing_key_is_refused() {
        let mut address = Seed::from_hex(&"07".repeat(32)).unwrap().keys().address();
        address.viewing_key = [0; 32];
        assert_eq!(seal(&address, note(), [3; 32]), Err(WeakViewingKey));
    }

    #[test]
    fn a_value_out_of_range_is_not_a_note() {
        let keys = Seed::from_hex(&"07".repeat(32)).unwrap().keys();
        let sealed = seal(
            &keys.address(),
            NoteSecret {
                value: VALUE_BOUND,
                ..note()
            },
            [3; 32],
        )
        .unwrap();
        assert_eq!(open(&keys.viewing_key, &sealed), None);
    }
}
