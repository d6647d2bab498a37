//! The steps of an epoch's stream, each with the paths of what it changes.

use agoge_protocol::limits::TREE_DEPTH;
use agoge_protocol::transaction::NullifierKey;
use agoge_protocol::{Address, Digest, Header, Slot, TxPublicInputs};
use borsh::{BorshDeserialize, BorshSerialize};

use crate::hash;
use crate::tree::{MerklePath, climb};

/// The path of an aligned pair of leaves: what stands beside the nodes above the pair. Its place follows from the tree's count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PairPath {
    /// Siblings at levels 1 to 31.
    pub siblings: [Digest; TREE_DEPTH - 1],
}

impl PairPath {
    /// The root above two leaves, the first at the even index below or at `index`.
    pub fn root(&self, index: u64, [left, right]: [Digest; 2]) -> Digest {
        climb(index >> 1, hash::node(left, right), &self.siblings)
    }
}

/// The entry of the nullifier tree below a key, and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct LowLeaf {
    /// Its key.
    pub key: NullifierKey,
    /// The next key above, zero for none.
    pub next_key: NullifierKey,
    /// Its path at the moment when it is changed.
    pub path: MerklePath,
}

/// A deposit is appended to the notes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct DepositStep {
    /// Of the note.
    pub partial: Digest,
    /// Gwei, `< 2^60`.
    pub value: u64,
    /// Where notes are appended.
    pub note_path: PairPath,
}

/// A transaction is applied.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct TransactionStep {
    /// What its client proof is about.
    pub inputs: TxPublicInputs,
    /// A header with the anchor as note root.
    pub anchor_header: Header,
    /// That header's path under the parent's archive.
    pub anchor_path: MerklePath,
    /// Where notes are appended.
    pub note_path: PairPath,
    /// Where nullifiers are appended: the odd leaf and, to its right, the leaf of nullifier 0.
    pub nullifier_path: PairPath,
    /// What is below nullifier 0, then what is below nullifier 1 once 0 is in.
    pub low_leaves: [LowLeaf; 2],
}

/// A block ends: odd leaves go into their trees, the header into the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BlockEndStep {
    /// Of the header.
    pub slot: Slot,
    /// Of the header.
    pub timestamp: u64,
    /// Of the header.
    #[borsh(
        serialize_with = "agoge_protocol::signature::write_address",
        deserialize_with = "agoge_protocol::signature::read_address"
    )]
    pub fee_recipient: Address,
    /// Where notes are appended.
    pub note_path: PairPath,
    /// Where nullifiers are appended.
    pub nullifier_path: PairPath,
    /// The header's siblings in the archive, lowest first.
    pub archive_siblings: [Digest; TREE_DEPTH],
}

/// One step of the stream of an epoch.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum StateStep {
    /// Before the block's transactions.
    Deposit(Box<DepositStep>),
    /// In the order of the block.
    Transaction(Box<TransactionStep>),
    /// Once for each block, empty ones too.
    BlockEnd(Box<BlockEndStep>),
}
