//! The nouns and rules of Agoge, without I/O: no async, clock, randomness, environment or file access.
//!
//! `docs/protocol.md` is the text these types implement. Constructors and decoders accept only valid values: an [`Element`] that exists is
//! canonical, a [`TxPublicInputs`] that exists is within its ranges. Everything that comes from a peer, L1 or a file enters through here.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

pub mod address;
pub mod block;
pub mod chain;
pub mod deployment;
pub mod eip712;
pub mod element;
pub mod epoch_proof;
pub mod equivocation;
pub mod exit;
pub mod header;
pub mod limits;
pub mod messages;
pub mod network;
pub mod note;
pub mod quote;
pub mod rpc;
pub mod sampling;
pub mod settlement;
pub mod signature;
pub mod time;
pub mod transaction;

pub use address::ShieldedAddress;
pub use alloy_primitives::{Address, B256, U256, keccak256};
pub use block::{BlockHash, FreeFields, L2BlockNumber};
pub use chain::{ChainEvent, L1Block, L1Event, Posted};
pub use deployment::Deployment;
pub use element::{Digest, Element, NotCanonical, address_limbs};
pub use epoch_proof::EpochPublicInputs;
pub use equivocation::Equivocation;
pub use header::Header;
pub use messages::{Attestation, Proposal, SignedProposal};
pub use network::NetworkConfig;
pub use note::Deposit;
pub use quote::{Quote, SignedQuote};
pub use settlement::SettlementList;
pub use signature::CompactSignature;
pub use time::{Epoch, Slot, Timing};
pub use transaction::{Ciphertext, Transaction, TxEffects, TxId, TxPublicInputs, Withdrawal};

/// L1 block number. Units: L1 blocks.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    borsh::BorshSerialize,
    borsh::BorshDeserialize,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(transparent)]
pub struct L1BlockNumber(u64);

impl L1BlockNumber {
    /// Wraps a block number as L1 reports it.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }
    /// The plain number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl core::fmt::Display for L1BlockNumber {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}
