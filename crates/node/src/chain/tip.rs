//! The tip that everybody acts on: the pending one, or the proven one once a prune is due, called or not.

use agoge_protocol::{Epoch, L2BlockNumber, Slot, Timing};
use agoge_store::{StepError, StoreError, StoreView};

use crate::consensus::TipView;

/// The block that the pending chain falls back to in an L1 block of time `time`, when the proof window of its first unproven block has
/// passed; `None` while no prune is due (`docs/protocol.md` section 10).
///
/// # Errors
/// [`StoreError`].
pub fn pruned_tip(
    view: &StoreView<'_>,
    timing: &Timing,
    proof_window_epochs: u64,
    time: u64,
) -> Result<Option<L2BlockNumber>, StoreError> {
    let tips = view.tips()?;
    if tips.pending <= tips.proven {
        return Ok(None);
    }
    let Some(first_unproven) = view.block(tips.proven.next())? else {
        return Ok(None);
    };
    let prunable_from = prunable_from(timing, proof_window_epochs, first_unproven.header.slot);
    Ok((time >= prunable_from).then_some(tips.proven))
}

/// The first second at which L1 prunes a chain whose first unproven block is of slot `first_unproven`.
pub(super) fn prunable_from(timing: &Timing, proof_window_epochs: u64, first_unproven: Slot) -> u64 {
    let epoch = timing.epoch_of(first_unproven).get();
    let last_of_window = Epoch::new(epoch.saturating_add(proof_window_epochs));
    timing.epoch_start(last_of_window.next())
}

/// The store as it is acted on at an L1 time: pruned, if a prune is due.
///
/// # Errors
/// [`StepError`].
pub(super) fn view_at<'a>(
    view: StoreView<'a>,
    timing: &Timing,
    proof_window_epochs: u64,
    time: u64,
) -> Result<StoreView<'a>, StepError> {
    match pruned_tip(&view, timing, proof_window_epochs, time)? {
        Some(to) => view.pruned_to(to),
        None => Ok(view),
    }
}

/// The pending tip of a view.
///
/// # Errors
/// [`StoreError`].
pub fn tip_view(view: &StoreView<'_>) -> Result<TipView, StoreError> {
    let number = view.tips()?.pending;
    let slot = view.block(number)?.map(|record| record.header.slot);
    Ok(TipView {
        number,
        slot,
        archive: view.archive_root()?,
    })
}
