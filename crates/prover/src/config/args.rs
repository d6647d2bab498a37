//! The flags and environment variables of the configuration. Only parsed here; [`super::Resolved`] decides.

use std::net::SocketAddr;
use std::path::PathBuf;

use agoge_host::config::INSTANCE_MAX;
use agoge_l1_client::SecretUrl;
use clap::Args;

/// Flags that mean the same as a key of `prover.toml`. The field's name is the key with `_` for `.`.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Configuration (flag > environment > prover.toml > network file > default)")]
pub struct ConfigArgs {
    /// Network: a name (devnet, phase1 .. phase4) or the path of a network file.
    #[arg(long, global = true, env = "AGOGE_NETWORK", value_name = "NAME|FILE")]
    pub network: Option<String>,

    /// Configuration file [default: prover.toml in the data directory, if there is one].
    #[arg(long, global = true, env = "AGOGE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Data directory [default: $XDG_DATA_HOME/agoge/<network>/prover].
    #[arg(long, global = true, env = "AGOGE_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// Deployment file [default: <data dir>/deployments/<network>.json].
    #[arg(long, global = true, env = "AGOGE_DEPLOYMENT", value_name = "FILE")]
    pub deployment: Option<PathBuf>,

    /// Instance on this machine: shifts every default port by 10 times this number.
    #[arg(long, global = true, env = "AGOGE_INSTANCE", value_name = "N",
        value_parser = clap::value_parser!(u16).range(0..=i64::from(INSTANCE_MAX)))]
    pub instance: Option<u16>,

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

    /// Socket for peers [default: 0.0.0.0:8707; 127.0.0.1:8707 on chain 31337].
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

    /// Socket of the status page, loopback only [default: 127.0.0.1:8705].
    #[arg(long, global = true, env = "AGOGE_STATUS_LISTEN", value_name = "IP:PORT")]
    pub status_listen: Option<SocketAddr>,

    /// Socket of health pages and metrics [default: 127.0.0.1:8706].
    #[arg(long, global = true, env = "AGOGE_METRICS_LISTEN", value_name = "IP:PORT")]
    pub metrics_listen: Option<SocketAddr>,

    /// Key file of the prover: signs quotes, pays for L1 transactions, is paid [default: <data dir>/keys/prover.json].
    #[arg(long, global = true, env = "AGOGE_KEYS_PROVER_FILE", value_name = "FILE")]
    pub keys_prover_file: Option<PathBuf>,

    /// File with the password of the key file, `-` for standard input [default: asked on the terminal].
    #[arg(long, global = true, env = "AGOGE_KEYS_PASSWORD_FILE", value_name = "FILE")]
    pub keys_password_file: Option<PathBuf>,

    /// Offer quotes [default: true].
    #[arg(long, global = true, env = "AGOGE_QUOTES_ENABLED", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub quotes_enabled: Option<bool>,

    /// Share of an epoch's fees asked for, basis points [default: 2000].
    #[arg(long, global = true, env = "AGOGE_QUOTES_FEE_BPS", value_name = "BPS",
        value_parser = clap::value_parser!(u16).range(0..=10_000))]
    pub quotes_fee_bps: Option<u16>,

    /// Bond offered with a quote, gwei [default: the network's least].
    #[arg(long, global = true, env = "AGOGE_QUOTES_BOND_GWEI", value_name = "GWEI")]
    pub quotes_bond_gwei: Option<u64>,

    /// Start work while blocks appear, whoever will be paid [default: true].
    #[arg(long, global = true, env = "AGOGE_PROVING_EAGER", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub proving_eager: Option<bool>,

    /// Prove epochs whose claimant is late [default: true].
    #[arg(long, global = true, env = "AGOGE_PROVING_RESCUE", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub proving_rescue: Option<bool>,

    /// Epochs promised or worked on at a time [default: 2].
    #[arg(long, global = true, env = "AGOGE_PROVING_EPOCHS_MAX", value_name = "N",
        value_parser = clap::value_parser!(u16).range(1..=8))]
    pub proving_epochs_max: Option<u16>,

    /// Time kept free before a deadline, seconds [default: one slot].
    #[arg(
        long,
        global = true,
        env = "AGOGE_PROVING_MARGIN_SECONDS",
        value_name = "SECONDS"
    )]
    pub proving_margin_seconds: Option<u64>,

    /// Threads of the provers [default: all processors].
    #[arg(long, global = true, env = "AGOGE_PROVING_THREADS", value_name = "N",
        value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub proving_threads: Option<u16>,

    /// Niceness added to these threads [default: 10].
    #[arg(long, global = true, env = "AGOGE_PROVING_NICE", value_name = "N",
        value_parser = clap::value_parser!(u8).range(0..=19))]
    pub proving_nice: Option<u8>,

    /// Seconds after which a job is taken back from a worker [default: 900].
    #[arg(
        long,
        global = true,
        env = "AGOGE_PROVING_JOB_TIMEOUT_SECONDS",
        value_name = "SECONDS"
    )]
    pub proving_job_timeout_seconds: Option<u64>,

    /// Directory of built circuits, shared by all provers of this user [default: $XDG_CACHE_HOME/agoge/circuits].
    #[arg(long, global = true, env = "AGOGE_CIRCUITS_DIR", value_name = "DIR")]
    pub circuits_dir: Option<PathBuf>,

    /// Log lines on stderr: text or json [default: text].
    #[arg(long, global = true, env = "AGOGE_LOG_FORMAT", value_name = "FORMAT", value_parser = ["text", "json"])]
    pub log_format: Option<String>,

    /// Log directives as in RUST_LOG, which wins [default: info].
    #[arg(long, global = true, env = "AGOGE_LOG_FILTER", value_name = "DIRECTIVES")]
    pub log_filter: Option<String>,
}
