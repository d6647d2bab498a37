//! What the contracts are created with, from the network file.

use agoge_contract_bindings::prover_bonds::ProverBonds;
use agoge_contract_bindings::registry::Registry;
use agoge_contract_bindings::rollup::Rollup;
use agoge_contract_bindings::staking::Staking;
use agoge_protocol::{Address, NetworkConfig, U256, keccak256};
use agoge_state_transition::tree::empty_root;

use super::wei;

/// Contracts that exist before the Rollup.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts {
    pub(super) registry: Address,
    pub(super) staking: Address,
    pub(super) prover_bonds: Address,
    pub(super) epoch_statement: Address,
    pub(super) epoch_proof_verifier: Address,
}

/// Nobody has this address's key: until Governance is deployed, nobody has its powers, and its share of slashed stake and bonds is burnt.
fn no_governance() -> Address {
    Address::from_word(keccak256("agoge: no governance"))
}

pub(super) fn registry(
    network: &NetworkConfig,
    genesis_time: u64,
    first_instance: Address,
) -> Registry::RegistryConfig {
    Registry::RegistryConfig {
        genesisTime: U256::from(genesis_time),
        slotSeconds: U256::from(network.protocol.slot_seconds),
        epochSlots: U256::from(network.protocol.epoch_slots),
        setLagEpochs: U256::from(network.protocol.set_lag_epochs),
        activationDelayEpochs: U256::from(network.governance.activation_delay_epochs),
        governance: no_governance(),
        firstInstance: first_instance,
    }
}

pub(super) fn staking(network: &NetworkConfig, registry: Address, admin: Address) -> Staking::StakingConfig {
    let staking = &network.staking;
    Staking::StakingConfig {
        registry,
        treasury: no_governance(),
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

pub(super) fn prover_bonds(network: &NetworkConfig, registry: Address) -> ProverBonds::ProverBondsConfig {
    let proving = &network.proving;
    ProverBonds::ProverBondsConfig {
        registry,
        treasury: no_governance(),
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
