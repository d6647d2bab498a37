//! Governance as L1 has it: what a payload does, how a round of signals and the proposals stand.

use std::collections::BTreeMap;

use agoge_contract_bindings::governance::Governance;
use agoge_contract_bindings::governance_proposer::GovernanceProposer;
use agoge_contract_bindings::registry::Registry;
use agoge_contract_bindings::staking::Staking;
use agoge_contract_bindings::upgrade_payload::UpgradePayload;
use agoge_protocol::rpc::{ProposalState, RpcProposal, RpcRound, RpcSignals};
use agoge_protocol::{Address, B256, L1Block, Slot, U256, keccak256};
use alloy::primitives::LogData;
use alloy::sol_types::{SolCall, SolEvent, SolValue};
use futures::future::try_join_all;
use serde_json::json;

use crate::call::{At, CallError, view};
use crate::client::L1Client;
use crate::instance::InstanceFacts;
use crate::l1_json::LogJson;
use crate::reader::small;
use crate::rpc::Rpc;

/// Proposals that are told at most, the newest.
const PROPOSALS_MAX: u64 = 8;

/// What a payload would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayloadFacts {
    /// `keccak256(abi.encode(payload.actions()))`.
    pub actions_hash: B256,
    /// Why its actions are done already, if they are: of those that add a Rollup to the Registry and those that switch the allow-list off there
    /// is one, and all of them have taken effect.
    pub done: Option<&'static str>,
}

/// Views of governance. Cheap to clone.
#[derive(Clone, Debug)]
pub struct GovernanceReader {
    rpc: Rpc,
    registry: Address,
    staking: Address,
    l1_slot_seconds: u64,
    log_range_max: u64,
}

impl L1Client {
    /// Views of the governance of an instance's network.
    pub fn governance(&self, facts: &InstanceFacts) -> GovernanceReader {
        let network = &self.config.network;
        GovernanceReader {
            rpc: self.rpc.clone(),
            registry: facts.contracts.registry,
            staking: facts.contracts.staking,
            l1_slot_seconds: network.network.l1_slot_seconds.max(1),
            log_range_max: network.l1.log_range_max.max(1),
        }
    }
}

impl GovernanceReader {
    /// What a payload would do, by the state after a block.
    ///
    /// # Errors
    /// [`CallError`]; `Undecodable` or `Reverted` when it is no payload.
    pub async fn payload(&self, payload: Address, at: At) -> Result<PayloadFacts, CallError> {
        let actions = view(&self.rpc, payload, &UpgradePayload::actionsCall {}, at).await?;
        let actions_hash = keccak256(actions.abi_encode());
        let mut done = None;
        for action in &actions {
            let effect = if action.target == self.registry {
                self.is_added(&action.data, at).await?
            } else if action.target == self.staking {
                self.is_open(&action.data, at).await?
            } else {
                None
            };
            match effect {
                Some((true, what)) => done = Some(what),
                Some((false, _)) => {
                    done = None;
                    break;
                }
                None => {}
            }
        }
        Ok(PayloadFacts { actions_hash, done })
    }

    async fn is_added(&self, data: &[u8], at: At) -> Result<Option<(bool, &'static str)>, CallError> {
        let Ok(call) = Registry::addCall::abi_decode(data) else {
            return Ok(None);
        };
        let asked = Registry::isInstanceCall {
            _rollup: call._rollup,
        };
        let is_added = view(&self.rpc, self.registry, &asked, at).await?;
        Ok(Some((is_added, "the Registry lists the Rollup")))
    }

    async fn is_open(&self, data: &[u8], at: At) -> Result<Option<(bool, &'static str)>, CallError> {
        if Staking::disableAllowListCall::abi_decode(data).is_err() {
            return Ok(None);
        }
        let is_on = view(&self.rpc, self.staking, &Staking::isAllowListOnCall {}, at).await?;
        Ok(Some((!is_on, "the allow-list is off")))
    }

