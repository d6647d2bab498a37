//! The words between the [`super::lane`] machine and the driver around it.

use agoge_protocol::{B256, U256};
use alloy::primitives::Bytes;
use borsh::{BorshDeserialize, BorshSerialize};

use super::fees::{FeePolicy, Fees, Market};
use super::request::{MinedTx, Purpose, SendOutcome};
use crate::revert::RevertReason;

/// A signed transaction.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Attempt {
    pub(super) purpose: Purpose,
    #[borsh(
        serialize_with = "agoge_protocol::signature::write_b256",
        deserialize_with = "agoge_protocol::signature::read_b256"
    )]
    pub(super) digest: B256,
    pub(super) deadline: Option<u64>,
    #[borsh(
        serialize_with = "agoge_protocol::signature::write_b256",
        deserialize_with = "agoge_protocol::signature::read_b256"
    )]
    pub(super) hash: B256,
    pub(super) nonce: u64,
    pub(super) fees: Fees,
    pub(super) is_blob: bool,
    pub(super) is_cancel: bool,
    #[borsh(serialize_with = "write_bytes", deserialize_with = "read_bytes")]
    pub(super) raw: Bytes,
}

fn write_bytes<W: std::io::Write>(bytes: &Bytes, writer: &mut W) -> std::io::Result<()> {
    bytes.as_ref().serialize(writer)
}

fn read_bytes<R: std::io::Read>(reader: &mut R) -> std::io::Result<Bytes> {
    Vec::deserialize_reader(reader).map(Bytes::from)
}

/// The request as the machine sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spec {
    pub(super) purpose: Purpose,
    pub(super) digest: B256,
    /// Blobs that it carries.
    pub(super) blobs: u64,
    pub(super) value: U256,
    pub(super) earliest: Option<u64>,
    pub(super) deadline: Option<u64>,
}

impl Spec {
    pub(super) const fn is_blob(&self) -> bool {
        self.blobs > 0
    }
}

/// The chain at one moment, from one endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Observation {
    /// Wall clock, Unix seconds.
    pub(super) now: u64,
    pub(super) head_number: u64,
    pub(super) head_time: u64,
    pub(super) market: Market,
    /// Transactions of the key in blocks.
    pub(super) nonce: u64,
    pub(super) balance: U256,
    /// Receipts of watched transactions: success and place.
    pub(super) receipts: Vec<(bool, MinedTx)>,
}

/// Result of the simulation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Simulated {
    Ok {
        gas_limit: u64,
    },
    Reverted(RevertReason),
    Refused(String),
    /// Could not be asked: tried again.
    Unknown,
}

/// What the endpoints said to a raw transaction, the best answer of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Taken, or known already.
    Accepted,
    /// The nonce is used: looked up by hash at the next observation.
    NonceTooLow,
    Underpriced,
    /// No answer, a full pool, or the account is busy with the other kind: tried again.
    Later,
    InsufficientFunds,
    Refused(String),
    WrongChain(String),
}

#[derive(Clone, Debug)]
pub(super) enum Input {
    Submit(Spec),
    Observed(Observation),
    Simulated(Simulated),
    Issued(Attempt),
    Answered { hash: B256, answer: Answer },
}

/// Why a transaction needs no more attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) enum Closing {
    Mined(MinedTx),
    Reverted(MinedTx),
    /// Its nonce was used by another transaction.
    Lost,
    /// Given up; may still be mined.
    Expired,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Output {
    Simulate,
    /// Sign, journal, then answer with `Issued`.
    Issue {
        nonce: u64,
        fees: Fees,
        gas_limit: u64,
        is_blob: bool,
        is_cancel: bool,
    },
    Broadcast {
        hash: B256,
        raw: Bytes,
    },
    Record {
        purpose: Purpose,
        digest: B256,
        nonce: u64,
        closing: Closing,
    },
    Done(SendOutcome),
}

/// Numbers of the network that matter here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) l1_slot_seconds: u64,
    pub(super) reorg_depth: u64,
    pub(super) fees: FeePolicy,
}

impl Limits {
    /// L1 blocks without inclusion before a replacement: a slot has few blocks in which its blob is of use.
    pub(super) const fn bump_blocks(is_blob: bool) -> u64 {
        if is_blob { 1 } else { 3 }
    }

    /// The least time that the next L1 block can have.
    pub(super) fn next_time(&self, seen: &Observation) -> u64 {
        seen.head_time.saturating_add(self.l1_slot_seconds)
    }

    /// Whether no L1 block to come can have a time before the deadline.
    pub(super) fn is_over(&self, deadline: Option<u64>, seen: &Observation) -> bool {
        deadline.is_some_and(|deadline| self.next_time(seen).max(seen.now) >= deadline)
    }
}

impl Observation {
    pub(super) fn receipt(&self, hash: B256) -> Option<(bool, MinedTx)> {
        self.receipts.iter().find(|(_, tx)| tx.hash == hash).copied()
    }
}
