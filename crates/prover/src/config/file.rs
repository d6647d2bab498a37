//! `prover.toml`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use agoge_host::config::{ConfigError, read_config_file};
use agoge_l1_client::SecretUrl;
use serde::Deserialize;

/// Keys of the configuration file, in the order of its sections.
pub const KEYS: [&str; 28] = [
    "network",
    "data_dir",
    "deployment",
    "instance",
    "circuits_dir",
    "l1.rpc_urls",
    "l1.beacon_urls",
    "l1.blob_archive_dir",
    "p2p.listen",
    "p2p.external",
    "p2p.bootnodes",
    "p2p.allow_loopback",
    "status.listen",
    "metrics.listen",
    "keys.prover_file",
    "keys.password_file",
    "quotes.enabled",
    "quotes.fee_bps",
    "quotes.bond_gwei",
    "proving.eager",
    "proving.rescue",
    "proving.epochs_max",
    "proving.margin_seconds",
    "proving.threads",
    "proving.nice",
    "proving.job_timeout_seconds",
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
    pub(super) circuits_dir: Option<PathBuf>,
    pub(super) l1: L1Section,
    pub(super) p2p: P2pSection,
    pub(super) status: ListenSection,
    pub(super) metrics: ListenSection,
    pub(super) keys: KeysSection,
    pub(super) quotes: QuotesSection,
    pub(super) proving: ProvingSection,
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
pub(super) struct ListenSection {
    pub(super) listen: Option<SocketAddr>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct KeysSection {
    pub(super) prover_file: Option<PathBuf>,
    pub(super) password_file: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct QuotesSection {
    pub(super) enabled: Option<bool>,
    pub(super) fee_bps: Option<u16>,
    pub(super) bond_gwei: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ProvingSection {
    pub(super) eager: Option<bool>,
    pub(super) rescue: Option<bool>,
    pub(super) epochs_max: Option<u16>,
    pub(super) margin_seconds: Option<u64>,
    pub(super) threads: Option<u16>,
    pub(super) nice: Option<u8>,
    pub(super) job_timeout_seconds: Option<u64>,
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
            let paths = [
                &mut config.data_dir,
                &mut config.deployment,
                &mut config.circuits_dir,
                &mut config.l1.blob_archive_dir,
                &mut config.keys.prover_file,
                &mut config.keys.password_file,
            ];
            for path in paths.into_iter().flatten() {
                *path = base.join(&*path);
            }
        }
        Ok(config)
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
