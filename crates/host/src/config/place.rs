//! Where a program is on its machine by default: its directory and its ports.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::INSTANCE_PORTS;

/// `$XDG_DATA_HOME/agoge/<network>`, else `~/.local/share/agoge/<network>`, else `./agoge-data/<network>`.
pub fn default_data_dir(network: &str) -> PathBuf {
    let absolute = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let base = absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
        .map_or_else(|| PathBuf::from("agoge-data"), |base| base.join("agoge"));
    // A network given by path is named after its file.
    let name = Path::new(network)
        .file_stem()
        .map_or_else(|| PathBuf::from(network), PathBuf::from);
    base.join(name)
}

/// Host and shift of default sockets.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    /// Which of several programs on this machine.
    pub instance: u16,
}

impl Ports {
    /// This machine only.
    pub const LOOPBACK: [u8; 4] = [127, 0, 0, 1];
    /// Every address of this machine.
    pub const ANY: [u8; 4] = [0, 0, 0, 0];

    /// The default socket of a port.
    pub fn socket(self, host: [u8; 4], port: u16) -> SocketAddr {
        let shift = self.instance.saturating_mul(INSTANCE_PORTS);
        SocketAddr::from((host, port.saturating_add(shift)))
    }
}
