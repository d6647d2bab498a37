//! The flags and environment variables of the configuration. Only parsed here; [`super::Resolved`] decides.

use std::net::SocketAddr;
use std::path::PathBuf;

use agoge_l1_client::SecretUrl;
use agoge_protocol::Address;
use clap::Args;

use super::INSTANCE_MAX;

/// Flags that mean the same as a key of `node.toml`. The field's name is the key with `_` for `.`.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Configuration (flag > environment > node.toml > network file > default)")]
pub struct ConfigArgs {
    /// Network: a name (devnet, phase1 .. phase4) or the path of a network file.
    #[arg(long, global = true, env = "AGOGE_NETWORK", value_name = "NAME|FILE")]
    pub network: Option<String>,

    /// Configuration file [default: node.toml in the data directory, if there is one].
    #[arg(long, global = true, env = "AGOGE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Data directory [default: $XDG_DATA_HOME/agoge/<network>].
    #[arg(long, global = true, env = "AGOGE_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// Deployment file [default: <data dir>/deployments/<network>.json].
    #[arg(long, global = true, env = "AGOGE_DEPLOYMENT", value_name = "FILE")]
    pub deployment: Option<PathBuf>,

    /// Instance on this machine: shifts every default port by 10 times this number.
    #[arg(long, global = true, env = "AGOGE_INSTANCE", value_name = "N",
        value_parser = clap::value_parser!(u16).range(0..=i64::from(INSTANCE_MAX)))]
    pub instance: Option<u16>,

    /// L1 address credited with the fees of this node's blocks [default: the publisher's].
    #[arg(long, global = true, env = "AGOGE_FEE_RECIPIENT", value_name = "ADDRESS")]
    pub fee_recipient: Option<Address>,

    /// Payload that this node's blocks signal for [default: none; what `agogeAdmin_setPayload` has set wins].
    #[arg(long, global = true, env = "AGOGE_SIGNAL_PAYLOAD", value_name = "ADDRESS")]
    pub signal_payload: Option<Address>,

    /// Report equivocations of other validators to L1 with the publisher's account, which earns the reward [default: true].
    #[arg(long, global = true, env = "AGOGE_REPORT_EQUIVOCATION", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub report_equivocation: Option<bool>,

    /// Epochs to stay silent after a start with a fresh signing guard [default: 1; 0 on chain 31337].
    #[arg(long, global = true, env = "AGOGE_DOPPELGANGER_EPOCHS", value_name = "N",
        value_parser = clap::value_parser!(u64).range(0..=64))]
    pub doppelganger_epochs: Option<u64>,

    /// Write every peer message to a file, one JSON object a line.
    #[arg(long, global = true, env = "AGOGE_RECORD_WIRE", value_name = "FILE")]
    pub record_wire: Option<PathBuf>,

    /// L1 execution RPC, best first, comma-separated.
    #[arg(
        long,
        global = true,
        env = "ETH_RPC_URL",
        hide_env_values = true,
        value_delimiter = ',',
        value_name = "URL,..."
    )]
    pub l1_rpc_urls: Option<Vec<SecretUrl>>,

    /// Beacon API, best first, comma-separated [default on anvil: the RPC URLs].
    #[arg(
        long,
        global = true,
        env = "AGOGE_L1_BEACON_URLS",
        hide_env_values = true,
        value_delimiter = ',',
        value_name = "URL,..."
    )]
    pub l1_beacon_urls: Option<Vec<SecretUrl>>,

    /// Directory of archived blobs, asked when no beacon node has one.
    #[arg(long, global = true, env = "AGOGE_L1_BLOB_ARCHIVE_DIR", value_name = "DIR")]
    pub l1_blob_archive_dir: Option<PathBuf>,

    /// Socket for peers, the only public one [default: 0.0.0.0:8703; 127.0.0.1:8703 on chain 31337].
    #[arg(long, global = true, env = "AGOGE_P2P_LISTEN", value_name = "IP:PORT")]
    pub p2p_listen: Option<SocketAddr>,

    /// Multiaddress that peers should dial, when it differs from what they see.
    #[arg(long, global = true, env = "AGOGE_P2P_EXTERNAL", value_name = "MULTIADDR")]
    pub p2p_external: Option<String>,

    /// Peers to start from, comma-separated multiaddresses [default: the network file's].
    #[arg(
        long,
        global = true,
        env = "AGOGE_P2P_BOOTNODES",
        value_delimiter = ',',
        value_name = "MULTIADDR,..."
    )]
    pub p2p_bootnodes: Option<Vec<String>>,

    /// Dial loopback addresses of peers [default: only on chain 31337].
    #[arg(long, global = true, env = "AGOGE_P2P_ALLOW_LOOPBACK", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub p2p_allow_loopback: Option<bool>,

    /// JSON-RPC socket [default: 127.0.0.1:8700].
    #[arg(long, global = true, env = "AGOGE_RPC_LISTEN", value_name = "IP:PORT")]
    pub rpc_listen: Option<SocketAddr>,

    /// Allow the JSON-RPC to listen beyond loopback; needs --rpc-hosts.
    #[arg(long, global = true, env = "AGOGE_RPC_PUBLIC", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub rpc_public: Option<bool>,

    /// `Host` names answered beside loopback's, comma-separated.
    #[arg(
        long,
        global = true,
        env = "AGOGE_RPC_HOSTS",
        value_delimiter = ',',
        value_name = "HOST,..."
    )]
    pub rpc_hosts: Option<Vec<String>>,

    /// Admin JSON-RPC socket, loopback only [default: 127.0.0.1:8701].
    #[arg(long, global = true, env = "AGOGE_ADMIN_LISTEN", value_name = "IP:PORT")]
    pub admin_listen: Option<SocketAddr>,

    /// Bearer token of the admin port [default: <data dir>/admin.token].
    #[arg(long, global = true, env = "AGOGE_ADMIN_TOKEN_FILE", value_name = "FILE")]
    pub admin_token_file: Option<PathBuf>,

    /// Socket of health pages and metrics [default: 127.0.0.1:8702].
    #[arg(long, global = true, env = "AGOGE_METRICS_LISTEN", value_name = "IP:PORT")]
    pub metrics_listen: Option<SocketAddr>,

    /// Directory of attester key files [default: <data dir>/keys/attesters].
    #[arg(long, global = true, env = "AGOGE_KEYS_ATTESTERS_DIR", value_name = "DIR")]
    pub keys_attesters_dir: Option<PathBuf>,

    /// Key file of the L1 account that publishes [default: <data dir>/keys/publisher.json].
    #[arg(long, global = true, env = "AGOGE_KEYS_PUBLISHER_FILE", value_name = "FILE")]
    pub keys_publisher_file: Option<PathBuf>,

    /// File with the password of the key files, `-` for standard input [default: asked on the terminal].
    #[arg(long, global = true, env = "AGOGE_KEYS_PASSWORD_FILE", value_name = "FILE")]
    pub keys_password_file: Option<PathBuf>,

    /// Allow one key to be attester and publisher.
    #[arg(long, visible_alias = "allow-shared", global = true, env = "AGOGE_KEYS_ALLOW_SHARED", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub keys_allow_shared: Option<bool>,

    /// Log lines on stderr: text or json [default: text].
    #[arg(long, global = true, env = "AGOGE_LOG_FORMAT", value_name = "FORMAT", value_parser = ["text", "json"])]
    pub log_format: Option<String>,

    /// Log directives as in RUST_LOG, which wins [default: info].
    #[arg(long, global = true, env = "AGOGE_LOG_FILTER", value_name = "DIRECTIVES")]
    pub log_filter: Option<String>,
}
