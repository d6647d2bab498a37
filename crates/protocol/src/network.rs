//! Network files (`script/networks/*.toml`): the one home of every number.
//!
//! Unknown keys and wrong types are errors that name the line. [`NetworkConfig::parse`] also checks the relations that the contracts'
//! constructors check, so that a bad file fails before anything is sent.

use serde::{Deserialize, Serialize};

use crate::limits;

/// The networks that programs know by name, with their files.
pub const BUILT_IN: [(&str, &str); 5] = [
    ("devnet", include_str!("../../../script/networks/devnet.toml")),
    ("phase1", include_str!("../../../script/networks/phase1.toml")),
    ("phase2", include_str!("../../../script/networks/phase2.toml")),
    ("phase3", include_str!("../../../script/networks/phase3.toml")),
    ("phase4", include_str!("../../../script/networks/phase4.toml")),
];

/// The file of a network that is known by name.
pub fn built_in(name: &str) -> Option<&'static str> {
    BUILT_IN
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text)
}

/// A whole network file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// Identity of the network and its L1.
    pub network: Network,
    /// Time, committee and block bounds.
    pub protocol: Protocol,
    /// Stake and its delays.
    pub staking: Staking,
    /// Signals, votes and delays.
    pub governance: Governance,
    /// Quotes, claims and windows.
    pub proving: Proving,
    /// Fees.
    pub fees: Fees,
    /// Peer-to-peer defaults.
    pub p2p: P2p,
    /// How L1 is read and written.
    pub l1: L1,
    /// What the phase's gate asks for.
    pub gate: Gate,
}

/// `[network]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Name, equal to the file's.
    pub name: String,
    /// L1 chain id; checked before every send.
    pub chain_id: u64,
    /// Seconds of an L1 slot.
    pub l1_slot_seconds: u64,
    /// How the beacon API names the block of an L1 block.
    pub beacon_id: BeaconId,
    /// Unix seconds of beacon slot 0; used with `beacon_id = "slot"`.
    pub beacon_genesis_time: u64,
}

/// How to ask a beacon API for the blobs of an L1 block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BeaconId {
    /// By beacon slot, computed from the L1 block's time (real networks).
    Slot,
    /// By L1 block number (anvil).
    L1Number,
}

/// `[protocol]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Protocol {
    /// Seconds of an L2 slot; a multiple of the L1 slot.
    pub slot_seconds: u64,
    /// Slots of an epoch.
    pub epoch_slots: u64,
    /// Members of a committee.
    pub committee_size: usize,
    /// Validators the phase expects.
    pub validators: usize,
    /// Epochs between a set's freeze and its use.
    pub set_lag_epochs: u64,
    /// Epochs between the entropy block and its use; less than the set lag.
    pub entropy_lag_epochs: u64,
    /// Slots after which a deposit must be consumed.
    pub inbox_lag_slots: u64,
    /// Transactions of a block, T.
    pub block_txs_max: usize,
    /// Deposits a block consumes at most, D.
    pub block_deposits_max: usize,
    /// Withdrawals of a block, W.
    pub block_withdrawals_max: usize,
}

/// `[staking]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Staking {
    /// Exact deposit, gwei of sepETH.
    pub activation_stake_gwei: u64,
    /// Stake below which a validator is ejected, gwei.
    pub ejection_stake_gwei: u64,
    /// Part of the stake lost for an equivocation, basis points.
    pub slash_bps: u64,
    /// Part of the slashed amount that the reporter gets, basis points.
    pub reporter_share_bps: u64,
    /// Validators activated per epoch once the network has started.
    pub entry_queue_per_epoch: u64,
    /// Seconds between starting and finalising an exit.
    pub exit_delay_seconds: u64,
    /// Whether joining needs the allow-list at the start.
    pub is_allow_listed: bool,
    /// Validators run by the operator.
    pub operator_validators: usize,
}

