//! What a data directory belongs to, and the exclusive right to use it.
//!
//! ```text
//! <data dir>/identity.json   network, chain id, genesis id, schema: written once, read before anything is touched
//! <data dir>/lock            held (flock) by the process that has the store open
//! <data dir>/db/             RocksDB
//! ```

use std::fs::File;
use std::io::Write;
use std::path::Path;

use agoge_protocol::Digest;
use serde::{Deserialize, Serialize};

use crate::error::OpenError;
use crate::lock::Lock;

/// Version of tables, keys and encodings. A directory of another version is refused: state is rebuilt from L1.
pub const SCHEMA_VERSION: u32 = 2;

const IDENTITY_FILE: &str = "identity.json";
const IDENTITY_DRAFT: &str = "identity.json.new";
const LOCK_FILE: &str = "lock";
/// An identity file is a few hundred bytes.
const IDENTITY_BYTES_MAX: u64 = 4_096;

/// What a data directory belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreIdentity {
    /// Network name, as in the network file.
    pub network: String,
    /// L1 chain id.
    pub chain_id: u64,
    /// Genesis id of the instance.
    pub genesis_id: Digest,
}

impl core::fmt::Display for StoreIdentity {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "network {} (chain {}, genesis {})",
            self.network, self.chain_id, self.genesis_id
        )
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentityFile {
    schema: u32,
    /// A [`StoreIdentity`], looked at only when the schema is ours.
    identity: serde_json::Value,
}

/// Checks what the directory belongs to, creates it if it is new, and locks it.
pub(crate) fn claim(path: &Path, expected: &StoreIdentity) -> Result<Lock, OpenError> {
    let io = |source| OpenError::Io {
        path: path.to_owned(),
        source,
    };
    let is_new = match read_identity(path)? {
        Some(found) => {
            check(path, &found, expected)?;
            false
        }
        None if is_unused(path)? => true,
        None => {
            return Err(OpenError::NotAStore {
                path: path.to_owned(),
            });
        }
    };
    if is_new {
        std::fs::create_dir_all(path).map_err(io)?;
    }
    let lock = lock(path)?;
    if is_new {
        // Another process may have come first between the check and the lock.
        match read_identity(path)? {
            Some(found) => check(path, &found, expected)?,
            None => write_identity(path, expected).map_err(io)?,
        }
    }
    Ok(lock)
}

fn check(path: &Path, found: &Found, expected: &StoreIdentity) -> Result<(), OpenError> {
    match found {
        Found::Schema(found) => Err(OpenError::OtherSchema {
            path: path.to_owned(),
            expected: SCHEMA_VERSION,
            found: *found,
        }),
        Found::Identity(found) if found.as_ref() == expected => Ok(()),
        Found::Identity(found) => Err(OpenError::OtherNetwork {
            path: path.to_owned(),
            expected: Box::new(expected.clone()),
            found: found.clone(),
        }),
    }
}

enum Found {
    /// Another schema; the rest is not looked at.
    Schema(u32),
    Identity(Box<StoreIdentity>),
}

fn read_identity(path: &Path) -> Result<Option<Found>, OpenError> {
    let file_path = path.join(IDENTITY_FILE);
    let io = |source| OpenError::Io {
        path: file_path.clone(),
        source,
    };
    let file = match File::open(&file_path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(io(e)),
    };
    let text = std::io::read_to_string(std::io::Read::take(file, IDENTITY_BYTES_MAX)).map_err(io)?;
    let not_ours = |_| OpenError::NotAStore {
        path: path.to_owned(),
    };
    let parsed: IdentityFile = serde_json::from_str(&text).map_err(not_ours)?;
    if parsed.schema != SCHEMA_VERSION {
        return Ok(Some(Found::Schema(parsed.schema)));
    }
    serde_json::from_value(parsed.identity)
        .map(|found| Some(Found::Identity(Box::new(found))))
        .map_err(not_ours)
}

/// Whether nothing but the traces of a creation that was cut short is there.
fn is_unused(path: &Path) -> Result<bool, OpenError> {
    let io = |source| OpenError::Io {
        path: path.to_owned(),
        source,
    };
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(true),
        Err(e) => return Err(io(e)),
    };
    for entry in entries {
        let name = entry.map_err(io)?.file_name();
        if name != LOCK_FILE && name != IDENTITY_DRAFT {
            return Ok(false);
        }
    }
    Ok(true)
}

fn lock(path: &Path) -> Result<Lock, OpenError> {
    let file_path = path.join(LOCK_FILE);
    let lock = Lock::take(&file_path).map_err(|source| OpenError::Io {
        path: file_path,
        source,
    })?;
    lock.ok_or_else(|| OpenError::Locked {
        path: path.to_owned(),
    })
}

fn write_identity(path: &Path, identity: &StoreIdentity) -> std::io::Result<()> {
    let file = IdentityFile {
        schema: SCHEMA_VERSION,
        identity: serde_json::to_value(identity)?,
    };
    let draft = path.join(IDENTITY_DRAFT);
    let mut out = File::create(&draft)?;
    out.write_all(serde_json::to_string_pretty(&file)?.as_bytes())?;
    out.sync_all()?;
    std::fs::rename(&draft, path.join(IDENTITY_FILE))?;
    File::open(path)?.sync_all()
}
