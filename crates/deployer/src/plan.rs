//! The creations of a network, or of one more Rollup, in their order.

use agoge_contract_bindings::epoch_proof_verifier::{self, EpochProofVerifier};
use agoge_contract_bindings::epoch_statement::EpochStatement;
use agoge_contract_bindings::governance::Governance;
use agoge_contract_bindings::governance_proposer::GovernanceProposer;
use agoge_contract_bindings::prover_bonds::ProverBonds;
use agoge_contract_bindings::registry::Registry;
use agoge_contract_bindings::rollup::Rollup;
use agoge_contract_bindings::rollup_v2;
use agoge_contract_bindings::staking::Staking;
use agoge_contract_bindings::test_epoch_proof_verifier::TestEpochProofVerifier;
use agoge_contract_bindings::timelock::Timelock;
use agoge_contract_bindings::upgrade_payload::UpgradePayload;
use agoge_protocol::deployment::MissingContract;
use agoge_protocol::{Address, B256, Deployment, NetworkConfig};
use alloy::primitives::Bytes;
use serde::{Deserialize, Serialize};

use crate::config::{self, Proving, Shared};

/// anvil's chain, the only one with a test verifier.
const ANVIL_CHAIN_ID: u64 = 31_337;
/// Place of the first Rollup among a network's creations, counted from 0.
const ROLLUP: u64 = 6;
const TIMELOCK: u64 = 7;
const GOVERNANCE: u64 = 8;

/// Which contract checks epoch proofs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verifier {
    /// The one generated from the epoch circuit: provers make real proofs.
    #[default]
    Real,
    /// One that takes an empty proof of anything; it refuses to exist off chain 31337. Provers compute all public inputs.
    Test,
}

/// What a network file leaves open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkChoices {
    /// Which contract checks epoch proofs.
    pub verifier: Verifier,
    /// Network genesis time, Unix seconds.
    pub genesis_time: u64,
    /// Who edits the allow-list while it is on.
    pub allow_list_admin: Address,
}

/// What one more Rollup is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollupChoices {
    /// Version of the Rollup.
    pub version: u64,
    /// Number of the instance: one more than the Registry lists.
    pub instance: u32,
    /// Create an EpochStatement instead of using the network's.
    pub new_statement: bool,
    /// Create a verifier instead of using the network's.
    pub new_verifier: Option<Verifier>,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum NotDeployable {
    /// The test verifier refuses to exist there.
    #[error(
        "the test verifier accepts any proof and exists on chain 31337 only, the network's chain is {chain_id}"
    )]
    TestVerifier {
        /// The network's.
        chain_id: u64,
    },
    /// This build has no such Rollup.
    #[error("this build has no Rollup of version {found}; it has versions 1 and 2")]
    Version {
        /// Asked for.
        found: u64,
    },
    /// A number of the network file does not fit the contract's type.
    #[error("a duration in [governance] of the network file is too long for the contract")]
    Duration,
    /// The file has fewer instances than the Registry.
    #[error(
        "the deployment file has {listed} instances, the Registry {before}: take the operator's newest file"
    )]
    InstanceMissing {
        /// Of the file.
        listed: usize,
        /// Of the Registry.
        before: usize,
    },
    /// The deployment that is to be extended is incomplete.
    #[error(transparent)]
    Missing(#[from] MissingContract),
}

/// One contract to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Creation {
    /// Name in the deployment file.
    pub name: &'static str,
    /// Instance number of contracts that exist per instance.
    pub instance: Option<u32>,
    /// Where it will be.
    pub address: Address,
    /// Creation code without arguments.
    pub code: Bytes,
    /// ABI-encoded constructor arguments.
    pub arguments: Bytes,
}

impl Creation {
    /// What the transaction carries.
    pub fn input(&self) -> Bytes {
        [self.code.as_ref(), self.arguments.as_ref()].concat().into()
    }
}

/// Everything that one deployer creates, one nonce each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Who creates.
    pub deployer: Address,
    /// Its nonce at the first creation.
    pub first_nonce: u64,
    /// In order.
    pub creations: Vec<Creation>,
}

/// Creation code of a contract of this build; a Rollup's depends on its version, a verifier's on the choice.
pub(crate) fn creation_code(name: &str, version: u64, verifier: Verifier) -> Option<&'static Bytes> {
    Some(match (name, version, verifier) {
        ("Registry", ..) => &Registry::BYTECODE,
        ("Staking", ..) => &Staking::BYTECODE,
        ("ProverBonds", ..) => &ProverBonds::BYTECODE,
        ("GovernanceProposer", ..) => &GovernanceProposer::BYTECODE,
        ("EpochStatement", ..) => &EpochStatement::BYTECODE,
        ("EpochProofVerifier", _, Verifier::Real) => &EpochProofVerifier::BYTECODE,
        ("EpochProofVerifier", _, Verifier::Test) => &TestEpochProofVerifier::BYTECODE,
        ("Rollup" | "Inbox", 1, _) => &Rollup::BYTECODE,
        ("Rollup" | "Inbox", 2, _) => &rollup_v2::BYTECODE,
        ("Timelock", ..) => &Timelock::BYTECODE,
        ("Governance", ..) => &Governance::BYTECODE,
        ("UpgradePayload", ..) => &UpgradePayload::BYTECODE,
        _ => return None,
    })
}

/// Digest of the circuit whose proofs a verifier accepts; zero for the test verifier, which has no circuit.
pub(crate) fn circuit_digest(verifier: Verifier) -> B256 {
    match verifier {
        Verifier::Real => epoch_proof_verifier::CIRCUIT_DIGEST,
        Verifier::Test => B256::ZERO,
    }
}

