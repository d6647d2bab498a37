//! Slots, epochs and the arithmetic between them and L1 time.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

macro_rules! counter {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(u64);

        impl $name {
            /// Wraps a plain number.
            pub const fn new(number: u64) -> Self {
                Self(number)
            }
            /// The plain number.
            pub const fn get(self) -> u64 {
                self.0
            }
            /// The one after; saturates at the end of time.
            pub const fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

counter!(
    /// Number of a slot, counted from the network genesis time over all instances.
    Slot
);
counter!(
    /// Number of an epoch.
    Epoch
);

/// How time is cut, equal for all instances of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Network genesis, Unix seconds of L1 time.
    pub genesis_time: u64,
    /// Seconds in a slot, at least 1.
    pub slot_seconds: u64,
    /// Slots in an epoch, at least 1.
    pub epoch_slots: u64,
    /// Epochs between the freeze of a set and its use.
    pub set_lag: u64,
    /// Epochs between the entropy block and its use.
    pub entropy_lag: u64,
}

impl Timing {
    /// The slot at an L1 time; `None` before genesis.
    pub fn slot_at(&self, time: u64) -> Option<Slot> {
        time.checked_sub(self.genesis_time)?
            .checked_div(self.slot_seconds)
            .map(Slot)
    }

    /// First second of a slot; saturates at the end of time.
    pub fn slot_start(&self, slot: Slot) -> u64 {
        self.genesis_time
            .saturating_add(slot.0.saturating_mul(self.slot_seconds))
    }

    /// First second after a slot.
    pub fn slot_end(&self, slot: Slot) -> u64 {
        self.slot_start(slot.next())
    }

    /// The epoch a slot belongs to.
    pub fn epoch_of(&self, slot: Slot) -> Epoch {
        Epoch(slot.0.checked_div(self.epoch_slots).unwrap_or(0))
    }

    /// First slot of an epoch.
    pub fn first_slot(&self, epoch: Epoch) -> Slot {
        Slot(epoch.0.saturating_mul(self.epoch_slots))
    }

    /// Position of a slot inside its epoch, `< epoch_slots`.
    pub fn slot_in_epoch(&self, slot: Slot) -> u64 {
        slot.0.checked_rem(self.epoch_slots).unwrap_or(0)
    }

    /// First second of an epoch.
    pub fn epoch_start(&self, epoch: Epoch) -> u64 {
        self.slot_start(self.first_slot(epoch))
    }

    /// Whether an epoch uses the genesis set and the genesis seed.
    pub fn is_genesis_epoch(&self, epoch: Epoch) -> bool {
        epoch.0 <= self.set_lag
    }

    /// The last L1 second that counts for the epoch's validator set.
    pub fn freeze_time(&self, epoch: Epoch) -> u64 {
        let start = if self.is_genesis_epoch(epoch) {
            self.genesis_time
        } else {
            self.epoch_start(Epoch(epoch.0.saturating_sub(self.set_lag)))
        };
        start.saturating_sub(1)
    }

    /// The first L1 block with at least this time gives the epoch's entropy; `None` for genesis epochs.
    pub fn entropy_time(&self, epoch: Epoch) -> Option<u64> {
        (!self.is_genesis_epoch(epoch))
            .then(|| self.epoch_start(Epoch(epoch.0.saturating_sub(self.entropy_lag))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMING: Timing = Timing {
        genesis_time: 1_000,
        slot_seconds: 36,
        epoch_slots: 32,
        set_lag: 2,
        entropy_lag: 1,
    };

    #[test]
    fn boundaries_are_half_open() {
        for (time, slot) in [(999, None), (1_000, Some(0)), (1_035, Some(0)), (1_036, Some(1))] {
            assert_eq!(TIMING.slot_at(time), slot.map(Slot), "time {time}");
        }
        assert_eq!(TIMING.epoch_of(Slot(31)), Epoch(0));
        assert_eq!(TIMING.epoch_of(Slot(32)), Epoch(1));
        assert_eq!(TIMING.slot_end(Slot(0)), 1_036);
    }

    #[test]
    fn set_is_frozen_before_entropy_is_known() {
        assert_eq!(TIMING.freeze_time(Epoch(2)), 999);
        assert_eq!(TIMING.entropy_time(Epoch(2)), None);
        assert_eq!(TIMING.freeze_time(Epoch(3)), 1_000 + 36 * 32 - 1);
        assert_eq!(TIMING.entropy_time(Epoch(3)), Some(1_000 + 2 * 36 * 32));
    }
}
