//! From the layers to one [`Config`], remembering which layer decided.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use agoge_l1_client::SecretUrl;
use agoge_protocol::network::BeaconId;
use clap::ArgMatches;
use clap::parser::ValueSource;

use super::file::FileConfig;
use super::{
    AdminConfig, Config, ConfigArgs, ConfigError, Entry, INSTANCE_PORTS, KeysConfig, L1Endpoints, Origin,
    P2pConfig, RpcConfig, load_network,
};

/// Name of the configuration file in the data directory.
pub const CONFIG_FILE_NAME: &str = "node.toml";

const CHAIN_ID_ANVIL: u64 = 31_337;

/// A configuration and the story of each value.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// What the node runs with.
    pub config: Config,
    /// How logs are written: `text` or `json`.
    pub log_format: String,
    /// Log directives.
    pub log_filter: String,
    /// The configuration file that was read.
    pub config_file: Option<PathBuf>,
    /// Each value and its origin, in the order of the documentation.
    pub entries: Vec<Entry>,
}

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

/// The layers below the defaults, and the record of who won.
struct Layers<'a> {
    matches: &'a ArgMatches,
    file: Option<PathBuf>,
    network: String,
    entries: Vec<Entry>,
}

/// The value of the last two layers.
enum Fallback<T> {
    Network(T),
    Default(T),
}

impl Layers<'_> {
    fn origin_of_flag(&self, key: &str) -> Origin {
        let id = key.replace('.', "_");
        match self.matches.value_source(&id) {
            Some(ValueSource::EnvVariable) => Origin::Env { name: env_name(&id) },
            _ => Origin::Flag {
                name: format!("--{}", id.replace('_', "-")),
            },
        }
    }

    fn pick<T>(
        &mut self,
        key: &'static str,
        flag: Option<T>,
        file: Option<T>,
        fallback: Fallback<T>,
        show: impl Fn(&T) -> String,
    ) -> T {
        let (value, origin) = match (flag, file, fallback) {
            (Some(value), _, _) => (value, self.origin_of_flag(key)),
            (None, Some(value), _) => {
                let path = self
                    .file
                    .as_ref()
                    .map(|path| path.display().to_string())
                    .unwrap_or_default();
                (value, Origin::File { path })
            }
            (None, None, Fallback::Network(value)) => (
                value,
                Origin::Network {
                    name: self.network.clone(),
                },
            ),
            (None, None, Fallback::Default(value)) => (value, Origin::Default),
        };
        self.entries.push(Entry {
            key,
            value: show(&value),
            origin,
        });
        value
    }

    fn path(
        &mut self,
        key: &'static str,
        flag: Option<PathBuf>,
        file: Option<PathBuf>,
        default: PathBuf,
    ) -> PathBuf {
        self.pick(key, flag, file, Fallback::Default(default), |path| {
            path.display().to_string()
        })
    }

    fn optional_path(
        &mut self,
        key: &'static str,
        flag: Option<PathBuf>,
        file: Option<PathBuf>,
    ) -> Option<PathBuf> {
        self.pick(
            key,
            flag.map(Some),
            file.map(Some),
            Fallback::Default(None),
            |path| {
                path.as_ref()
                    .map_or_else(unset, |path| path.display().to_string())
            },
        )
    }

    fn socket(
        &mut self,
        key: &'static str,
        flag: Option<SocketAddr>,
        file: Option<SocketAddr>,
        default: SocketAddr,
    ) -> SocketAddr {
        self.pick(key, flag, file, Fallback::Default(default), ToString::to_string)
    }

    fn switch(&mut self, key: &'static str, flag: Option<bool>, file: Option<bool>, default: bool) -> bool {
        self.pick(key, flag, file, Fallback::Default(default), ToString::to_string)
    }

    fn urls(
        &mut self,
        key: &'static str,
        flag: Option<Vec<SecretUrl>>,
        file: Option<Vec<SecretUrl>>,
        default: Vec<SecretUrl>,
    ) -> Vec<SecretUrl> {
        self.pick(key, flag, file, Fallback::Default(default), |urls| joined(urls))
    }
}

