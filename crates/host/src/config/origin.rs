//! Where each value came from.

use serde::Serialize;

/// The layer that decided a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "layer", rename_all = "snake_case")]
pub enum Origin {
    /// A flag on the command line.
    Flag {
        /// The flag.
        name: String,
    },
    /// An environment variable.
    Env {
        /// Its name.
        name: String,
    },
    /// The configuration file.
    File {
        /// Its path.
        path: String,
    },
    /// The network file.
    Network {
        /// The network.
        name: String,
    },
    /// Built in.
    Default,
}

impl core::fmt::Display for Origin {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Flag { name } => write!(f, "flag {name}"),
            Self::Env { name } => write!(f, "env {name}"),
            Self::File { path } => write!(f, "file {path}"),
            Self::Network { name } => write!(f, "network {name}"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A resolved value as it is shown; secrets are redacted already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Key in the configuration file.
    pub key: &'static str,
    /// Value in words.
    pub value: String,
    /// Where it came from.
    pub origin: Origin,
}
