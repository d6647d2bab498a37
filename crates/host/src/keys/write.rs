//! Making and importing key files.

use std::path::{Path, PathBuf};

use agoge_protocol::Address;
use alloy::signers::local::PrivateKeySigner;
use zeroize::Zeroizing;

use super::keystore::{check, decrypt};
use super::{
    KEY_FILE_BYTES_MAX, KeyError, KeyFileError, Password, PermissionError, create_private_dir,
    write_private_file,
};

/// What came of importing a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportOutcome {
    /// Written.
    Imported,
    /// A file of this address is there already; nothing was written.
    Duplicate,
}

/// A text is no raw key. It is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("standard input holds no secp256k1 key in 64 hex digits")]
pub struct RawKeyError;

/// Makes a key and its file at `path`, or at `<address>.json` when `path` is a directory.
///
/// # Errors
/// [`KeyError`].
pub fn new_key(path: &Path, password: &Password) -> Result<(Address, PathBuf), KeyError> {
    let key = PrivateKeySigner::random();
    let address = key.address();
    let target = target(path, address);
    write_key(&target, &key, password)?;
    Ok((address, target))
}

/// Copies a key file into `path` after opening it with the password. The source is left as it is.
///
/// # Errors
/// [`KeyError`].
pub fn import_key_file(
    source: &Path,
    path: &Path,
    password: &Password,
) -> Result<(Address, ImportOutcome), KeyError> {
    let io_error = |error| PermissionError::Io {
        path: source.to_owned(),
        source: error,
    };
    // Foundry leaves its files readable by others; a source is encrypted and only copied, so its mode is not judged.
    let file = std::fs::File::open(source).map_err(io_error)?;
    let text = super::private_file::read_bounded(source, file, KEY_FILE_BYTES_MAX)?;
    let key = decrypt(source, &text, password).map_err(|error| KeyError::File {
        path: source.to_owned(),
        source: error,
    })?;
    let text = with_address(&text, key.address()).map_err(|error| KeyError::File {
        path: source.to_owned(),
        source: error,
    })?;
    let target = target(path, key.address());
    if target.exists() {
        return Ok((key.address(), ImportOutcome::Duplicate));
    }
    store(&target, text.as_bytes())?;
    Ok((key.address(), ImportOutcome::Imported))
}

/// Encrypts a raw key (64 hex digits, with or without 0x) into `path`.
///
/// # Errors
/// `Ok(Err(_))` when the text is no key; [`KeyError`] when it cannot be written.
pub fn import_raw_key(
    hex_text: &str,
    path: &Path,
    password: &Password,
) -> Result<Result<(Address, ImportOutcome), RawKeyError>, KeyError> {
    let digits = hex_text.trim();
    let mut bytes = Zeroizing::new([0_u8; 32]);
    if hex::decode_to_slice(digits.strip_prefix("0x").unwrap_or(digits), bytes.as_mut_slice()).is_err() {
        return Ok(Err(RawKeyError));
    }
    let Ok(key) = PrivateKeySigner::from_slice(bytes.as_slice()) else {
        return Ok(Err(RawKeyError));
    };
    let target = target(path, key.address());
    if target.exists() {
        return Ok(Ok((key.address(), ImportOutcome::Duplicate)));
    }
    write_key(&target, &key, password)?;
    Ok(Ok((key.address(), ImportOutcome::Imported)))
}

/// A path that ends in `.json` is the file itself, any other a directory.
fn target(path: &Path, address: Address) -> PathBuf {
    if path.extension().is_some_and(|extension| extension == "json") {
        path.to_owned()
    } else {
        path.join(format!("{address:#x}.json"))
    }
}

fn write_key(target: &Path, key: &PrivateKeySigner, password: &Password) -> Result<(), KeyError> {
    if target.exists() {
        return Err(KeyError::Exists {
            path: target.to_owned(),
        });
    }
    let parent = target.parent().unwrap_or(Path::new("."));
    create_private_dir(parent)?;
    // The library writes with the process's umask, so it writes into a directory that only we can enter.
    let draft = parent.join(format!(".draft-{}", std::process::id()));
    create_private_dir(&draft)?;
    let text = encrypt(&draft, key, password);
    std::fs::remove_dir_all(&draft).map_err(|source| PermissionError::Io { path: draft, source })?;
    store(target, text?.as_bytes())
}

fn encrypt(draft: &Path, key: &PrivateKeySigner, password: &Password) -> Result<String, KeyError> {
    let secret = Zeroizing::new(key.to_bytes().0);
    PrivateKeySigner::encrypt_keystore(
        draft,
        &mut rand::thread_rng(),
        secret.as_slice(),
        password.expose(),
        Some("key"),
    )
    .map_err(|error| KeyError::Encrypt(Box::new(error)))?;
    let path = draft.join("key");
    let text = std::fs::read(&path).map_err(|source| PermissionError::Io {
        path: path.clone(),
        source,
    })?;
    with_address(&text, key.address()).map_err(|source| KeyError::File { path, source })
}

/// Adds the address, as geth writes it, so that `keys list` needs no password.
fn with_address(text: &[u8], address: Address) -> Result<String, KeyFileError> {
    check(text)?;
    let syntax = |error: serde_json::Error| KeyFileError::Syntax {
        line: error.line(),
        column: error.column(),
    };
    let mut value: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(text).map_err(syntax)?;
    value.insert("address".to_owned(), hex::encode(address).into());
    serde_json::to_string_pretty(&value).map_err(syntax)
}

fn store(target: &Path, text: &[u8]) -> Result<(), KeyError> {
    create_private_dir(target.parent().unwrap_or(Path::new(".")))?;
    write_private_file(target, text)?;
    Ok(())
}
