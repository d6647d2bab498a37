//! The keys of a node: attesters and the publisher. How a key file is made and opened is `agoge_host::keys`.

mod list;
mod ring;

pub use agoge_host::keys::{
    ImportOutcome, KEY_FILE_BYTES_MAX, KeyError, KeyFileError, Password, PasswordError, PasswordSource,
    PermissionError, RawKeyError, create_private_dir, import_key_file, import_raw_key, new_key,
    read_private_file, write_private_file,
};
pub use list::{KeyEntry, KeyRole, list_keys};
pub use ring::KeyRing;

/// Attester keys of one process.
pub const ATTESTER_KEYS_MAX: usize = agoge_host::keys::KEYS_MAX;
