//! The network file's numbers against those that the contracts were deployed with.

use agoge_contract_bindings::prover_bonds::ProverBonds;
use agoge_contract_bindings::registry::Registry;
use agoge_contract_bindings::rollup::Rollup;
use agoge_contract_bindings::staking::Staking;
use agoge_protocol::{NetworkConfig, U256};

use crate::call::{At, CallError, view};
use crate::config::Contracts;
use crate::rpc::Rpc;

/// Wei of one gwei.
const GWEI: u64 = 1_000_000_000;

/// A key of the network file whose value is not the contract's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// As in the file, with its section.
    pub(crate) key: &'static str,
    /// Of the file, in the contract's unit.
    pub(crate) file: U256,
    /// Of the contract.
    pub(crate) contract: U256,
}

/// What the contracts were deployed with; none of it ever changes.
#[derive(Clone, Debug)]
pub(crate) struct ContractNumbers {
    clock: Registry::NetworkClock,
    activation_delay_epochs: U256,
    staking: Staking::StakingConfig,
    rollup: Rollup::RollupConfig,
    bonds: ProverBonds::ProverBondsConfig,
}

impl ContractNumbers {
    pub(crate) async fn read(rpc: &Rpc, contracts: &Contracts, at: At) -> Result<Self, CallError> {
        let registry = contracts.registry;
        let rollup = view(rpc, contracts.rollup, &Rollup::configCall {}, at).await?;
        Ok(Self {
            clock: view(rpc, registry, &Registry::clockCall {}, at).await?,
            activation_delay_epochs: view(rpc, registry, &Registry::activationDelayEpochsCall {}, at).await?,
            staking: view(rpc, contracts.staking, &Staking::configCall {}, at).await?,
            bonds: view(rpc, rollup.proverBonds, &ProverBonds::configCall {}, at).await?,
            rollup,
        })
    }

    /// The Rollup's own.
    pub(crate) const fn rollup(&self) -> &Rollup::RollupConfig {
        &self.rollup
    }

    /// Those of the ProverBonds that the Rollup names.
    pub(crate) const fn bonds(&self) -> &ProverBonds::ProverBondsConfig {
        &self.bonds
    }

