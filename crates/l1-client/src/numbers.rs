//! The network file's numbers against those that the contracts were deployed with.

use agoge_contract_bindings::governance::Governance;
use agoge_contract_bindings::governance_proposer::GovernanceProposer;
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

/// What the contracts were deployed with; none of it ever changes. The length of the timelock is not among it: a proposal may change it.
#[derive(Clone, Debug)]
pub(crate) struct ContractNumbers {
    clock: Registry::NetworkClock,
    activation_delay_epochs: U256,
    staking: Staking::StakingConfig,
    rollup: Rollup::RollupConfig,
    bonds: ProverBonds::ProverBondsConfig,
    proposer: GovernanceProposer::GovernanceProposerConfig,
    governance: Governance::GovernanceConfig,
}

impl ContractNumbers {
    pub(crate) async fn read(rpc: &Rpc, contracts: &Contracts) -> Result<Self, CallError> {
        let (registry, at) = (contracts.registry, At::Latest);
        let rollup = view(rpc, contracts.rollup, &Rollup::configCall {}, at).await?;
        let proposer = view(
            rpc,
            rollup.governanceProposer,
            &GovernanceProposer::configCall {},
            at,
        )
        .await?;
        let governance = view(rpc, proposer.governance, &Governance::governanceConfigCall {}, at).await?;
        Ok(Self {
            clock: view(rpc, registry, &Registry::clockCall {}, at).await?,
            activation_delay_epochs: view(rpc, registry, &Registry::activationDelayEpochsCall {}, at).await?,
            staking: view(rpc, contracts.staking, &Staking::configCall {}, at).await?,
            bonds: view(rpc, rollup.proverBonds, &ProverBonds::configCall {}, at).await?,
            rollup,
            proposer,
            governance,
        })
    }

    /// The first key of the file that says something else.
    pub(crate) fn difference(&self, network: &NetworkConfig) -> Option<Difference> {
        let (protocol, stake, proving) = (&network.protocol, &network.staking, &network.proving);
        let (clock, staking, rollup, bonds) = (&self.clock, &self.staking, &self.rollup, &self.bonds);
        let (rules, proposer, governance) = (&network.governance, &self.proposer, &self.governance);
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
                "governance.round_slots",
                number(rules.round_slots),
                proposer.roundSlots,
            ),
            (
                "governance.quorum_signals",
                number(rules.quorum_signals),
                proposer.quorumSignals,
            ),
            (
                "governance.lifetime_rounds",
                number(rules.lifetime_rounds),
                proposer.lifetimeRounds,
            ),
            (
                "governance.vote_delay_seconds",
                number(rules.vote_delay_seconds),
                U256::from(governance.voteDelaySeconds),
            ),
            (
                "governance.vote_period_seconds",
                number(rules.vote_period_seconds),
                U256::from(governance.votePeriodSeconds),
            ),
            (
                "governance.quorum_percent",
                number(rules.quorum_percent),
                governance.quorumPercent,
            ),
            (
                "governance.grace_seconds",
                number(rules.grace_seconds),
                governance.graceSeconds,
            ),
            ("governance.lock_gwei", wei(rules.lock_gwei), governance.lockWei),
            (
                "governance.lock_seconds",
                number(rules.lock_seconds),
                governance.lockSeconds,
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
mod tests;
