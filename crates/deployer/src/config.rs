//! What the contracts are created with, from the network file.

use agoge_contract_bindings::governance::Governance;
use agoge_contract_bindings::governance_proposer::GovernanceProposer;
use agoge_contract_bindings::prover_bonds::ProverBonds;
use agoge_contract_bindings::registry::Registry;
use agoge_contract_bindings::rollup::Rollup;
use agoge_contract_bindings::staking::Staking;
use agoge_contract_bindings::timelock::Timelock;
use agoge_contract_bindings::upgrade_payload::UpgradePayload;
use agoge_protocol::{Address, NetworkConfig, U256};
use agoge_state_transition::tree::empty_root;
use alloy::primitives::Bytes;
use alloy::primitives::aliases::U48;
use alloy::sol_types::{SolConstructor, SolValue};

/// Wei of one gwei.
const GWEI: u64 = 1_000_000_000;

/// Contracts that a network has once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shared {
    pub(crate) registry: Address,
    pub(crate) staking: Address,
    pub(crate) prover_bonds: Address,
    pub(crate) governance_proposer: Address,
    pub(crate) timelock: Address,
    pub(crate) governance: Address,
}

/// What checks the epochs of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Proving {
    pub(crate) epoch_statement: Address,
    pub(crate) epoch_proof_verifier: Address,
}

pub(crate) fn registry(network: &NetworkConfig, genesis_time: u64, shared: &Shared, first: Address) -> Bytes {
    let config = Registry::RegistryConfig {
        genesisTime: U256::from(genesis_time),
        slotSeconds: U256::from(network.protocol.slot_seconds),
        epochSlots: U256::from(network.protocol.epoch_slots),
        setLagEpochs: U256::from(network.protocol.set_lag_epochs),
        activationDelayEpochs: U256::from(network.governance.activation_delay_epochs),
        governance: shared.timelock,
        firstInstance: first,
    };
    Registry::constructorCall { _config: config }.abi_encode().into()
}

pub(crate) fn staking(network: &NetworkConfig, shared: &Shared, admin: Address) -> Bytes {
    let staking = &network.staking;
    let config = Staking::StakingConfig {
        registry: shared.registry,
        treasury: shared.timelock,
        allowListAdmin: admin,
        activationStake: wei(staking.activation_stake_gwei),
        minimumStake: wei(staking.ejection_stake_gwei),
        entriesPerEpoch: U256::from(staking.entry_queue_per_epoch),
        exitDelaySeconds: U256::from(staking.exit_delay_seconds),
        slashBps: U256::from(staking.slash_bps),
        reporterBps: U256::from(staking.reporter_share_bps),
        isAllowListOn: staking.is_allow_listed,
    };
    Staking::constructorCall { _config: config }.abi_encode().into()
}

/// The allow-list's admin that Staking was created with.
pub(crate) fn allow_list_admin(staking_arguments: &Bytes) -> Option<Address> {
    let config = Staking::StakingConfig::abi_decode(staking_arguments).ok()?;
    Some(config.allowListAdmin)
}

pub(crate) fn prover_bonds(network: &NetworkConfig, shared: &Shared) -> Bytes {
    let proving = &network.proving;
    let config = ProverBonds::ProverBondsConfig {
        registry: shared.registry,
        treasury: shared.timelock,
        minimumBond: wei(proving.bond_min_gwei),
        claimWindowSlots: U256::from(proving.claim_window_slots),
        withdrawalDelaySeconds: U256::from(proving.bond_withdrawal_delay_seconds),
    };
    ProverBonds::constructorCall { _config: config }
        .abi_encode()
        .into()
}

pub(crate) fn governance_proposer(network: &NetworkConfig, shared: &Shared) -> Bytes {
    let governance = &network.governance;
    let config = GovernanceProposer::GovernanceProposerConfig {
        registry: shared.registry,
        governance: shared.governance,
        roundSlots: U256::from(governance.round_slots),
        quorumSignals: U256::from(governance.quorum_signals),
        lifetimeRounds: U256::from(governance.lifetime_rounds),
    };
    GovernanceProposer::constructorCall { _config: config }
        .abi_encode()
        .into()
}

