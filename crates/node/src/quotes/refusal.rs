//! Why a quote is not taken.

use agoge_protocol::quote::QuoteError;
use agoge_protocol::{Address, Epoch, Slot};
use agoge_store::StoreError;

/// Why a quote is not kept and not passed on.
#[derive(Debug, thiserror::Error)]
pub enum QuoteRefusal {
    /// For another Rollup.
    #[error("the quote is for instance {found}, this network's is {expected}")]
    WrongInstance {
        /// This node's.
        expected: Address,
        /// The quote's.
        found: Address,
    },
    /// Wrong by itself: fee, prover or signature.
    #[error(transparent)]
    Invalid(#[from] QuoteError),
    /// A smaller bond than L1 accepts.
    #[error("the bond of {found} gwei is below the least, {minimum}")]
    BondTooSmall {
        /// Least bond, gwei.
        minimum: u64,
        /// The quote's, gwei.
        found: u64,
    },
    /// Nobody can claim it: its epoch has just begun, lies ahead, or its claim window is over.
    #[error("epoch {epoch} is not quoted for in slot {slot}")]
    WrongEpoch {
        /// The quote's.
        epoch: Epoch,
        /// Slot of the next L1 block.
        slot: Slot,
    },
    /// It cannot be claimed in any slot that is left.
    #[error("the quote is valid until slot {until}, it could be claimed from slot {from} on")]
    Expired {
        /// Last slot in which it may be claimed.
        until: Slot,
        /// First slot left.
        from: Slot,
    },
    /// The epoch ends elsewhere on this node's chain.
    #[error("the quote's archive is not the end of epoch {epoch}")]
    WrongArchive {
        /// The epoch.
        epoch: Epoch,
    },
    /// It is here already.
    #[error("the quote is known already")]
    Known,
    /// Cheaper ones are here.
    #[error("there are cheaper quotes: the fee is {found} basis points, less than {needed} is kept")]
    NotCheaper {
        /// The quote's fee.
        found: u16,
        /// The fee to be undercut.
        needed: u16,
    },
    /// The prover could not pay the bond.
    #[error("prover {prover} has {available} wei for bonds, the quote locks {needed}")]
    NoBond {
        /// The prover.
        prover: Address,
        /// The quote's bond, wei.
        needed: u128,
        /// Available, wei.
        available: u128,
    },
    /// L1 was asked for too many provers' bonds since its last block.
    #[error("too many unknown provers since the last L1 block; try again")]
    Busy,
    /// L1 does not tell the prover's bond.
    #[error("L1 did not tell the bond: {0}")]
    L1(#[source] Box<dyn core::error::Error + Send + Sync>),
    /// The node follows no chain yet.
    #[error("the node has not followed L1 yet")]
    NotReady,
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl QuoteRefusal {
    /// Whether an honest peer can never have passed it on: its sender is penalised.
    pub const fn is_sender_wrong(&self) -> bool {
        matches!(
            self,
            Self::WrongInstance { .. } | Self::Invalid(_) | Self::BondTooSmall { .. }
        )
    }
}
