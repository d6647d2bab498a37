//! What a person gives: the seed, passwords, a transaction; from arguments, files, standard input or the terminal.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use agoge_protocol::Transaction;
use agoge_protocol::limits::TX_BYTES_MAX;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::{Global, WalletError};
use crate::keyfile;
use crate::seed::Seed;

/// Bytes of a password file.
const PASSWORD_BYTES_MAX: u64 = 4_096;

/// The seed given, else the stored one.
pub(super) fn seed(global: &Global) -> Result<Seed, WalletError> {
    match given_seed(global)? {
        Some(seed) => Ok(seed),
        // Looked for first: nobody should type a password for a wallet that is not there.
        None if !keyfile::exists(&global.dir) => Err(keyfile::KeyfileError::Missing {
            dir: global.dir.clone(),
        }
        .into()),
        None => Ok(keyfile::open(
            &global.dir,
            &wallet_password(global, "Wallet password: ")?,
        )?),
    }
}

/// The seed of `--seed`.
pub(super) fn given_seed(global: &Global) -> Result<Option<Seed>, WalletError> {
    match global.seed.as_ref().map(ExposeSecret::expose_secret) {
        None => Ok(None),
        Some("-") => Ok(Some(Seed::from_hex(&Zeroizing::new(read_text(
            Path::new("-"),
            256,
        )?))?)),
        Some(text) => Ok(Some(Seed::from_hex(text)?)),
    }
}

/// The password of a wallet that is being made: asked for twice, since a slip of the finger would lock the wallet for ever.
pub(super) fn new_password(global: &Global) -> Result<SecretString, WalletError> {
    let password = wallet_password(global, "New wallet password: ")?;
    if global.password_file.is_none()
        && prompt("The same password again: ")?.expose_secret() != password.expose_secret()
    {
        return Err(WalletError::PasswordsDiffer);
    }
    if password.expose_secret().is_empty() {
        Err(WalletError::EmptyPassword)
    } else {
        Ok(password)
    }
}

fn wallet_password(global: &Global, text: &str) -> Result<SecretString, WalletError> {
    let Some(path) = global.password_file.as_deref() else {
        return prompt(text);
    };
    let metadata = std::fs::metadata(path).map_err(|source| read_error(path, source))?;
    let mode = metadata.mode() & 0o777;
    if metadata.is_file() && mode & 0o077 != 0 {
        return Err(WalletError::PasswordFileTooOpen {
            path: path.to_owned(),
            mode,
        });
    }
    first_line(path)
}

/// The password of an L1 keystore: from a file, as other Ethereum tools take it, or from the terminal.
pub(super) fn l1_password(file: Option<&Path>) -> Result<SecretString, WalletError> {
    file.map_or_else(|| prompt("L1 keystore password: "), first_line)
}

fn first_line(path: &Path) -> Result<SecretString, WalletError> {
    let text = Zeroizing::new(read_text(path, PASSWORD_BYTES_MAX)?);
    Ok(SecretString::from(text.lines().next().unwrap_or_default()))
}

fn prompt(text: &str) -> Result<SecretString, WalletError> {
    rpassword::prompt_password(text)
        .map(SecretString::from)
        .map_err(|source| WalletError::Password { source })
}

/// A transaction's 0x hex, from a file or standard input, checked before a node is asked.
pub(super) fn transaction(path: &Path) -> Result<Transaction, WalletError> {
    let text = read_text(path, (TX_BYTES_MAX as u64).saturating_mul(2).saturating_add(64))?;
    let digits = text.trim();
    let bytes =
        hex::decode(digits.strip_prefix("0x").unwrap_or(digits)).map_err(|_| WalletError::NotATransaction)?;
    borsh::from_slice(&bytes).map_err(|_| WalletError::NotATransaction)
}

/// A whole file, or standard input for `-`, of at most `max` bytes.
fn read_text(path: &Path, max: u64) -> Result<String, WalletError> {
    let mut text = String::new();
    let limit = max.saturating_add(1);
    let read = if path == Path::new("-") {
        std::io::stdin().take(limit).read_to_string(&mut text)
    } else {
        File::open(path).and_then(|file| file.take(limit).read_to_string(&mut text))
    };
    match read {
        Ok(bytes) if bytes as u64 <= max => Ok(text),
        Ok(_) => Err(WalletError::TooLong {
            path: name(path),
            max,
        }),
        Err(source) => Err(read_error(path, source)),
    }
}

fn read_error(path: &Path, source: std::io::Error) -> WalletError {
    WalletError::Read {
        path: name(path),
        source,
    }
}

fn name(path: &Path) -> PathBuf {
    if path == Path::new("-") {
        PathBuf::from("standard input")
    } else {
        path.to_owned()
    }
}
