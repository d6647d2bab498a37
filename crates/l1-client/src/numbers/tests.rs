//! That no number is forgotten.

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
    let rules = &network.governance;
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
            governanceProposer: Address::ZERO,
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
        proposer: GovernanceProposer::GovernanceProposerConfig {
            registry: Address::ZERO,
            governance: Address::ZERO,
            roundSlots: n(rules.round_slots),
            quorumSignals: n(rules.quorum_signals),
            lifetimeRounds: n(rules.lifetime_rounds),
        },
        governance: Governance::GovernanceConfig {
            staking: Address::ZERO,
            timelock: Address::ZERO,
            governanceProposer: Address::ZERO,
            voteDelaySeconds: rules.vote_delay_seconds.try_into().unwrap(),
            votePeriodSeconds: rules.vote_period_seconds.try_into().unwrap(),
            quorumPercent: n(rules.quorum_percent),
            graceSeconds: n(rules.grace_seconds),
            lockWei: n(rules.lock_gwei) * n(1_000_000_000),
            lockSeconds: n(rules.lock_seconds),
        },
    }
}

#[test]
fn every_number_of_the_network_file_is_compared_with_the_contracts() {
    for (name, text) in BUILT_IN {
        let network = NetworkConfig::parse(text).unwrap();
        let contracts = deployed(&network);
        assert_eq!(contracts.difference(&network), None, "{name}");

        let edits: [(&str, Edit); 34] = [
            ("protocol.slot_seconds", |n| n.protocol.slot_seconds += 1),
            ("protocol.epoch_slots", |n| n.protocol.epoch_slots += 1),
            ("protocol.set_lag_epochs", |n| n.protocol.set_lag_epochs += 1),
            ("governance.activation_delay_epochs", |n| {
                n.governance.activation_delay_epochs += 1;
            }),
            ("governance.round_slots", |n| n.governance.round_slots += 1),
            ("governance.quorum_signals", |n| n.governance.quorum_signals += 1),
            ("governance.lifetime_rounds", |n| {
                n.governance.lifetime_rounds += 1
            }),
            ("governance.vote_delay_seconds", |n| {
                n.governance.vote_delay_seconds += 1
            }),
            ("governance.vote_period_seconds", |n| {
                n.governance.vote_period_seconds += 1
            }),
            ("governance.quorum_percent", |n| n.governance.quorum_percent += 1),
            ("governance.grace_seconds", |n| n.governance.grace_seconds += 1),
            ("governance.lock_gwei", |n| n.governance.lock_gwei += 1),
            ("governance.lock_seconds", |n| n.governance.lock_seconds += 1),
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
