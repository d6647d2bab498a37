//! Why a configuration is refused. Every case says what to change.

use std::path::PathBuf;

use agoge_protocol::network::NetworkError;

/// Why a configuration is refused: exit code 2.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A key that does not exist.
    #[error("unknown key `{key}` in {}:{line}:{column}", path.display())]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// As written.
        key: String,
        /// The nearest key that exists.
        suggestion: Option<&'static str>,
    },
    /// Not TOML, a wrong type, a duplicate or a value that cannot be.
    #[error("{reason} in {}:{line}:{column}", path.display())]
    BadValue {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong; never the value of a URL.
        reason: String,
    },
    /// The file cannot be read or is too large.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's word.
        #[source]
        source: std::io::Error,
    },
    /// Neither a known name nor a file.
    #[error("no network and no file is called {found:?}")]
    UnknownNetwork {
        /// As given.
        found: String,
    },
    /// A bad network file.
    #[error("network file {name}: {source}")]
    NetworkFile {
        /// Name or path.
        name: String,
        /// What is wrong, with its line.
        #[source]
        source: NetworkError,
    },
    /// A value that has no default.
    #[error("`{key}` is not set")]
    Missing {
        /// File key.
        key: &'static str,
        /// Flag.
        flag: &'static str,
        /// Environment variable.
        env: &'static str,
    },
    /// Values that do not fit each other.
    #[error("`{key}`: {rule}")]
    Relation {
        /// File key.
        key: &'static str,
        /// What must hold.
        rule: &'static str,
    },
}

impl ConfigError {
    /// Stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownKey { .. } => "AGOGE-CFG-001",
            Self::BadValue { .. } => "AGOGE-CFG-002",
            Self::Read { .. } => "AGOGE-CFG-003",
            Self::UnknownNetwork { .. } => "AGOGE-CFG-005",
            Self::NetworkFile { .. } => "AGOGE-CFG-006",
            Self::Missing { .. } => "AGOGE-CFG-008",
            Self::Relation { .. } => "AGOGE-CFG-009",
        }
    }

    /// What to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownKey { suggestion, .. } => suggestion.map(|key| format!("did you mean `{key}`?")),
            Self::UnknownNetwork { .. } => {
                let names = agoge_protocol::network::BUILT_IN.map(|(name, _)| name).join(", ");
                Some(format!("names are {names}; a file is given by its path"))
            }
            Self::Missing { key, flag, env } => Some(format!(
                "give {flag}, set {env}, or write `{key}` into the configuration file"
            )),
            Self::BadValue { .. } | Self::Read { .. } | Self::NetworkFile { .. } | Self::Relation { .. } => {
                None
            }
        }
    }
}

/// Why a deployment file is refused.
#[derive(Debug, thiserror::Error)]
pub enum DeploymentError {
    /// It cannot be read.
    #[error("cannot read the deployment file {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's word.
        #[source]
        source: std::io::Error,
    },
    /// It is no deployment file.
    #[error("deployment file {}: {source}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What is wrong, with its line.
        #[source]
        source: serde_json::Error,
    },
    /// It is for another chain.
    #[error("deployment file {} is for chain {found}, the network needs {expected}", path.display())]
    WrongChain {
        /// The file.
        path: PathBuf,
        /// The network's chain id.
        expected: u64,
        /// The file's.
        found: u64,
    },
    /// It is for another network of the same chain.
    #[error("deployment file {} is of network {found:?}, expected {expected:?}", path.display())]
    WrongNetwork {
        /// The file.
        path: PathBuf,
        /// The configured network.
        expected: String,
        /// The file's.
        found: String,
    },
}

impl DeploymentError {
    /// Stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Read { .. } => "AGOGE-DEP-001",
            Self::Syntax { .. } => "AGOGE-DEP-002",
            Self::WrongChain { .. } => "AGOGE-DEP-003",
            Self::WrongNetwork { .. } => "AGOGE-DEP-004",
        }
    }

    /// Whether the file belongs to another network (exit code 4) rather than being absent or bad.
    pub const fn is_wrong_network(&self) -> bool {
        matches!(self, Self::WrongChain { .. } | Self::WrongNetwork { .. })
    }
}
