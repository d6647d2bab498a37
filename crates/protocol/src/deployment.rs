//! The deployment file, `<data dir>/deployments/<network>.json`: where a network lives on L1.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

/// Where a network lives on L1 and what must be found there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deployment {
    /// Network name, as in the network file.
    pub network: String,
    /// L1 chain id.
    pub chain_id: u64,
    /// L1 block of the first contract: nodes read logs from here.
    pub deploy_block: u64,
    /// Network genesis time, Unix seconds.
    pub genesis_time: u64,
    /// Genesis id of each instance, from instance 1.
    pub genesis_ids: Vec<B256>,
    /// Digest of the epoch circuit's verifier; zero while no verifier is deployed.
    pub verifier_circuit_digest: B256,
    /// Contracts.
    pub contracts: Vec<DeployedContract>,
}

/// One contract of a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeployedContract {
    /// Registry, Staking, Rollup, Inbox, ...
    pub name: String,
    /// L1 address.
    pub address: Address,
    /// Keccak of the runtime code.
    pub code_hash: B256,
    /// ABI-encoded constructor arguments, 0x hex.
    pub constructor_args: alloy_primitives::Bytes,
    /// Instance number for contracts that exist per instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<u32>,
}

/// A deployment names no such contract.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the deployment of {network} has no contract {name}")]
pub struct MissingContract {
    /// Network name.
    pub network: String,
    /// Contract name.
    pub name: String,
}

impl Deployment {
    /// The address of a contract; for several instances, the first.
    ///
    /// # Errors
    /// [`MissingContract`].
    pub fn address(&self, name: &str) -> Result<Address, MissingContract> {
        self.contracts
            .iter()
            .find(|contract| contract.name == name)
            .map(|contract| contract.address)
            .ok_or_else(|| MissingContract {
                network: self.network.clone(),
                name: name.to_owned(),
            })
    }
}
