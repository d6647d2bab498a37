//! When the publisher has nothing better to do: its transactions are sent one after the other, and a block has only its slot.

use std::collections::BTreeSet;

use agoge_protocol::{Slot, Timing};

/// Slots that are looked at for a block of one's own, from the next L1 block's slot on.
pub(crate) const LOOK_AHEAD_SLOTS: u64 = 3;

/// Until when (L1 time, exclusive) a transaction that is sent now may wait for its L1 block without being in the way of the next block of
/// one's own; `None` when there is not room for two L1 blocks. `ours` are the slots whose block is still to come from here.
pub(crate) fn free_until(
    timing: &Timing,
    l1_slot_seconds: u64,
    next_l1_time: u64,
    ours: &BTreeSet<Slot>,
) -> Option<u64> {
    let next = timing.slot_at(next_l1_time).unwrap_or(Slot::new(0));
    let horizon = Slot::new(next.get().saturating_add(LOOK_AHEAD_SLOTS));
    let first = ours.range(next..).next().copied().unwrap_or(horizon);
    let until = timing.slot_start(first.min(horizon));
    (next_l1_time.saturating_add(l1_slot_seconds) <= until).then_some(until)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMING: Timing = Timing {
        genesis_time: 1_200,
        slot_seconds: 36,
        epoch_slots: 32,
        set_lag: 2,
        entropy_lag: 1,
    };

    /// Slot 1 lasts from 1,236 to 1,272.
    #[test]
    fn a_report_never_lasts_into_a_slot_of_ones_own() {
        let rows: [(u64, &[u64], Option<u64>, &str); 7] = [
            (1_236, &[], Some(1_344), "nothing is due: three slots"),
            (1_236, &[1], None, "a block of this slot is to come"),
            (1_248, &[2], Some(1_272), "room before the next"),
            (1_260, &[2], Some(1_272), "just one L1 block before the next"),
            (1_261, &[2], None, "an L1 block that may be late"),
            (1_248, &[0], Some(1_344), "what is past does not count"),
            (100, &[0], Some(1_200), "before genesis"),
        ];
        for (time, ours, expected, what) in rows {
            let ours = ours.iter().copied().map(Slot::new).collect();
            assert_eq!(free_until(&TIMING, 12, time, &ours), expected, "{what}");
        }
    }
}
