//! The chain as L1 tells it: blocks by parent hash, our contracts' events in order, reorgs as ordinary input.

use alloy_primitives::{Address, B256};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{BlockHash, Deposit, Epoch, FreeFields, L1BlockNumber, L2BlockNumber};

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
    /// The proven tip moved.
    Proven {
        /// The new proven tip.
        to: L2BlockNumber,
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