    /// The round that is running at `head` for an instance, whose GovernanceProposer is given, and its signals.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn round(
        &self,
        instance: Address,
        proposer: Address,
        head: &L1Block,
        slot: Slot,
        slot_seconds: u64,
    ) -> Result<RpcRound, CallError> {
        let at = At::Block(head.hash);
        let config = view(&self.rpc, proposer, &GovernanceProposer::configCall {}, at).await?;
        let function = GovernanceProposer::configCall::SIGNATURE;
        let length = small(function, "roundSlots", config.roundSlots)?.max(1);
        let number = slot.get().checked_div(length).unwrap_or_default();
        let first = number.saturating_mul(length);
        let elapsed = slot
            .get()
            .saturating_sub(first)
            .saturating_add(1)
            .saturating_mul(slot_seconds);
        // Blocks come at least an L1 slot apart, so the round began at most so many blocks ago.
        let blocks = elapsed.div_ceil(self.l1_slot_seconds);
        let signals = self
            .signals(
                (instance, proposer),
                U256::from(number),
                head.number.get(),
                blocks,
            )
            .await?;
        Ok(RpcRound {
            number,
            instance,
            first_slot: Slot::new(first),
            last_slot: Slot::new(first.saturating_add(length.saturating_sub(1))),
            quorum_signals: small(function, "quorumSignals", config.quorumSignals)?,
            signals,
        })
    }

    async fn signals(
        &self,
        (instance, proposer): (Address, Address),
        round: U256,
        head: u64,
        blocks: u64,
    ) -> Result<Vec<RpcSignals>, CallError> {
        let topics = json!([
            GovernanceProposer::Signalled::SIGNATURE_HASH,
            instance.into_word(),
            B256::from(round)
        ]);
        let mut by_key = BTreeMap::new();
        let mut from = head.saturating_sub(blocks);
        while from <= head {
            let to = head.min(from.saturating_add(self.log_range_max).saturating_sub(1));
            let filter = json!([{
                "address": proposer, "topics": topics,
                "fromBlock": format!("{from:#x}"), "toBlock": format!("{to:#x}"),
            }]);
            let logs: Vec<LogJson> = self.rpc.read("eth_getLogs", filter).await?;
            for log in logs {
                let signal = decode(proposer, log)?;
                let count = small(
                    GovernanceProposer::Signalled::SIGNATURE,
                    "signals",
                    signal.signals,
                )?;
                let last_slot = small(GovernanceProposer::Signalled::SIGNATURE, "slot", signal.slot)?;
                let entry = RpcSignals {
                    payload: signal.payload,
                    key: signal.key,
                    count,
                    last_slot: Slot::new(last_slot),
                };
                // In block order: the last log of a key has its count.
                by_key.insert(signal.key, entry);
            }
            from = to.saturating_add(1);
        }
        let mut signals: Vec<RpcSignals> = by_key.into_values().collect();
        signals.sort_by(|a, b| b.count.cmp(&a.count).then(a.last_slot.cmp(&b.last_slot)));
        Ok(signals)
    }

    /// The newest proposals of the Governance that a GovernanceProposer nominates to, newest first.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn proposals(&self, proposer: Address, head: &L1Block) -> Result<Vec<RpcProposal>, CallError> {
        let at = At::Block(head.hash);
        let config = view(&self.rpc, proposer, &GovernanceProposer::configCall {}, at).await?;
        let governance = config.governance;
        let count = view(&self.rpc, governance, &Governance::proposalCountCall {}, at).await?;
        let count = small(Governance::proposalCountCall::SIGNATURE, "count", count)?;
        let newest = (count.saturating_sub(PROPOSALS_MAX)..count).rev();
        try_join_all(newest.map(|index| self.proposal(governance, index, at))).await
    }

    async fn proposal(&self, governance: Address, index: u64, at: At) -> Result<RpcProposal, CallError> {
        let call = Governance::proposalDetailsAtCall {
            index: U256::from(index),
        };
        let details = view(&self.rpc, governance, &call, at).await?;
        let (id, targets) = (details.proposalId, details.targets);
        let state = Governance::stateCall { _proposalId: id };
        let starts = Governance::proposalSnapshotCall { proposalId: id };
        let ends = Governance::proposalDeadlineCall { proposalId: id };
        let eta = Governance::proposalEtaCall { proposalId: id };
        let votes = Governance::proposalVotesCall { proposalId: id };
        let rpc = &self.rpc;
        let (state, starts, ends, eta, votes) = futures::try_join!(
            view(rpc, governance, &state, at),
            view(rpc, governance, &starts, at),
            view(rpc, governance, &ends, at),
            view(rpc, governance, &eta, at),
            view(rpc, governance, &votes, at),
        )?;
        let eta = small(Governance::proposalEtaCall::SIGNATURE, "eta", eta)?;
        Ok(RpcProposal {
            id,
            state: state_of(state).ok_or(CallError::OutOfRange {
                function: Governance::stateCall::SIGNATURE,
                field: "state",
            })?,
            targets,
            vote_starts: small(Governance::proposalSnapshotCall::SIGNATURE, "time", starts)?,
            vote_ends: small(Governance::proposalDeadlineCall::SIGNATURE, "time", ends)?,
            executable_from: (eta != 0).then_some(eta),
            votes_for: votes.forVotes,
            votes_against: votes.againstVotes,
            votes_abstain: votes.abstainVotes,
        })
    }
}

/// The order of OpenZeppelin's enum.
const fn state_of(state: u8) -> Option<ProposalState> {
    Some(match state {
        0 => ProposalState::Pending,
        1 => ProposalState::Active,
        2 => ProposalState::Canceled,
        3 => ProposalState::Defeated,
        4 => ProposalState::Succeeded,
        5 => ProposalState::Queued,
        6 => ProposalState::Expired,
        7 => ProposalState::Executed,
        _ => return None,
    })
}

fn decode(contract: Address, log: LogJson) -> Result<GovernanceProposer::Signalled, CallError> {
    let undecodable = CallError::Undecodable {
        contract,
        function: GovernanceProposer::Signalled::SIGNATURE,
    };
    LogData::new(log.topics, log.data)
        .filter(|_| log.address == contract && !log.removed)
        .and_then(|data| GovernanceProposer::Signalled::decode_log_data(&data).ok())
        .ok_or(undecodable)
}
