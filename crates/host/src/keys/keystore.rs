//! One keystore v3 text: its form and its cost are checked before the library that decrypts sees it, which would panic or spend
//! gigabytes on a forged file.

use std::path::Path;

use agoge_protocol::Address;
use alloy::signers::local::PrivateKeySigner;
use serde::Deserialize;

use super::{KeyFileError, Password};

/// scrypt's N * r: 128 bytes each, so half a gibibyte.
const SCRYPT_BLOCKS_MAX: u64 = 1 << 22;
/// PBKDF2 rounds: a few seconds.
const PBKDF2_ROUNDS_MAX: u64 = 1 << 21;
const SALT_BYTES_MAX: usize = 256;

#[derive(Deserialize)]
struct Keystore {
    version: u64,
    crypto: Crypto,
    #[serde(default)]
    address: Option<String>,
}

#[derive(Deserialize)]
struct Crypto {
    cipher: String,
    cipherparams: CipherParams,
    ciphertext: String,
    kdf: String,
    kdfparams: KdfParams,
    mac: String,
}

#[derive(Deserialize)]
struct CipherParams {
    iv: String,
}

#[derive(Deserialize)]
struct KdfParams {
    dklen: usize,
    salt: String,
    #[serde(default)]
    n: Option<u64>,
    #[serde(default)]
    r: Option<u64>,
    #[serde(default)]
    p: Option<u64>,
    #[serde(default)]
    c: Option<u64>,
    #[serde(default)]
    prf: Option<String>,
}

/// What a key file says without its password.
#[derive(Clone, Copy, Debug)]
pub(super) struct Checked {
    /// The address it claims, if any.
    pub(super) address: Option<Address>,
}

/// Checks form and cost.
pub(super) fn check(text: &[u8]) -> Result<Checked, KeyFileError> {
    let keystore: Keystore = serde_json::from_slice(text).map_err(|error| KeyFileError::Syntax {
        line: error.line(),
        column: error.column(),
    })?;
    let crypto = &keystore.crypto;
    if keystore.version != 3 {
        return Err(KeyFileError::Version {
            found: keystore.version,
        });
    }
    if crypto.cipher != "aes-128-ctr" {
        return Err(KeyFileError::Cipher);
    }
    for (field, text, expected) in [
        ("iv", &crypto.cipherparams.iv, 16),
        ("ciphertext", &crypto.ciphertext, 32),
        ("mac", &crypto.mac, 32),
    ] {
        check_hex(field, text, expected)?;
    }
    let params = &crypto.kdfparams;
    if params.dklen != 32 {
        return Err(KeyFileError::Length {
            field: "dklen",
            expected: 32,
            found: params.dklen,
        });
    }
    let salt_bytes = hex::decode(&params.salt).map_or(usize::MAX, |salt| salt.len());
    if salt_bytes > SALT_BYTES_MAX {
        return Err(KeyFileError::Length {
            field: "salt",
            expected: 32,
            found: salt_bytes,
        });
    }
    check_cost(&crypto.kdf, params)?;
    let address = keystore.address.as_deref().and_then(|text| text.parse().ok());
    Ok(Checked { address })
}

fn check_hex(field: &'static str, text: &str, expected: usize) -> Result<(), KeyFileError> {
    let found = hex::decode(text).map_or(0, |bytes| bytes.len());
    if found == expected {
        Ok(())
    } else {
        Err(KeyFileError::Length {
            field,
            expected,
            found,
        })
    }
}

fn check_cost(kdf: &str, params: &KdfParams) -> Result<(), KeyFileError> {
    let in_bounds = |field, found: u64, max| {
        if (1..=max).contains(&found) {
            Ok(())
        } else {
            Err(KeyFileError::Cost { field, found, max })
        }
    };
    match (kdf, params.n, params.r, params.p, params.c, params.prf.as_deref()) {
        ("scrypt", Some(n), Some(r), Some(p), None, None) => {
            in_bounds("scrypt r", r, 32)?;
            in_bounds("scrypt p", p, 16)?;
            in_bounds("scrypt n", n, SCRYPT_BLOCKS_MAX)?;
            if !n.is_power_of_two() || n < 2 {
                return Err(KeyFileError::Cost {
                    field: "scrypt n",
                    found: n,
                    max: SCRYPT_BLOCKS_MAX,
                });
            }
            // Each factor is bounded above, so the product cannot overflow.
            in_bounds(
                "scrypt n * r * p",
                n.saturating_mul(r).saturating_mul(p),
                SCRYPT_BLOCKS_MAX,
            )
        }
        ("pbkdf2", None, None, None, Some(c), Some("hmac-sha256")) => {
            in_bounds("pbkdf2 c", c, PBKDF2_ROUNDS_MAX)
        }
        _ => Err(KeyFileError::Kdf),
    }
}

