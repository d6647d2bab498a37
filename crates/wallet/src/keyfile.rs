//! The seed on disk: an encrypted keystore (the Web3 Secret Storage format), readable by its owner only.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

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

/// Creates the wallet's directory (0700) and writes the encrypted seed (0600).
///
/// # Errors
/// [`KeyfileError`].
pub fn create(dir: &Path, seed: &Seed, password: &SecretString) -> Result<(), KeyfileError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| KeyfileError::Io { path, source }
    };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io(dir))?;
    let path = dir.join(FILE);
    if path.exists() {
        return Err(KeyfileError::Exists { path });
    }
    // The library writes with the process's umask, so it writes where nobody else can look, and only the result is placed.
    let beside = dir.join("seed.new");
    fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside).map_err(io(&beside))?;
    eth_keystore::encrypt_key(dir, &mut rand::thread_rng(), seed.expose(), password.expose_secret(), Some("seed.new"))
        .map_err(|e| KeyfileError::Encrypt { reason: e.to_string() })?;
    fs::set_permissions(&beside, fs::Permissions::from_mode(0o600)).map_err(io(&beside))?;
    fs::rename(&beside, &path).map_err(io(&path))
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
    let bytes = eth_keystore::decrypt_key(&path, password.expose_secret())
        .map_err(|_| KeyfileError::Decrypt { path: path.clone() })?;
    Seed::from_bytes(&bytes).map_err(|_| KeyfileError::Decrypt { path })
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
        create(&dir, &seed, &password).unwrap();
        assert!(matches!(create(&dir, &seed, &password), Err(KeyfileError::Exists { .. })));
        assert_eq!(open(&dir, &password).unwrap().expose(), seed.expose());
        assert!(matches!(open(&dir, &SecretString::from("wrong")), Err(KeyfileError::Decrypt { .. })));
        let path = dir.join(FILE);
        assert!(!fs::read_to_string(&path).unwrap().contains(&"07".repeat(32)));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(open(&dir, &password), Err(KeyfileError::TooOpen { mode: 0o644, .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::rename(&path, dir.join("elsewhere")).unwrap();
        std::os::unix::fs::symlink(dir.join("elsewhere"), &path).unwrap();
        assert!(matches!(open(&dir, &password), Err(KeyfileError::NotAFile { .. })));
    }
}
