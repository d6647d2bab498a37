//! Making and judging blocks. Everything here blocks.

use std::sync::Arc;

use agoge_l1_client::{Blob, kzg};
use agoge_protocol::messages::Proposal;
use agoge_protocol::{
    Address, B256, Deposit, Digest, FreeFields, Posted, Slot, Timing, Transaction, TxEffects, TxId,
};
use agoge_state_transition::blob::{decode, encode};
use agoge_state_transition::{
    BlockContext, BlockLimits, ExecutedBlock, TxRejection, execute_block, execute_txs, select,
};
use agoge_store::{Store, StoreError, StoreView};

use super::error::ExecuteError;
use super::prepared::{Prepared, PreparedBlocks};
use super::tip::view_at;

/// Candidates looked at for a block, as a multiple of T.
const CANDIDATES_PER_TX: usize = 2;

/// The network's numbers that blocks depend on.
#[derive(Clone, Copy, Debug)]
pub struct BlockRules {
    /// The instance.
    pub genesis_id: Digest,
    /// How time is cut.
    pub timing: Timing,
    /// T, D, W and the least fee.
    pub limits: BlockLimits,
    /// Slots after which a deposit must be consumed.
    pub inbox_lag_slots: u64,
    /// P: epochs after its own in which an epoch may be proven.
    pub proof_window_epochs: u64,
}

/// A block of one's own.
#[derive(Debug)]
pub struct Built {
    /// The block.
    pub block: Arc<Prepared>,
    /// Candidates that do not apply, with the reason.
    pub skipped: Vec<(TxId, TxRejection)>,
}

/// Builds and judges blocks on the store.
#[derive(Clone)]
pub struct Executor {
    store: Arc<Store>,
    rules: BlockRules,
    prepared: PreparedBlocks,
}

impl core::fmt::Debug for Executor {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Executor")
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

/// Deposits that a block consumes and what the inbox is after them.
struct Consumed {
    deposits: Vec<Deposit>,
    end: u64,
    hash: B256,
}

impl Executor {
    /// An executor over a store.
    pub const fn new(store: Arc<Store>, rules: BlockRules, prepared: PreparedBlocks) -> Self {
        Self {
            store,
            rules,
            prepared,
        }
    }

    /// The network's numbers.
    pub const fn rules(&self) -> &BlockRules {
        &self.rules
    }

    /// Blocks made or judged before.
    pub const fn prepared(&self) -> &PreparedBlocks {
        &self.prepared
    }

    /// Most transactions worth offering to [`Self::build`].
    pub const fn candidates_max(&self) -> usize {
        self.rules.limits.txs_max.saturating_mul(CANDIDATES_PER_TX)
    }

    /// Builds a block from candidates, best first.
    ///
    /// # Errors
    /// [`ExecuteError`].
    pub fn build(
        &self,
        slot: Slot,
        parent_archive: Digest,
        fee_recipient: Address,
        candidates: &[Transaction],
    ) -> Result<Built, ExecuteError> {
        let view = self.view_of_parent(slot, parent_archive)?;
        let start = inbox_start(&view)?;
        let consumed = self.due(&view, slot, start)?;
        let context = self.context(slot, fee_recipient, start);
        let selection = select(&view, &context, &consumed.deposits, candidates)?;
        let id = |position: &usize| candidates.get(*position).map(Transaction::id);
        let ids = selection.included.iter().filter_map(id).collect();
        let skipped = selection
            .skipped
            .iter()
            .filter_map(|(position, why)| Some((id(position)?, *why)))
            .collect();
        let blob = to_blob(&selection.effects)?;
        let blob_hash = kzg::versioned_hash(&blob)?;
        let free_fields = FreeFields {
            slot,
            fee_recipient,
            inbox_end: consumed.end,
            archive: selection.block.archive,
        };
        let proposal = Proposal::new(free_fields, parent_archive, consumed.hash, blob_hash, ids)?;
        let block = Prepared {
            proposal,
            executed: selection.block,
            effects: selection.effects,
            blob,
        };
        Ok(Built {
            block: self.prepared.insert(block),
            skipped,
        })
    }

    /// Executes a proposal with the transactions it lists and compares every hash that the block hash covers.
    ///
    /// # Errors
    /// [`ExecuteError`].
    pub fn reexecute(&self, proposal: &Proposal, txs: &[Transaction]) -> Result<(), ExecuteError> {
        let FreeFields {
            slot,
            fee_recipient,
            inbox_end,
            archive,
        } = proposal.free_fields;
        let view = self.view_of_parent(slot, proposal.parent_archive)?;
        let start = inbox_start(&view)?;
        let consumed = self.due(&view, slot, start)?;
        if consumed.end != inbox_end {
            return Err(ExecuteError::InboxEnd {
                expected: consumed.end,
                found: inbox_end,
            });
        }
        if consumed.hash != proposal.inbox_hash {
            return Err(ExecuteError::InboxHash);
        }
        let context = self.context(slot, fee_recipient, start);
        let executed = execute_txs(&view, &context, &consumed.deposits, txs)?;
        check_archive(&executed, archive)?;
        let effects: Vec<TxEffects> = txs.iter().map(Transaction::effects).collect();
        let blob = to_blob(&effects)?;
        if kzg::versioned_hash(&blob)? != proposal.blob_hash {
            return Err(ExecuteError::BlobHash);
        }
        self.prepared.insert(Prepared {
            proposal: proposal.clone(),
            executed,
            effects,
            blob,
        });
        Ok(())
    }

