//! From the layers to one [`Config`], remembering which layer decided.

use std::net::SocketAddr;
use std::path::PathBuf;

use agoge_host::config::{Fallback, Layers, Ports, default_data_dir, joined, load_network, unset};
use agoge_protocol::NetworkConfig;
use agoge_protocol::network::BeaconId;
use clap::ArgMatches;

use super::file::FileConfig;
use super::{CHAIN_ID_ANVIL, Config, ConfigArgs, ConfigError, Entry, Policy, WorkConfig};

/// Name of the configuration file in the data directory.
pub const CONFIG_FILE_NAME: &str = "prover.toml";

/// Default ports: beside those of a node on the same machine.
const STATUS_PORT: u16 = 8705;
const METRICS_PORT: u16 = 8706;
const P2P_PORT: u16 = 8707;
/// Share of the fees asked for by default, basis points.
const FEE_BPS: u16 = 2_000;
/// Epochs at a time by default: one that is being proven and the one that appears.
const EPOCHS_MAX: u16 = 2;
const NICE: u8 = 10;
const JOB_TIMEOUT_SECONDS: u64 = 900;

/// A configuration and the story of each value.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// What the prover runs with.
    pub config: Config,
    /// How logs are written: `text` or `json`.
    pub log_format: String,
    /// Log directives.
    pub log_filter: String,
    /// Each value and its origin, in the order of the documentation.
    pub entries: Vec<Entry>,
}

impl Resolved {
    /// Resolves every value and checks the relations.
    ///
    /// # Errors
    /// [`ConfigError`], naming file and line where a file is wrong.
    pub fn new(args: ConfigArgs, matches: &ArgMatches) -> Result<Self, ConfigError> {
        let resolved = Self::unchecked(args, matches)?;
        resolved.config.validate()?;
        Ok(resolved)
    }

    /// Resolves without the relations: for commands that need no L1.
    ///
    /// # Errors
    /// [`ConfigError`] except missing values and relations.
    pub fn unchecked(args: ConfigArgs, matches: &ArgMatches) -> Result<Self, ConfigError> {
        let config_file = find_config_file(&args);
        let file = config_file
            .as_deref()
            .map(FileConfig::read)
            .transpose()?
            .unwrap_or_default();
        let missing = ConfigError::Missing {
            key: "network",
            flag: "--network",
            env: "AGOGE_NETWORK",
        };
        let name = args
            .network
            .clone()
            .or_else(|| file.network.clone())
            .ok_or(missing)?;
        let network = load_network(&name)?;
        let layers = Layers {
            matches,
            file: config_file,
            network: network.network.name.clone(),
            entries: Vec::new(),
        };
        let mut sections = Sections { layers, args, file };
        let config = sections.config(&name, network);
        let (log_format, log_filter) = sections.log();
        Ok(Self {
            config,
            log_format,
            log_filter,
            entries: sections.layers.entries,
        })
    }
}

/// The layers, read section by section.
struct Sections<'a> {
    layers: Layers<'a>,
    args: ConfigArgs,
    file: FileConfig,
}

