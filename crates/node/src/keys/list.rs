//! What key files are there, without opening them.

use std::path::{Path, PathBuf};

use agoge_host::keys::claimed_address;
use agoge_protocol::Address;
use serde::Serialize;

use super::KeyError;
use super::ring::attester_files;
use crate::config::KeysConfig;

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum KeyRole {
    /// Signs proposals and attestations.
    Attester,
    /// Pays for blocks on L1.
    Publisher,
}

/// A key file.
#[derive(Clone, Debug, Serialize)]
pub struct KeyEntry {
    /// What it is for.
    pub role: KeyRole,
    /// The address it claims.
    pub address: Option<Address>,
    /// Where it is.
    pub path: PathBuf,
    /// Why it would be refused.
    pub problem: Option<String>,
}

/// All key files of a configuration, the publisher's last.
///
/// # Errors
/// [`KeyError`] when the directory cannot be read; a bad file is an entry with a problem.
pub fn list_keys(config: &KeysConfig) -> Result<Vec<KeyEntry>, KeyError> {
    let mut entries: Vec<_> = attester_files(&config.attesters_dir)?
        .iter()
        .map(|path| entry(KeyRole::Attester, path))
        .collect();
    if std::fs::symlink_metadata(&config.publisher_file).is_ok() {
        entries.push(entry(KeyRole::Publisher, &config.publisher_file));
    }
    Ok(entries)
}

fn entry(role: KeyRole, path: &Path) -> KeyEntry {
    let (address, problem) = match claimed_address(path) {
        Ok(address) => (address, None),
        Err(error) => (None, Some(error.to_string())),
    };
    KeyEntry {
        role,
        address,
        path: path.to_owned(),
        problem,
    }
}
