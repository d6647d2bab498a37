//! The state file: what a deployment is and which of its steps are mined. Replaced as a whole after each step.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use agoge_protocol::{Address, B256, NetworkConfig, keccak256};
use alloy::primitives::Bytes;
use serde::{Deserialize, Serialize};

use crate::error::DeployError;
use crate::plan::{NetworkChoices, RollupChoices};

const SCHEMA: &str = "agoge.deploy-state/1";
/// Bytes of a state file.
const BYTES_MAX: u64 = 1 << 20;

/// What is deployed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Target {
    /// A whole network.
    Network(NetworkChoices),
    /// One more Rollup.
    Rollup(RollupChoices),
}

/// A creation that is in a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Contract.
    pub name: String,
    /// Where it is.
    pub address: Address,
    /// Transaction; unknown when a killed run had sent it.
    pub tx: Option<B256>,
    /// Keccak of the runtime code.
    pub code_hash: B256,
    /// ABI-encoded constructor arguments.
    pub constructor_args: Bytes,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    schema: String,
    /// Network name.
    pub(crate) network: String,
    /// Keccak of the network file's values.
    pub(crate) network_hash: B256,
    pub(crate) chain_id: u64,
    pub(crate) deployer: Address,
    pub(crate) first_nonce: u64,
    /// L1 head when the deployment began.
    pub(crate) first_block: u64,
    pub(crate) target: Target,
    pub(crate) steps: Vec<Step>,
}

impl State {
    pub(crate) fn new(
        network: &NetworkConfig,
        deployer: Address,
        first_nonce: u64,
        first_block: u64,
        target: Target,
    ) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            network: network.network.name.clone(),
            network_hash: network_hash(network),
            chain_id: network.network.chain_id,
            deployer,
            first_nonce,
            first_block,
            target,
            steps: Vec::new(),
        }
    }

    /// What another run asks for, if it is not the same deployment. A genesis time is only chosen at the beginning.
    pub(crate) fn difference(
        &self,
        network: &NetworkConfig,
        deployer: Address,
        target: Target,
    ) -> Option<&'static str> {
        let mut target = target;
        if let (Target::Network(asked), Target::Network(begun)) = (&mut target, &self.target) {
            asked.genesis_time = begun.genesis_time;
        }
        if self.schema != SCHEMA {
            Some("the file's schema")
        } else if self.chain_id != network.network.chain_id {
            Some("the chain id")
        } else if self.network_hash != network_hash(network) {
            Some("the network file")
        } else if self.deployer != deployer {
            Some("the deployer")
        } else if self.target != target {
            Some("what is deployed (verifier, admin or version)")
        } else {
            None
        }
    }
}

fn network_hash(network: &NetworkConfig) -> B256 {
    // Numbers and strings always have a JSON form.
    keccak256(serde_json::to_vec(network).unwrap_or_default())
}

/// Where a deployment's state is kept: `<deployment file>.state.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateFile(PathBuf);

impl StateFile {
    /// The state file beside a deployment file.
    pub fn beside(deployment: &Path) -> Self {
        Self(deployment.with_extension("state.json"))
    }

    /// The state file of a further instance, beside the deployment file that it is added to.
    pub fn of_instance(deployment: &Path, instance: u32) -> Self {
        Self(deployment.with_extension(format!("instance-{instance}.state.json")))
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn read(&self) -> Result<Option<State>, DeployError> {
        let failed = |reason: String| DeployError::StateFile {
            path: self.0.clone(),
            reason,
        };
        let length = match std::fs::metadata(&self.0) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error.to_string())),
        };
        if length > BYTES_MAX {
            return Err(failed(format!("has more than {BYTES_MAX} bytes")));
        }
        let text = std::fs::read_to_string(&self.0).map_err(|error| failed(error.to_string()))?;
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| failed(error.to_string()))
    }

    pub(crate) fn write(&self, state: &State) -> Result<(), DeployError> {
        let replace = || -> std::io::Result<()> {
            let parent = self.0.parent().filter(|parent| !parent.as_os_str().is_empty());
            let parent = parent.unwrap_or(Path::new("."));
            std::fs::create_dir_all(parent)?;
            let draft = self.0.with_extension("json.new");
            let mut file = File::create(&draft)?;
            file.write_all(&serde_json::to_vec_pretty(state)?)?;
            file.sync_all()?;
            std::fs::rename(&draft, &self.0)?;
            File::open(parent)?.sync_all()
        };
        replace().map_err(|error| DeployError::StateFile {
            path: self.0.clone(),
            reason: error.to_string(),
        })
    }

    pub(crate) fn other_plan(&self, difference: &'static str) -> DeployError {
        DeployError::OtherPlan {
            path: self.0.clone(),
            difference,
        }
    }
}

#[cfg(test)]
mod tests {
    use agoge_protocol::network::built_in;

    use super::*;
    use crate::plan::Verifier;

    fn target(verifier: Verifier, genesis_time: u64) -> Target {
        Target::Network(NetworkChoices {
            verifier,
            genesis_time,
            allow_list_admin: Address::ZERO,
        })
    }

    #[test]
    fn a_state_comes_back_and_knows_its_own_plan() {
        let dir = tempfile::tempdir().unwrap();
        let file = StateFile::beside(&dir.path().join("deployments/devnet.json"));
        assert!(file.path().ends_with("deployments/devnet.state.json"));
        assert_eq!(file.read().unwrap(), None);
        let network = NetworkConfig::parse(built_in("devnet").unwrap()).unwrap();
        let deployer = Address::repeat_byte(1);
        let state = State::new(&network, deployer, 3, 9, target(Verifier::Real, 100));
        file.write(&state).unwrap();
        let read = file.read().unwrap().unwrap();
        assert_eq!(read, state);
        assert_eq!(
            read.difference(&network, deployer, target(Verifier::Real, 200)),
            None
        );
        let mut other = network.clone();
        other.protocol.slot_seconds += 1;
        assert_eq!(
            read.difference(&other, deployer, target(Verifier::Real, 100)),
            Some("the network file")
        );
        assert!(
            read.difference(&network, Address::ZERO, target(Verifier::Real, 100))
                .is_some()
        );
        assert!(
            read.difference(&network, deployer, target(Verifier::Test, 100))
                .is_some()
        );
        std::fs::write(file.path(), "{").unwrap();
        assert!(matches!(file.read(), Err(DeployError::StateFile { .. })));
    }
}
