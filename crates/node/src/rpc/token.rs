//! The admin port's bearer token: 32 random bytes in hex, in a private file.

use std::path::Path;

use alloy::primitives::{B256, keccak256};
use rand::RngCore as _;
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use crate::keys::{PermissionError, create_private_dir, read_private_file, write_private_file};

const TOKEN_BYTES: usize = 32;
const FILE_BYTES_MAX: u64 = 256;

/// The token; not shown by `Debug`.
#[derive(Clone, Debug)]
pub struct AdminToken(SecretString);

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file is not private or cannot be used.
    #[error("admin token: {0}")]
    File(#[from] PermissionError),
    /// The file holds something else.
    #[error("admin token: the file does not hold 64 hex digits; remove it and a new one is made")]
    Malformed,
}

impl AdminToken {
    /// Reads the token file, or makes it.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn load_or_create(path: &Path) -> Result<Self, TokenError> {
        if std::fs::symlink_metadata(path).is_err() {
            // A directory that is there may be open to others: the file is not.
            if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty() && !p.exists()) {
                create_private_dir(parent)?;
            }
            let mut bytes = Zeroizing::new([0_u8; TOKEN_BYTES]);
            rand::thread_rng().fill_bytes(bytes.as_mut_slice());
            write_private_file(path, Zeroizing::new(hex::encode(*bytes)).as_bytes())?;
        }
        let bytes = Zeroizing::new(read_private_file(path, FILE_BYTES_MAX)?);
        let text = core::str::from_utf8(&bytes)
            .map_err(|_| TokenError::Malformed)?
            .trim();
        if text.len() != TOKEN_BYTES * 2 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(TokenError::Malformed);
        }
        Ok(Self(SecretString::from(text)))
    }

    /// Whether a text is the token. Hashes are compared, so the time taken tells nothing of the token.
    pub fn matches(&self, given: &str) -> bool {
        let hash = |text: &str| -> B256 { keccak256(text) };
        hash(given) == hash(self.0.expose_secret())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_once_private_and_compared_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("admin.token");
        let token = AdminToken::load_or_create(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(token.matches(&text));
        assert!(!token.matches(&text[1..]) && !token.matches(""));
        assert!(AdminToken::load_or_create(&path).unwrap().matches(&text));
        assert!(!format!("{token:?}").contains(&text));
        std::fs::remove_file(&path).unwrap();
        write_private_file(&path, b"short").unwrap();
        assert!(matches!(
            AdminToken::load_or_create(&path),
            Err(TokenError::Malformed)
        ));
    }
}
