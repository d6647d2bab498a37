//! Why a transaction is refused or dropped.

use agoge_protocol::{Digest, L2BlockNumber, TxId};
use agoge_state_transition::TxRejection;
use borsh::{BorshDeserialize, BorshSerialize};

/// Why a transaction is not taken into the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefuseReason {
    /// For another instance.
    #[error("genesis id is {found}, this network's is {expected}")]
    WrongGenesis {
        /// This instance's.
        expected: Digest,
        /// The transaction's.
        found: Digest,
    },
    /// The fee is below the network's minimum.
    #[error("fee is {found} gwei, the minimum is {minimum}")]
    FeeTooLow {
        /// Least fee, gwei.
        minimum: u64,
        /// The transaction's fee, gwei.
        found: u64,
    },
    /// The ciphertexts are not those that the proof is about.
    #[error("the ciphertexts do not hash to the proven ciphertext hash")]
    CiphertextHash,
    /// The anchor is no block's note root.
    #[error("anchor {anchor} is not the note root of a known block")]
    UnknownAnchor {
        /// As given.
        anchor: Digest,
    },
    /// An input is spent already.
    #[error("nullifier {nullifier} is spent in a block")]
    Spent {
        /// The nullifier.
        nullifier: Digest,
    },
    /// A queued transaction spends the same input and pays at least as well.
    #[error("conflicts with queued transaction {with}; a fee of at least {needed} gwei would replace it")]
    Conflict {
        /// The queued transaction.
        with: TxId,
        /// Least fee, gwei, that replaces every conflicting transaction.
        needed: u64,
    },
    /// The pool is full of better paying transactions.
    #[error("the pool is full; its lowest fee is {lowest} gwei")]
    PoolFull {
        /// Lowest fee in the pool, gwei.
        lowest: u64,
    },
    /// The same bytes were refused before.
    #[error("the same message was found invalid before")]
    KnownInvalid,
    /// The proof does not verify.
    #[error("the client proof is invalid")]
    InvalidProof,
    /// In the pool already.
    #[error("the transaction is queued already")]
    AlreadyQueued,
}

impl RefuseReason {
    /// Whether an honest peer can never have sent this message: its sender is penalised.
    pub const fn is_sender_wrong(&self) -> bool {
        matches!(
            self,
            Self::WrongGenesis { .. } | Self::CiphertextHash | Self::InvalidProof | Self::FeeTooLow { .. }
        )
    }
}

impl From<TxRejection> for RefuseReason {
    fn from(rejection: TxRejection) -> Self {
        match rejection {
            TxRejection::WrongGenesis { expected, found } => Self::WrongGenesis { expected, found },
            TxRejection::FeeTooLow { found, minimum } => Self::FeeTooLow { minimum, found },
            TxRejection::UnknownAnchor { anchor } => Self::UnknownAnchor { anchor },
            TxRejection::NullifierSpent { nullifier } | TxRejection::Conflict { nullifier } => {
                Self::Spent { nullifier }
            }
            // A decoded transaction is never malformed, and limits of a block are not looked at here.
            TxRejection::CiphertextHash { .. }
            | TxRejection::Malformed(_)
            | TxRejection::BlockFull { .. }
            | TxRejection::WithdrawalsFull { .. }
            | TxRejection::FeeTotal { .. } => Self::CiphertextHash,
        }
    }
}

/// Why a transaction left the pool without being mined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, thiserror::Error)]
pub enum DropReason {
    /// Better paying transactions took its room.
    #[error("evicted: the pool was full of better paying transactions")]
    Evicted,
    /// A transaction with a higher fee spends the same input.
    #[error("replaced by a transaction with a higher fee that spends the same note")]
    Replaced {
        /// The other transaction.
        by: TxId,
    },
    /// A block spends the same input by another transaction.
    #[error("block {number} spends one of its notes by another transaction")]
    SpentElsewhere {
        /// The block.
        number: L2BlockNumber,
    },
    /// A reorg or prune removed the block of its anchor.
    #[error("its anchor is no longer a block's note root: make it again under a newer anchor")]
    AnchorGone,
}
