//! All keys of a process, and what they may not be together.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use agoge_host::keys::{check_private_dir, exists, open_key_file};
use agoge_protocol::Address;
use alloy::signers::local::PrivateKeySigner;

use super::{ATTESTER_KEYS_MAX, KeyError, Password, PasswordSource, PermissionError};
use crate::config::KeysConfig;
use crate::signer::AttesterKey;

/// The opened keys of a process. `Debug` shows addresses only.
#[derive(Clone, Debug, Default)]
pub struct KeyRing {
    /// Keys that propose and attest, by file name; none for a node that only follows.
    pub attesters: Vec<AttesterKey>,
    /// The L1 account that pays for blocks, if there is one.
    pub publisher: Option<PrivateKeySigner>,
}

impl KeyRing {
    /// Opens every key file that the configuration names. The password is asked for only when there is a file.
    ///
    /// # Errors
    /// [`KeyError`] for the first file or rule that fails: a node never starts with some of its keys.
    pub fn load(config: &KeysConfig, chain_id: u64, source: &PasswordSource) -> Result<Self, KeyError> {
        let files = attester_files(&config.attesters_dir)?;
        let has_publisher = exists(&config.publisher_file)?;
        if files.is_empty() && !has_publisher {
            return Ok(Self::default());
        }
        let password = source.read()?;
        let attesters = open_attesters(&files, chain_id, &password)?;
        let publisher = has_publisher
            .then(|| open_key_file(&config.publisher_file, chain_id, &password))
            .transpose()?;
        if let Some(publisher) = &publisher {
            let address = publisher.address();
            if !config.allow_shared && attesters.iter().any(|key| key.address() == address) {
                return Err(KeyError::Shared { address });
            }
        }
        Ok(Self { attesters, publisher })
    }

    /// Opens the attester keys again, for a running node.
    ///
    /// # Errors
    /// As [`Self::load`]; `publisher` stands for the running publisher.
    pub fn reload_attesters(
        config: &KeysConfig,
        chain_id: u64,
        source: &PasswordSource,
        publisher: Option<Address>,
    ) -> Result<Vec<AttesterKey>, KeyError> {
        let files = attester_files(&config.attesters_dir)?;
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let keys = open_attesters(&files, chain_id, &source.read()?)?;
        match publisher.filter(|p| !config.allow_shared && keys.iter().any(|key| key.address() == *p)) {
            Some(address) => Err(KeyError::Shared { address }),
            None => Ok(keys),
        }
    }
}

fn open_attesters(
    files: &[PathBuf],
    chain_id: u64,
    password: &Password,
) -> Result<Vec<AttesterKey>, KeyError> {
    let mut seen = BTreeSet::new();
    let mut keys = Vec::with_capacity(files.len());
    for path in files {
        let key = open_key_file(path, chain_id, password)?;
        if !seen.insert(key.address()) {
            return Err(KeyError::Duplicate {
                address: key.address(),
            });
        }
        keys.push(AttesterKey::new(key));
    }
    Ok(keys)
}

/// `*.json` of a directory in the order of their names; none when there is no directory.
pub(super) fn attester_files(dir: &Path) -> Result<Vec<PathBuf>, KeyError> {
    if !exists(dir)? {
        return Ok(Vec::new());
    }
    check_private_dir(dir)?;
    let io_error = |source| PermissionError::Io {
        path: dir.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(io_error)? {
        let path = entry.map_err(io_error)?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            if files.len() >= ATTESTER_KEYS_MAX {
                return Err(KeyError::TooMany {
                    path: dir.to_owned(),
                    max: ATTESTER_KEYS_MAX,
                });
            }
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
