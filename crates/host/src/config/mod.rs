//! Configuration from layers: flag > environment > file > network file > default, and which layer decided each value.

mod deployment;
mod error;
mod file;
mod layers;
mod networks;
mod origin;
mod place;

pub use deployment::load_deployment;
pub use error::{ConfigError, DeploymentError};
pub use file::read_config_file;
pub use layers::{Fallback, Layers, joined, unset};
pub use networks::load_network;
pub use origin::{Entry, Origin};
pub use place::{Ports, default_data_dir};

/// Bytes of any configuration, network or deployment file.
pub const CONFIG_BYTES_MAX: u64 = 1 << 20;
/// Distance between the ports of two instances on a machine.
pub const INSTANCE_PORTS: u16 = 10;
/// Highest `--instance`.
pub const INSTANCE_MAX: u16 = 200;
