//! All keys of a process, and what they may not be together.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use agoge_protocol::Address;
use alloy::primitives::address;
use alloy::signers::local::PrivateKeySigner;

use super::keystore::decrypt;
use super::private_file::check_private_dir;
use super::{
    ATTESTER_KEYS_MAX, KEY_FILE_BYTES_MAX, KeyError, Password, PasswordSource, PermissionError,
    read_private_file,
};
use crate::config::KeysConfig;
use crate::signer::AttesterKey;

/// Chain of local test networks, the only one where anvil's keys are keys.
const CHAIN_ID_ANVIL: u64 = 31_337;

/// Accounts of the mnemonic "test test ... junk", in its order.
pub(super) const DEVELOPMENT_ADDRESSES: [Address; 10] = [
    address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266"),
    address!("70997970C51812dc3A010C7d01b50e0d17dc79C8"),
    address!("3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"),
    address!("90F79bf6EB2c4f870365E785982E1f101E93b906"),
    address!("15d34AAf54267DB7D7c367839AAf71A00a2C6A65"),
    address!("9965507D1a55bcC2695C58ba16FB37d819B0A4dc"),
    address!("976EA74026E726554dB657fA54763abd0C3a0aa9"),
    address!("14dC79964da2C08b23698B3D3cc7Ca32193d9955"),
    address!("23618e81E3f5cdF7f54C3d65f7FBc0aBf5B21E8f"),
    address!("a0Ee7A142d267C1f36714E4a8F75612F20a79720"),
];

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
            .then(|| open(&config.publisher_file, chain_id, &password))
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
        let key = open(path, chain_id, password)?;
        if !seen.insert(key.address()) {
            return Err(KeyError::Duplicate {
                address: key.address(),
            });
        }
        keys.push(AttesterKey::new(key));
    }
    Ok(keys)
}

fn open(path: &Path, chain_id: u64, password: &Password) -> Result<PrivateKeySigner, KeyError> {
    let text = read_private_file(path, KEY_FILE_BYTES_MAX)?;
    let key = decrypt(path, &text, password).map_err(|source| KeyError::File {
        path: path.to_owned(),
        source,
    })?;
    let address = key.address();
    if chain_id != CHAIN_ID_ANVIL && DEVELOPMENT_ADDRESSES.contains(&address) {
        return Err(KeyError::DevelopmentKey { address, chain_id });
    }
    Ok(key)
}

fn exists(path: &Path) -> Result<bool, PermissionError> {
    // A dangling link exists too: it is refused later, not overlooked.
    match std::fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(PermissionError::Io {
            path: path.to_owned(),
            source,
        }),
    }
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
