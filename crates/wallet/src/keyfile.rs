//! The seed on disk: an encrypted keystore (the Web3 Secret Storage format), readable by its owner only.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::seed::Seed;

/// Name of the seed's file inside the wallet's directory.
const FILE: &str = "seed.json";
/// Keystores are a few hundred bytes.
const BYTES_MAX: u64 = 65_536;

/// Why the seed cannot be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum KeyfileError {
    /// There is a wallet already.
    #[error("{path} exists; hint: use another --dir, or move it away")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// There is no wallet.
    #[error("there is no wallet in {dir}; hint: agoge-wallet new --dir {dir}")]
    Missing {
        /// The wallet's directory.
        dir: PathBuf,
    },
    /// Others could read it.
    #[error("{path} has mode {mode:o}; hint: chmod 600 {path}")]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A link, a directory, or far too large.
    #[error("{path} is no regular key file")]
    NotAFile {
        /// The file.
        path: PathBuf,
    },
    /// Reading or writing failed.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Wrong password or a damaged file.
    #[error("{path} cannot be opened: wrong password, or the file is damaged")]
    Decrypt {
        /// The file.
        path: PathBuf,
    },
    /// Encryption failed.
    #[error("the seed could not be encrypted: {reason}")]
    Encrypt {
        /// Why.
        reason: String,
    },
}

/// Where a wallet's seed is.
pub fn path(dir: &Path) -> PathBuf {
    dir.join(FILE)
}

/// Whether there is a wallet in a directory.
pub fn exists(dir: &Path) -> bool {
    fs::symlink_metadata(path(dir)).is_ok()
}

/// Writes the encrypted seed (0600) into the wallet's directory: whole or not at all, and never over another. The caller holds the
/// directory's lock.
///
/// # Errors
/// [`KeyfileError`].
pub fn create(dir: &Path, seed: &Seed, password: &SecretString) -> Result<(), KeyfileError> {
    let path = dir.join(FILE);
    if exists(dir) {
        return Err(KeyfileError::Exists { path });
    }
    // The library writes with the process's umask, so it writes where nobody else can look, and only the result is placed.
    let draft = dir.join(format!(".seed-{}", std::process::id()));
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| KeyfileError::Io { path, source }
    };
    // Another process of this number left it: the lock is ours, so nobody else writes there now.
    fs::remove_dir_all(&draft).ok();
    fs::DirBuilder::new()
        .mode(0o700)
        .create(&draft)
        .map_err(io(&draft))?;
    let placed =
        encrypt(&draft, seed, password).and_then(|file| fs::hard_link(file, &path).map_err(io(&path)));
    // Only the draft's name is left behind; an error here would hide the one that matters.
    fs::remove_dir_all(&draft).ok();
    placed?;
    crate::dir::sync_parent(&path).map_err(io(&path))
}

fn encrypt(draft: &Path, seed: &Seed, password: &SecretString) -> Result<PathBuf, KeyfileError> {
    eth_keystore::encrypt_key(
        draft,
        &mut rand::rngs::OsRng,
        seed.expose(),
        password.expose_secret(),
        Some(FILE),
    )
    .map_err(|e| KeyfileError::Encrypt {
        reason: e.to_string(),
    })?;
    let file = draft.join(FILE);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600))
        .and_then(|()| fs::File::open(&file)?.sync_all())
        .map_err(|source| KeyfileError::Io {
            path: file.clone(),
            source,
        })?;
    Ok(file)
}

/// Reads the wallet's seed.
///
/// # Errors
/// [`KeyfileError`].
pub fn open(dir: &Path, password: &SecretString) -> Result<Seed, KeyfileError> {
    let path = dir.join(FILE);
    let metadata = match fs::symlink_metadata(&path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(KeyfileError::Missing { dir: dir.to_owned() });
        }
        Err(source) => return Err(KeyfileError::Io { path, source }),
    };
    if !metadata.is_file() || metadata.len() > BYTES_MAX {
        return Err(KeyfileError::NotAFile { path });
    }
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyfileError::TooOpen { path, mode });
    }
    let text = fs::read(&path).map_err(|source| KeyfileError::Io {
        path: path.clone(),
        source,
    })?;
    if !has_our_form(&text) {
        return Err(KeyfileError::Decrypt { path });
    }
    let bytes = eth_keystore::decrypt_key(&path, password.expose_secret())
        .map(Zeroizing::new)
        .map_err(|_| KeyfileError::Decrypt { path: path.clone() })?;
    Seed::from_bytes(&bytes).map_err(|_| KeyfileError::Decrypt { path })
}