    /// Executes a block that L1 has on the view of its parent. The deposits' range is L1's word, which it checks itself.
    ///
    /// # Errors
    /// [`ExecuteError`]; [`ExecuteError::is_block_wrong`] tells a wrong block from a failure of this node.
    pub fn execute_posted(
        &self,
        view: &StoreView<'_>,
        posted: &Posted,
        blob: &Blob,
    ) -> Result<(ExecutedBlock, Vec<TxEffects>), ExecuteError> {
        let free_fields = &posted.free_fields;
        let effects = decode(blob.as_bytes(), self.rules.limits.txs_max)?;
        let start = inbox_start(view)?;
        let deposits = view.deposits(start..free_fields.inbox_end)?;
        let context = self.context(free_fields.slot, free_fields.fee_recipient, start);
        let executed = execute_block(view, &context, &deposits, &effects)?;
        if executed.header.inbox_end != free_fields.inbox_end {
            let (expected, found) = (executed.header.inbox_end, free_fields.inbox_end);
            return Err(ExecuteError::InboxEnd { expected, found });
        }
        check_archive(&executed, free_fields.archive)?;
        let inbox_hash = inbox_hash(view, &deposits, free_fields.inbox_end)?;
        let parent_archive = executed.header.parent_archive;
        let expected = free_fields.block_hash(parent_archive, inbox_hash, posted.blob_hash);
        if expected != posted.block_hash {
            return Err(ExecuteError::BlockHash {
                expected,
                found: posted.block_hash,
            });
        }
        Ok((executed, effects))
    }

    /// The state that a block of `slot` is made on, if its parent is the tip then.
    fn view_of_parent(&self, slot: Slot, parent_archive: Digest) -> Result<StoreView<'_>, ExecuteError> {
        let time = self.rules.timing.slot_start(slot);
        let view = view_at(
            self.store.view(),
            &self.rules.timing,
            self.rules.proof_window_epochs,
            time,
        )?;
        let expected = view.archive_root()?;
        if expected == parent_archive {
            Ok(view)
        } else {
            Err(ExecuteError::WrongParent {
                expected,
                found: parent_archive,
            })
        }
    }

    /// The deposits that a block of `slot` must consume (`docs/protocol.md` section 8).
    fn due(&self, view: &StoreView<'_>, slot: Slot, start: u64) -> Result<Consumed, StoreError> {
        let due = match slot.get().checked_sub(self.rules.inbox_lag_slots) {
            Some(lagged) => view.deposits_due(self.rules.timing.slot_start(Slot::new(lagged)))?,
            None => 0,
        };
        let limit = u64::try_from(self.rules.limits.deposits_max).unwrap_or(u64::MAX);
        let end = start.saturating_add(due.saturating_sub(start).min(limit));
        let deposits = view.deposits(start..end)?;
        let hash = inbox_hash(view, &deposits, end)?;
        Ok(Consumed { deposits, end, hash })
    }

    fn context(&self, slot: Slot, fee_recipient: Address, inbox_start: u64) -> BlockContext {
        BlockContext {
            genesis_id: self.rules.genesis_id,
            slot,
            timestamp: self.rules.timing.slot_start(slot),
            fee_recipient,
            inbox_start,
            limits: self.rules.limits,
        }
    }
}

fn inbox_start(view: &StoreView<'_>) -> Result<u64, StoreError> {
    let tip = view.tips()?.pending;
    Ok(view.block(tip)?.map_or(0, |record| record.header.inbox_end))
}

/// The inbox's rolling hash up to `end`, of which `deposits` are the last.
fn inbox_hash(view: &StoreView<'_>, deposits: &[Deposit], end: u64) -> Result<B256, StoreError> {
    match (deposits.last(), end.checked_sub(1)) {
        (Some(last), _) => Ok(last.inbox_hash),
        (None, Some(before)) => Ok(view
            .deposits(before..end)?
            .last()
            .map_or(B256::ZERO, |d| d.inbox_hash)),
        (None, None) => Ok(B256::ZERO),
    }
}

fn to_blob(effects: &[TxEffects]) -> Result<Blob, ExecuteError> {
    let mut blob = Blob::zero();
    blob.as_bytes_mut().copy_from_slice(encode(effects)?.as_slice());
    Ok(blob)
}

fn check_archive(executed: &ExecutedBlock, found: Digest) -> Result<(), ExecuteError> {
    let expected = executed.archive;
    if expected == found {
        Ok(())
    } else {
        Err(ExecuteError::Archive { expected, found })
    }
}
