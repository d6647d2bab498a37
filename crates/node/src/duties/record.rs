//! The words of the duty log.

use agoge_protocol::{Address, BlockHash, L2BlockNumber, Slot};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::Serialize;

/// What a validator owed.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize, Serialize,
)]
#[serde(rename_all = "snake_case")]
pub enum DutyKind {
    /// To build, collect and publish the slot's block.
    Propose,
    /// To attest to the slot's block.
    Attest,
}

/// One duty of one validator in one slot.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
pub struct DutyRecord {
    /// Whose.
    #[borsh(
        serialize_with = "agoge_protocol::signature::write_address",
        deserialize_with = "agoge_protocol::signature::read_address"
    )]
    pub attester: Address,
    /// When.
    pub slot: Slot,
    /// What.
    pub kind: DutyKind,
    /// What came of it.
    pub outcome: DutyOutcome,
}

/// What came of a duty.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize)]
#[serde(rename_all = "snake_case")]
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
        /// To this block.
        #[borsh(
            serialize_with = "agoge_protocol::signature::write_b256",
            deserialize_with = "agoge_protocol::signature::read_b256"
        )]
        block_hash: BlockHash,
    },
    /// The duty was not done.
    Missed {
        /// Why.
        reason: MissReason,
    },
}

/// Why a duty was not done.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum MissReason {
    /// The key's duties were switched off, by the operator or because it signs elsewhere too.
    #[error("duties of this key are switched off")]
    DutiesOff,
    /// The L1 head is too old to judge the slot by.
    #[error("the L1 head is {age_seconds} s old")]
    StaleL1 {
        /// Its age.
        age_seconds: u64,
    },
    /// The node's state is not that of the L1 head.
    #[error("the node was not synced to L1")]
    NotSynced,
    /// Another node signed a proposal for the slot with the same key.
    #[error("another node signed a proposal with the same key")]
    SignedElsewhere,
    /// No proposal arrived in time.
    #[error("no proposal arrived in time")]
    NoProposal,
    /// The proposal builds on something that is not the tip.
    #[error("the proposal's parent is not the tip")]
    WrongParent,
    /// Transactions of the proposal could not be had.
    #[error("{count} transactions of the proposal could not be had")]
    MissingTxs {
        /// How many.
        count: u16,
    },
    /// A transaction of the proposal is invalid.
    #[error("a transaction of the proposal is invalid")]
    InvalidTx,
    /// Re-execution gave another block.
    #[error("re-execution gave another block")]
    BlockHashMismatch,
    /// The block could not be built or re-executed in time.
    #[error("the block was not ready in time")]
    TooSlow,
    /// The signing guard refused.
    #[error("the signing guard refused")]
    GuardRefused,
    /// The slot ended with too few attestations.
    #[error("{found} attestations, {needed} needed")]
    TooFewAttestations {
        /// Valid ones.
        found: u16,
        /// The threshold.
        needed: u16,
    },
    /// The tip changed under the signed block.
    #[error("the tip changed after the block was signed")]
    TipChanged,
    /// The transaction to L1 failed, reverted or was too late.
    #[error("the block was not taken by L1 in its slot")]
    NotPublished,
}
