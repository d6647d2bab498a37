//! Wire types of the node's JSON-RPC (`docs/interface.md`), shared by the server and by wallets.
//!
//! Field names are snake_case; numbers are JSON numbers; gwei amounts are decimal strings ([`decimal`]); digests, hashes and byte strings are
//! 0x hex. Answers may gain fields in later versions, so readers ignore unknown ones.

mod governance;
mod proving;

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use crate::network::ClientProfile;
use crate::{
    BlockHash, Ciphertext, Deposit, Digest, Epoch, Header, L1BlockNumber, L2BlockNumber, Slot, TxEffects,
    TxId,
};

pub use governance::{
    ProposalState, RpcGovernance, RpcNodeSignal, RpcProposal, RpcRound, RpcSignals, Signal,
};
pub use proving::{EPOCHS_RANGE_MAX, QuoteRejection, RpcClaim, RpcEpoch, RpcEpochProof, RpcQuote};

/// Blocks or headers that one `agoge_getBlocks` may ask for.
pub const BLOCKS_RANGE_MAX: u64 = 256;
/// Blocks whose effects one `agoge_getEffectsRange` may ask for.
pub const EFFECTS_RANGE_MAX: u64 = 64;
/// Records that one `agoge_duties` may ask for.
pub const DUTIES_MAX: u64 = 1_024;
/// Bytes of one request body.
pub const REQUEST_BYTES_MAX: u32 = 1 << 20;
/// Bytes of one answer: the largest range of full blocks fits.
pub const RESPONSE_BYTES_MAX: u32 = 8 << 20;
/// Calls of one batch.
pub const BATCH_CALLS_MAX: u32 = 20;

/// Gwei as a decimal string, so that no JSON reader rounds it.
pub mod decimal {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes the decimal digits.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    /// Reads decimal digits without sign, blanks or leading zeros.
    ///
    /// # Errors
    /// Any other text.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = String::deserialize(deserializer)?;
        let is_plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
        match text.parse() {
            Ok(value) if is_plain => Ok(value),
            _ => Err(D::Error::custom(format_args!(
                "{text:?} is no decimal number below 2^64"
            ))),
        }
    }
}

/// Answer of `agoge_nodeInfo`: which network this is and what a wallet must know to build a transaction for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeInfo {
    /// Version of the program.
    pub version: String,
    /// Network name.
    pub network: String,
    /// L1 chain id.
    pub chain_id: u64,
    /// The instance's number: its place in the Registry's list, from 1.
    pub instance: u32,
    /// The instance's Rollup contract, where deposits go too.
    pub rollup: Address,
    /// Version of the Rollup contract.
    pub rollup_version: u64,
    /// Genesis id of the instance.
    pub genesis_id: Digest,
    /// Unix seconds.
    pub genesis_time: u64,
    /// Seconds a slot.
    pub slot_seconds: u64,
    /// Slots an epoch.
    pub epoch_slots: u64,
    /// Circuit parameters that client proofs must use.
    pub client_profile: ClientProfile,
    /// Least fee of a transaction, gwei.
    #[serde(with = "decimal")]
    pub tx_fee_min_gwei: u64,
    /// This node's peer id.
    pub peer_id: String,
}

/// Where an instance stands by the Registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstanceState {
    /// Not canonical yet.
    Idle,
    /// Canonical.
    Active,
    /// Another took its place; its last epochs are still proven.
    Superseded,
    /// The node does not know such an instance, or has not looked at it yet: `reason` says which.
    Unknown,
}

/// An entry of `agoge_instances`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RpcInstance {
    /// Its place in the Registry's list, from 1.
    pub number: u32,
    /// Its Rollup contract.
    pub rollup: Address,
    /// First epoch in which it is canonical.
    pub activation_epoch: Epoch,
    /// Where it stands.
    pub state: InstanceState,
    /// Whether it is the one that is canonical now, be it known or not.
    pub is_canonical: bool,
    /// Its genesis id, once the node has read it.
    pub genesis_id: Option<Digest>,
    /// Version of the Rollup contract, once the node has read it.
    pub rollup_version: Option<u64>,
    /// Why the node does not run it; `null` while it does.
    pub reason: Option<String>,
}

