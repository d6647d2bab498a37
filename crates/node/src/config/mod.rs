//! The node's configuration: one struct, resolved once from flags, environment, `node.toml`, the network file and defaults.
//!
//! Precedence: flag > environment > `--config` file > network file > default. Flag, variable and key share one name:
//! `--l1-rpc-urls`, `AGOGE_L1_RPC_URLS`, `[l1] rpc_urls`. Relations between values are checked here, before anything is opened or sent.

mod args;
mod file;
mod resolve;

use std::net::SocketAddr;
use std::path::PathBuf;

use agoge_l1_client::SecretUrl;
use agoge_protocol::deployment::Deployment;
use agoge_protocol::{Address, Digest, NetworkConfig};

use agoge_host::config::load_deployment;
pub use agoge_host::config::{
    ConfigError, DeploymentError, Entry, INSTANCE_MAX, Origin, default_data_dir, load_network,
};
pub use args::ConfigArgs;
pub use file::KEYS;
pub use resolve::{CONFIG_FILE_NAME, Resolved};

/// Everything the node is told. Secrets are not in it: keys are read later, by [`crate::keys`].
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the node keeps its state; mode 0700.
    pub data_dir: PathBuf,
    /// The network's numbers.
    pub network: NetworkConfig,
    /// Where the deployment file is; see [`Config::load_deployment`].
    pub deployment_file: PathBuf,
    /// L1.
    pub l1: L1Endpoints,
    /// Peers.
    pub p2p: P2pConfig,
    /// Public JSON-RPC.
    pub rpc: RpcConfig,
    /// Admin JSON-RPC.
    pub admin: AdminConfig,
    /// Where `/livez`, `/readyz`, `/healthz` and `/metrics` listen.
    pub metrics_listen: SocketAddr,
    /// Key files.
    pub keys: KeysConfig,
    /// L1 address credited with the fees of this node's blocks; `None`: the publisher's.
    pub fee_recipient: Option<Address>,
    /// Payload that this node's blocks signal for, unless the admin port has chosen.
    pub signal_payload: Option<Address>,
    /// Whether equivocations of others are reported to L1, at the publisher's cost and for its reward.
    pub report_equivocation: bool,
    /// Epochs without duties after start with a fresh guard, to see whether a key signs elsewhere. 0 switches the wait off.
    pub doppelganger_epochs: u64,
    /// Whether a missing signing guard may be created.
    pub init_guard: bool,
    /// Every gossip and request/response message goes here, one JSON object a line.
    pub record_wire: Option<PathBuf>,
}

/// How L1 is reached.
#[derive(Clone, Debug)]
pub struct L1Endpoints {
    /// Execution RPC, in the order of preference; at least one.
    pub rpc_urls: Vec<SecretUrl>,
    /// Beacon API, in the order of preference. On networks that name blobs by L1 block number the RPC URLs serve if none is given.
    pub beacon_urls: Vec<SecretUrl>,
    /// A directory of blobs by versioned hash, asked when no beacon node has a blob.
    pub blob_archive_dir: Option<PathBuf>,
}

/// How peers are reached.
#[derive(Clone, Debug)]
pub struct P2pConfig {
    /// Socket for peers; the only public one.
    pub listen: SocketAddr,
    /// Multiaddress that others should dial, when it differs.
    pub external: Option<String>,
    /// Multiaddresses with peer ids.
    pub bootnodes: Vec<String>,
    /// Whether loopback addresses of peers are dialled and told on.
    pub allow_loopback: bool,
}

/// The public JSON-RPC.
#[derive(Clone, Debug)]
pub struct RpcConfig {
    /// Its socket.
    pub listen: SocketAddr,
    /// Whether it may listen beyond loopback.
    pub public: bool,
    /// `Host` names that are answered beside loopback's; needed when public.
    pub hosts: Vec<String>,
}

/// The admin JSON-RPC; loopback only.
#[derive(Clone, Debug)]
pub struct AdminConfig {
    /// Its socket.
    pub listen: SocketAddr,
    /// The bearer token, 0600; made at the first start.
    pub token_file: PathBuf,
}

