//! From the layers to one [`Config`], remembering which layer decided.

use std::path::{Path, PathBuf};

use agoge_host::config::{Fallback, Layers, Ports, default_data_dir, joined, unset};
use agoge_protocol::NetworkConfig;
use agoge_protocol::network::BeaconId;
use clap::ArgMatches;

use super::file::FileConfig;
use super::{
    AdminConfig, Config, ConfigArgs, ConfigError, Entry, KeysConfig, L1Endpoints, P2pConfig, RpcConfig,
    load_network,
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
        let layers = Layers {
            matches,
            file: config_file.clone(),
            network: network.network.name.clone(),
            entries: Vec::new(),
        };
        let given = Given {
            args: &args,
            file: &file,
        };
        let mut sections = Sections { layers };
        let config = sections.config(&given, &name, network, init_guard);
        let mut layers = sections.layers;
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
        Ok(Self {
            config,
            log_format,
            log_filter,
            config_file,
            entries: layers.entries,
        })
    }
}

/// What flags, environment and file say.
struct Given<'a> {
    args: &'a ConfigArgs,
    file: &'a FileConfig,
}

/// The layers, read section by section.
struct Sections<'a> {
    layers: Layers<'a>,
}

/// One function a section, in the order of the file.
impl Sections<'_> {
    fn config(&mut self, given: &Given<'_>, name: &str, network: NetworkConfig, init_guard: bool) -> Config {
        let Given { args, file } = given;
        self.layers.pick(
            "network",
            args.network.clone(),
            file.network.clone(),
            Fallback::Default(name.to_owned()),
            Clone::clone,
        );
        let is_anvil = network.network.chain_id == CHAIN_ID_ANVIL;
        let data_dir = self.layers.path(
            "data_dir",
            args.data_dir.clone(),
            file.data_dir.clone(),
            default_data_dir(name),
        );
        let deployment = data_dir
            .join("deployments")
            .join(format!("{}.json", network.network.name));
        let deployment_file = self.layers.path(
            "deployment",
            args.deployment.clone(),
            file.deployment.clone(),
            deployment,
        );
        let instance = self.layers.pick(
            "instance",
            args.instance,
            file.instance,
            Fallback::Default(0),
            ToString::to_string,
        );
        let ports = Ports { instance };
        let fee_recipient = self.layers.pick(
            "fee_recipient",
            args.fee_recipient.map(Some),
            file.fee_recipient.map(Some),
            Fallback::Default(None),
            |address| address.map_or_else(|| "(the publisher's)".to_owned(), |address| address.to_string()),
        );
        let signal_payload = self.layers.pick(
            "signal_payload",
            args.signal_payload.map(Some),
            file.signal_payload.map(Some),
            Fallback::Default(None),
            |address| address.map_or_else(unset, |address| address.to_string()),
        );
        let report_equivocation = self.layers.switch(
            "report_equivocation",
            args.report_equivocation,
            file.report_equivocation,
            true,
        );
        let doppelganger_epochs = self.layers.pick(
            "doppelganger_epochs",
            args.doppelganger_epochs,
            file.doppelganger_epochs,
            Fallback::Default(u64::from(!is_anvil)),
            ToString::to_string,
        );
        let record_wire =
            self.layers
                .optional_path("record_wire", args.record_wire.clone(), file.record_wire.clone());
        let l1 = self.l1(given, network.network.beacon_id);
        let p2p = self.p2p(given, ports, &network, is_anvil);
        let rpc = self.rpc(given, ports);
        let admin = self.admin(given, ports, &data_dir);
        let metrics_listen = self.layers.socket(
            "metrics.listen",
            args.metrics_listen,
            file.metrics.listen,
            ports.socket(Ports::LOOPBACK, 8702),
        );
        let keys = self.keys(given, &data_dir.join("keys"));
        Config {
            data_dir,
            network,
            deployment_file,
            l1,
            p2p,
            rpc,
            admin,
            metrics_listen,
            keys,
            fee_recipient,
            signal_payload,
            report_equivocation,
            doppelganger_epochs,
            init_guard,
            record_wire,
        }
    }

    fn l1(&mut self, Given { args, file }: &Given<'_>, beacon_id: BeaconId) -> L1Endpoints {
        let rpc_urls = self.layers.list(
            "l1.rpc_urls",
            args.l1_rpc_urls.clone(),
            file.l1.rpc_urls.clone(),
            Vec::new(),
        );
        // Anvil answers the beacon API's blob route on its RPC port.
        let beacon_default = match beacon_id {
            BeaconId::L1Number => rpc_urls.clone(),
            BeaconId::Slot => Vec::new(),
        };
        let beacon_urls = self.layers.list(
            "l1.beacon_urls",
            args.l1_beacon_urls.clone(),
            file.l1.beacon_urls.clone(),
            beacon_default,
        );
        let blob_archive_dir = self.layers.optional_path(
            "l1.blob_archive_dir",
            args.l1_blob_archive_dir.clone(),
            file.l1.blob_archive_dir.clone(),
        );
        L1Endpoints {
            rpc_urls,
            beacon_urls,
            blob_archive_dir,
        }
    }

    fn p2p(
        &mut self,
        Given { args, file }: &Given<'_>,
        ports: Ports,
        network: &NetworkConfig,
        is_anvil: bool,
    ) -> P2pConfig {
        let host = if is_anvil { Ports::LOOPBACK } else { Ports::ANY };
        P2pConfig {
            listen: self.layers.socket(
                "p2p.listen",
                args.p2p_listen,
                file.p2p.listen,
                ports.socket(host, 8703),
            ),
            external: self.layers.pick(
                "p2p.external",
                args.p2p_external.clone().map(Some),
                file.p2p.external.clone().map(Some),
                Fallback::Default(None),
                |text| text.clone().unwrap_or_else(unset),
            ),
            bootnodes: self.layers.pick(
                "p2p.bootnodes",
                args.p2p_bootnodes.clone(),
                file.p2p.bootnodes.clone(),
                Fallback::Network(network.p2p.bootnodes.clone()),
                |nodes| joined(nodes),
            ),
            allow_loopback: self.layers.switch(
                "p2p.allow_loopback",
                args.p2p_allow_loopback,
                file.p2p.allow_loopback,
                is_anvil,
            ),
        }
    }

    fn rpc(&mut self, Given { args, file }: &Given<'_>, ports: Ports) -> RpcConfig {
        let default = ports.socket(Ports::LOOPBACK, 8700);
        RpcConfig {
            listen: self
                .layers
                .socket("rpc.listen", args.rpc_listen, file.rpc.listen, default),
            public: self
                .layers
                .switch("rpc.public", args.rpc_public, file.rpc.public, false),
            hosts: self.layers.pick(
                "rpc.hosts",
                args.rpc_hosts.clone(),
                file.rpc.hosts.clone(),
                Fallback::Default(Vec::new()),
                |hosts| joined(hosts),
            ),
        }
    }

    fn admin(&mut self, Given { args, file }: &Given<'_>, ports: Ports, data_dir: &Path) -> AdminConfig {
        let default = ports.socket(Ports::LOOPBACK, 8701);
        AdminConfig {
            listen: self
                .layers
                .socket("admin.listen", args.admin_listen, file.admin.listen, default),
            token_file: self.layers.path(
                "admin.token_file",
                args.admin_token_file.clone(),
                file.admin.token_file.clone(),
                data_dir.join("admin.token"),
            ),
        }
    }

    fn keys(&mut self, Given { args, file }: &Given<'_>, keys_dir: &Path) -> KeysConfig {
        KeysConfig {
            attesters_dir: self.layers.path(
                "keys.attesters_dir",
                args.keys_attesters_dir.clone(),
                file.keys.attesters_dir.clone(),
                keys_dir.join("attesters"),
            ),
            publisher_file: self.layers.path(
                "keys.publisher_file",
                args.keys_publisher_file.clone(),
                file.keys.publisher_file.clone(),
                keys_dir.join("publisher.json"),
            ),
            password_file: self.layers.optional_path(
                "keys.password_file",
                args.keys_password_file.clone(),
                file.keys.password_file.clone(),
            ),
            allow_shared: self.layers.switch(
                "keys.allow_shared",
                args.keys_allow_shared,
                file.keys.allow_shared,
                false,
            ),
        }
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