/// `[governance]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Governance {
    /// Slots of a signalling round, M.
    pub round_slots: u64,
    /// Signals that nominate, N > M/2.
    pub quorum_signals: u64,
    /// Rounds after which a winner can no longer be nominated.
    pub lifetime_rounds: u64,
    /// Seconds before voting opens.
    pub vote_delay_seconds: u64,
    /// Seconds of voting.
    pub vote_period_seconds: u64,
    /// Seconds between queueing and execution.
    pub timelock_seconds: u64,
    /// Epochs from execution to activation of a new instance; more than set lag + 1.
    pub activation_delay_epochs: u64,
    /// Votes for or abstaining that a proposal needs, percent of all power.
    pub quorum_percent: u64,
    /// Seconds from the end of the timelock in which a proposal can be executed.
    pub grace_seconds: u64,
    /// What a proposal that was not nominated locks, gwei.
    pub lock_gwei: u64,
    /// Seconds for which it is locked.
    pub lock_seconds: u64,
}

/// `[proving]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proving {
    /// Slots of the next epoch in which a quote may be claimed.
    pub claim_window_slots: u64,
    /// P: a proof of epoch e lands until the end of epoch e + P.
    pub proof_window_epochs: u64,
    /// Blocks the ring keeps; at least (P + 2) * epoch slots.
    pub ring_blocks: u64,
    /// Least bond of a quote, gwei.
    pub bond_min_gwei: u64,
    /// Seconds from the start of a bond's withdrawal to its end.
    pub bond_withdrawal_delay_seconds: u64,
    /// Prover's share of fees when nobody claimed, basis points.
    pub open_share_bps: u64,
    /// Epochs without a committee's block after which anyone may append proven blocks; more than P.
    pub stall_epochs: u64,
    /// Circuit parameters of client proofs; `testing` is refused off chain 31337.
    pub client_profile: ClientProfile,
}

/// Parameters of the client proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientProfile {
    /// Zero-knowledge, conjectured 100 bits.
    Default,
    /// Fast and without zero-knowledge; only for tests on chain 31337.
    Testing,
}

/// `[fees]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fees {
    /// Least fee of a transaction, gwei.
    pub tx_fee_min_gwei: u64,
    /// Least deposit into the inbox, gwei.
    pub deposit_min_gwei: u64,
}

/// `[p2p]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct P2p {
    /// Multiaddresses with peer ids, tried at start.
    pub bootnodes: Vec<String>,
    /// Connected peers at most.
    pub peers_max: u32,
    /// Connected peers below which a node is not ready (0 for a network of one).
    pub peers_min: u32,
}

/// `[l1]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct L1 {
    /// Milliseconds between looks at the L1 head.
    pub poll_interval_ms: u64,
    /// Blocks of one log request at the start; halved when a provider refuses.
    pub log_range_max: u64,
    /// L1 blocks an ordinary reorg may replace.
    pub reorg_depth_max: u64,
    /// Multiple of the estimated base fee offered at first, percent.
    pub fee_headroom_percent: u64,
    /// Most that one transaction may cost, gwei, blob included.
    pub tx_cost_max_gwei: u64,
    /// Age of the L1 head, seconds, above which a node signs nothing.
    pub head_age_max_seconds: u64,
}

/// `[gate]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// Load that must be carried, transactions a second.
    pub load_tps: f64,
    /// Hours the private network must be stable before release.
    pub private_hours: u64,
    /// Hours the public network must run without a fatal crash.
    pub public_hours: u64,
    /// Peak load tried (0 = none), transactions a second; recorded, not gating.
    pub peak_tps: f64,
    /// Epochs of the peak.
    pub peak_epochs: u64,
    /// Whether a governance upgrade must complete.
    pub needs_upgrade: bool,
    /// Whether the network ends permissionless.
    pub ends_permissionless: bool,
}

/// Why a network file is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// Not TOML, an unknown key, a missing key or a wrong type. The text has line and column.
    #[error("{0}")]
    Syntax(String),
    /// Two values do not fit each other.
    #[error("{rule}: found {found}")]
    Relation {
        /// What must hold.
        rule: &'static str,
        /// The values.
        found: String,
    },
}

impl NetworkConfig {
    /// Parses and checks a network file.
    ///
    /// # Errors
    /// [`NetworkError`].
    pub fn parse(text: &str) -> Result<Self, NetworkError> {
        let config: Self = toml::from_str(text).map_err(|e| NetworkError::Syntax(e.to_string()))?;
        config.check()?;
        Ok(config)
    }

    /// How the network cuts time, from its genesis time on.
    pub const fn timing(&self, genesis_time: u64) -> crate::Timing {
        crate::Timing {
            genesis_time,
            slot_seconds: self.protocol.slot_seconds,
            epoch_slots: self.protocol.epoch_slots,
            set_lag: self.protocol.set_lag_epochs,
            entropy_lag: self.protocol.entropy_lag_epochs,
        }
    }

