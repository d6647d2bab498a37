//! A Rollup that the Registry lists: what it is, and whether this build can serve it.

use agoge_contract_bindings::rollup::Rollup;
use agoge_protocol::{Address, B256, Digest, NetworkConfig, U256};

use crate::call::{At, CallError, view};
use crate::config::Contracts;
use crate::numbers::ContractNumbers;
use crate::reader::RollupReader;
use crate::version::RollupVersion;

/// An instance that this build can serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstanceFacts {
    /// Its Rollup, and the contracts that the Rollup names.
    pub contracts: Contracts,
    /// Part of everything that is signed for it.
    pub genesis_id: Digest,
    /// Of the Rollup.
    pub version: RollupVersion,
    /// Where its proposers' signals are counted.
    pub governance_proposer: Address,
    /// Archive root before its first block.
    pub genesis_archive: B256,
}

/// Why an instance is not served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// L1 did not answer, or the Rollup did not answer as one does.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A version that this build does not know.
    #[error(
        "the Rollup is of version {found}, this program knows versions 1 and 2; hint: install a newer release"
    )]
    Version {
        /// Of the Rollup.
        found: U256,
    },
    /// The Rollup names a contract of another network.
    #[error("the Rollup's {name} is {found}, the network's is {expected}")]
    Relation {
        /// Which contract.
        name: &'static str,
        /// The network's.
        expected: Address,
        /// What the Rollup, or its ProverBonds, names.
        found: Address,
    },
    /// A parameter differs from the network file's.
    #[error(
        "the network file says {key} = {expected}, the instance has {found}; hint: install a newer release"
    )]
    Number {
        /// Section and key of the network file.
        key: &'static str,
        /// Of the file, in the contract's unit.
        expected: U256,
        /// Of the contract.
        found: U256,
    },
    /// The genesis id is out of form.
    #[error("the Rollup's genesis id {found} is not a digest")]
    GenesisId {
        /// As L1 has it.
        found: B256,
    },
}

impl Unfit {
    /// Whether L1 did not answer: then another look may find otherwise. All other reasons last as long as the contract.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Call(CallError::Rpc(_)))
    }
}

impl RollupReader {
    /// Looks at a Rollup as it is `at` a block: its version, its relations to this network's contracts, its genesis id and every number of
    /// the network file that a contract knows.
    ///
    /// # Errors
    /// [`Unfit`].
    pub async fn inspect(
        &self,
        rollup: Address,
        at: At,
        network: &NetworkConfig,
    ) -> Result<InstanceFacts, Unfit> {
        let rpc = self.rpc();
        let found = view(rpc, rollup, &Rollup::versionCall {}, at).await?;
        let version = RollupVersion::known(found).ok_or(Unfit::Version { found })?;
        let mut contracts = *self.contracts();
        contracts.rollup = rollup;
        let config = view(rpc, rollup, &Rollup::configCall {}, at).await?;
        let (registry, staking) = (contracts.registry, contracts.staking);
        relation("Registry", registry, config.registry)?;
        relation("Staking", staking, config.staking)?;
        contracts.prover_bonds = config.proverBonds;
        let numbers = ContractNumbers::read(rpc, &contracts, at).await?;
        relation("ProverBonds' Registry", registry, numbers.bonds().registry)?;
        relation(
            "GovernanceProposer's Registry",
            registry,
            numbers.proposer().registry,
        )?;
        if let Some(difference) = numbers.difference(network) {
            return Err(Unfit::Number {
                key: difference.key,
                expected: difference.file,
                found: difference.contract,
            });
        }
        let found = view(rpc, rollup, &Rollup::genesisIdCall {}, at).await?;
        let genesis_id = Digest::from_b256(found).map_err(|_| Unfit::GenesisId { found })?;
        Ok(InstanceFacts {
            contracts,
            genesis_id,
            version,
            governance_proposer: config.governanceProposer,
            genesis_archive: numbers.rollup().genesisArchive,
        })
    }
}

fn relation(name: &'static str, expected: Address, found: Address) -> Result<(), Unfit> {
    if expected == found {
        Ok(())
    } else {
        Err(Unfit::Relation {
            name,
            expected,
            found,
        })
    }
}
