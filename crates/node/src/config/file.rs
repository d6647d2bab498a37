//! `node.toml`: strict, bounded, and wrong with a line number.

use std::io::Read as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use agoge_l1_client::SecretUrl;
use agoge_protocol::Address;
use serde::Deserialize;

use super::{CONFIG_BYTES_MAX, ConfigError};

/// Keys of the configuration file, in the order of its sections.
pub const KEYS: [&str; 26] = [
    "network",
    "data_dir",
    "deployment",
    "instance",
    "fee_recipient",
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

/// Reads a text file of at most [`CONFIG_BYTES_MAX`].
pub(super) fn read_bounded(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?
        .take(CONFIG_BYTES_MAX.saturating_add(1))
        .read_to_string(&mut text)?;
    if u64::try_from(text.len()).is_ok_and(|length| length <= CONFIG_BYTES_MAX) {
        Ok(text)
    } else {
        Err(std::io::Error::new(
            std::io::ErrorKind::FileTooLarge,
            format!("more than {CONFIG_BYTES_MAX} bytes"),
        ))
    }
}

impl FileConfig {
    /// Reads and parses; relative paths count from the file's directory.
    pub(super) fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = read_bounded(path).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        let mut config: Self = toml::from_str(&text).map_err(|error| explain(path, &text, &error))?;
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

fn explain(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let span = error.span().unwrap_or_default();
    let before = text.get(..span.start).unwrap_or_default();
    let line = before.matches('\n').count().saturating_add(1);
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        .saturating_add(1);
    let path = path.to_owned();
    if error.message().starts_with("unknown field") {
        let key = text.get(span).unwrap_or_default().to_owned();
        let suggestion = nearest(&key);
        return ConfigError::UnknownKey {
            path,
            line,
            column,
            key,
            suggestion,
        };
    }
    // Serde's text may quote the value, which may be a URL with an API key.
    let reason = match error.message().split_once(": string \"") {
        Some((kind, rest)) => match rest.rsplit_once("\", expected ") {
            Some((_, expected)) => format!("{kind}: a string, expected {expected}"),
            None => kind.to_owned(),
        },
        None => error.message().lines().next().unwrap_or_default().to_owned(),
    };
    ConfigError::BadValue {
        path,
        line,
        column,
        reason,
    }
}

/// The known key whose last part differs least, if by at most two letters.
fn nearest(key: &str) -> Option<&'static str> {
    KEYS.into_iter()
        .map(|known| {
            (
                edit_distance(key, known.rsplit('.').next().unwrap_or(known)),
                known,
            )
        })
        .filter(|(distance, _)| *distance <= 2)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Levenshtein's distance, one row at a time. Long texts are far from every key.
fn edit_distance(left: &str, right: &str) -> usize {
    if left.len() > 64 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = i;
        let mut previous = i.saturating_add(1);
        let mut next = vec![previous];
        for (b, above) in right.chars().zip(row.iter().skip(1)) {
            let replaced = diagonal.saturating_add(usize::from(a != b));
            previous = replaced
                .min(above.saturating_add(1))
                .min(previous.saturating_add(1));
            diagonal = *above;
            next.push(previous);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, distance) in [
            ("", "", 0),
            ("rpc_url", "rpc_urls", 1),
            ("lsiten", "listen", 2),
            ("abc", "xyz", 3),
        ] {
            assert_eq!(edit_distance(a, b), distance, "{a} {b}");
        }
        assert_eq!(nearest("rpc_url"), Some("l1.rpc_urls"));
        assert_eq!(nearest("nonsense_key"), None);
    }

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
