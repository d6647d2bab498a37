//! When appended blocks are.

use agoge_protocol::{Slot, Timing};

/// Slots for `count` blocks after `parent`: of one epoch, rising, none after `newest`. Fewer when there is no room for all.
///
/// Past slots are as good as the present one, and what they demand of the inbox cannot change any more, so the newest are taken: of the
/// epoch of `newest` if it has room for all, else of the one of the last two that has room for more.
pub fn choose_slots(timing: &Timing, parent: Slot, newest: Slot, count: usize) -> Vec<Slot> {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    let epoch = timing.epoch_of(newest);
    let this = room(parent, timing.first_slot(epoch), newest);
    let before = timing.first_slot(epoch).get().checked_sub(1).map(Slot::new);
    let (first, last) = match before {
        Some(last) if this.1 < count => {
            let first = timing.first_slot(timing.epoch_of(last));
            let that = room(parent, first, last);
            if that.1 > this.1 {
                (that.0, last)
            } else {
                (this.0, newest)
            }
        }
        _ => (this.0, newest),
    };
    let start = last.get().saturating_add(1).saturating_sub(count).max(first);
    (start..=last.get()).map(Slot::new).collect()
}

/// The first slot from `first` on that is after `parent`, and the number of slots from it to `last`.
fn room(parent: Slot, first: Slot, last: Slot) -> (u64, u64) {
    let first = first.get().max(parent.next().get());
    (first, last.get().saturating_add(1).saturating_sub(first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TIMING: Timing = Timing {
        genesis_time: 1_000,
        slot_seconds: 12,
        epoch_slots: 8,
        set_lag: 2,
        entropy_lag: 1,
    };

    fn chosen(parent: u64, newest: u64, count: usize) -> Vec<u64> {
        let slots = choose_slots(&TIMING, Slot::new(parent), Slot::new(newest), count);
        slots.into_iter().map(Slot::get).collect()
    }

    #[test]
    fn the_newest_slots_of_an_epoch_with_room_are_taken() {
        assert_eq!(chosen(20, 45, 1), [45]);
        assert_eq!(chosen(20, 45, 3), [43, 44, 45]);
        // The epoch has just begun: the one before has more room.
        assert_eq!(chosen(20, 41, 3), [37, 38, 39]);
        // But not when the parent is in it.
        assert_eq!(chosen(38, 41, 3), [40, 41]);
        assert_eq!(chosen(43, 45, 3), [44, 45]);
        assert_eq!(chosen(45, 45, 1), Vec::<u64>::new());
        assert_eq!(chosen(50, 45, 1), Vec::<u64>::new());
    }

    proptest! {
        #[test]
        fn slots_rise_after_the_parent_in_one_epoch_up_to_the_newest(parent in 0_u64..100, newest in 0_u64..100, count in 1_usize..7) {
            let slots = chosen(parent, newest, count);
            prop_assert!(slots.len() <= count);
            prop_assert!(slots.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(slots.iter().all(|slot| *slot > parent && *slot <= newest));
            prop_assert!(slots.windows(2).all(|pair| pair[0] / 8 == pair[1] / 8));
            prop_assert_eq!(slots.is_empty(), newest <= parent, "one block always finds room");
        }
    }
}
