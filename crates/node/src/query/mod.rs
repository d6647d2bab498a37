//! What a running node answers and obeys: the seam between the node's actors and its JSON-RPC, admin and status surfaces.
//!
//! Reads are point look-ups in memory or in the store (at most a tree path), so they may be called on async threads. Commands go to
//! the actor concerned and wait for its answer. Nothing here is JSON: the RPC layer decides how a value is written.

mod node;

use core::future::Future;

use agoge_protocol::{
    Address, B256, Deposit, Digest, Epoch, Header, L1Block, L1BlockNumber, L2BlockNumber, SignedQuote, Slot,
    Transaction, TxEffects, TxId,
};
use agoge_store::{EpochClaim, EpochProof};

use crate::duties::DutyRecord;
use crate::mempool::{DropReason, RefuseReason};
use crate::quotes::{Kept, QuoteRefusal};

pub use node::{CommandError, Instances, NodeCommands, NotRunning};

/// Records that [`NodeQueries::duties`] returns at most.
pub const DUTIES_LIMIT_MAX: usize = 1_024;

/// What one instance of a running node answers. [`crate::runtime::InstanceHandle`] implements it; tests of the RPC layer bring a fake.
pub trait NodeQueries: Clone + Send + Sync + 'static {
    /// Identity of the node and its instance.
    fn node_info(&self) -> NodeInfo;

    /// The tips as of the last L1 block seen, judged by the next L1 block's time (a due prune shows as done).
    fn tips(&self) -> Tips;

    /// A block of the pending chain; `None` beyond the tip or before block 1.
    ///
    /// # Errors
    /// [`QueryError`].
    fn block(&self, number: L2BlockNumber) -> Result<Option<BlockView>, QueryError>;

    /// What a block did: consumed deposits and transaction effects, in order.
    ///
    /// # Errors
    /// [`QueryError`].
    fn effects(&self, number: L2BlockNumber) -> Result<Option<BlockEffects>, QueryError>;

    /// Offers a transaction: cheap checks, then its proof, then the pool and gossip.
    fn send_transaction(&self, tx: Transaction) -> impl Future<Output = Result<TxId, SendError>> + Send;

    /// What became of a transaction, as far as this node remembers.
    ///
    /// # Errors
    /// [`QueryError`].
    fn tx_status(&self, id: TxId) -> Result<TxStatus, QueryError>;

    /// A membership path for a commitment under the newest proven anchor that holds it, else under the pending tip.
    /// `None` when no block holds the commitment.
    ///
    /// # Errors
    /// [`QueryError`].
    fn note_witness(&self, commitment: Digest) -> Result<Option<NoteWitness>, QueryError>;

    /// The committee of an epoch.
    fn committee(&self, epoch: Epoch) -> impl Future<Output = Result<CommitteeView, CommitteeError>> + Send;

    /// The proposer of a slot.
    fn proposer(&self, slot: Slot) -> impl Future<Output = Result<Address, CommitteeError>> + Send;

    /// Quotes of an epoch, or all that are kept, cheapest first.
    fn quotes(&self, epoch: Option<Epoch>) -> Vec<Kept>;

    /// Offers a prover's quote: checked, kept, gossiped. Returns its digest.
    fn send_quote(&self, quote: SignedQuote) -> impl Future<Output = Result<B256, QuoteRefusal>> + Send;

    /// How far an epoch has come.
    ///
    /// # Errors
    /// [`QueryError`].
    fn epoch(&self, epoch: Epoch) -> Result<EpochView, QueryError>;

    /// Connected peers.
    fn peers(&self) -> Vec<PeerView>;

    /// Past duties, newest first, of one attester or of all; at most `limit` and [`DUTIES_LIMIT_MAX`].
    ///
    /// # Errors
    /// [`QueryError`].
    fn duties(&self, attester: Option<Address>, limit: usize) -> Result<Vec<DutyRecord>, QueryError>;
}

/// Identity of a node and of the instance it follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeInfo {
    /// Program version.
    pub version: &'static str,
    /// Network name.
    pub network: String,
    /// L1 chain id.
    pub chain_id: u64,
    /// The instance's number: its place in the Registry's list, from 1.
    pub instance: u32,
    /// The Rollup followed.
    pub rollup: Address,
    /// Version of the Rollup.
    pub rollup_version: u64,
    /// Its genesis id.
    pub genesis_id: Digest,
    /// Network genesis, Unix seconds.
    pub genesis_time: u64,
    /// Seconds of a slot.
    pub slot_seconds: u64,
    /// Slots of an epoch.
    pub epoch_slots: u64,
    /// Attester keys held, and whether their duties are on.
    pub attesters: Vec<(Address, bool)>,
    /// This node's peer id.
    pub peer_id: String,
}

