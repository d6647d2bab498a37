//! What the contracts are created with, from the network file.

use agoge_contract_bindings::governance::Governance;
use agoge_contract_bindings::governance_proposer::GovernanceProposer;
use agoge_contract_bindings::prover_bonds::ProverBonds;
use agoge_contract_bindings::registry::Registry;
use agoge_contract_bindings::rollup::Rollup;
use agoge_contract_bindings::staking::Staking;
use agoge_protocol::{Address, NetworkConfig, U256};
use agoge_state_transition::tree::empty_root;
use alloy::primitives::Uint;
use eyre::{Result, WrapErr};

use super::wei;

/// Contracts that exist before the Rollup.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts {
    pub(super) registry: Address,
    pub(super) staking: Address,
    pub(super) prover_bonds: Address,
    pub(super) governance_proposer: Address,
    pub(super) epoch_statement: Address,
    pub(super) epoch_proof_verifier: Address,
}

/// Addresses that contracts must name before they exist: those of the deployer's nonces to come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Predicted {
    pub(super) rollup: Address,
    pub(super) timelock: Address,
    pub(super) governance: Address,
}

impl Predicted {
    /// For a deployer whose next nonce creates the Registry.
    pub(super) fn of(deployer: Address, nonce: u64) -> Self {
        let at = |ahead: u64| deployer.create(nonce.saturating_add(ahead));
        Self {
            rollup: at(6),
            timelock: at(7),
            governance: at(8),
        }
    }
}

pub(super) fn registry(
    network: &NetworkConfig,
    genesis_time: u64,
    predicted: Predicted,
) -> Registry::RegistryConfig {
    Registry::RegistryConfig {
        genesisTime: U256::from(genesis_time),
        slotSeconds: U256::from(network.protocol.slot_seconds),
        epochSlots: U256::from(network.protocol.epoch_slots),
        setLagEpochs: U256::from(network.protocol.set_lag_epochs),
        activationDelayEpochs: U256::from(network.governance.activation_delay_epochs),
        governance: predicted.timelock,
        firstInstance: predicted.rollup,
    }
}

pub(super) fn staking(
    network: &NetworkConfig,
    registry: Address,
    treasury: Address,
    admin: Address,
) -> Staking::StakingConfig {
    let staking = &network.staking;
    Staking::StakingConfig {
        registry,
        treasury,
        allowListAdmin: admin,
        activationStake: wei(staking.activation_stake_gwei),
        minimumStake: wei(staking.ejection_stake_gwei),
        entriesPerEpoch: U256::from(staking.entry_queue_per_epoch),
        exitDelaySeconds: U256::from(staking.exit_delay_seconds),
        slashBps: U256::from(staking.slash_bps),
        reporterBps: U256::from(staking.reporter_share_bps),
        isAllowListOn: staking.is_allow_listed,
    }
}

pub(super) fn prover_bonds(
    network: &NetworkConfig,
    registry: Address,
    treasury: Address,
) -> ProverBonds::ProverBondsConfig {
    let proving = &network.proving;
    ProverBonds::ProverBondsConfig {
        registry,
        treasury,
        minimumBond: wei(proving.bond_min_gwei),
        claimWindowSlots: U256::from(proving.claim_window_slots),
        withdrawalDelaySeconds: U256::from(proving.bond_withdrawal_delay_seconds),
    }
}

pub(super) fn rollup(network: &NetworkConfig, parts: Parts) -> Rollup::RollupConfig {
    let (protocol, proving) = (&network.protocol, &network.proving);
    Rollup::RollupConfig {
        registry: parts.registry,
        staking: parts.staking,
        proverBonds: parts.prover_bonds,
        governanceProposer: parts.governance_proposer,
        epochProofVerifier: parts.epoch_proof_verifier,
        epochStatement: parts.epoch_statement,
        genesisArchive: empty_root().to_b256(),
        committeeSize: U256::from(protocol.committee_size),
        entropyLagEpochs: U256::from(protocol.entropy_lag_epochs),
        proofWindowEpochs: U256::from(proving.proof_window_epochs),
        ringSize: U256::from(proving.ring_blocks),
        inboxLagSlots: U256::from(protocol.inbox_lag_slots),
        transactionsPerBlockMax: U256::from(protocol.block_txs_max),
        depositsPerBlockMax: U256::from(protocol.block_deposits_max),
        withdrawalsPerBlockMax: U256::from(protocol.block_withdrawals_max),
        minimumDepositGwei: U256::from(network.fees.deposit_min_gwei),
        openShareBps: U256::from(proving.open_share_bps),
        stallEpochs: U256::from(proving.stall_epochs),
    }
}

pub(super) fn governance_proposer(
    network: &NetworkConfig,
    registry: Address,
    governance: Address,
) -> GovernanceProposer::GovernanceProposerConfig {
    let rules = &network.governance;
    GovernanceProposer::GovernanceProposerConfig {
        registry,
        governance,
        roundSlots: U256::from(rules.round_slots),
        quorumSignals: U256::from(rules.quorum_signals),
        lifetimeRounds: U256::from(rules.lifetime_rounds),
    }
}

pub(super) fn governance(
    network: &NetworkConfig,
    parts: Parts,
    timelock: Address,
) -> Result<Governance::GovernanceConfig> {
    let rules = &network.governance;
    Ok(Governance::GovernanceConfig {
        staking: parts.staking,
        timelock,
        governanceProposer: parts.governance_proposer,
        voteDelaySeconds: Uint::try_from(rules.vote_delay_seconds)
            .wrap_err("governance.vote_delay_seconds")?,
        votePeriodSeconds: u32::try_from(rules.vote_period_seconds)
            .wrap_err("governance.vote_period_seconds")?,
        quorumPercent: U256::from(rules.quorum_percent),
        graceSeconds: U256::from(rules.grace_seconds),
        lockWei: wei(rules.lock_gwei),
        lockSeconds: U256::from(rules.lock_seconds),
    })
}