    /// The first key of the file that says something else.
    pub(crate) fn difference(&self, network: &NetworkConfig) -> Option<Difference> {
        let (protocol, stake, proving) = (&network.protocol, &network.staking, &network.proving);
        let (clock, staking, rollup, bonds) = (&self.clock, &self.staking, &self.rollup, &self.bonds);
        let number = U256::from::<u64>;
        let count = U256::from::<usize>;
        let wei = |gwei: u64| U256::from(gwei).saturating_mul(U256::from(GWEI));
        let flag = |is_on: bool| U256::from(u8::from(is_on));
        let pairs = [
            (
                "protocol.slot_seconds",
                number(protocol.slot_seconds),
                clock.slotSeconds,
            ),
            (
                "protocol.epoch_slots",
                number(protocol.epoch_slots),
                clock.epochSlots,
            ),
            (
                "protocol.set_lag_epochs",
                number(protocol.set_lag_epochs),
                clock.setLagEpochs,
            ),
            (
                "governance.activation_delay_epochs",
                number(network.governance.activation_delay_epochs),
                self.activation_delay_epochs,
            ),
            (
                "protocol.committee_size",
                count(protocol.committee_size),
                rollup.committeeSize,
            ),
            (
                "protocol.entropy_lag_epochs",
                number(protocol.entropy_lag_epochs),
                rollup.entropyLagEpochs,
            ),
            (
                "protocol.inbox_lag_slots",
                number(protocol.inbox_lag_slots),
                rollup.inboxLagSlots,
            ),
            (
                "protocol.block_txs_max",
                count(protocol.block_txs_max),
                rollup.transactionsPerBlockMax,
            ),
            (
                "protocol.block_withdrawals_max",
                count(protocol.block_withdrawals_max),
                rollup.withdrawalsPerBlockMax,
            ),
            (
                "protocol.block_deposits_max",
                count(protocol.block_deposits_max),
                rollup.depositsPerBlockMax,
            ),
            (
                "proving.proof_window_epochs",
                number(proving.proof_window_epochs),
                rollup.proofWindowEpochs,
            ),
            (
                "proving.open_share_bps",
                number(proving.open_share_bps),
                rollup.openShareBps,
            ),
            (
                "proving.stall_epochs",
                number(proving.stall_epochs),
                rollup.stallEpochs,
            ),
            (
                "proving.bond_min_gwei",
                wei(proving.bond_min_gwei),
                bonds.minimumBond,
            ),
            (
                "proving.claim_window_slots",
                number(proving.claim_window_slots),
                bonds.claimWindowSlots,
            ),
            (
                "proving.bond_withdrawal_delay_seconds",
                number(proving.bond_withdrawal_delay_seconds),
                bonds.withdrawalDelaySeconds,
            ),
            (
                "proving.ring_blocks",
                number(proving.ring_blocks),
                rollup.ringSize,
            ),
            (
                "fees.deposit_min_gwei",
                number(network.fees.deposit_min_gwei),
                rollup.minimumDepositGwei,
            ),
            (
                "staking.activation_stake_gwei",
                wei(stake.activation_stake_gwei),
                staking.activationStake,
            ),
            (
                "staking.ejection_stake_gwei",
                wei(stake.ejection_stake_gwei),
                staking.minimumStake,
            ),
            (
                "staking.entry_queue_per_epoch",
                number(stake.entry_queue_per_epoch),
                staking.entriesPerEpoch,
            ),
            (
                "staking.exit_delay_seconds",
                number(stake.exit_delay_seconds),
                staking.exitDelaySeconds,
            ),
            ("staking.slash_bps", number(stake.slash_bps), staking.slashBps),
            (
                "staking.reporter_share_bps",
                number(stake.reporter_share_bps),
                staking.reporterBps,
            ),
            (
                "staking.is_allow_listed",
                flag(stake.is_allow_listed),
                flag(staking.isAllowListOn),
            ),
        ];
        pairs
            .into_iter()
            .find(|(_, file, contract)| file != contract)
            .map(|(key, file, contract)| Difference { key, file, contract })
    }
}

#[cfg(test)]
mod tests {
    use agoge_protocol::network::BUILT_IN;
    use agoge_protocol::{Address, B256};

    use super::*;

    type Edit = fn(&mut NetworkConfig);

    fn n(value: u64) -> U256 {
        U256::from(value)
    }

    /// As the deployment does it.
    fn deployed(network: &NetworkConfig) -> ContractNumbers {
        let (protocol, staking, proving) = (&network.protocol, &network.staking, &network.proving);
        ContractNumbers {
            clock: Registry::NetworkClock {
                genesisTime: n(1),
                slotSeconds: n(protocol.slot_seconds),
                epochSlots: n(protocol.epoch_slots),
                setLagEpochs: n(protocol.set_lag_epochs),
            },
            activation_delay_epochs: n(network.governance.activation_delay_epochs),
            staking: Staking::StakingConfig {
                registry: Address::ZERO,
                treasury: Address::ZERO,
                allowListAdmin: Address::ZERO,
                activationStake: n(staking.activation_stake_gwei) * n(1_000_000_000),
                minimumStake: n(staking.ejection_stake_gwei) * n(1_000_000_000),
                entriesPerEpoch: n(staking.entry_queue_per_epoch),
                exitDelaySeconds: n(staking.exit_delay_seconds),
                slashBps: n(staking.slash_bps),
                reporterBps: n(staking.reporter_share_bps),
                isAllowListOn: staking.is_allow_listed,
            },
            rollup: Rollup::RollupConfig {
                registry: Address::ZERO,
                staking: Address::ZERO,
                proverBonds: Address::ZERO,
                epochProofVerifier: Address::ZERO,
                epochStatement: Address::ZERO,
                genesisArchive: B256::ZERO,
                committeeSize: U256::from(protocol.committee_size),
                entropyLagEpochs: n(protocol.entropy_lag_epochs),
                proofWindowEpochs: n(proving.proof_window_epochs),
                ringSize: n(proving.ring_blocks),
                inboxLagSlots: n(protocol.inbox_lag_slots),
                transactionsPerBlockMax: U256::from(protocol.block_txs_max),
                depositsPerBlockMax: U256::from(protocol.block_deposits_max),
                withdrawalsPerBlockMax: U256::from(protocol.block_withdrawals_max),
                minimumDepositGwei: n(network.fees.deposit_min_gwei),
                openShareBps: n(proving.open_share_bps),
                stallEpochs: n(proving.stall_epochs),
            },
            bonds: ProverBonds::ProverBondsConfig {
                registry: Address::ZERO,
                treasury: Address::ZERO,
                minimumBond: n(proving.bond_min_gwei) * n(1_000_000_000),
                claimWindowSlots: n(proving.claim_window_slots),
                withdrawalDelaySeconds: n(proving.bond_withdrawal_delay_seconds),
            },
        }
    }

