//! The prover's configuration: resolved once from flags, environment, `prover.toml`, the network file and defaults.

mod args;
mod file;
mod resolve;

use std::net::SocketAddr;
use std::path::PathBuf;

use agoge_host::config::{DeploymentError, load_deployment};
use agoge_l1_client::{ENDPOINTS_MAX, L1Config, SecretUrl};
use agoge_protocol::{Deployment, Digest, NetworkConfig};

pub use agoge_host::config::{ConfigError, Entry, Origin};
pub use args::ConfigArgs;
pub use file::KEYS;
pub use resolve::{CONFIG_FILE_NAME, Resolved, default_circuits_dir};

use crate::epochs::Policy;

/// Chain of local test networks.
pub(crate) const CHAIN_ID_ANVIL: u64 = 31_337;

/// Everything the prover is told. Secrets are not in it.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the prover keeps its state; mode 0700.
    pub data_dir: PathBuf,
    /// The network's numbers.
    pub network: NetworkConfig,
    /// Where the deployment file is.
    pub deployment_file: PathBuf,
    /// Execution RPCs, best first.
    pub l1_rpc_urls: Vec<SecretUrl>,
    /// Beacon APIs, best first.
    pub l1_beacon_urls: Vec<SecretUrl>,
    /// Directory of archived blobs.
    pub l1_blob_archive_dir: Option<PathBuf>,
    /// Socket for peers.
    pub p2p_listen: SocketAddr,
    /// Multiaddress that others should dial, when it differs.
    pub p2p_external: Option<String>,
    /// Multiaddresses with peer ids.
    pub p2p_bootnodes: Vec<String>,
    /// Whether loopback addresses of peers are dialled.
    pub p2p_allow_loopback: bool,
    /// Where the status page listens.
    pub status_listen: SocketAddr,
    /// Where health pages and metrics listen.
    pub metrics_listen: SocketAddr,
    /// The prover's key file.
    pub key_file: PathBuf,
    /// File with its password; `None`: asked on the terminal.
    pub password_file: Option<PathBuf>,
    /// What to prove, quote and send.
    pub policy: Policy,
    /// How the work is done.
    pub work: WorkConfig,
}

/// How the work is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkConfig {
    /// Threads of one job; 0: as many as processors.
    pub threads: u16,
    /// Niceness added to them.
    pub nice: u8,
    /// Seconds after which a job is taken back from a worker.
    pub job_timeout_seconds: u64,
    /// Directory of built circuits.
    pub circuits_dir: PathBuf,
}

impl Config {
    /// Directory of what belongs to one instance: its store, its kept results, its peers.
    pub fn instance_dir(&self, genesis_id: Digest) -> PathBuf {
        self.data_dir.join("instances").join(genesis_id.to_string())
    }

    /// Checks the relations between values.
    ///
    /// # Errors
    /// [`ConfigError::Missing`], [`ConfigError::Relation`].
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.l1_rpc_urls.is_empty() {
            return Err(ConfigError::Missing {
                key: "l1.rpc_urls",
                flag: "--l1-rpc-urls",
                env: "ETH_RPC_URL",
            });
        }
        if self.l1_beacon_urls.is_empty() && self.l1_blob_archive_dir.is_none() {
            return Err(ConfigError::Missing {
                key: "l1.beacon_urls",
                flag: "--l1-beacon-urls",
                env: "AGOGE_L1_BEACON_URLS",
            });
        }
        let relation = |key, rule| Err(ConfigError::Relation { key, rule });
        if self.l1_rpc_urls.len() > ENDPOINTS_MAX || self.l1_beacon_urls.len() > ENDPOINTS_MAX {
            return relation("l1.rpc_urls", "at most 8 URLs of a kind");
        }
        if !self.status_listen.ip().is_loopback() {
            return relation("status.listen", "the status page listens on loopback only");
        }
        if self.policy.bond_gwei < self.network.proving.bond_min_gwei {
            return relation("quotes.bond_gwei", "at least the network's bond_min_gwei");
        }
        let ports = [self.status_listen, self.metrics_listen, self.p2p_listen].map(|socket| socket.port());
        let [status, metrics, p2p] = ports;
        let clash = |a: u16, b: u16| a != 0 && a == b;
        if clash(status, metrics) || clash(status, p2p) || clash(metrics, p2p) {
            return relation(
                "status.listen",
                "status, metrics and p2p need three different ports",
            );
        }
        Ok(())
    }

    /// Reads the deployment file and checks that it is this network's.
    ///
    /// # Errors
    /// [`DeploymentError`].
    pub fn load_deployment(&self) -> Result<Deployment, DeploymentError> {
        load_deployment(&self.deployment_file, &self.network)
    }

    /// What the L1 client is made from.
    pub fn l1_client(&self, deployment: Deployment) -> L1Config {
        let mut config = L1Config::new(
            self.network.clone(),
            Some(deployment),
            self.l1_rpc_urls.clone(),
            self.l1_beacon_urls.clone(),
        );
        config.blob_archive.clone_from(&self.l1_blob_archive_dir);
        config
    }
}
