//! Picking each value from its layers, and remembering which one decided.

use std::net::SocketAddr;
use std::path::PathBuf;

use agoge_l1_client::SecretUrl;
use clap::ArgMatches;
use clap::parser::ValueSource;

use super::{Entry, Origin};

/// The layers below the defaults, and the record of who won.
pub(super) struct Layers<'a> {
    pub(super) matches: &'a ArgMatches,
    pub(super) file: Option<PathBuf>,
    pub(super) network: String,
    pub(super) entries: Vec<Entry>,
}

/// The value of the last two layers.
pub(super) enum Fallback<T> {
    Network(T),
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

    pub(super) fn pick<T>(
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

    pub(super) fn path(
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

    pub(super) fn optional_path(
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

    pub(super) fn socket(
        &mut self,
        key: &'static str,
        flag: Option<SocketAddr>,
        file: Option<SocketAddr>,
        default: SocketAddr,
    ) -> SocketAddr {
        self.pick(key, flag, file, Fallback::Default(default), ToString::to_string)
    }

    pub(super) fn switch(
        &mut self,
        key: &'static str,
        flag: Option<bool>,
        file: Option<bool>,
        default: bool,
    ) -> bool {
        self.pick(key, flag, file, Fallback::Default(default), ToString::to_string)
    }

    pub(super) fn urls(
        &mut self,
        key: &'static str,
        flag: Option<Vec<SecretUrl>>,
        file: Option<Vec<SecretUrl>>,
        default: Vec<SecretUrl>,
    ) -> Vec<SecretUrl> {
        self.pick(key, flag, file, Fallback::Default(default), |urls| joined(urls))
    }
}

fn env_name(id: &str) -> String {
    match id {
        "l1_rpc_urls" => "ETH_RPC_URL".to_owned(),
        _ => format!("AGOGE_{}", id.to_uppercase()),
    }
}

pub(super) fn unset() -> String {
    "(not set)".to_owned()
}

pub(super) fn joined<T: ToString>(items: &[T]) -> String {
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
