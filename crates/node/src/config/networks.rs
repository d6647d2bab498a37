//! Network files: compiled in by name, or read from a path.

use std::path::Path;

use agoge_protocol::NetworkConfig;

use super::error::ConfigError;
use super::file::read_bounded;

const NETWORKS: [(&str, &str); 5] = [
    ("devnet", include_str!("../../../../script/networks/devnet.toml")),
    ("phase1", include_str!("../../../../script/networks/phase1.toml")),
    ("phase2", include_str!("../../../../script/networks/phase2.toml")),
    ("phase3", include_str!("../../../../script/networks/phase3.toml")),
    ("phase4", include_str!("../../../../script/networks/phase4.toml")),
];

/// Names that `--network` takes without a file.
pub const NETWORK_NAMES: [&str; 5] = {
    let [(a, _), (b, _), (c, _), (d, _), (e, _)] = NETWORKS;
    [a, b, c, d, e]
};

/// The compiled-in file of a network.
pub fn network_text(name: &str) -> Option<&'static str> {
    NETWORKS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// A network by name, else by path.
///
/// # Errors
/// [`ConfigError::UnknownNetwork`] when it is neither; [`ConfigError::NetworkFile`] with the line of what is wrong.
pub fn load_network(name_or_path: &str) -> Result<NetworkConfig, ConfigError> {
    let owned;
    let text = if let Some(text) = network_text(name_or_path) {
        text
    } else {
        let path = Path::new(name_or_path);
        if !path.is_file() {
            return Err(ConfigError::UnknownNetwork { found: name_or_path.to_owned() });
        }
        owned = read_bounded(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        &owned
    };
    NetworkConfig::parse(text)
        .map_err(|source| ConfigError::NetworkFile { name: name_or_path.to_owned(), source })
}
