//! Wire types of `agoge_governance` and of the admin port's `agogeAdmin_setPayload`.

use alloy_primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};

use crate::Slot;

/// A payload and what its actions must be: what a node's proposers signal for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Signal {
    /// The payload contract.
    pub payload: Address,
    /// `keccak256(abi.encode(payload.actions()))`.
    pub actions_hash: B256,
}

/// Answer of `agoge_governance`: where an upgrade stands on L1, and what this node does about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RpcGovernance {
    /// The current round of the canonical instance.
    pub round: RpcRound,
    /// The newest proposals, newest first.
    pub proposals: Vec<RpcProposal>,
    /// What this node's proposers signal for; `null` if nothing was set.
    pub signal: Option<RpcNodeSignal>,
}

/// A round of signals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RpcRound {
    /// Its number.
    pub number: u64,
    /// The instance whose proposers signal.
    pub instance: Address,
    /// Its first slot.
    pub first_slot: Slot,
    /// Its last slot.
    pub last_slot: Slot,
    /// Signals that nominate.
    pub quorum_signals: u64,
    /// Signals so far, most first.
    pub signals: Vec<RpcSignals>,
}

/// Signals for one payload in a round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RpcSignals {
    /// The payload.
    pub payload: Address,
    /// Names payload, code and actions: signals for other code or actions are counted apart.
    pub key: B256,
    /// How many.
    pub count: u64,
    /// The slot of the newest.
    pub last_slot: Slot,
}

/// Where a proposal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProposalState {
    /// Its vote has not begun.
    Pending,
    /// Being voted on.
    Active,
    /// Cancelled.
    Canceled,
    /// The vote failed.
    Defeated,
    /// The vote passed; it can be queued.
    Succeeded,
    /// In the timelock, or ready.
    Queued,
    /// Nobody executed it in time.
    Expired,
    /// Done.
    Executed,
}

/// A proposal. Times are Unix seconds, votes wei of stake as decimal strings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RpcProposal {
    /// OpenZeppelin Governor's id, 0x hex.
    pub id: U256,
    /// Where it stands at L1's head.
    pub state: ProposalState,
    /// Contracts that it calls, in order.
    pub targets: Vec<Address>,
    /// When power is taken and the vote begins.
    pub vote_starts: u64,
    /// When the vote ends.
    pub vote_ends: u64,
    /// From when on it can be executed; `null` before it is queued.
    pub executable_from: Option<u64>,
    /// Votes for it.
    #[serde(with = "wei")]
    pub votes_for: U256,
    /// Votes against it.
    #[serde(with = "wei")]
    pub votes_against: U256,
    /// Votes that abstain.
    #[serde(with = "wei")]
    pub votes_abstain: U256,
}

/// What a node's proposers signal for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RpcNodeSignal {
    /// The payload.
    pub payload: Address,
    /// What its actions must be.
    pub actions_hash: B256,
    /// Whether blocks signal for it now.
    pub is_signalled: bool,
    /// Why not; `null` if they do.
    pub reason: Option<String>,
}

/// Wei as a decimal string.
mod wei {
    use alloy_primitives::U256;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(value: &U256, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<U256, D::Error> {
        let text = String::deserialize(deserializer)?;
        U256::from_str_radix(&text, 10).map_err(D::Error::custom)
    }
}