/// A point of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tip {
    /// Block number; 0 is genesis.
    pub number: L2BlockNumber,
    /// Slot of the block; `null` at genesis.
    pub slot: Option<Slot>,
    /// Archive root after the block.
    pub archive: Digest,
    /// Note tree root after the block.
    pub note_root: Digest,
    /// Leaves of the note tree after the block.
    pub note_count: u64,
    /// Nullifier tree root after the block.
    pub nullifier_root: Digest,
    /// Leaves of the nullifier tree after the block.
    pub nullifier_count: u64,
    /// Inbox deposits consumed so far.
    pub inbox_end: u64,
}

/// An L1 block the node has applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct L1Head {
    /// Number.
    pub number: L1BlockNumber,
    /// Hash.
    pub hash: B256,
    /// Unix seconds.
    pub time: u64,
}

/// Answer of `agoge_tips`, all from one snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tips {
    /// Last block accepted by L1.
    pub pending: Tip,
    /// Last block covered by a proof.
    pub proven: Tip,
    /// Last proven block whose L1 block is final.
    pub finalized: Tip,
    /// The L1 block that this is as of; `null` before the first.
    pub l1: Option<L1Head>,
}

/// How far a block has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finality {
    /// On L1, not proven: it may still be pruned.
    Pending,
    /// Covered by a proof.
    Proven,
    /// Proven, and the L1 block is final.
    Finalized,
}

/// Answer of `agoge_getHeader`: a header, its amounts as decimal strings, and its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RpcHeader {
    /// `H(HEADER; ...)`, as the node computed it.
    pub hash: Digest,
    /// The instance's genesis id.
    pub genesis_id: Digest,
    /// Block number, from 1.
    pub number: L2BlockNumber,
    /// Slot of the block.
    pub slot: Slot,
    /// Unix seconds.
    pub timestamp: u64,
    /// Archive root before this header.
    pub parent_archive: Digest,
    /// Note tree root after the block.
    pub note_root: Digest,
    /// Leaves of the note tree after the block.
    pub note_count: u64,
    /// Nullifier tree root after the block.
    pub nullifier_root: Digest,
    /// Leaves of the nullifier tree after the block.
    pub nullifier_count: u64,
    /// Inbox deposits consumed up to and including the block.
    pub inbox_end: u64,
    /// Accumulator over consumed deposits and withdrawals.
    pub settlement_hash: Digest,
    /// Accumulator over transaction effects.
    pub effects_hash: Digest,
    /// L1 address credited with the fees.
    pub fee_recipient: Address,
    /// Sum of fees, gwei.
    #[serde(with = "decimal")]
    pub total_fees: u64,
    /// Number of transactions.
    pub tx_count: u64,
}

impl RpcHeader {
    /// A header as it is answered, with the hash that the node keeps for it.
    pub fn new(header: &Header, hash: Digest) -> Self {
        Self {
            hash,
            genesis_id: header.genesis_id,
            number: header.number,
            slot: header.slot,
            timestamp: header.timestamp,
            parent_archive: header.parent_archive,
            note_root: header.note_root,
            note_count: header.note_count,
            nullifier_root: header.nullifier_root,
            nullifier_count: header.nullifier_count,
            inbox_end: header.inbox_end,
            settlement_hash: header.settlement_hash,
            effects_hash: header.effects_hash,
            fee_recipient: header.fee_recipient,
            total_fees: header.total_fees,
            tx_count: header.tx_count,
        }
    }

