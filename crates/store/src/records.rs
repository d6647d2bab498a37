//! What is stored about blocks, L1 and tips: the types that go in and come out.

use agoge_protocol::chain::ClaimOutcome;
use agoge_protocol::{
    Address, B256, BlockHash, Deposit, Digest, Epoch, FreeFields, Header, L1Block, L1BlockNumber,
    L2BlockNumber, Slot, TxEffects, TxId,
};
use agoge_state_transition::StateDiff;
use borsh::{BorshDeserialize, BorshSerialize};

/// A block of the pending chain, without its transactions.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BlockRecord {
    /// Its header; `header.number` is the block's number.
    pub header: Header,
    /// Poseidon hash of the header: the block's leaf in the archive.
    pub header_hash: Digest,
    /// What its proposer chose; `free_fields.archive` is the archive root after the block.
    pub free_fields: FreeFields,
    /// Versioned hash of its blob.
    #[borsh(
        serialize_with = "agoge_protocol::signature::write_b256",
        deserialize_with = "agoge_protocol::signature::read_b256"
    )]
    pub blob_hash: B256,
    /// What the committee attested to.
    #[borsh(
        serialize_with = "agoge_protocol::signature::write_b256",
        deserialize_with = "agoge_protocol::signature::read_b256"
    )]
    pub block_hash: BlockHash,
    /// L1 block with the proposal.
    pub l1_block: L1BlockNumber,
}

/// A transaction of a block.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct MinedTx {
    /// Its id, when this node knew the transaction: a blob does not hold the anchor, so effects alone do not give the id.
    pub id: Option<TxId>,
    /// What the block keeps of it.
    pub effects: TxEffects,
}

/// Where a transaction was mined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct MinedAt {
    /// The block.
    pub number: L2BlockNumber,
    /// Position in the block, from 0.
    pub position: u16,
}

/// A block with everything that applying it changes.
#[derive(Clone, Debug)]
pub struct AppliedBlock {
    /// The block.
    pub record: BlockRecord,
    /// Its transactions, in order. Those with an id that are queued leave the queue.
    pub txs: Vec<MinedTx>,
    /// Tree changes, made over the parent's state.
    pub diff: StateDiff,
}

/// Ends of the chain. Block 0 stands for the state before the first block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Tips {
    /// Last block accepted by L1.
    pub pending: L2BlockNumber,
    /// Last block covered by a proof.
    pub proven: L2BlockNumber,
    /// Last block that was proven in a final L1 block.
    pub finalized: L2BlockNumber,
}

impl Default for Tips {
    fn default() -> Self {
        let genesis = L2BlockNumber::GENESIS;
        Self {
            pending: genesis,
            proven: genesis,
            finalized: genesis,
        }
    }
}

/// One change that an L1 block brings. Order matters: it is that of the logs.
#[derive(Clone, Debug)]
pub enum L1Change {
    /// A deposit entered the inbox.
    Deposit(Deposit),
    /// A block entered the pending chain.
    Block(Box<AppliedBlock>),
    /// The pending chain was cut back to a block, which stays.
    Prune {
        /// New pending tip.
        to: L2BlockNumber,
    },
    /// The proven tip moved.
    Proven {
        /// New proven tip.
        to: L2BlockNumber,
    },
    /// An epoch proof was accepted. The tip is moved by [`L1Change::Proven`].
    EpochProof(EpochProof),
    /// An epoch was claimed, or its claim replaced.
    Claimed(EpochClaim),
    /// A claim got its deadline.
    ClaimDeadline {
        /// The claimed epoch.
        epoch: Epoch,
        /// First slot in which the claimant can no longer deliver.
        deadline: Slot,
    },
    /// A claim came to its end.
    ClaimEnd {
        /// The claimed epoch.
        epoch: Epoch,
        /// How.
        end: ClaimEnd,
    },
    /// The seed of an epoch is known.
    Seed {
        /// The epoch.
        epoch: Epoch,
        /// Its seed.
        seed: B256,
    },
    /// The Registry got an entry.
    Instance {
        /// The Rollup.
        instance: Address,
        /// First epoch at which it is canonical.
        activation: Epoch,
    },
}

/// An accepted epoch proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct EpochProof {
    /// Epoch of the blocks.
    pub epoch: Epoch,
    /// Who is paid for them.
    #[borsh(
        serialize_with = "agoge_protocol::signature::write_address",
        deserialize_with = "agoge_protocol::signature::read_address"
    )]
    pub prover: Address,
    /// First block of the proof.
    pub from: L2BlockNumber,
    /// Last block of the proof.
    pub to: L2BlockNumber,
    /// First block that it settled; `to + 1` if all were proven before.
    pub settled_from: L2BlockNumber,
    /// L1 block that took it.
    pub l1_block: L1BlockNumber,
}

/// A claimed epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct EpochClaim {
    /// The epoch.
    pub epoch: Epoch,
    /// The claimant.
    #[borsh(
        serialize_with = "agoge_protocol::signature::write_address",
        deserialize_with = "agoge_protocol::signature::read_address"
    )]
    pub prover: Address,
    /// Its share of the fees.
    pub basis_point_fee: u16,
    /// Its bond, wei.
    pub bond_wei: u128,
    /// EIP-712 digest of its quote.
    #[borsh(
        serialize_with = "agoge_protocol::signature::write_b256",
        deserialize_with = "agoge_protocol::signature::read_b256"
    )]
    pub quote_digest: B256,
    /// L1 block with the claim.
    pub l1_block: L1BlockNumber,
    /// First slot in which the claimant can no longer deliver; unknown until the epoch before is proven.
    pub deadline: Option<Slot>,
    /// Its end.
    pub end: Option<ClaimEnd>,
}

/// How a claim ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ClaimEnd {
    /// How.
    pub outcome: ClaimOutcome,
    /// What the claimant lost, wei.
    pub slashed_wei: u128,
    /// What of it went to other provers, wei.
    pub rescued_wei: u128,
    /// L1 block that settled it.
    pub l1_block: L1BlockNumber,
}

/// An L1 block and all it changes: stored at once or not at all.
#[derive(Clone, Debug)]
pub struct L1Step {
    /// The block; it follows the recorded head.
    pub block: L1Block,
    /// Its changes, in log order; at most [`crate::L1_CHANGES_MAX`].
    pub changes: Vec<L1Change>,
}

/// A recorded L1 block and where the chain stood after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct L1Record {
    /// The block.
    pub block: L1Block,
    /// Pending tip after it.
    pub pending: L2BlockNumber,
    /// Proven tip after it.
    pub proven: L2BlockNumber,
    /// Deposits in the inbox after it.
    pub inbox_count: u64,
}

/// What a step or a rollback changed for those who wait for transactions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepOutcome {
    /// The tips as they are.
    pub tips: Tips,
    /// Transactions that left the queue for a block, in order.
    pub mined: Vec<TxId>,
    /// Transactions of unwound blocks that are queued again, in order.
    pub requeued: Vec<TxId>,
}

impl StepOutcome {
    /// Adds what a further step did.
    pub(crate) fn absorb(&mut self, further: Self) {
        self.tips = further.tips;
        self.mined.extend(further.mined);
        self.requeued.extend(further.requeued);
    }
}

/// An entry of the Registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct InstanceEntry {
    /// The Rollup.
    #[borsh(
        serialize_with = "agoge_protocol::signature::write_address",
        deserialize_with = "agoge_protocol::signature::read_address"
    )]
    pub instance: Address,
    /// First epoch at which it is canonical.
    pub activation: Epoch,
}