fn env_name(id: &str) -> String {
    match id {
        "l1_rpc_urls" => "ETH_RPC_URL".to_owned(),
        _ => format!("AGOGE_{}", id.to_uppercase()),
    }
}

fn unset() -> String {
    "(not set)".to_owned()
}

fn joined<T: ToString>(items: &[T]) -> String {
    if items.is_empty() {
        unset()
    } else {
        items
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(",")
    }
}

impl Resolved {
    /// Resolves every value and checks the relations.
    ///
    /// # Errors
    /// [`ConfigError`], naming file and line where a file is wrong.
    pub fn new(args: ConfigArgs, matches: &ArgMatches, init_guard: bool) -> Result<Self, ConfigError> {
        let resolved = Self::unchecked(args, matches, init_guard)?;
        resolved.config.validate()?;
        Ok(resolved)
    }

    /// Resolves without the relations: for commands that need no L1.
    ///
    /// # Errors
    /// [`ConfigError`] except missing values and relations.
    pub fn unchecked(args: ConfigArgs, matches: &ArgMatches, init_guard: bool) -> Result<Self, ConfigError> {
        let config_file = find_config_file(&args);
        Self::from_layers(args, matches, init_guard, config_file)
    }

    /// Resolves flags, environment and defaults only: for writing a new file.
    ///
    /// # Errors
    /// [`ConfigError`] except missing values and relations.
    pub fn without_file(args: ConfigArgs, matches: &ArgMatches) -> Result<Self, ConfigError> {
        Self::from_layers(args, matches, false, None)
    }

