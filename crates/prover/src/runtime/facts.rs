//! What the store knows about epochs that are not settled.

use std::collections::BTreeSet;
use std::sync::Arc;

use agoge_protocol::{Address, BlockHash, Epoch, L2BlockNumber, Timing};
use agoge_store::{StoreError, StoreView, Tips};

use crate::epochs::{BlocksError, ClaimView, EpochBlocks};
use crate::holdings;

/// Epochs looked at: those of the proof window, the current one and one more.
const EPOCHS_MAX: usize = 32;

/// An epoch that is not settled yet.
#[derive(Clone, Debug)]
pub struct OpenEpoch {
    /// The epoch.
    pub epoch: Epoch,
    /// First block.
    pub first: L2BlockNumber,
    /// Last block so far.
    pub last: L2BlockNumber,
    /// Its claim.
    pub claim: Option<ClaimView>,
    /// Whether L1 has a proof of ours for some of its blocks.
    pub is_proven_by_us: bool,
    /// All its blocks.
    pub blocks: Arc<EpochBlocks>,
    /// Client proofs that are not held.
    pub missing: usize,
}

/// All that decisions are made from.
#[derive(Clone, Debug, Default)]
pub struct OpenEpochs {
    /// Ends of the chain.
    pub tips: Tips,
    /// Epochs with unproven blocks or a claim of ours, oldest first.
    pub epochs: Vec<OpenEpoch>,
}

/// The network's numbers that facts depend on.
#[derive(Clone, Copy, Debug)]
pub struct FactRules {
    /// Who we are.
    pub me: Address,
    /// How time is cut.
    pub timing: Timing,
    /// P.
    pub proof_window_epochs: u64,
}

/// Why facts cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FactsError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Blocks are missing.
    #[error(transparent)]
    Blocks(#[from] BlocksError),
}

/// Blocks whose client proofs are all held, by hash, so that they are looked at once.
pub type Held = BTreeSet<BlockHash>;

/// Reads what a call in an L1 block of time `time` would act on: once a prune is due, unproven blocks are none.
///
/// # Errors
/// [`FactsError`].
pub fn read(
    view: &StoreView<'_>,
    rules: &FactRules,
    time: u64,
    held: &mut Held,
) -> Result<OpenEpochs, FactsError> {
    let tips = view.tips()?;
    let mut epochs = Vec::new();
    let epoch_of = |number| -> Result<Option<Epoch>, StoreError> {
        let block = view.block(number)?;
        Ok(block.map(|block| rules.timing.epoch_of(block.header.slot)))
    };
    let first_unproven = epoch_of(tips.proven.next())?;
    let is_pruned = first_unproven.is_some_and(|epoch| {
        let last = Epoch::new(epoch.get().saturating_add(rules.proof_window_epochs));
        time >= rules.timing.epoch_start(last.next())
    });
    let pending = if is_pruned { tips.proven } else { tips.pending };
    let Some(last) = epoch_of(pending)? else {
        return Ok(OpenEpochs { tips, epochs });
    };
    // A claim of ours may still be open in an epoch whose blocks are proven.
    let oldest = last
        .get()
        .saturating_sub(rules.proof_window_epochs.saturating_add(1));
    let mut seen = Held::new();
    for number in (oldest..=last.get()).take(EPOCHS_MAX) {
        let epoch = Epoch::new(number);
        let slots = rules.timing.first_slot(epoch)..rules.timing.first_slot(epoch.next());
        let Some((first, last)) = view.blocks_of_slots(slots)? else {
            continue;
        };
        let last = last.min(pending);
        let claim = view.claim(epoch)?.map(|claim| ClaimView {
            prover: claim.prover,
            fee_bps: claim.basis_point_fee,
            deadline: claim.deadline,
            is_settled: claim.end.is_some(),
        });
        let is_open = claim.is_some_and(|claim| !claim.is_settled);
        if first > pending || (last <= tips.proven && !is_open) {
            continue;
        }
        let is_proven_by_us = view
            .epoch_proofs(epoch)?
            .iter()
            .any(|proof| proof.prover == rules.me && proof.settled_from <= proof.to);
        let blocks = EpochBlocks::read(view, &rules.timing, first..=last)?;
        let mut missing = 0_usize;
        for block in &blocks.blocks {
            let hash = block.record.block_hash;
            if !held.contains(&hash) {
                let positions = holdings::missing(view, block.record.header.number)?;
                let count = positions.map_or(0, |positions| positions.len());
                missing = missing.saturating_add(count);
                if count > 0 {
                    continue;
                }
            }
            seen.insert(hash);
        }
        epochs.push(OpenEpoch {
            epoch,
            first,
            last,
            claim,
            is_proven_by_us,
            blocks: Arc::new(blocks),
            missing,
        });
    }
    *held = seen;
    Ok(OpenEpochs { tips, epochs })
}
