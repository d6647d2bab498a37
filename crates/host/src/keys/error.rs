//! Why a key file, a password or a set of keys is refused. No variant holds a secret.

use std::path::PathBuf;

use agoge_protocol::Address;

/// A path that must be private is not.
#[derive(Debug, thiserror::Error)]
pub enum PermissionError {
    /// The system refused.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// The system's word.
        #[source]
        source: std::io::Error,
    },
    /// A symbolic link, a directory or a device.
    #[error("{} is not a regular file (symbolic links are not followed)", path.display())]
    NotRegular {
        /// The path.
        path: PathBuf,
    },
    /// Another user's.
    #[error("{} belongs to user {found}, expected {expected}", path.display())]
    Owner {
        /// The path.
        path: PathBuf,
        /// This process's user.
        expected: u32,
        /// The owner.
        found: u32,
    },
    /// Open to group or others.
    #[error("{} has mode {found:04o}, expected at most {expected:04o}", path.display())]
    Mode {
        /// The path.
        path: PathBuf,
        /// The loosest mode allowed.
        expected: u32,
        /// The mode.
        found: u32,
    },
    /// Larger than such a file can be.
    #[error("{} has more than {max} bytes", path.display())]
    TooLarge {
        /// The path.
        path: PathBuf,
        /// The limit.
        max: u64,
    },
}

impl PermissionError {
    /// What to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Mode { path, expected, .. } => Some(format!("chmod {expected:o} {}", path.display())),
            Self::Owner { path, expected, .. } => Some(format!("chown {expected} {}", path.display())),
            Self::Io { .. } | Self::NotRegular { .. } | Self::TooLarge { .. } => None,
        }
    }
}

/// Why a text is no key file that this program opens.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// Not a keystore in JSON.
    #[error("not a keystore v3 file: line {line}, column {column}")]
    Syntax {
        /// Line, from 1.
        line: usize,
        /// Column.
        column: usize,
    },
    /// Another version.
    #[error("keystore version is {found}, expected 3")]
    Version {
        /// As given.
        found: u64,
    },
    /// Another cipher.
    #[error("cipher is not aes-128-ctr")]
    Cipher,
    /// Another key derivation.
    #[error("key derivation is neither scrypt nor pbkdf2 with hmac-sha256")]
    Kdf,
    /// A field of the wrong length.
    #[error("{field} has {found} bytes, expected {expected}")]
    Length {
        /// Which field.
        field: &'static str,
        /// Bytes needed.
        expected: usize,
        /// Bytes found.
        found: usize,
    },
    /// The derivation would take too much memory or time.
    #[error("{field} is {found}, outside 1 to {max} or not a power of two")]
    Cost {
        /// Which parameter.
        field: &'static str,
        /// As given.
        found: u64,
        /// The limit.
        max: u64,
    },
    /// The password does not open it.
    #[error("wrong password, or the file was altered")]
    WrongPassword,
    /// The decrypted bytes are no secp256k1 key.
    #[error("holds no valid secp256k1 key")]
    NoKey,
    /// The file is named for, or claims, another address.
    #[error("claims address {claimed} but holds the key of {found}")]
    OtherAddress {
        /// In the file.
        claimed: Address,
        /// Of the key.
        found: Address,
    },
}

/// Why no password can be had.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The file cannot be used.
    #[error("password file: {0}")]
    File(#[from] PermissionError),
    /// Standard input failed.
    #[error("cannot read the password from standard input: {0}")]
    Stdin(#[source] std::io::Error),
    /// No file was named and there is no terminal to ask on.
    #[error("no password: no file was named and there is no terminal to ask on")]
    NoTerminal,
    /// The terminal failed.
    #[error("cannot ask for the password: {0}")]
    Terminal(#[source] std::io::Error),
    /// Nothing in it.
    #[error("the password is empty")]
    Empty,
    /// More than any password.
    #[error("the password has more than {} bytes", super::PASSWORD_BYTES_MAX)]
    TooLong,
    /// Not text.
    #[error("the password is not UTF-8")]
    NotText,
}

/// Why keys are not taken.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A path is not private.
    #[error(transparent)]
    Permission(#[from] PermissionError),
    /// No password.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// A file cannot be opened.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: KeyFileError,
    },
    /// The key is published in every Ethereum tutorial.
    #[error("{address} is one of anvil's development keys, which are refused on chain {chain_id}")]
    DevelopmentKey {
        /// Its address.
        address: Address,
        /// The network's chain.
        chain_id: u64,
    },
    /// One key in two roles.
    #[error("{address} is attester and publisher at once")]
    Shared {
        /// Its address.
        address: Address,
    },
    /// One key in two files.
    #[error("attester {address} is in two key files")]
    Duplicate {
        /// Its address.
        address: Address,
    },
    /// More files than a process may hold.
    #[error("more than {max} attester keys in {}", path.display())]
    TooMany {
        /// The directory.
        path: PathBuf,
        /// The limit.
        max: usize,
    },
    /// A key file cannot be made.
    #[error("cannot write a key file: {0}")]
    Encrypt(#[source] Box<dyn core::error::Error + Send + Sync>),
    /// The file to be made is there.
    #[error("{} exists and is not overwritten", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
}

impl KeyError {
    /// Stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Permission(_) => "AGOGE-KEY-001",
            Self::Password(_) => "AGOGE-KEY-002",
            Self::File { .. } => "AGOGE-KEY-004",
            Self::DevelopmentKey { .. } => "AGOGE-KEY-005",
            Self::Shared { .. } => "AGOGE-KEY-006",
            Self::Duplicate { .. } => "AGOGE-KEY-007",
            Self::TooMany { .. } => "AGOGE-KEY-008",
            Self::Encrypt(_) => "AGOGE-KEY-009",
            Self::Exists { .. } => "AGOGE-KEY-010",
        }
    }

    /// What to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Permission(error) | Self::Password(PasswordError::File(error)) => error.hint(),
            Self::Password(_) => {
                Some("name a file: --keys-password-file FILE, or `-` for standard input".to_owned())
            }
            Self::Shared { .. } => Some(
                "make a publisher with `agoge-node keys new --role publisher`, or pass --keys-allow-shared"
                    .to_owned(),
            ),
            Self::DevelopmentKey { .. } => Some("make keys with `agoge-node keys new`".to_owned()),
            Self::File {
                source: KeyFileError::Cost { .. },
                ..
            } => Some(
                "encrypt the key again with usual parameters, for instance `cast wallet import`".to_owned(),
            ),
            Self::File { .. }
            | Self::Duplicate { .. }
            | Self::TooMany { .. }
            | Self::Encrypt(_)
            | Self::Exists { .. } => None,
        }
    }
}
