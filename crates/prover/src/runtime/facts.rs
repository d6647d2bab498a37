//! What the store knows about epochs that are not settled.

use std::collections::BTreeSet;
use std::sync::Arc;

use agoge_protocol::{Address, BlockHash, Epoch, L2BlockNumber, Timing};
use agoge_store::{EpochClaim, StoreError, StoreView, Tips};

use crate::epochs::{BlocksError, ClaimFacts, ClaimView, EpochBlocks};
use crate::holdings;

/// Epochs looked at: those of the proof window, the current one and one more.
const EPOCHS_MAX: usize = 32;
/// Epochs back in which claims are looked for: a bond that is still locked after so long was forgotten by its owner, who can settle by hand.
const CLAIM_EPOCHS_MAX: u64 = 1_024;

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
    /// Whether L1 has more blocks of it, which are not followed.
    pub is_cut: bool,
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
    /// Claims without an end, oldest first.
    pub claims: Vec<ClaimFacts>,
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
    /// First epoch that lacks blocks here, if one does.
    pub unfollowed: Option<Epoch>,
}

impl FactRules {
    fn is_cut(&self, epoch: Epoch) -> bool {
        self.unfollowed.is_some_and(|first| epoch >= first)
    }
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
    let claims = claims(view, rules, tips, time)?;
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
        return Ok(OpenEpochs { tips, epochs, claims });
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
        let claim = view.claim(epoch)?.as_ref().map(claim_view);
        let is_open = claim.is_some_and(|claim| !claim.is_settled);
        if first > pending || (last <= tips.proven && !is_open) {
            continue;
        }
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
            is_cut: rules.is_cut(epoch),
            blocks: Arc::new(blocks),
            missing,
        });
    }
    *held = seen;
    Ok(OpenEpochs { tips, epochs, claims })
}

/// Claims without an end, whatever became of their epochs' blocks.
fn claims(
    view: &StoreView<'_>,
    rules: &FactRules,
    tips: Tips,
    time: u64,
) -> Result<Vec<ClaimFacts>, StoreError> {
    let timing = &rules.timing;
    let epoch = timing.slot_at(time).map_or(0, |slot| timing.epoch_of(slot).get());
    let oldest = Epoch::new(epoch.saturating_sub(CLAIM_EPOCHS_MAX));
    let mut claims = Vec::new();
    for claim in view.open_claims(oldest)? {
        let epoch = claim.epoch;
        let blocks = view.blocks_of_slots(timing.first_slot(epoch)..timing.first_slot(epoch.next()))?;
        let is_proven = blocks.is_some_and(|(_, last)| last <= tips.proven);
        let proofs = view.epoch_proofs(epoch)?;
        claims.push(ClaimFacts {
            epoch,
            claim: claim_view(&claim),
            is_proven: is_proven && !rules.is_cut(epoch),
            is_proven_by_us: proofs
                .iter()
                .any(|proof| proof.prover == rules.me && proof.settled_from <= proof.to),
        });
    }
    Ok(claims)
}

const fn claim_view(claim: &EpochClaim) -> ClaimView {
    ClaimView {
        prover: claim.prover,
        fee_bps: claim.basis_point_fee,
        deadline: claim.deadline,
        is_settled: claim.end.is_some(),
    }
}