/// A tip of the chain and the state under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tip {
    /// Block number, 0 before the first block.
    pub number: L2BlockNumber,
    /// Slot of that block; `None` before the first block.
    pub slot: Option<Slot>,
    /// Archive root after the block.
    pub archive: Digest,
    /// Note tree root.
    pub note_root: Digest,
    /// Notes in the tree.
    pub note_count: u64,
    /// Nullifier tree root.
    pub nullifier_root: Digest,
    /// Leaves of the nullifier tree.
    pub nullifier_count: u64,
    /// Deposits consumed.
    pub inbox_end: u64,
}

/// The chain's tips.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tips {
    /// On L1.
    pub pending: Tip,
    /// Proven on L1.
    pub proven: Tip,
    /// Proven, and deeper in L1 than any reorg this node would follow.
    pub finalized: Tip,
    /// The L1 block that this is as of.
    pub l1_head: Option<L1Block>,
}

/// A block and where L1 has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockView {
    /// Its header.
    pub header: Header,
    /// Poseidon hash of the header.
    pub header_hash: Digest,
    /// Archive root after it.
    pub archive: Digest,
    /// Keccak of free fields and blob hash.
    pub block_hash: B256,
    /// Versioned hash of its blob.
    pub blob_hash: B256,
    /// L1 block that carries it.
    pub l1_block: L1BlockNumber,
    /// Whether it is at or below the proven tip.
    pub is_proven: bool,
}

/// What a block did to the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockEffects {
    /// Its number.
    pub number: L2BlockNumber,
    /// Index in the note tree of the block's first note.
    pub first_note_index: u64,
    /// Deposits consumed, appended first.
    pub deposits: Vec<Deposit>,
    /// Transactions, in order.
    pub transactions: Vec<TxEffects>,
}

/// What became of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TxStatus {
    /// Never heard of, or forgotten.
    Unknown,
    /// Waits in the pool.
    Queued,
    /// In a block of the pending chain.
    Mined {
        /// That block.
        number: L2BlockNumber,
    },
    /// In a proven block.
    Proven {
        /// That block.
        number: L2BlockNumber,
    },
    /// No longer in the pool and not in a block.
    Dropped {
        /// Why.
        reason: DropReason,
    },
}

/// A membership path for a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteWitness {
    /// The note root that the path leads to.
    pub anchor: Digest,
    /// The block whose header has that root.
    pub block: L2BlockNumber,
    /// Whether that block is proven: only then the anchor survives any prune.
    pub is_proven: bool,
    /// Leaf index of the commitment.
    pub index: u64,
    /// Siblings from the leaf up, 32 of them.
    pub siblings: Vec<Digest>,
}

/// A committee as L1 will enforce it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitteeView {
    /// The epoch.
    pub epoch: Epoch,
    /// First slot of the epoch.
    pub first_slot: Slot,
    /// Attesters in committee order; slot `first_slot + k` belongs to member `k mod length`.
    pub members: Vec<Address>,
}

/// How far an epoch has come on L1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochView {
    /// The epoch.
    pub epoch: Epoch,
    /// Whether its last slot is over by the last L1 block seen.
    pub is_over: bool,
    /// Its first and its last block so far.
    pub blocks: Option<(L2BlockNumber, L2BlockNumber)>,
    /// Archive root after its last block.
    pub end_archive: Option<Digest>,
    /// Blocks of it that are proven.
    pub proven_blocks: u64,
    /// Its claim.
    pub claim: Option<EpochClaim>,
    /// Proofs that L1 took, in order.
    pub proofs: Vec<EpochProof>,
}

/// A connected peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerView {
    /// Peer id.
    pub id: String,
    /// Address it is reached at.
    pub address: String,
    /// Its score; below zero it has misbehaved.
    pub score: i64,
}

/// A read failed for a reason of the node's, not of the caller's.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The store cannot be read.
    #[error("the node's store cannot be read: {0}")]
    Storage(#[source] Box<dyn core::error::Error + Send + Sync>),
}

/// A transaction was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// It breaks a rule.
    #[error("refused: {0}")]
    Refused(#[from] RefuseReason),
    /// The node has too much to verify; try again.
    #[error("the node is busy verifying other transactions; try again")]
    Busy,
    /// The node is stopping.
    #[error("the node is stopping")]
    Stopping,
}

/// Why there is no committee to tell.
#[derive(Debug, thiserror::Error)]
pub enum CommitteeError {
    /// The epoch's set or seed is not fixed yet.
    #[error("the committee of epoch {epoch} is not fixed yet")]
    NotYetKnown {
        /// The epoch asked for.
        epoch: Epoch,
    },
    /// Fewer validators than seats: a clean halt of that epoch.
    #[error("epoch {epoch} has no committee: {found} validators for {needed} seats")]
    SetTooSmall {
        /// The epoch.
        epoch: Epoch,
        /// Validators in the set.
        found: usize,
        /// Seats.
        needed: usize,
    },
    /// L1 did not answer.
    #[error("L1 did not tell the set of epoch {epoch}: {source}")]
    L1 {
        /// The epoch.
        epoch: Epoch,
        /// Why.
        #[source]
        source: Box<dyn core::error::Error + Send + Sync>,
    },
}
