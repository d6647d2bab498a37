//! The node's network key.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use libp2p::identity::{Keypair, ed25519};

use crate::config::KeySource;
use crate::error::StartError;

/// Reads or makes the key.
pub(crate) fn load(source: &KeySource) -> Result<Keypair, StartError> {
    match source {
        KeySource::Ephemeral => Ok(ed25519::Keypair::generate().into()),
        KeySource::File(path) => match fs::read_to_string(path) {
            Ok(text) => parse(text.trim()).ok_or_else(|| StartError::KeyFormat { path: path.clone() }),
            Err(error) if error.kind() == ErrorKind::NotFound => create(path),
            Err(source) => Err(StartError::KeyFile {
                path: path.clone(),
                source,
            }),
        },
    }
}

fn create(path: &Path) -> Result<Keypair, StartError> {
    let key = ed25519::Keypair::generate();
    let error = |source| StartError::KeyFile {
        path: path.to_owned(),
        source,
    };
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(error)?;
    for byte in key.secret().as_ref() {
        write!(file, "{byte:02x}").map_err(error)?;
    }
    file.write_all(b"\n")
        .and_then(|()| file.sync_all())
        .map_err(error)?;
    Ok(key.into())
}

fn parse(text: &str) -> Option<Keypair> {
    let digits = text.as_bytes();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut secret = [0_u8; 32];
    for (byte, pair) in secret.iter_mut().zip(digits.as_chunks::<2>().0) {
        *byte = u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    // `secret` is wiped by the constructor.
    Keypair::ed25519_from_bytes(secret).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_key_file_is_made_once_private_and_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p2p.key");
        let first = load(&KeySource::File(path.clone())).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let again = load(&KeySource::File(path.clone())).unwrap();
        assert_eq!(first.public(), again.public());
        for bad in ["", "00", &"g".repeat(64), &"+1".repeat(32)] {
            fs::write(&path, bad).unwrap();
            assert!(
                matches!(
                    load(&KeySource::File(path.clone())),
                    Err(StartError::KeyFormat { .. })
                ),
                "{bad}"
            );
        }
        let nowhere = dir.path().join("no/such/dir/key");
        assert!(matches!(
            load(&KeySource::File(nowhere)),
            Err(StartError::KeyFile { .. })
        ));
    }
}
