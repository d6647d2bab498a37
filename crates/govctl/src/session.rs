//! A command's network: its numbers, its contracts, its L1.

use std::path::PathBuf;
use std::sync::Arc;

use agoge_contract_bindings::registry::Registry;
use agoge_host::config::{ConfigError, load_deployment, load_network};
use agoge_host::report::CliError;
use agoge_l1_client::{At, L1Client, L1Config};
use agoge_protocol::deployment::DeployedContract;
use agoge_protocol::{Address, Deployment, NetworkConfig, Timing, U256};
use agoge_supervisor::SystemClock;
use alloy::sol_types::SolCall;

use crate::failure;
use crate::flags::Flags;
use crate::show::small;

/// The network file that the flags name, and the path of its deployment file.
pub(crate) struct Place {
    pub(crate) network: NetworkConfig,
    pub(crate) deployment_file: PathBuf,
}

impl Place {
    /// Reads the network file; without a name, that of the deployment file.
    pub(crate) fn find(flags: &Flags) -> Result<Self, CliError> {
        let name = match (&flags.network, &flags.deployment) {
            (Some(name), _) => name.clone(),
            (None, Some(path)) => named_network(path).ok_or_else(missing_network)?,
            (None, None) => return Err(missing_network()),
        };
        let network = load_network(&name)?;
        let deployment_file = flags
            .deployment
            .clone()
            .unwrap_or_else(|| PathBuf::from("deployments").join(format!("{}.json", network.network.name)));
        Ok(Self {
            network,
            deployment_file,
        })
    }

    /// Connects to L1 and checks its chain id.
    pub(crate) async fn connect(
        &self,
        flags: &Flags,
        deployment: Option<Deployment>,
    ) -> Result<L1Client, CliError> {
        let config = L1Config::new(
            self.network.clone(),
            deployment,
            flags.rpc_url.clone(),
            Vec::new(),
        );
        L1Client::connect(config, Arc::new(SystemClock))
            .await
            .map_err(failure::client)
    }
}

fn missing_network() -> CliError {
    ConfigError::Missing {
        key: "network",
        flag: "--network NAME|FILE",
        env: "AGOGE_NETWORK",
    }
    .into()
}

/// The network that a deployment file names, if the file can be read at all; it is read again, with every check, later.
fn named_network(path: &std::path::Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    serde_json::from_str::<Deployment>(&text)
        .ok()
        .map(|file| file.network)
}

/// A network that is deployed, and L1.
pub(crate) struct Session {
    pub(crate) network: NetworkConfig,
    pub(crate) deployment: Deployment,
    pub(crate) deployment_file: PathBuf,
    pub(crate) client: L1Client,
    pub(crate) timing: Timing,
    /// Time of the L1 head, Unix seconds.
    pub(crate) now: u64,
}

impl Session {
    /// Reads the files, connects, and checks that the chain and the code of every contract are those of the deployment file.
    pub(crate) async fn open(flags: &Flags) -> Result<Self, CliError> {
        let session = Self::open_unchecked(flags).await?;
        for contract in &session.deployment.contracts {
            let code = session
                .client
                .code(contract.address)
                .await
                .map_err(failure::rpc)?;
            if agoge_protocol::keccak256(code) != contract.code_hash {
                return Err(failure::mismatch(
                    format!(
                        "{} at {} does not have the code that {} says",
                        contract.name,
                        contract.address,
                        session.deployment_file.display()
                    ),
                    "use the network's own deployment file and an endpoint of its chain; `govctl verify` says more",
                ));
            }
        }
        Ok(session)
    }

    /// As [`Self::open`], without the contracts' code: for commands whose subject it is.
    pub(crate) async fn open_unchecked(flags: &Flags) -> Result<Self, CliError> {
        let place = Place::find(flags)?;
        let deployment = load_deployment(&place.deployment_file, &place.network)?;
        let client = place.connect(flags, Some(deployment.clone())).await?;
        let now = client.head().await.map_err(failure::rpc)?.time;
        Ok(Self {
            timing: place.network.timing(deployment.genesis_time),
            network: place.network,
            deployment,
            deployment_file: place.deployment_file,
            client,
            now,
        })
    }

    /// The address of a contract of the deployment.
    pub(crate) fn contract(&self, name: &str) -> Result<Address, CliError> {
        self.deployment.address(name).map_err(|error| {
            failure::precondition(
                error,
                "use the whole deployment file, as `govctl deploy` wrote it",
            )
        })
    }

    /// A typed view after the L1 head.
    pub(crate) async fn view<C: SolCall>(&self, to: Address, call: &C) -> Result<C::Return, CliError> {
        self.client
            .view(to, call, At::Latest)
            .await
            .map_err(failure::call)
    }

    /// The deployment's name of an address: `Rollup of instance 2`.
    pub(crate) fn name_of(&self, address: Address) -> Option<String> {
        let named = |contract: &&DeployedContract| contract.address == address && contract.name != "Inbox";
        self.deployment
            .contracts
            .iter()
            .find(named)
            .map(|contract| match contract.instance {
                Some(instance) => format!("{} of instance {instance}", contract.name),
                None => contract.name.clone(),
            })
    }

    /// An address with its name, in full.
    pub(crate) fn describe(&self, address: Address) -> String {
        match self.name_of(address) {
            Some(name) => format!("{name} {address}"),
            None => address.to_string(),
        }
    }

    /// Instances of the Registry: Rollup and first canonical epoch.
    pub(crate) async fn instances(&self) -> Result<Vec<(Address, u64)>, CliError> {
        let list = self
            .view(self.contract("Registry")?, &Registry::instancesCall {})
            .await?;
        Ok(list
            .into_iter()
            .map(|entry| (entry.rollup, small(entry.activation)))
            .collect())
    }

    /// The Rollup that is canonical in an epoch.
    pub(crate) async fn canonical(&self, epoch: u64) -> Result<Address, CliError> {
        let call = Registry::canonicalAtCall {
            _epoch: U256::from(epoch),
        };
        self.view(self.contract("Registry")?, &call).await
    }

    /// The epoch of the L1 head; 0 before genesis.
    pub(crate) fn epoch(&self) -> u64 {
        self.timing
            .slot_at(self.now)
            .map_or(0, |slot| self.timing.epoch_of(slot).get())
    }
}