impl Plan {
    /// A whole network, in the only order in which contracts that name each other fit together (contracts/README.md, Deployment).
    ///
    /// # Errors
    /// [`NotDeployable`].
    pub fn network(
        network: &NetworkConfig,
        choices: &NetworkChoices,
        deployer: Address,
        first_nonce: u64,
    ) -> Result<Self, NotDeployable> {
        require_verifier(network, Some(choices.verifier))?;
        let at = |place: u64| deployer.create(first_nonce.saturating_add(place));
        let shared = Shared {
            registry: at(0),
            staking: at(1),
            prover_bonds: at(2),
            governance_proposer: at(3),
            timelock: at(TIMELOCK),
            governance: at(GOVERNANCE),
        };
        let proving = Proving {
            epoch_statement: at(4),
            epoch_proof_verifier: at(5),
        };
        let governance = config::governance(network, &shared).ok_or(NotDeployable::Duration)?;
        let contracts = [
            (
                "Registry",
                config::registry(network, choices.genesis_time, &shared, at(ROLLUP)),
            ),
            (
                "Staking",
                config::staking(network, &shared, choices.allow_list_admin),
            ),
            ("ProverBonds", config::prover_bonds(network, &shared)),
            (
                "GovernanceProposer",
                config::governance_proposer(network, &shared),
            ),
            ("EpochStatement", Bytes::new()),
            ("EpochProofVerifier", Bytes::new()),
            ("Rollup", config::rollup(network, &shared, &proving)),
            ("Timelock", config::timelock(network, &shared)),
            ("Governance", governance),
        ];
        let mut plan = Self::empty(deployer, first_nonce);
        for (name, arguments) in contracts {
            let instance = (name == "Rollup").then_some(1);
            plan.add(name, 1, choices.verifier, arguments, instance)?;
        }
        Ok(plan)
    }

    /// One more Rollup for a running network, with its payload.
    ///
    /// # Errors
    /// [`NotDeployable`].
    pub fn rollup(
        network: &NetworkConfig,
        deployment: &Deployment,
        choices: &RollupChoices,
        deployer: Address,
        first_nonce: u64,
    ) -> Result<Self, NotDeployable> {
        require_verifier(network, choices.new_verifier)?;
        let shared = Shared::of(deployment)?;
        let mut proving = Proving::of(deployment, choices.instance.saturating_sub(1))?;
        let listed = deployment.genesis_ids.len();
        let before = usize::try_from(choices.instance.saturating_sub(1)).unwrap_or(usize::MAX);
        if listed < before {
            return Err(NotDeployable::InstanceMissing { listed, before });
        }
        let mut plan = Self::empty(deployer, first_nonce);
        let (version, instance) = (choices.version, Some(choices.instance));
        let verifier = choices.new_verifier.unwrap_or_default();
        if choices.new_statement {
            proving.epoch_statement =
                plan.add("EpochStatement", version, verifier, Bytes::new(), instance)?;
        }
        if choices.new_verifier.is_some() {
            proving.epoch_proof_verifier =
                plan.add("EpochProofVerifier", version, verifier, Bytes::new(), instance)?;
        }
        let arguments = config::rollup(network, &shared, &proving);
        let rollup = plan.add("Rollup", version, verifier, arguments, instance)?;
        let arguments = config::upgrade_payload(&shared, rollup);
        plan.add("UpgradePayload", version, verifier, arguments, instance)?;
        Ok(plan)
    }

    const fn empty(deployer: Address, first_nonce: u64) -> Self {
        Self {
            deployer,
            first_nonce,
            creations: Vec::new(),
        }
    }

    fn add(
        &mut self,
        name: &'static str,
        version: u64,
        verifier: Verifier,
        arguments: Bytes,
        instance: Option<u32>,
    ) -> Result<Address, NotDeployable> {
        let code = creation_code(name, version, verifier).ok_or(NotDeployable::Version { found: version })?;
        let address = self.deployer.create(self.nonce_of(self.creations.len()));
        self.creations.push(Creation {
            name,
            instance,
            address,
            code: code.clone(),
            arguments,
        });
        Ok(address)
    }

    /// Nonce of a creation, by its place.
    pub(crate) fn nonce_of(&self, place: usize) -> u64 {
        self.first_nonce
            .saturating_add(u64::try_from(place).unwrap_or(u64::MAX))
    }
}

impl Shared {
    pub(crate) fn of(deployment: &Deployment) -> Result<Self, MissingContract> {
        Ok(Self {
            registry: deployment.address("Registry")?,
            staking: deployment.address("Staking")?,
            prover_bonds: deployment.address("ProverBonds")?,
            governance_proposer: deployment.address("GovernanceProposer")?,
            timelock: deployment.address("Timelock")?,
            governance: deployment.address("Governance")?,
        })
    }
}

impl Proving {
    /// What an instance was created with: its own contracts where it has some, else those of the newest instance before it that had.
    pub(crate) fn of(deployment: &Deployment, instance: u32) -> Result<Self, MissingContract> {
        let address = |name: &str| {
            let own = deployment
                .contracts
                .iter()
                .filter(|contract| contract.name == name && contract.instance.unwrap_or(1) <= instance)
                .max_by_key(|contract| contract.instance);
            own.map_or_else(|| deployment.address(name), |contract| Ok(contract.address))
        };
        Ok(Self {
            epoch_statement: address("EpochStatement")?,
            epoch_proof_verifier: address("EpochProofVerifier")?,
        })
    }
}

fn require_verifier(network: &NetworkConfig, verifier: Option<Verifier>) -> Result<(), NotDeployable> {
    let chain_id = network.network.chain_id;
    if verifier == Some(Verifier::Test) && chain_id != ANVIL_CHAIN_ID {
        return Err(NotDeployable::TestVerifier { chain_id });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
