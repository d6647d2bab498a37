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
    /// What judges proofs of its epochs.
    pub epoch_proof_verifier: Address,
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
    /// Whether another look may find otherwise: L1 did not answer, or one endpoint's answer was none. All other reasons last as long as the
    /// contract.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Call(_))
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
        let version = view(rpc, rollup, &Rollup::versionCall {}, at).await?;
        // The other calls may not be those of a version that is not known.
        let version = RollupVersion::known(version).ok_or(Unfit::Version { found: version })?;
        let mut contracts = *self.contracts();
        contracts.rollup = rollup;
        let numbers = ContractNumbers::read(rpc, &contracts, at).await?;
        let genesis_id = view(rpc, rollup, &Rollup::genesisIdCall {}, at).await?;
        judge(contracts, version, &numbers, genesis_id, network)
    }
}

/// Whether a Rollup that says this belongs to the network of `contracts` and has its numbers.
fn judge(
    mut contracts: Contracts,
    version: RollupVersion,
    numbers: &ContractNumbers,
    genesis_id: B256,
    network: &NetworkConfig,
) -> Result<InstanceFacts, Unfit> {
    let (config, registry) = (numbers.rollup(), contracts.registry);
    relation("Registry", registry, config.registry)?;
    relation("Staking", contracts.staking, config.staking)?;
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
    contracts.prover_bonds = config.proverBonds;
    Ok(InstanceFacts {
        contracts,
        genesis_id: Digest::from_b256(genesis_id).map_err(|_| Unfit::GenesisId { found: genesis_id })?,
        version,
        governance_proposer: config.governanceProposer,
        epoch_proof_verifier: config.epochProofVerifier,
        genesis_archive: config.genesisArchive,
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers::tests::deployed;
    use agoge_protocol::network::built_in;

    const REGISTRY: Address = Address::repeat_byte(1);
    const STAKING: Address = Address::repeat_byte(2);

    fn network() -> NetworkConfig {
        NetworkConfig::parse(built_in("devnet").unwrap()).unwrap()
    }

    /// As a second Rollup of the network says it.
    fn second() -> ContractNumbers {
        let mut numbers = deployed(&network());
        let rollup = numbers.rollup_mut();
        (rollup.registry, rollup.staking) = (REGISTRY, STAKING);
        (rollup.proverBonds, rollup.governanceProposer) = (Address::repeat_byte(3), Address::repeat_byte(4));
        rollup.epochProofVerifier = Address::repeat_byte(6);
        rollup.genesisArchive = B256::repeat_byte(5);
        for registry in numbers.registries_of_others() {
            *registry = REGISTRY;
        }
        numbers
    }

    fn judged(numbers: &ContractNumbers, genesis_id: B256) -> Result<InstanceFacts, Unfit> {
        let contracts = Contracts {
            rollup: Address::repeat_byte(9),
            registry: REGISTRY,
            staking: STAKING,
            prover_bonds: Address::ZERO,
        };
        judge(
            contracts,
            RollupVersion::Pleistarchus,
            numbers,
            genesis_id,
            &network(),
        )
    }

    #[test]
    fn a_rollup_of_the_network_is_told_with_the_contracts_that_it_names() {
        let facts = judged(&second(), B256::ZERO).unwrap();
        assert_eq!(facts.contracts.prover_bonds, Address::repeat_byte(3));
        assert_eq!(facts.governance_proposer, Address::repeat_byte(4));
        assert_eq!(facts.epoch_proof_verifier, Address::repeat_byte(6));
        assert_eq!(facts.genesis_archive, B256::repeat_byte(5));
        assert_eq!(facts.version, RollupVersion::Pleistarchus);
    }

    #[test]
    fn foreign_relations_and_other_numbers_are_refused_for_good() {
        type Edit = fn(&mut ContractNumbers);
        let edits: [(&str, Edit); 5] = [
            ("the Rollup's Registry", |n| n.rollup_mut().registry = STAKING),
            ("the Rollup's Staking", |n| n.rollup_mut().staking = REGISTRY),
            ("ProverBonds' Registry", |n| {
                *n.registries_of_others()[0] = STAKING
            }),
            ("GovernanceProposer's Registry", |n| {
                *n.registries_of_others()[1] = STAKING;
            }),
            ("protocol.committee_size", |n| {
                n.rollup_mut().committeeSize = U256::from(3);
            }),
        ];
        for (expected, edit) in edits {
            let mut numbers = second();
            edit(&mut numbers);
            let unfit = judged(&numbers, B256::ZERO).unwrap_err();
            assert!(unfit.to_string().contains(expected), "{unfit}");
            assert!(!unfit.is_transient(), "{unfit}");
        }
        let unfit = judged(&second(), B256::repeat_byte(0xff)).unwrap_err();
        assert!(matches!(unfit, Unfit::GenesisId { .. }), "{unfit}");
    }
}
