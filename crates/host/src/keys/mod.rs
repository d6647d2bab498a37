//! Key files: Ethereum keystore v3 as Foundry and geth write it, 0600 in directories of 0700.
//!
//! A file is looked at before it is trusted: no symlink, ours, closed to others, small, and with a key derivation that neither memory nor
//! patience runs out on. New files use Foundry's derivation (scrypt N = 2^13, about 30 ms), so a process with many keys starts fast; the
//! password file should therefore hold a long random text, not a word a person remembers.

mod account;
mod error;
mod keystore;
mod open;
mod password;
mod private_file;
mod write;

pub use account::AccountFlags;
pub use error::{KeyError, KeyFileError, PasswordError, PermissionError};
pub use open::{DEVELOPMENT_ADDRESSES, claimed_address, exists, open_key_file};
pub use password::{Password, PasswordSource};
pub use private_file::{check_private_dir, create_private_dir, read_private_file, write_private_file};
pub use write::{ImportOutcome, RawKeyError, import_key_file, import_raw_key, new_key};

/// Bytes of a key file.
pub const KEY_FILE_BYTES_MAX: u64 = 64 << 10;
/// Bytes of a password.
pub const PASSWORD_BYTES_MAX: usize = 1_024;
/// Key files of one directory.
pub const KEYS_MAX: usize = 256;