/// Opens a checked file. It is read again by path: its directory and itself are closed to others, so nobody else can change it between.
pub(super) fn decrypt(
    path: &Path,
    text: &[u8],
    password: &Password,
) -> Result<PrivateKeySigner, KeyFileError> {
    let checked = check(text)?;
    let key = PrivateKeySigner::decrypt_keystore(path, password.expose()).map_err(|error| match error {
        alloy::signers::local::LocalSignerError::EthKeystoreError(_) => KeyFileError::WrongPassword,
        _ => KeyFileError::NoKey,
    })?;
    match checked.address {
        Some(claimed) if claimed != key.address() => Err(KeyFileError::OtherAddress {
            claimed,
            found: key.address(),
        }),
        _ => Ok(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keystore(kdf: &str, params: serde_json::Value) -> serde_json::Value {
        serde_json::json!({
            "version": 3, "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
            "crypto": {
                "cipher": "aes-128-ctr", "cipherparams": {"iv": "00".repeat(16)}, "ciphertext": "00".repeat(32),
                "kdf": kdf, "kdfparams": params, "mac": "00".repeat(32)
            }
        })
    }

    fn scrypt(n: u64, r: u64, p: u64) -> serde_json::Value {
        keystore(
            "scrypt",
            serde_json::json!({"dklen": 32, "n": n, "r": r, "p": p, "salt": "00".repeat(32)}),
        )
    }

    fn is_taken(value: &serde_json::Value) -> bool {
        check(value.to_string().as_bytes()).is_ok()
    }

    #[test]
    fn costs_are_bounded_before_anything_is_derived() {
        for (n, r, p) in [(1 << 13, 8, 1), (1 << 18, 8, 1), (1 << 12, 8, 6)] {
            assert!(is_taken(&scrypt(n, r, p)), "usual parameters {n} {r} {p}");
        }
        for (n, r, p) in [
            (1 << 30, 8, 1),
            (1 << 20, 8, 1),
            (3, 8, 1),
            (0, 8, 1),
            (1, 8, 1),
            (2, 0, 1),
            (2, 1 << 40, 1),
            (2, 8, 17),
        ] {
            assert!(!is_taken(&scrypt(n, r, p)), "{n} {r} {p}");
        }
        let pbkdf2 = |c: u64, prf: &str| {
            keystore(
                "pbkdf2",
                serde_json::json!({"dklen": 32, "c": c, "prf": prf, "salt": "00"}),
            )
        };
        assert!(is_taken(&pbkdf2(262_144, "hmac-sha256")));
        for bad in [
            pbkdf2(u64::from(u32::MAX), "hmac-sha256"),
            pbkdf2(1, "hmac-sha512"),
            pbkdf2(0, "hmac-sha256"),
        ] {
            assert!(!is_taken(&bad));
        }
    }

    #[test]
    fn forms_that_would_make_the_library_panic_are_refused() {
        let good = scrypt(2, 8, 1);
        for (pointer, value) in [
            ("/version", serde_json::json!(4)),
            ("/crypto/cipher", "aes-256-cbc".into()),
            ("/crypto/cipherparams/iv", "00".into()),
            ("/crypto/ciphertext", "00".into()),
            ("/crypto/mac", "zz".into()),
            ("/crypto/kdf", "argon2".into()),
            ("/crypto/kdfparams/dklen", serde_json::json!(16)),
            ("/crypto/kdfparams/salt", "00".repeat(257).into()),
        ] {
            let mut bad = good.clone();
            *bad.pointer_mut(pointer).unwrap() = value;
            assert!(!is_taken(&bad), "{pointer}");
        }
        let whole = good.to_string();
        assert!(matches!(
            check(&whole.as_bytes()[..40]),
            Err(KeyFileError::Syntax { line: 1, .. })
        ));
    }
}