impl Sections<'_> {
    fn config(&mut self, name: &str, network: NetworkConfig) -> Config {
        let (args, file) = (self.args.clone(), core::mem::take(&mut self.file));
        let layers = &mut self.layers;
        layers.pick(
            "network",
            args.network,
            file.network,
            Fallback::Default(name.to_owned()),
            Clone::clone,
        );
        let is_anvil = network.network.chain_id == CHAIN_ID_ANVIL;
        let default_dir = default_data_dir(name).join("prover");
        let data_dir = layers.path("data_dir", args.data_dir, file.data_dir, default_dir);
        let deployment = data_dir
            .join("deployments")
            .join(format!("{}.json", network.network.name));
        let deployment_file = layers.path("deployment", args.deployment, file.deployment, deployment);
        let instance = layers.pick(
            "instance",
            args.instance,
            file.instance,
            Fallback::Default(0),
            ToString::to_string,
        );
        let ports = Ports { instance };
        let circuits_dir = layers.path(
            "circuits_dir",
            args.circuits_dir,
            file.circuits_dir,
            default_circuits_dir(),
        );
        let l1_rpc_urls = layers.list("l1.rpc_urls", args.l1_rpc_urls, file.l1.rpc_urls, Vec::new());
        // Anvil answers the beacon API's blob route on its RPC port.
        let beacon_default = match network.network.beacon_id {
            BeaconId::L1Number => l1_rpc_urls.clone(),
            BeaconId::Slot => Vec::new(),
        };
        let l1_beacon_urls = layers.list(
            "l1.beacon_urls",
            args.l1_beacon_urls,
            file.l1.beacon_urls,
            beacon_default,
        );
        let l1_blob_archive_dir = layers.optional_path(
            "l1.blob_archive_dir",
            args.l1_blob_archive_dir,
            file.l1.blob_archive_dir,
        );
        let host = if is_anvil { Ports::LOOPBACK } else { Ports::ANY };
        let p2p_listen = layers.socket(
            "p2p.listen",
            args.p2p_listen,
            file.p2p.listen,
            ports.socket(host, P2P_PORT),
        );
        let p2p_external = layers.pick(
            "p2p.external",
            args.p2p_external.map(Some),
            file.p2p.external.map(Some),
            Fallback::Default(None),
            |text| text.clone().unwrap_or_else(unset),
        );
        let p2p_bootnodes = layers.pick(
            "p2p.bootnodes",
            args.p2p_bootnodes,
            file.p2p.bootnodes,
            Fallback::Network(network.p2p.bootnodes.clone()),
            |nodes| joined(nodes),
        );
        let p2p_allow_loopback = layers.switch(
            "p2p.allow_loopback",
            args.p2p_allow_loopback,
            file.p2p.allow_loopback,
            is_anvil,
        );
        let loopback = |port| ports.socket(Ports::LOOPBACK, port);
        let status_listen: SocketAddr = layers.socket(
            "status.listen",
            args.status_listen,
            file.status.listen,
            loopback(STATUS_PORT),
        );
        let metrics_listen = layers.socket(
            "metrics.listen",
            args.metrics_listen,
            file.metrics.listen,
            loopback(METRICS_PORT),
        );
        let key_file = layers.path(
            "keys.prover_file",
            args.keys_prover_file,
            file.keys.prover_file,
            data_dir.join("keys").join("prover.json"),
        );
        let password_file = layers.optional_path(
            "keys.password_file",
            args.keys_password_file,
            file.keys.password_file,
        );
        let quotes = layers.switch("quotes.enabled", args.quotes_enabled, file.quotes.enabled, true);
        let fee_bps = layers.pick(
            "quotes.fee_bps",
            args.quotes_fee_bps,
            file.quotes.fee_bps,
            Fallback::Default(FEE_BPS),
            ToString::to_string,
        );
        let bond_gwei = layers.pick(
            "quotes.bond_gwei",
            args.quotes_bond_gwei,
            file.quotes.bond_gwei,
            Fallback::Network(network.proving.bond_min_gwei),
            ToString::to_string,
        );
        let is_eager = layers.switch("proving.eager", args.proving_eager, file.proving.eager, true);
        let rescues = layers.switch("proving.rescue", args.proving_rescue, file.proving.rescue, true);
        let epochs_max = layers.pick(
            "proving.epochs_max",
            args.proving_epochs_max,
            file.proving.epochs_max,
            Fallback::Default(EPOCHS_MAX),
            ToString::to_string,
        );
        let margin_seconds = layers.pick(
            "proving.margin_seconds",
            args.proving_margin_seconds,
            file.proving.margin_seconds,
            Fallback::Network(network.protocol.slot_seconds),
            ToString::to_string,
        );
        let threads = layers.pick(
            "proving.threads",
            args.proving_threads,
            file.proving.threads,
            Fallback::Default(0),
            |threads| match threads {
                0 => "(all processors)".to_owned(),
                threads => threads.to_string(),
            },
        );
        let nice = layers.pick(
            "proving.nice",
            args.proving_nice,
            file.proving.nice,
            Fallback::Default(NICE),
            ToString::to_string,
        );
        let job_timeout_seconds = layers.pick(
            "proving.job_timeout_seconds",
            args.proving_job_timeout_seconds,
            file.proving.job_timeout_seconds,
            Fallback::Default(JOB_TIMEOUT_SECONDS),
            ToString::to_string,
        );
        self.file.log = file.log;
        Config {
            data_dir,
            network,
            deployment_file,
            l1_rpc_urls,
            l1_beacon_urls,
            l1_blob_archive_dir,
            p2p_listen,
            p2p_external,
            p2p_bootnodes,
            p2p_allow_loopback,
            status_listen,
            metrics_listen,
            key_file,
            password_file,
            policy: Policy {
                is_eager,
                quotes,
                rescues,
                fee_bps,
                bond_gwei,
                epochs_max: usize::from(epochs_max.max(1)),
                margin_seconds,
            },
            work: WorkConfig {
                threads,
                nice,
                job_timeout_seconds,
                circuits_dir,
            },
        }
    }

    fn log(&mut self) -> (String, String) {
        let text = |text: &str| Fallback::Default(text.to_owned());
        let format = self.layers.pick(
            "log.format",
            self.args.log_format.clone(),
            self.file.log.format.clone(),
            text("text"),
            Clone::clone,
        );
        let filter = self.layers.pick(
            "log.filter",
            self.args.log_filter.clone(),
            self.file.log.filter.clone(),
            text("info"),
            Clone::clone,
        );
        (format, filter)
    }
}

/// `$XDG_CACHE_HOME/agoge/circuits`, else `~/.cache/agoge/circuits`, else `./agoge-circuits`.
pub fn default_circuits_dir() -> PathBuf {
    let absolute = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("XDG_CACHE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
        .map_or_else(
            || PathBuf::from("agoge-circuits"),
            |base| base.join("agoge").join("circuits"),
        )
}

/// `--config`, else `prover.toml` in the data directory that flags and environment lead to, if there is one.
fn find_config_file(args: &ConfigArgs) -> Option<PathBuf> {
    if args.config.is_some() {
        return args.config.clone();
    }
    let data_dir = args.data_dir.clone().or_else(|| {
        args.network
            .as_deref()
            .map(|network| default_data_dir(network).join("prover"))
    })?;
    Some(data_dir.join(CONFIG_FILE_NAME)).filter(|path| path.is_file())
}
