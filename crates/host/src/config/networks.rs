//! Network files: compiled in by name, or read from a path.

use std::path::Path;

use agoge_protocol::NetworkConfig;
use agoge_protocol::network::built_in;

use super::error::ConfigError;
use super::file::read_bounded;

/// A network by name, else by path.
///
/// # Errors
/// [`ConfigError::UnknownNetwork`] when it is neither; [`ConfigError::NetworkFile`] with the line of what is wrong.
pub fn load_network(name_or_path: &str) -> Result<NetworkConfig, ConfigError> {
    let owned;
    let text = if let Some(text) = built_in(name_or_path) {
        text
    } else {
        let path = Path::new(name_or_path);
        if !path.is_file() {
            return Err(ConfigError::UnknownNetwork {
                found: name_or_path.to_owned(),
            });
        }
        owned = read_bounded(path).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        &owned
    };
    NetworkConfig::parse(text).map_err(|source| ConfigError::NetworkFile {
        name: name_or_path.to_owned(),
        source,
    })
}
