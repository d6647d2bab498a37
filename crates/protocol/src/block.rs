//! What a block is on L1: its free fields and one blob.

use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_sol_types::SolValue;
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{Digest, Slot};

/// Number of an L2 block; the first is 1.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(transparent)]
pub struct L2BlockNumber(u64);

impl L2BlockNumber {
    /// The state before the first block.
    pub const GENESIS: Self = Self(0);

    /// Wraps a plain number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }
    /// The plain number.
    pub const fn get(self) -> u64 {
        self.0
    }
    /// The number after; saturates.
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
    /// The number before; `None` at genesis.
    pub fn previous(self) -> Option<Self> {
        self.0.checked_sub(1).map(Self)
    }
}

impl core::fmt::Display for L2BlockNumber {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}

/// Keccak of the parent's archive, the free fields, the inbox hash and the blob hash (`docs/protocol.md` section 8): what committee members attest to.
pub type BlockHash = B256;

/// The fields of a block that its proposer chooses; everything else follows from parent, inbox and blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct FreeFields {
    /// Slot the block is for.
    pub slot: Slot,
    /// L1 address credited with the block's fees once proven.
    #[borsh(
        serialize_with = "crate::signature::write_address",
        deserialize_with = "crate::signature::read_address"
    )]
    pub fee_recipient: Address,
    /// Number of inbox deposits consumed up to and including this block.
    pub inbox_end: u64,
    /// Archive root after this block's header.
    pub archive: Digest,
}

impl FreeFields {
    /// The hash that is attested to and stored on L1. `parent_archive` is the archive root after the parent, so that attestations are worth
    /// nothing on another parent. `inbox_hash` is the rolling hash of the inbox up to `inbox_end`
    /// ([`crate::Deposit::inbox_hash`] of the last consumed deposit, zero for none), so that a block built on deposits that an L1 reorg
    /// replaced is worthless.
    pub fn block_hash(&self, parent_archive: Digest, inbox_hash: B256, blob_hash: B256) -> BlockHash {
        keccak256(
            (
                parent_archive.to_b256(),
                U256::from(self.slot.get()),
                self.fee_recipient,
                U256::from(self.inbox_end),
                inbox_hash,
                self.archive.to_b256(),
                blob_hash,
            )
                .abi_encode(),
        )
    }
}