    /// The header without its claimed hash, so that a reader can hash it itself.
    pub const fn header(&self) -> Header {
        Header {
            genesis_id: self.genesis_id,
            number: self.number,
            slot: self.slot,
            timestamp: self.timestamp,
            parent_archive: self.parent_archive,
            note_root: self.note_root,
            note_count: self.note_count,
            nullifier_root: self.nullifier_root,
            nullifier_count: self.nullifier_count,
            inbox_end: self.inbox_end,
            settlement_hash: self.settlement_hash,
            effects_hash: self.effects_hash,
            fee_recipient: self.fee_recipient,
            total_fees: self.total_fees,
            tx_count: self.tx_count,
        }
    }
}

/// Answer of `agoge_getBlock`, element of `agoge_getBlocks`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RpcBlock {
    /// The header.
    pub header: RpcHeader,
    /// What the committee attested to.
    pub block_hash: BlockHash,
    /// Versioned hash of the blob.
    pub blob_hash: B256,
    /// Archive root after the block.
    pub archive: Digest,
    /// L1 block with the proposal.
    pub l1_block: L1BlockNumber,
    /// How far the block has come.
    pub finality: Finality,
}

/// A deposit as it is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RpcDeposit {
    /// Position in the inbox, from 0.
    pub index: u64,
    /// `H(PARTIAL; pk, r)`.
    pub partial: Digest,
    /// Gwei.
    #[serde(with = "decimal")]
    pub value: u64,
    /// 91 bytes.
    pub ciphertext: Ciphertext,
    /// L1 time of the deposit, Unix seconds.
    pub time: u64,
    /// Rolling hash of the inbox up to and including this deposit.
    pub inbox_hash: B256,
}

impl From<&Deposit> for RpcDeposit {
    fn from(deposit: &Deposit) -> Self {
        Self {
            index: deposit.index,
            partial: deposit.partial,
            value: deposit.value,
            ciphertext: deposit.ciphertext,
            time: deposit.time,
            inbox_hash: deposit.inbox_hash,
        }
    }
}

impl From<&RpcDeposit> for Deposit {
    fn from(deposit: &RpcDeposit) -> Self {
        Self {
            index: deposit.index,
            partial: deposit.partial,
            value: deposit.value,
            ciphertext: deposit.ciphertext,
            time: deposit.time,
            inbox_hash: deposit.inbox_hash,
        }
    }
}

/// A public withdrawal as it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RpcWithdrawal {
    /// Gwei.
    #[serde(with = "decimal")]
    pub amount: u64,
    /// Who may pull it on L1.
    pub recipient: Address,
}

/// What a block keeps of a transaction, as it is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RpcTxEffects {
    /// Nullifiers of both inputs.
    pub nullifiers: [Digest; 2],
    /// Commitments of both outputs.
    pub commitments: [Digest; 2],
    /// Gwei.
    #[serde(with = "decimal")]
    pub fee: u64,
    /// `null` when nothing is withdrawn.
    pub withdrawal: Option<RpcWithdrawal>,
    /// One for each output.
    pub ciphertexts: [Ciphertext; 2],
}

impl From<&TxEffects> for RpcTxEffects {
    fn from(effects: &TxEffects) -> Self {
        let withdrawal = effects.withdrawal;
        Self {
            nullifiers: effects.nullifiers,
            commitments: effects.commitments,
            fee: effects.fee,
            withdrawal: (withdrawal.amount > 0).then_some(RpcWithdrawal {
                amount: withdrawal.amount,
                recipient: withdrawal.recipient,
            }),
            ciphertexts: effects.ciphertexts,
        }
    }
}

/// Answer of `agoge_getEffects`, element of `agoge_getEffectsRange`: all a wallet needs to scan a block.
///
/// Note leaves follow in this order from `first_note_index`: one for each deposit, then commitment 0 and 1 of each transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RpcEffects {
    /// Block number.
    pub number: L2BlockNumber,
    /// Slot of the block.
    pub slot: Slot,
    /// What the committee attested to; tells a scanner that a block was replaced.
    pub block_hash: BlockHash,
    /// Note tree root after the block.
    pub note_root: Digest,
    /// Leaf of the block's first note.
    pub first_note_index: u64,
    /// Deposits consumed by the block, in order.
    pub deposits: Vec<RpcDeposit>,
    /// Transactions of the block, in order.
    pub transactions: Vec<RpcTxEffects>,
}