/// Whether a file has the lengths and the cost that [`create`] gives it: the library panics on other lengths.
fn has_our_form(text: &[u8]) -> bool {
    const SCRYPT_N_MAX: u64 = 1 << 18;
    let Ok(file) = serde_json::from_slice::<serde_json::Value>(text) else {
        return false;
    };
    let number = |pointer: &str| {
        file.pointer(pointer)
            .and_then(serde_json::Value::as_u64)
            .unwrap_or(0)
    };
    let is_hex = |pointer: &str, bytes: usize| {
        let text = file
            .pointer(pointer)
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default();
        hex::decode(text).is_ok_and(|found| found.len() == bytes)
    };
    is_hex("/crypto/cipherparams/iv", 16)
        && is_hex("/crypto/ciphertext", 32)
        && is_hex("/crypto/mac", 32)
        && number("/crypto/kdfparams/dklen") == 32
        && number("/crypto/kdfparams/n").is_power_of_two()
        && (2..=SCRYPT_N_MAX).contains(&number("/crypto/kdfparams/n"))
        && (1..=32).contains(&number("/crypto/kdfparams/r"))
        && (1..=16).contains(&number("/crypto/kdfparams/p"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_comes_back_and_only_with_its_password_and_mode() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("a wallet");
        let password = SecretString::from("correct horse");
        let seed = Seed::from_hex(&"07".repeat(32)).unwrap();
        assert!(matches!(open(&dir, &password), Err(KeyfileError::Missing { .. })));
        fs::create_dir(&dir).unwrap();
        create(&dir, &seed, &password).unwrap();
        assert!(matches!(
            create(&dir, &seed, &password),
            Err(KeyfileError::Exists { .. })
        ));
        assert_eq!(open(&dir, &password).unwrap().expose(), seed.expose());
        assert!(matches!(
            open(&dir, &SecretString::from("wrong")),
            Err(KeyfileError::Decrypt { .. })
        ));
        let path = dir.join(FILE);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "no draft is left");
        assert!(!fs::read_to_string(&path).unwrap().contains(&"07".repeat(32)));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(
            open(&dir, &password),
            Err(KeyfileError::TooOpen { mode: 0o644, .. })
        ));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::rename(&path, dir.join("elsewhere")).unwrap();
        std::os::unix::fs::symlink(dir.join("elsewhere"), &path).unwrap();
        assert!(matches!(
            open(&dir, &password),
            Err(KeyfileError::NotAFile { .. })
        ));
    }
    #[test]
    fn damaged_files_are_refused_without_panic() {
        let home = tempfile::tempdir().unwrap();
        let password = SecretString::from("correct horse");
        create(home.path(), &Seed::from_hex(&"07".repeat(32)).unwrap(), &password).unwrap();
        let path = home.path().join(FILE);
        let good: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let changes = [
            ("/crypto/cipherparams/iv", serde_json::json!("00")),
            ("/crypto/ciphertext", serde_json::json!("00")),
            ("/crypto/mac", serde_json::json!("")),
            ("/crypto/kdfparams/dklen", serde_json::json!(8)),
            ("/crypto/kdfparams/n", serde_json::json!(1_u64 << 40)),
            ("/crypto/kdfparams/r", serde_json::json!(1_000_000)),
            ("/crypto", serde_json::json!(null)),
        ];
        for (pointer, value) in changes {
            let mut bad = good.clone();
            *bad.pointer_mut(pointer).unwrap() = value;
            fs::write(&path, bad.to_string()).unwrap();
            assert!(
                matches!(open(home.path(), &password), Err(KeyfileError::Decrypt { .. })),
                "{pointer}"
            );
        }
        fs::write(&path, "{").unwrap();
        assert!(matches!(
            open(home.path(), &password),
            Err(KeyfileError::Decrypt { .. })
        ));
    }
}