/// Every version is created with the same structure.
pub(crate) fn rollup(network: &NetworkConfig, shared: &Shared, proving: &Proving) -> Bytes {
    let config = rollup_config(network, shared, proving);
    Rollup::constructorCall { _config: config }.abi_encode().into()
}

pub(crate) fn rollup_config(
    network: &NetworkConfig,
    shared: &Shared,
    proving: &Proving,
) -> Rollup::RollupConfig {
    let (protocol, rules) = (&network.protocol, &network.proving);
    Rollup::RollupConfig {
        registry: shared.registry,
        staking: shared.staking,
        proverBonds: shared.prover_bonds,
        governanceProposer: shared.governance_proposer,
        epochProofVerifier: proving.epoch_proof_verifier,
        epochStatement: proving.epoch_statement,
        genesisArchive: empty_root().to_b256(),
        committeeSize: U256::from(protocol.committee_size),
        entropyLagEpochs: U256::from(protocol.entropy_lag_epochs),
        proofWindowEpochs: U256::from(rules.proof_window_epochs),
        ringSize: U256::from(rules.ring_blocks),
        inboxLagSlots: U256::from(protocol.inbox_lag_slots),
        transactionsPerBlockMax: U256::from(protocol.block_txs_max),
        depositsPerBlockMax: U256::from(protocol.block_deposits_max),
        withdrawalsPerBlockMax: U256::from(protocol.block_withdrawals_max),
        minimumDepositGwei: U256::from(network.fees.deposit_min_gwei),
        openShareBps: U256::from(rules.open_share_bps),
        stallEpochs: U256::from(rules.stall_epochs),
    }
}

/// The parameters in which two Rollups differ, in words.
pub(crate) fn differences(expected: &Rollup::RollupConfig, found: &Rollup::RollupConfig) -> String {
    let (expected, found) = (format!("{expected:#?}"), format!("{found:#?}"));
    let lines = expected.lines().zip(found.lines());
    let different: Vec<String> = lines
        .filter(|(expected, found)| expected != found)
        .map(|(expected, found)| {
            let expected = expected.trim().trim_end_matches(',');
            let found = found.split_once(": ").map_or(found, |(_, value)| value);
            format!(
                "{expected} by the network file, {} on L1",
                found.trim_end_matches(',')
            )
        })
        .collect();
    different.join("; ")
}

pub(crate) fn timelock(network: &NetworkConfig, shared: &Shared) -> Bytes {
    Timelock::constructorCall {
        _delaySeconds: U256::from(network.governance.timelock_seconds),
        _governance: shared.governance,
    }
    .abi_encode()
    .into()
}

/// `None` if a duration of the network file does not fit its type.
pub(crate) fn governance(network: &NetworkConfig, shared: &Shared) -> Option<Bytes> {
    let governance = &network.governance;
    let config = Governance::GovernanceConfig {
        staking: shared.staking,
        timelock: shared.timelock,
        governanceProposer: shared.governance_proposer,
        voteDelaySeconds: U48::try_from(governance.vote_delay_seconds).ok()?,
        votePeriodSeconds: u32::try_from(governance.vote_period_seconds).ok()?,
        quorumPercent: U256::from(governance.quorum_percent),
        graceSeconds: U256::from(governance.grace_seconds),
        lockWei: wei(governance.lock_gwei),
        lockSeconds: U256::from(governance.lock_seconds),
    };
    Some(
        Governance::constructorCall { _config: config }
            .abi_encode()
            .into(),
    )
}

pub(crate) fn upgrade_payload(shared: &Shared, rollup: Address) -> Bytes {
    UpgradePayload::constructorCall {
        _registry: shared.registry,
        _staking: shared.staking,
        _newRollup: rollup,
    }
    .abi_encode()
    .into()
}

fn wei(gwei: u64) -> U256 {
    U256::from(gwei).saturating_mul(U256::from(GWEI))
}