/// Answer of `agoge_getTransactionStatus`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum TransactionStatus {
    /// In this node's mempool.
    Queued,
    /// In a block on L1 that is not proven.
    Mined {
        /// The block.
        number: L2BlockNumber,
    },
    /// In a proven block.
    Proven {
        /// The block.
        number: L2BlockNumber,
    },
    /// Left the mempool without being mined.
    Dropped {
        /// Why, as a stable word: `evicted`, `replaced`, `spent_elsewhere` or `anchor_gone`.
        reason: String,
        /// Why, in words.
        message: String,
    },
    /// This node has not seen it, or has forgotten it.
    Unknown,
}

/// Why `agoge_sendTransaction` refuses: the `data.code` of its error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TxRejection {
    /// The bytes are no canonical transaction.
    Malformed,
    /// Made for another instance.
    WrongGenesis,
    /// The fee is below the network's least.
    FeeTooLow,
    /// The ciphertexts do not hash to the public inputs' hash.
    CiphertextHash,
    /// The client proof does not verify.
    InvalidProof,
    /// The anchor is no note root of this chain.
    UnknownAnchor,
    /// An input is spent in a block.
    Spent,
    /// A queued transaction spends an input and pays as much or more.
    Conflict,
    /// Queued transactions that all pay more fill the pool.
    PoolFull,
    /// The same transaction is queued.
    AlreadyQueued,
}

impl TxRejection {
    /// All reasons, in the order of their codes.
    pub const ALL: [Self; 10] = [
        Self::Malformed,
        Self::WrongGenesis,
        Self::FeeTooLow,
        Self::CiphertextHash,
        Self::InvalidProof,
        Self::UnknownAnchor,
        Self::Spent,
        Self::Conflict,
        Self::PoolFull,
        Self::AlreadyQueued,
    ];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "AGOGE-TX-001",
            Self::WrongGenesis => "AGOGE-TX-002",
            Self::FeeTooLow => "AGOGE-TX-003",
            Self::CiphertextHash => "AGOGE-TX-004",
            Self::InvalidProof => "AGOGE-TX-005",
            Self::UnknownAnchor => "AGOGE-TX-006",
            Self::Spent => "AGOGE-TX-007",
            Self::Conflict => "AGOGE-TX-008",
            Self::PoolFull => "AGOGE-TX-009",
            Self::AlreadyQueued => "AGOGE-TX-010",
        }
    }

    /// The reason of a code, for a wallet that reads `data.code`.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }
}

/// Answer of `agoge_getNoteWitness`: that `commitment` is leaf `index` under `anchor`. The reader checks it by hashing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteWitness {
    /// The block whose note root is the anchor.
    pub number: L2BlockNumber,
    /// Note root.
    pub anchor: Digest,
    /// Whether that block is proven: only then no prune removes the anchor.
    pub is_proven: bool,
    /// Leaf.
    pub index: u64,
    /// Commitment at the leaf.
    pub commitment: Digest,
    /// 32 siblings, from the leaf up.
    pub siblings: Vec<Digest>,
}

/// Answer of `agoge_committee`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Committee {
    /// The epoch.
    pub epoch: Epoch,
    /// First slot of the epoch.
    pub first_slot: Slot,
    /// Last slot of the epoch.
    pub last_slot: Slot,
    /// Attester addresses by committee index; slot `first_slot + k` belongs to member `k mod length`.
    pub members: Vec<Address>,
}

/// Answer of `agoge_proposer`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposer {
    /// The slot.
    pub slot: Slot,
    /// Its start, Unix seconds.
    pub starts_at: u64,
    /// Attester address.
    pub attester: Address,
}

/// Element of `agoge_peers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Peer id.
    pub peer_id: String,
    /// Multiaddress it is reached at.
    pub address: String,
    /// Score; below zero it has misbehaved.
    pub score: i64,
}