    /// Checks the relations between values.
    ///
    /// # Errors
    /// [`NetworkError::Relation`] naming the first rule broken.
    pub fn check(&self) -> Result<(), NetworkError> {
        let (network, protocol, staking) = (&self.network, &self.protocol, &self.staking);
        let (governance, proving) = (&self.governance, &self.proving);
        let vote_seconds = governance
            .vote_delay_seconds
            .saturating_add(governance.vote_period_seconds)
            .saturating_add(governance.timelock_seconds);
        let ring_min = proving
            .proof_window_epochs
            .saturating_add(2)
            .saturating_mul(protocol.epoch_slots);
        let held_seconds = protocol
            .set_lag_epochs
            .saturating_add(1)
            .saturating_mul(protocol.epoch_slots)
            .saturating_mul(protocol.slot_seconds);
        let seconds = |n: u64| format!("{n} s");
        let rules = [
            (
                network.l1_slot_seconds > 0
                    && protocol.slot_seconds > 0
                    && protocol.slot_seconds.checked_rem(network.l1_slot_seconds) == Some(0),
                "slot_seconds must be a positive multiple of l1_slot_seconds",
                seconds(protocol.slot_seconds),
            ),
            (
                protocol
                    .slot_seconds
                    .checked_div(network.l1_slot_seconds)
                    .unwrap_or(0)
                    >= 3,
                "a slot must hold at least 3 L1 blocks",
                seconds(protocol.slot_seconds),
            ),
            (
                usize::try_from(protocol.epoch_slots)
                    .is_ok_and(|n| (1..=limits::EPOCH_BLOCKS_MAX).contains(&n)),
                "epoch_slots must be 1 to 32, so that one proof covers an epoch",
                protocol.epoch_slots.to_string(),
            ),
            (
                (1..=limits::COMMITTEE_SIZE_MAX).contains(&protocol.committee_size),
                "committee_size must be 1 to 128",
                protocol.committee_size.to_string(),
            ),
            (
                protocol.set_lag_epochs > protocol.entropy_lag_epochs && protocol.entropy_lag_epochs >= 1,
                "set_lag_epochs > entropy_lag_epochs >= 1",
                format!("{} and {}", protocol.set_lag_epochs, protocol.entropy_lag_epochs),
            ),
            (
                (1..=limits::BLOCK_TXS_MAX).contains(&protocol.block_txs_max),
                "block_txs_max must be 1 to 64",
                protocol.block_txs_max.to_string(),
            ),
            (
                (1..=limits::BLOCK_DEPOSITS_MAX).contains(&protocol.block_deposits_max),
                "block_deposits_max must be 1 to 16",
                protocol.block_deposits_max.to_string(),
            ),
            (
                (1..=limits::BLOCK_WITHDRAWALS_MAX).contains(&protocol.block_withdrawals_max),
                "block_withdrawals_max must be 1 to 12",
                protocol.block_withdrawals_max.to_string(),
            ),
            (
                staking.exit_delay_seconds >= vote_seconds,
                "exit_delay_seconds must cover vote delay, period and timelock",
                seconds(staking.exit_delay_seconds),
            ),
            (
                staking.exit_delay_seconds >= held_seconds,
                "exit_delay_seconds must cover set_lag_epochs + 1 epochs, so that stake is held for every committee",
                seconds(staking.exit_delay_seconds),
            ),
            (
                staking.slash_bps <= 10_000 && staking.reporter_share_bps <= 10_000,
                "basis points must be at most 10000",
                format!("{} and {}", staking.slash_bps, staking.reporter_share_bps),
            ),
            (
                staking.ejection_stake_gwei <= staking.activation_stake_gwei
                    && staking.activation_stake_gwei > 0,
                "activation stake must be positive and not below the ejection stake",
                staking.activation_stake_gwei.to_string(),
            ),
            (
                governance.quorum_signals.saturating_mul(2) > governance.round_slots
                    && governance.quorum_signals <= governance.round_slots,
                "quorum_signals must be more than half of round_slots and at most all",
                governance.quorum_signals.to_string(),
            ),
            (
                governance.activation_delay_epochs > protocol.set_lag_epochs.saturating_add(1),
                "activation_delay_epochs must be more than set_lag_epochs + 1",
                governance.activation_delay_epochs.to_string(),
            ),
            (
                (1..=100).contains(&governance.quorum_percent),
                "quorum_percent must be 1 to 100",
                governance.quorum_percent.to_string(),
            ),
            (
                governance.vote_period_seconds > 0
                    && governance.grace_seconds > 0
                    && governance.lifetime_rounds > 0,
                "vote_period_seconds, grace_seconds and lifetime_rounds must be positive",
                format!(
                    "{}, {} and {}",
                    governance.vote_period_seconds, governance.grace_seconds, governance.lifetime_rounds
                ),
            ),
            (
                proving.claim_window_slots < protocol.epoch_slots,
                "claim_window_slots must be less than epoch_slots",
                proving.claim_window_slots.to_string(),
            ),
            (
                proving.claim_window_slots > 0,
                "claim_window_slots must be positive",
                proving.claim_window_slots.to_string(),
            ),
            (
                proving.bond_min_gwei > 0,
                "bond_min_gwei must be positive",
                proving.bond_min_gwei.to_string(),
            ),
            (
                proving.proof_window_epochs > 0 && proving.stall_epochs > proving.proof_window_epochs,
                "stall_epochs must be more than proof_window_epochs, which must be positive",
                format!("{} and {}", proving.stall_epochs, proving.proof_window_epochs),
            ),
            (
                protocol.block_withdrawals_max <= protocol.block_txs_max,
                "block_withdrawals_max must be at most block_txs_max",
                protocol.block_withdrawals_max.to_string(),
            ),
            (
                proving.ring_blocks >= ring_min,
                "ring_blocks must be at least (proof_window_epochs + 2) * epoch_slots",
                proving.ring_blocks.to_string(),
            ),
            (
                proving.open_share_bps <= 10_000,
                "open_share_bps must be at most 10000",
                proving.open_share_bps.to_string(),
            ),
            (
                proving.client_profile == ClientProfile::Default || network.chain_id == 31_337,
                "client_profile = \"testing\" is only for chain 31337",
                network.chain_id.to_string(),
            ),
        ];
        for (holds, rule, found) in rules {
            if !holds {
                return Err(NetworkError::Relation { rule, found });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn devnet() -> &'static str {
        built_in("devnet").unwrap()
    }

    #[test]
    fn every_network_file_is_valid_and_named_after_itself() {
        for (name, text) in BUILT_IN {
            let config = NetworkConfig::parse(text).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(config.network.name, name);
        }
        assert_eq!(built_in("elsewhere"), None);
    }

    #[test]
    fn bad_files_are_refused_with_line_or_rule() {
        let cases = [
            ("committee_size = 16", "comittee_size = 16", "comittee_size"),
            ("slot_seconds = 4", "slot_seconds = \"four\"", "invalid type"),
            ("slot_seconds = 4", "slot_seconds = 2", "at least 3 L1 blocks"),
            (
                "entropy_lag_epochs = 1",
                "entropy_lag_epochs = 2",
                "set_lag_epochs > entropy_lag_epochs",
            ),
            ("block_txs_max = 8", "block_txs_max = 65", "block_txs_max"),
            (
                "exit_delay_seconds = 256",
                "exit_delay_seconds = 43",
                "vote delay",
            ),
            (
                "exit_delay_seconds = 256",
                "exit_delay_seconds = 191",
                "set_lag_epochs + 1",
            ),
            ("chain_id = 31337", "chain_id = 1\nx = 2", "unknown field"),
            ("quorum_signals = 5", "quorum_signals = 4", "quorum_signals"),
            ("stall_epochs = 8", "stall_epochs = 4", "stall_epochs"),
            (
                "claim_window_slots = 7",
                "claim_window_slots = 0",
                "claim_window_slots",
            ),
            (
                "bond_min_gwei = 1_000_000_000",
                "bond_min_gwei = 0",
                "bond_min_gwei",
            ),
            (
                "block_withdrawals_max = 2",
                "block_withdrawals_max = 9",
                "at most block_txs_max",
            ),
        ];
        for (from, to, expected) in cases {
            let text = devnet().replacen(from, to, 1);
            assert_ne!(text, devnet(), "{from} is not in the file");
            let error = NetworkConfig::parse(&text).unwrap_err().to_string();
            assert!(error.contains(expected), "{from} -> {to}: {error}");
        }
    }
}
