//! Picking each value from its layers, and remembering which one decided.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::ArgMatches;
use clap::parser::ValueSource;

use super::{Entry, Origin};

/// The layers below the defaults, and the record of who won.
#[derive(Debug)]
pub struct Layers<'a> {
    /// The command line and the environment.
    pub matches: &'a ArgMatches,
    /// The configuration file that was read.
    pub file: Option<PathBuf>,
    /// The network's name.
    pub network: String,
    /// What was decided so far.
    pub entries: Vec<Entry>,
}

/// The value of the last two layers.
#[derive(Clone, Debug)]
pub enum Fallback<T> {
    /// From the network file.
    Network(T),
    /// Built in.
    Default(T),
}

impl Layers<'_> {
    fn origin_of_flag(&self, key: &str) -> Origin {
        let id = key.replace('.', "_");
        match self.matches.value_source(&id) {
            Some(ValueSource::EnvVariable) => Origin::Env { name: env_name(&id) },
            _ => Origin::Flag {
                name: format!("--{}", id.replace('_', "-")),
            },
        }
    }

    /// Picks a value: `flag` (command line or environment), else `file`, else the fallback. `show` must not show secrets.
    pub fn pick<T>(
        &mut self,
        key: &'static str,
        flag: Option<T>,
        file: Option<T>,
        fallback: Fallback<T>,
        show: impl Fn(&T) -> String,
    ) -> T {
        let (value, origin) = match (flag, file, fallback) {
            (Some(value), _, _) => (value, self.origin_of_flag(key)),
            (None, Some(value), _) => {
                let path = self
                    .file
                    .as_ref()
                    .map(|path| path.display().to_string())
                    .unwrap_or_default();
                (value, Origin::File { path })
            }
            (None, None, Fallback::Network(value)) => (
                value,
                Origin::Network {
                    name: self.network.clone(),
                },
            ),
            (None, None, Fallback::Default(value)) => (value, Origin::Default),
        };
        self.entries.push(Entry {
            key,
            value: show(&value),
            origin,
        });
        value
    }

    /// A path.
    pub fn path(
        &mut self,
        key: &'static str,
        flag: Option<PathBuf>,
        file: Option<PathBuf>,
        default: PathBuf,
    ) -> PathBuf {
        self.pick(key, flag, file, Fallback::Default(default), |path| {
            path.display().to_string()
        })
    }

    /// A path that may be left out.
    pub fn optional_path(
        &mut self,
        key: &'static str,
        flag: Option<PathBuf>,
        file: Option<PathBuf>,
    ) -> Option<PathBuf> {
        self.pick(
            key,
            flag.map(Some),
            file.map(Some),
            Fallback::Default(None),
            |path| {
                path.as_ref()
                    .map_or_else(unset, |path| path.display().to_string())
            },
        )
    }

    /// A socket.
    pub fn socket(
        &mut self,
        key: &'static str,
        flag: Option<SocketAddr>,
        file: Option<SocketAddr>,
        default: SocketAddr,
    ) -> SocketAddr {
        self.pick(key, flag, file, Fallback::Default(default), ToString::to_string)
    }

    /// A switch.
    pub fn switch(
        &mut self,
        key: &'static str,
        flag: Option<bool>,
        file: Option<bool>,
        default: bool,
    ) -> bool {
        self.pick(key, flag, file, Fallback::Default(default), ToString::to_string)
    }

    /// A list whose items show themselves without secrets.
    pub fn list<T: ToString>(
        &mut self,
        key: &'static str,
        flag: Option<Vec<T>>,
        file: Option<Vec<T>>,
        default: Vec<T>,
    ) -> Vec<T> {
        self.pick(key, flag, file, Fallback::Default(default), |items| joined(items))
    }
}

fn env_name(id: &str) -> String {
    match id {
        "l1_rpc_urls" => "ETH_RPC_URL".to_owned(),
        _ => format!("AGOGE_{}", id.to_uppercase()),
    }
}

/// How a value that is not set shows.
pub fn unset() -> String {
    "(not set)".to_owned()
}

/// How a list shows.
pub fn joined<T: ToString>(items: &[T]) -> String {
    if items.is_empty() {
        unset()
    } else {
        items
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(",")
    }
}