    #[test]
    fn every_number_of_the_network_file_is_compared_with_the_contracts() {
        for (name, text) in BUILT_IN {
            let network = NetworkConfig::parse(text).unwrap();
            let contracts = deployed(&network);
            assert_eq!(contracts.difference(&network), None, "{name}");

            let edits: [(&str, Edit); 25] = [
                ("protocol.slot_seconds", |n| n.protocol.slot_seconds += 1),
                ("protocol.epoch_slots", |n| n.protocol.epoch_slots += 1),
                ("protocol.set_lag_epochs", |n| n.protocol.set_lag_epochs += 1),
                ("governance.activation_delay_epochs", |n| {
                    n.governance.activation_delay_epochs += 1;
                }),
                ("protocol.committee_size", |n| n.protocol.committee_size += 1),
                ("protocol.entropy_lag_epochs", |n| {
                    n.protocol.entropy_lag_epochs += 1
                }),
                ("protocol.inbox_lag_slots", |n| n.protocol.inbox_lag_slots += 1),
                ("protocol.block_deposits_max", |n| {
                    n.protocol.block_deposits_max += 1
                }),
                ("proving.proof_window_epochs", |n| {
                    n.proving.proof_window_epochs += 1
                }),
                ("proving.ring_blocks", |n| n.proving.ring_blocks += 1),
                ("protocol.block_txs_max", |n| n.protocol.block_txs_max += 1),
                ("protocol.block_withdrawals_max", |n| {
                    n.protocol.block_withdrawals_max += 1
                }),
                ("proving.open_share_bps", |n| n.proving.open_share_bps += 1),
                ("proving.stall_epochs", |n| n.proving.stall_epochs += 1),
                ("proving.bond_min_gwei", |n| n.proving.bond_min_gwei += 1),
                ("proving.claim_window_slots", |n| {
                    n.proving.claim_window_slots += 1
                }),
                ("proving.bond_withdrawal_delay_seconds", |n| {
                    n.proving.bond_withdrawal_delay_seconds += 1;
                }),
                ("fees.deposit_min_gwei", |n| n.fees.deposit_min_gwei += 1),
                ("staking.activation_stake_gwei", |n| {
                    n.staking.activation_stake_gwei += 1
                }),
                ("staking.ejection_stake_gwei", |n| {
                    n.staking.ejection_stake_gwei += 1
                }),
                ("staking.entry_queue_per_epoch", |n| {
                    n.staking.entry_queue_per_epoch += 1
                }),
                ("staking.exit_delay_seconds", |n| {
                    n.staking.exit_delay_seconds += 1
                }),
                ("staking.slash_bps", |n| n.staking.slash_bps += 1),
                ("staking.reporter_share_bps", |n| {
                    n.staking.reporter_share_bps += 1
                }),
                ("staking.is_allow_listed", |n| {
                    n.staking.is_allow_listed = !n.staking.is_allow_listed;
                }),
            ];
            for (key, edit) in edits {
                let mut edited = network.clone();
                edit(&mut edited);
                let difference = contracts.difference(&edited).unwrap();
                assert_eq!(difference.key, key, "{name}");
                assert_ne!(difference.file, difference.contract, "{name}: {key}");
            }
        }
    }
}