/// What was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DutyKind {
    /// Build, collect and publish the slot's block.
    Propose,
    /// Attest to the slot's block.
    Attest,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum DutyOutcome {
    /// The block is on L1.
    Published {
        /// Its number.
        number: L2BlockNumber,
        /// Attestations it went with.
        attestations: u16,
    },
    /// The attestation was signed and sent.
    Attested {
        /// The block.
        block_hash: BlockHash,
    },
    /// Not done.
    Missed {
        /// Why, as a stable word such as `no_proposal` (`docs/interface.md`).
        reason: String,
        /// Why, in words.
        message: String,
    },
}

/// Element of `agoge_duties`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duty {
    /// The slot.
    pub slot: Slot,
    /// Whose duty.
    pub attester: Address,
    /// What was due.
    pub kind: DutyKind,
    /// What happened.
    #[serde(flatten)]
    pub outcome: DutyOutcome,
}

/// `data` of every error answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorData {
    /// Stable code, `AGOGE-...`.
    pub code: String,
    /// What to do, when there is something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The cap that was exceeded, for `AGOGE-RPC-005`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u64>,
}

/// Answer of `agoge_sendTransaction`.
pub type SendTransactionAnswer = TxId;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_plain_decimal_strings() {
        let withdrawal = RpcWithdrawal {
            amount: u64::MAX,
            recipient: Address::ZERO,
        };
        let json = serde_json::to_value(withdrawal).unwrap();
        assert_eq!(json["amount"], "18446744073709551615");
        assert_eq!(
            serde_json::from_value::<RpcWithdrawal>(json.clone()).unwrap(),
            withdrawal
        );
        for bad in ["", "05", "+5", "0x5", " 5", "18446744073709551616"] {
            let mut json = json.clone();
            json["amount"] = bad.into();
            assert!(serde_json::from_value::<RpcWithdrawal>(json).is_err(), "{bad}");
        }
    }

    #[test]
    fn rejection_codes_are_distinct_and_statuses_are_tagged() {
        let codes: std::collections::BTreeSet<_> = TxRejection::ALL.iter().map(|r| r.code()).collect();
        assert_eq!(codes.len(), TxRejection::ALL.len());
        assert_eq!(TxRejection::from_code("AGOGE-TX-007"), Some(TxRejection::Spent));
        let dropped = TransactionStatus::Dropped {
            reason: "evicted".into(),
            message: "full".into(),
        };
        let json = serde_json::to_string(&dropped).unwrap();
        assert_eq!(
            json,
            r#"{"status":"dropped","reason":"evicted","message":"full"}"#
        );
        let duty = Duty {
            slot: Slot::new(3),
            attester: Address::ZERO,
            kind: DutyKind::Attest,
            outcome: DutyOutcome::Missed {
                reason: "no_proposal".into(),
                message: "late".into(),
            },
        };
        let json = serde_json::to_string(&duty).unwrap();
        assert!(
            json.ends_with(r#""kind":"attest","outcome":"missed","reason":"no_proposal","message":"late"}"#),
            "{json}"
        );
        assert_eq!(serde_json::from_str::<Duty>(&json).unwrap(), duty);
    }

    #[test]
    fn header_survives_the_wire() {
        let header = Header {
            genesis_id: Digest::ZERO,
            number: L2BlockNumber::new(1),
            slot: Slot::new(2),
            timestamp: 3,
            parent_archive: Digest::ZERO,
            note_root: Digest::ZERO,
            note_count: 4,
            nullifier_root: Digest::ZERO,
            nullifier_count: 5,
            inbox_end: 6,
            settlement_hash: Digest::ZERO,
            effects_hash: Digest::ZERO,
            fee_recipient: Address::repeat_byte(7),
            total_fees: 8,
            tx_count: 9,
        };
        let json = serde_json::to_string(&RpcHeader::new(&header, Digest::ZERO)).unwrap();
        assert_eq!(serde_json::from_str::<RpcHeader>(&json).unwrap().header(), header);
    }
}