    fn from_layers(
        args: ConfigArgs,
        matches: &ArgMatches,
        init_guard: bool,
        config_file: Option<PathBuf>,
    ) -> Result<Self, ConfigError> {
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
        let mut layers = Layers {
            matches,
            file: config_file.clone(),
            network: network.network.name.clone(),
            entries: Vec::new(),
        };
        layers.pick(
            "network",
            args.network,
            file.network,
            Fallback::Default(name.clone()),
            Clone::clone,
        );

        let is_anvil = network.network.chain_id == CHAIN_ID_ANVIL;
        let data_dir = layers.path("data_dir", args.data_dir, file.data_dir, default_data_dir(&name));
        let deployment_default = data_dir
            .join("deployments")
            .join(format!("{}.json", network.network.name));
        let deployment_file = layers.path("deployment", args.deployment, file.deployment, deployment_default);
        let instance = layers.pick(
            "instance",
            args.instance,
            file.instance,
            Fallback::Default(0),
            ToString::to_string,
        );
        let socket = |host: [u8; 4], port: u16| {
            SocketAddr::from((host, port.saturating_add(instance.saturating_mul(INSTANCE_PORTS))))
        };
        const LOOPBACK: [u8; 4] = [127, 0, 0, 1];
        let fee_recipient = layers.pick(
            "fee_recipient",
            args.fee_recipient.map(Some),
            file.fee_recipient.map(Some),
            Fallback::Default(None),
            |address| address.map_or_else(|| "(the publisher's)".to_owned(), |address| address.to_string()),
        );
        let doppelganger_epochs = layers.pick(
            "doppelganger_epochs",
            args.doppelganger_epochs,
            file.doppelganger_epochs,
            Fallback::Default(u64::from(!is_anvil)),
            ToString::to_string,
        );
        let record_wire = layers.optional_path("record_wire", args.record_wire, file.record_wire);

        let rpc_urls = layers.urls("l1.rpc_urls", args.l1_rpc_urls, file.l1.rpc_urls, Vec::new());
        // Anvil answers the beacon API's blob route on its RPC port.
        let beacon_default = if network.network.beacon_id == BeaconId::L1Number {
            rpc_urls.clone()
        } else {
            Vec::new()
        };
        let beacon_urls = layers.urls(
            "l1.beacon_urls",
            args.l1_beacon_urls,
            file.l1.beacon_urls,
            beacon_default,
        );
        let blob_archive_dir = layers.optional_path(
            "l1.blob_archive_dir",
            args.l1_blob_archive_dir,
            file.l1.blob_archive_dir,
        );

        let p2p_host = if is_anvil { LOOPBACK } else { [0, 0, 0, 0] };
        let p2p = P2pConfig {
            listen: layers.socket(
                "p2p.listen",
                args.p2p_listen,
                file.p2p.listen,
                socket(p2p_host, 8703),
            ),
            external: layers.pick(
                "p2p.external",
                args.p2p_external.map(Some),
                file.p2p.external.map(Some),
                Fallback::Default(None),
                |text| text.clone().unwrap_or_else(unset),
            ),
            bootnodes: layers.pick(
                "p2p.bootnodes",
                args.p2p_bootnodes,
                file.p2p.bootnodes,
                Fallback::Network(network.p2p.bootnodes.clone()),
                |nodes| joined(nodes),
            ),
            allow_loopback: layers.switch(
                "p2p.allow_loopback",
                args.p2p_allow_loopback,
                file.p2p.allow_loopback,
                is_anvil,
            ),
        };
        let rpc = RpcConfig {
            listen: layers.socket(
                "rpc.listen",
                args.rpc_listen,
                file.rpc.listen,
                socket(LOOPBACK, 8700),
            ),
            public: layers.switch("rpc.public", args.rpc_public, file.rpc.public, false),
            hosts: layers.pick(
                "rpc.hosts",
                args.rpc_hosts,
                file.rpc.hosts,
                Fallback::Default(Vec::new()),
                |hosts| joined(hosts),
            ),
        };
        let admin = AdminConfig {
            listen: layers.socket(
                "admin.listen",
                args.admin_listen,
                file.admin.listen,
                socket(LOOPBACK, 8701),
            ),
            token_file: layers.path(
                "admin.token_file",
                args.admin_token_file,
                file.admin.token_file,
                data_dir.join("admin.token"),
            ),
        };
        let metrics_listen = layers.socket(
            "metrics.listen",
            args.metrics_listen,
            file.metrics.listen,
            socket(LOOPBACK, 8702),
        );
        let keys_dir = data_dir.join("keys");
        let keys = KeysConfig {
            attesters_dir: layers.path(
                "keys.attesters_dir",
                args.keys_attesters_dir,
                file.keys.attesters_dir,
                keys_dir.join("attesters"),
            ),
            publisher_file: layers.path(
                "keys.publisher_file",
                args.keys_publisher_file,
                file.keys.publisher_file,
                keys_dir.join("publisher.json"),
            ),
            password_file: layers.optional_path(
                "keys.password_file",
                args.keys_password_file,
                file.keys.password_file,
            ),
            allow_shared: layers.switch(
                "keys.allow_shared",
                args.keys_allow_shared,
                file.keys.allow_shared,
                false,
            ),
        };
        let text = |text: &str| Fallback::Default(text.to_owned());
        let log_format = layers.pick(
            "log.format",
            args.log_format,
            file.log.format,
            text("text"),
            Clone::clone,
        );
        let log_filter = layers.pick(
            "log.filter",
            args.log_filter,
            file.log.filter,
            text("info"),
            Clone::clone,
        );

        let config = Config {
            data_dir,
            network,
            deployment_file,
            l1: L1Endpoints {
                rpc_urls,
                beacon_urls,
                blob_archive_dir,
            },
            p2p,
            rpc,
            admin,
            metrics_listen,
            keys,
            fee_recipient,
            doppelganger_epochs,
            init_guard,
            record_wire,
        };
        Ok(Self {
            config,
            log_format,
            log_filter,
            config_file,
            entries: layers.entries,
        })
    }
}

/// `--config`, else `node.toml` in the data directory that flags and environment lead to, if there is one.
fn find_config_file(args: &ConfigArgs) -> Option<PathBuf> {
    if args.config.is_some() {
        return args.config.clone();
    }
    let data_dir = args
        .data_dir
        .clone()
        .or_else(|| args.network.as_deref().map(default_data_dir))?;
    Some(data_dir.join(CONFIG_FILE_NAME)).filter(|path| path.is_file())
}
