//! Why a transaction or a block is refused.

use agoge_protocol::transaction::{MalformedTx, NullifierKey};
use agoge_protocol::{Digest, NotCanonical};

use crate::state::{NodeId, Tree};
use crate::tree::TreeError;

/// Why a transaction cannot be in a block on this state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TxRejection {
    /// Ranges or forms are broken.
    #[error(transparent)]
    Malformed(#[from] MalformedTx),
    /// The transaction is for another instance.
    #[error("genesis id is {found}, this instance has {expected}")]
    WrongGenesis {
        /// This instance's.
        expected: Digest,
        /// The transaction's.
        found: Digest,
    },
    /// The ciphertexts are not those that the proof is about.
    #[error("ciphertexts hash to {computed}, the public inputs say {claimed}")]
    CiphertextHash {
        /// Of the ciphertexts.
        computed: Digest,
        /// In the public inputs.
        claimed: Digest,
    },
    /// Below the network's minimum.
    #[error("fee is {found} gwei, the minimum is {minimum}")]
    FeeTooLow {
        /// The transaction's fee.
        found: u64,
        /// The network's minimum.
        minimum: u64,
    },
    /// No header of the parent's archive has this note root.
    #[error("anchor {anchor} is the note root of no block")]
    UnknownAnchor {
        /// The transaction's anchor.
        anchor: Digest,
    },
    /// An earlier block has a nullifier with this key.
    #[error("nullifier {nullifier} is spent")]
    NullifierSpent {
        /// The transaction's nullifier.
        nullifier: Digest,
    },
    /// An earlier transaction of the same block has a nullifier with this key.
    #[error("nullifier {nullifier} is in conflict with an earlier transaction of the block")]
    Conflict {
        /// The transaction's nullifier.
        nullifier: Digest,
    },
    /// The block has as many transactions as it may.
    #[error("the block has {limit} transactions already")]
    BlockFull {
        /// T.
        limit: usize,
    },
    /// The block has as many withdrawals as it may.
    #[error("the block has {limit} withdrawals already")]
    WithdrawalsFull {
        /// W.
        limit: usize,
    },
    /// The block's fees would reach 2^60.
    #[error("fee of {fee} gwei on top of {total} reaches 2^60")]
    FeeTotal {
        /// The transaction's.
        fee: u64,
        /// The block's so far.
        total: u64,
    },
}

impl TxRejection {
    /// Whether the transaction may still enter a later block, so that it stays queued.
    pub const fn is_about_this_block(&self) -> bool {
        matches!(
            self,
            Self::BlockFull { .. } | Self::WithdrawalsFull { .. } | Self::FeeTotal { .. }
        )
    }

    /// Whether whoever sent it must have known: the transaction was never valid on this instance.
    pub const fn is_senders_fault(&self) -> bool {
        matches!(
            self,
            Self::Malformed(_)
                | Self::WrongGenesis { .. }
                | Self::CiphertextHash { .. }
                | Self::FeeTooLow { .. }
        )
    }
}

/// Why a block could not be executed. `E` is the store's error.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExecutionError<E> {
    /// A read failed: nothing is known about the block.
    #[error("state: {0}")]
    State(#[source] E),
    /// The stored state contradicts itself: it must be rebuilt.
    #[error("stored state is inconsistent: {0}")]
    Inconsistent(Inconsistency),
    /// A transaction makes the block invalid.
    #[error("transaction {index}: {reason}")]
    Tx {
        /// Position in the block.
        index: usize,
        /// Why.
        #[source]
        reason: TxRejection,
    },
    /// A deposit is not the next one of the inbox.
    #[error("deposit has inbox index {found}, expected {expected}")]
    DepositOrder {
        /// The next index.
        expected: u64,
        /// The deposit's.
        found: u64,
    },
    /// A deposit's value is `>= 2^60`.
    #[error("deposit {index} has {value} gwei, the limit is 2^60 - 1")]
    DepositValue {
        /// Inbox index.
        index: u64,
        /// As given.
        value: u64,
    },
    /// More deposits than a block consumes.
    #[error("{found} deposits, the limit is {limit}")]
    TooManyDeposits {
        /// As given.
        found: usize,
        /// D.
        limit: usize,
    },
    /// A tree has no room for the block.
    #[error("the {tree:?} tree is full")]
    TreeFull {
        /// Which.
        tree: Tree,
    },
    /// A header field is not below the field modulus.
    #[error("header field {0}")]
    Header(#[source] NotCanonical),
}

/// How stored state contradicts itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Inconsistency {
    /// A node with leaves below it is not stored.
    #[error("node {0:?} is missing")]
    MissingNode(NodeId),
    /// No entry of the nullifier table is at or below a key, not even leaf 0.
    #[error("the nullifier table has no entry at or below {0:?}")]
    MissingLowLeaf(NullifierKey),
    /// An entry of the nullifier table does not enclose a key that is absent.
    #[error("entry {low:?} of the nullifier table does not lead past {key:?}")]
    BrokenOrder {
        /// Key of the entry found.
        low: NullifierKey,
        /// Key searched.
        key: NullifierKey,
    },
}

impl<E> From<TreeError<E>> for ExecutionError<E> {
    fn from(error: TreeError<E>) -> Self {
        match error {
            TreeError::Read(source) => Self::State(source),
            TreeError::MissingNode(id) => Self::Inconsistent(Inconsistency::MissingNode(id)),
        }
    }
}
