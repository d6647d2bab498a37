//! The chain as L1 tells it: blocks by parent hash, our contracts' events in order, reorgs as ordinary input.

use alloy_primitives::{Address, B256};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{BlockHash, Deposit, Digest, Epoch, FreeFields, L1BlockNumber, L2BlockNumber, Slot};

/// An L1 block as its header tells it. The hash is taken from L1, never recomputed from a struct.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct L1Block {
    /// Number.
    pub number: L1BlockNumber,
    /// Hash.
    #[borsh(
        serialize_with = "crate::signature::write_b256",
        deserialize_with = "crate::signature::read_b256"
    )]
    pub hash: B256,
    /// Parent's hash.
    #[borsh(
        serialize_with = "crate::signature::write_b256",
        deserialize_with = "crate::signature::read_b256"
    )]
    pub parent_hash: B256,
    /// Unix seconds.
    pub time: u64,
    /// The block's randomness.
    #[borsh(
        serialize_with = "crate::signature::write_b256",
        deserialize_with = "crate::signature::read_b256"
    )]
    pub prevrandao: B256,
}

/// A block as L1 has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posted {
    /// What its proposer chose.
    pub free_fields: FreeFields,
    /// Versioned hash of its blob.
    pub blob_hash: B256,
    /// What L1 stored, and the committee attested to.
    pub block_hash: BlockHash,
}

/// An event of one of our contracts, decoded and checked.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub enum L1Event {
    /// A block entered the pending chain.
    BlockProposed {
        /// Its number.
        number: L2BlockNumber,
        /// What the proposer chose.
        free_fields: FreeFields,
        /// Versioned hash of its blob.
        #[borsh(
            serialize_with = "crate::signature::write_b256",
            deserialize_with = "crate::signature::read_b256"
        )]
        blob_hash: B256,
        /// Keccak of both.
        #[borsh(
            serialize_with = "crate::signature::write_b256",
            deserialize_with = "crate::signature::read_b256"
        )]
        block_hash: BlockHash,
    },
    /// The pending chain was cut back.
    Pruned {
        /// The new pending tip.
        to: L2BlockNumber,
    },
    /// An epoch proof was accepted. The proven tip is at least `to` then; it moved if `settled_from <= to`.
    Proven {
        /// Epoch of the blocks.
        epoch: Epoch,
        /// Who is paid for them.
        #[borsh(
            serialize_with = "crate::signature::write_address",
            deserialize_with = "crate::signature::read_address"
        )]
        prover: Address,
        /// First block of the proof.
        from: L2BlockNumber,
        /// Last block of the proof.
        to: L2BlockNumber,
        /// First block that it settled; `to + 1` if all were proven before.
        settled_from: L2BlockNumber,
        /// Archive root after block `to`.
        end_archive: Digest,
    },
    /// An epoch was claimed for a quote, or its claim replaced by a cheaper one.
    EpochClaimed {
        /// The epoch.
        epoch: Epoch,
        /// The claimant.
        #[borsh(
            serialize_with = "crate::signature::write_address",
            deserialize_with = "crate::signature::read_address"
        )]
        prover: Address,
        /// Its share of the fees.
        basis_point_fee: u16,
        /// The bond that is locked, wei.
        bond_wei: u128,
        /// EIP-712 digest of the quote.
        #[borsh(
            serialize_with = "crate::signature::write_b256",
            deserialize_with = "crate::signature::read_b256"
        )]
        quote_digest: B256,
    },
    /// The epoch before a claimed one is proven, so the claimant knows how long it has.
    ClaimDeadlineSet {
        /// The claimed epoch.
        epoch: Epoch,
        /// First slot in which it can no longer deliver.
        deadline: Slot,
    },
    /// A claim came to its end.
    ClaimSettled {
        /// The claimed epoch.
        epoch: Epoch,
        /// The claimant.
        #[borsh(
            serialize_with = "crate::signature::write_address",
            deserialize_with = "crate::signature::read_address"
        )]
        prover: Address,
        /// How.
        outcome: ClaimOutcome,
        /// What the claimant lost, wei.
        slashed_wei: u128,
        /// What of it went to other provers, wei.
        rescued_wei: u128,
    },
    /// A deposit entered the inbox.
    Deposited(Deposit),
    /// An epoch's committee was stored.
    EpochSetUp {
        /// The epoch.
        epoch: Epoch,
        /// Its seed.
        #[borsh(
            serialize_with = "crate::signature::write_b256",
            deserialize_with = "crate::signature::read_b256"
        )]
        seed: B256,
    },
    /// The Registry got an entry.
    InstanceAdded {
        /// The Rollup.
        #[borsh(
            serialize_with = "crate::signature::write_address",
            deserialize_with = "crate::signature::read_address"
        )]
        instance: Address,
        /// First epoch at which it is canonical.
        activation: Epoch,
    },
}

impl L1Event {
    /// The block that the event appends, with its number.
    pub fn posted(&self) -> Option<(L2BlockNumber, Posted)> {
        match *self {
            Self::BlockProposed {
                number,
                free_fields,
                blob_hash,
                block_hash,
            } => {
                let posted = Posted {
                    free_fields,
                    blob_hash,
                    block_hash,
                };
                Some((number, posted))
            }
            _ => None,
        }
    }
}

/// How a claim ended.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum ClaimOutcome {
    /// The claimant proved the whole epoch in time.
    Delivered,
    /// It did not, and lost its bond.
    Defaulted,
    /// The epoch could not be proven because one before it was not: the bond is free.
    Released,
}

/// One step of the L1 chain as a node sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChainEvent {
    /// The next block; its parent is the last block reported.
    Extended {
        /// The block.
        block: L1Block,
        /// Our events in it, in log order.
        events: Vec<L1Event>,
    },
    /// Blocks after `to` are no longer part of L1.
    RolledBack {
        /// The last block that still is.
        to: L1Block,
    },
}