/// Where keys are.
#[derive(Clone, Debug)]
pub struct KeysConfig {
    /// Every `*.json` in it is an attester key. A missing directory is an empty one: the node then only follows.
    pub attesters_dir: PathBuf,
    /// The publisher's key file; without the file the node never sends to L1.
    pub publisher_file: PathBuf,
    /// File with the password of all key files; `None`: asked on the terminal.
    pub password_file: Option<PathBuf>,
    /// Whether a key may be attester and publisher at once.
    pub allow_shared: bool,
}

impl Config {
    /// Reads the deployment file and checks that it is this network's.
    ///
    /// # Errors
    /// [`DeploymentError`].
    pub fn load_deployment(&self) -> Result<Deployment, DeploymentError> {
        load_deployment(&self.deployment_file, &self.network)
    }

    /// Directory of what belongs to instances, one directory each ([`Self::instance_dir`]).
    pub fn instances_dir(&self) -> PathBuf {
        self.data_dir.join("instances")
    }

    /// Directory of what belongs to one instance: its database, its peers, its duties.
    pub fn instance_dir(&self, genesis_id: Digest) -> PathBuf {
        self.instances_dir().join(genesis_id.to_string())
    }

    /// File of what the admin port chose to signal for.
    pub fn signal_file(&self) -> PathBuf {
        self.data_dir.join("signal.json")
    }

    /// File of the signing guard.
    pub fn guard_file(&self) -> PathBuf {
        self.data_dir.join("signing.guard")
    }

    /// File of the peer-to-peer identity; losing it is harmless.
    pub fn peer_key_file(&self) -> PathBuf {
        self.data_dir.join("p2p.key")
    }

    /// File of the equivocations that are to be reported.
    pub fn reports_file(&self) -> PathBuf {
        self.data_dir.join("equivocations.json")
    }

    /// Directory of the L1 sender's records.
    pub fn sender_dir(&self) -> PathBuf {
        self.data_dir.join("sender")
    }

    /// What the L1 client is made from.
    pub fn l1_client(&self, deployment: Option<Deployment>) -> agoge_l1_client::L1Config {
        let (rpc_urls, beacon_urls) = (self.l1.rpc_urls.clone(), self.l1.beacon_urls.clone());
        let mut config =
            agoge_l1_client::L1Config::new(self.network.clone(), deployment, rpc_urls, beacon_urls);
        config.blob_archive.clone_from(&self.l1.blob_archive_dir);
        config
    }

    /// Checks relations between values.
    ///
    /// # Errors
    /// [`ConfigError`] naming the first rule broken.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let relation = |key, rule| Err(ConfigError::Relation { key, rule });
        if self.l1.rpc_urls.is_empty() {
            return Err(ConfigError::Missing {
                key: "l1.rpc_urls",
                flag: "--l1-rpc-urls",
                env: "ETH_RPC_URL",
            });
        }
        if self.l1.beacon_urls.is_empty() && self.l1.blob_archive_dir.is_none() {
            return Err(ConfigError::Missing {
                key: "l1.beacon_urls",
                flag: "--l1-beacon-urls",
                env: "AGOGE_L1_BEACON_URLS",
            });
        }
        if self.l1.rpc_urls.len() > agoge_l1_client::ENDPOINTS_MAX
            || self.l1.beacon_urls.len() > agoge_l1_client::ENDPOINTS_MAX
        {
            return relation("l1.rpc_urls", "at most 8 URLs of a kind");
        }
        if !self.rpc.listen.ip().is_loopback() && !self.rpc.public {
            return relation("rpc.listen", "an address beyond loopback needs --rpc-public");
        }
        if self.rpc.public && self.rpc.hosts.is_empty() {
            return relation("rpc.hosts", "--rpc-public needs the host names that are answered");
        }
        if !self.admin.listen.ip().is_loopback() {
            return relation("admin.listen", "the admin port listens on loopback only");
        }
        let ports = [
            self.rpc.listen,
            self.admin.listen,
            self.metrics_listen,
            self.p2p.listen,
        ]
        .map(|s| s.port());
        let mut rest: &[u16] = &ports;
        while let [first, others @ ..] = rest {
            if *first != 0 && others.contains(first) {
                return relation(
                    "rpc.listen",
                    "rpc, admin, metrics and p2p need four different ports",
                );
            }
            rest = others;
        }
        Ok(())
    }
}
