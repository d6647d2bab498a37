//! What the state machine is told.

use agoge_protocol::messages::{Attestation, Proposal, SignedProposal};
use agoge_protocol::rpc::Signal;
use agoge_protocol::sampling::Committee;
use agoge_protocol::{
    Address, B256, BlockHash, CompactSignature, Digest, Epoch, L1Block, L2BlockNumber, Slot,
};

use super::output::SignKind;
use crate::duties::MissReason;

/// Names a gossip message towards the network layer, which wants a verdict for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source(pub u64);

/// The tip to build on, judged by the time of the next L1 block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TipView {
    /// Its number.
    pub number: L2BlockNumber,
    /// Its slot; `None` before the first block.
    pub slot: Option<Slot>,
    /// Archive root after it.
    pub archive: Digest,
}

/// The chain as this node has applied it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainView {
    /// Last L1 block applied.
    pub head: L1Block,
    /// The tip after it.
    pub tip: TipView,
    /// Whether the state equals what L1 holds at `head`: caught up, and every block on L1 re-executed to its posted archive.
    pub is_synced: bool,
}

/// The quote that a publication of the claim window claims with its block: the cheapest that is valid, with a bond that L1 has confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The epoch that it offers to prove.
    pub epoch: Epoch,
    /// Last slot in which it may be claimed.
    pub valid_until: Slot,
    /// The claim as the block carries it.
    pub bundle: Vec<u8>,
    /// Its keccak, which the publication signs.
    pub bundle_hash: B256,
}

/// Why there is no block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the block could not be built")]
pub struct BuildFailed;

/// Why there is no signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature was refused")]
pub struct SignRefused;

/// Why a publication is not on L1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the block was not taken by L1")]
pub struct PublishFailed;

/// Something happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Time passed.
    Tick,
    /// L1 was followed a step, or the state was brought up to it.
    Chain(ChainView),
    /// A committee became known, or (`None`) an L1 reorg made it unknown.
    Committee {
        /// Its epoch.
        epoch: Epoch,
        /// Its members.
        committee: Option<Committee>,
    },
    /// A proposal came from the network.
    Proposal {
        /// The message.
        source: Source,
        /// What it says.
        proposal: Box<SignedProposal>,
    },
    /// An attestation came from the network.
    Attestation {
        /// The message.
        source: Source,
        /// What it says.
        attestation: Attestation,
    },
    /// The block asked for by `BuildBlock` is ready, or cannot be had.
    BlockBuilt {
        /// Its slot.
        slot: Slot,
        /// As asked.
        attempt: u8,
        /// The block.
        result: Result<Box<Proposal>, BuildFailed>,
    },
    /// The re-execution asked for by `Reexecute` ended.
    Reexecuted {
        /// The slot.
        slot: Slot,
        /// The block re-executed.
        block_hash: BlockHash,
        /// Whether everything was held and verified and gave the same block hash; otherwise why not.
        result: Result<(), MissReason>,
    },
    /// The signature asked for by `Sign` was made or refused.
    Signed {
        /// The key.
        attester: Address,
        /// The slot.
        slot: Slot,
        /// The kind of message.
        kind: SignKind,
        /// The signature.
        result: Result<CompactSignature, SignRefused>,
    },
    /// The transaction asked for by `Publish` ended. That it is in the chain is learned from [`Input::Chain`].
    Published {
        /// The slot.
        slot: Slot,
        /// Whether L1 took it.
        result: Result<(), PublishFailed>,
    },
    /// The best quote known, or (`None`) that there is none. A publication is never held back for it.
    Offer(Option<Box<Offer>>),
    /// What publications signal for from now on, checked at the L1 head; `None`: nothing. A publication is never held back for it.
    Signal(Option<Signal>),
    /// The operator switched a key's duties.
    DutiesSwitched {
        /// The key.
        attester: Address,
        /// On or off.
        is_on: bool,
    },
    /// The set of keys and whether their duties are on.
    Keys(Vec<(Address, bool)>),
}
