//! `node.toml`: strict, bounded, and wrong with a line number.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use agoge_host::config::{ConfigError, read_config_file};
use agoge_l1_client::SecretUrl;
use agoge_protocol::Address;
use serde::Deserialize;

/// Keys of the configuration file, in the order of its sections.
pub const KEYS: [&str; 28] = [
    "network",
    "data_dir",
    "deployment",
    "instance",
    "fee_recipient",
    "signal_payload",
    "report_equivocation",
    "doppelganger_epochs",
    "record_wire",
    "l1.rpc_urls",
    "l1.beacon_urls",
    "l1.blob_archive_dir",
    "p2p.listen",
    "p2p.external",
    "p2p.bootnodes",
    "p2p.allow_loopback",
    "rpc.listen",
    "rpc.public",
    "rpc.hosts",
    "admin.listen",
    "admin.token_file",
    "metrics.listen",
    "keys.attesters_dir",
    "keys.publisher_file",
    "keys.password_file",
    "keys.allow_shared",
    "log.format",
    "log.filter",
];

/// The whole file. Every key is optional.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FileConfig {
    pub(super) network: Option<String>,
    pub(super) data_dir: Option<PathBuf>,
    pub(super) deployment: Option<PathBuf>,
    pub(super) instance: Option<u16>,
    pub(super) fee_recipient: Option<Address>,
    pub(super) signal_payload: Option<Address>,
    pub(super) report_equivocation: Option<bool>,
    pub(super) doppelganger_epochs: Option<u64>,
    pub(super) record_wire: Option<PathBuf>,
    pub(super) l1: L1Section,
    pub(super) p2p: P2pSection,
    pub(super) rpc: RpcSection,
    pub(super) admin: AdminSection,
    pub(super) metrics: MetricsSection,
    pub(super) keys: KeysSection,
    pub(super) log: LogSection,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct L1Section {
    #[serde(deserialize_with = "urls")]
    pub(super) rpc_urls: Option<Vec<SecretUrl>>,
    #[serde(deserialize_with = "urls")]
    pub(super) beacon_urls: Option<Vec<SecretUrl>>,
    pub(super) blob_archive_dir: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct P2pSection {
    pub(super) listen: Option<SocketAddr>,
    pub(super) external: Option<String>,
    pub(super) bootnodes: Option<Vec<String>>,
    pub(super) allow_loopback: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RpcSection {
    pub(super) listen: Option<SocketAddr>,
    pub(super) public: Option<bool>,
    pub(super) hosts: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AdminSection {
    pub(super) listen: Option<SocketAddr>,
    pub(super) token_file: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct MetricsSection {
    pub(super) listen: Option<SocketAddr>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct KeysSection {
    pub(super) attesters_dir: Option<PathBuf>,
    pub(super) publisher_file: Option<PathBuf>,
    pub(super) password_file: Option<PathBuf>,
    pub(super) allow_shared: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LogSection {
    pub(super) format: Option<String>,
    pub(super) filter: Option<String>,
}

fn urls<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<SecretUrl>>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts
        .iter()
        .map(|text| text.parse())
        .collect::<Result<_, _>>()
        .map(Some)
        .map_err(serde::de::Error::custom)
}

impl FileConfig {
    /// Reads and parses; relative paths count from the file's directory.
    pub(super) fn read(path: &Path) -> Result<Self, ConfigError> {
        let mut config: Self = read_config_file(path, &KEYS)?;
        if let Some(base) = path.parent() {
            config.make_absolute(base);
        }
        Ok(config)
    }

    fn make_absolute(&mut self, base: &Path) {
        let paths = [
            &mut self.data_dir,
            &mut self.deployment,
            &mut self.record_wire,
            &mut self.l1.blob_archive_dir,
            &mut self.admin.token_file,
            &mut self.keys.attesters_dir,
            &mut self.keys.publisher_file,
            &mut self.keys.password_file,
        ];
        for path in paths.into_iter().flatten() {
            *path = base.join(&*path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_key_is_a_key() {
        for key in KEYS {
            let (section, name) = key.split_once('.').unwrap_or(("", key));
            let text = if section.is_empty() {
                format!("{name} = {{}}")
            } else {
                format!("[{section}]\n{name} = {{}}")
            };
            let error = toml::from_str::<FileConfig>(&text).unwrap_err();
            assert!(!error.message().contains("unknown"), "{key}: {error}");
        }
    }
}
