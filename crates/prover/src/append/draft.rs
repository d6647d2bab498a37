//! Blocks as L1 would take them, laid over the store for the time of their proof.
//!
//! The draft stands in the store as one more L1 block, so all that proves a committee's blocks proves these: blocks, deposits, blobs,
//! client proofs and witnesses are read from where they always are. Nothing of it is L1's: [`take_back`] unwinds it as a reorg would, and
//! so does a follower that finds it after a crash.

use agoge_l1_client::WrongBlobLength;
use agoge_l1_client::kzg::KzgError;
use agoge_protocol::{
    B256, L1Block, L1BlockNumber, L2BlockNumber, Slot, Timing, Transaction, TxId, keccak256,
};
use agoge_state_transition::blob::EncodeError;
use agoge_state_transition::{BlockLimits, ExecutionError};
use agoge_store::{StepError, Store, StoreError};

use super::making::Making;
use crate::epochs::Claimant;
use crate::runtime::GoalKey;

/// What blocks are made by.
#[derive(Clone, Copy, Debug)]
pub struct DraftRules {
    /// The instance, and who is paid.
    pub claimant: Claimant,
    /// How time is cut.
    pub timing: Timing,
    /// T, D, W and the least fee.
    pub limits: BlockLimits,
    /// Slots after which a deposit must be consumed.
    pub inbox_lag_slots: u64,
}

/// A transaction that can be in no block on this state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The transaction.
    pub id: TxId,
    /// Why, in words.
    pub reason: String,
}

/// Blocks that are laid over the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Which they are.
    pub key: GoalKey,
    /// Their slots, in order.
    pub slots: Vec<Slot>,
    /// Their transactions, in order.
    pub included: Vec<TxId>,
    /// Deposits that they consume.
    pub deposits: usize,
    /// Transactions that can never be appended.
    pub refused: Vec<Refused>,
    /// Transactions for which there is no room this time.
    pub left: Vec<TxId>,
}

/// Why there are no blocks.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// Nothing was read from L1 yet.
    #[error("the store knows no L1 block")]
    NoHead,
    /// The instance's newest proven block is of the present slot.
    #[error("block {parent} is of slot {slot}, and no later slot has begun; hint: try again in a slot")]
    NoSlot {
        /// The newest proven block.
        parent: L2BlockNumber,
        /// Its slot.
        slot: Slot,
    },
    /// There is no transaction and no deposit that could be in a block.
    #[error("there is nothing to append: no deposit is due{}", because(.refused))]
    Nothing {
        /// Why not these.
        refused: Vec<Refused>,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store refuses the blocks.
    #[error(transparent)]
    Step(#[from] StepError),
    /// The blocks cannot be executed.
    #[error(transparent)]
    Execution(#[from] ExecutionError<StoreError>),
    /// The effects make no blob.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The effects make no blob.
    #[error(transparent)]
    BlobLength(#[from] WrongBlobLength),
    /// The KZG library failed.
    #[error(transparent)]
    Kzg(#[from] KzgError),
    /// The store does not take a transaction of the block.
    #[error("the store does not keep transaction {id} of the draft")]
    NotKept {
        /// The transaction.
        id: TxId,
    },
}

fn because(refused: &[Refused]) -> String {
    let reasons = refused
        .iter()
        .map(|refused| format!("; transaction {}: {}", refused.id, refused.reason));
    if refused.is_empty() {
        " and no transaction was given".to_owned()
    } else {
        reasons.collect()
    }
}

impl Draft {
    /// Makes blocks of transactions, in their order, and of the deposits that are due, on the proven tip, and lays them over the store.
    /// Client proofs are the caller's to verify. Blocking work.
    ///
    /// As many blocks are made as it takes, at most as a transaction carries blobs; unproven blocks of a committee leave.
    ///
    /// # Errors
    /// [`DraftError`]; the store is as before then, but for a crash, after which [`take_back`] is due.
    pub fn lay(store: &Store, rules: &DraftRules, txs: &[Transaction]) -> Result<Self, DraftError> {
        let mut making = Making::start(store, rules, txs)?;
        for slot in making.slots()? {
            if !making.block(slot)? {
                break;
            }
        }
        making.finish()
    }
}

/// Unwinds a draft, if the store ends with one. What it consisted of is forgotten.
///
/// # Errors
/// [`StepError`].
pub fn take_back(store: &Store) -> Result<(), StepError> {
    let Some(head) = store.view().l1_head()? else {
        return Ok(());
    };
    let L1Block {
        number,
        hash,
        parent_hash,
        ..
    } = head.block;
    let before = number.get().checked_sub(1).map(L1BlockNumber::new);
    let Some(before) = before.filter(|_| hash == draft_hash(parent_hash)) else {
        return Ok(());
    };
    let outcome = store.rollback_l1(before, parent_hash)?;
    store.remove_queued(&outcome.requeued)?;
    Ok(())
}

/// What stands for the hash of the L1 block that would take a draft: no L1 block's.
pub(super) fn draft_hash(parent: B256) -> B256 {
    keccak256([b"AGOGE_DRAFT_V1".as_slice(), parent.as_slice()].concat())
}
