//! When a slot's steps may be taken, judged by the time of the next L1 block. Times are Unix milliseconds unless named otherwise.

use agoge_protocol::messages::attestation_threshold;
use agoge_protocol::{Digest, Epoch, L1Block, Slot, Timing};
use alloy::sol_types::Eip712Domain;

/// The network's numbers that consensus depends on.
#[derive(Clone, Debug)]
pub struct Rules {
    /// How time is cut.
    pub timing: Timing,
    /// Seconds between L1 blocks.
    pub l1_slot_seconds: u64,
    /// Seats of a committee.
    pub committee_size: usize,
    /// First slots of an epoch in which a quote for the epoch before may be claimed.
    pub claim_window_slots: u64,
    /// Age of the L1 head, seconds, above which nothing is signed.
    pub head_age_max_seconds: u64,
    /// The instance's genesis id.
    pub genesis_id: Digest,
    /// EIP-712 domain of the Rollup.
    pub domain: Eip712Domain,
}

impl Rules {
    /// Attestations a block needs.
    pub fn threshold(&self) -> usize {
        attestation_threshold(self.committee_size)
    }

    /// Unix seconds that the next L1 block will have, L1 slots without a block skipped.
    pub fn next_l1_time(&self, head: &L1Block, now_ms: u64) -> u64 {
        next_l1_time(head, self.l1_slot_seconds, now_ms)
    }

    /// The slot a block sent at this moment would land in; `None` before genesis.
    pub fn next_slot(&self, head: &L1Block, now_ms: u64) -> Option<Slot> {
        self.timing.slot_at(self.next_l1_time(head, now_ms))
    }

    /// Seconds since the head's time.
    pub const fn head_age_seconds(head: &L1Block, now_ms: u64) -> u64 {
        (now_ms / 1_000).saturating_sub(head.time)
    }

    /// Whether the L1 block that a slot's proposer waits for was seen, or its time to come has passed.
    pub fn is_build_time(&self, slot: Slot, head: &L1Block, now_ms: u64) -> bool {
        self.is_last_head_before(slot, head) || now_ms >= self.propose_from(slot)
    }

    /// Whether every L1 block after `head` has a time in the slot or later, so that nothing can land too early.
    pub fn is_last_head_before(&self, slot: Slot, head: &L1Block) -> bool {
        head.time.saturating_add(self.l1_slot_seconds) >= self.timing.slot_start(slot)
    }

    /// From when a proposal is gossiped: half an L1 slot before the slot.
    pub fn propose_from(&self, slot: Slot) -> u64 {
        self.start(slot).saturating_sub(self.l1_slot_ms() / 2)
    }

    /// From when an attester looks at a proposal: two thirds of an L1 slot before the slot.
    pub fn attest_from(&self, slot: Slot) -> u64 {
        self.start(slot)
            .saturating_sub(self.l1_slot_ms().saturating_mul(2) / 3)
    }

    /// Whether an L1 block that is still to come can have a time inside the slot.
    pub fn can_land(&self, slot: Slot, head: &L1Block, now_ms: u64) -> bool {
        self.next_l1_time(head, now_ms) < self.timing.slot_end(slot)
    }

    /// Whether a message about the slot is worth looking at: the slot is the next L1 block's, or the one after.
    pub fn is_current(&self, slot: Slot, head: &L1Block, now_ms: u64) -> bool {
        // Before genesis the first slot is the next.
        let next = self.next_slot(head, now_ms).unwrap_or(Slot::new(0));
        slot == next || slot == next.next()
    }

    /// Whether a block of this slot may claim a quote for `epoch`.
    pub fn is_claimable(&self, epoch: Epoch, slot: Slot) -> bool {
        self.timing.epoch_of(slot) == epoch.next()
            && self.timing.slot_in_epoch(slot) < self.claim_window_slots
    }

    /// First millisecond after the slot.
    pub fn end(&self, slot: Slot) -> u64 {
        self.timing.slot_end(slot).saturating_mul(1_000)
    }

    fn start(&self, slot: Slot) -> u64 {
        self.timing.slot_start(slot).saturating_mul(1_000)
    }

    const fn l1_slot_ms(&self) -> u64 {
        self.l1_slot_seconds.saturating_mul(1_000)
    }
}

/// As [`Rules::next_l1_time`], of a network whose L1 has a block each `l1_slot_seconds`.
pub(crate) fn next_l1_time(head: &L1Block, l1_slot_seconds: u64, now_ms: u64) -> u64 {
    let interval = l1_slot_seconds.max(1);
    let missed = (now_ms / 1_000).saturating_sub(head.time) / interval;
    head.time
        .saturating_add(interval.saturating_mul(missed.saturating_add(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use agoge_protocol::{Address, B256, L1BlockNumber};

    fn rules() -> Rules {
        Rules {
            timing: Timing {
                genesis_time: 12_000,
                slot_seconds: 36,
                epoch_slots: 32,
                set_lag: 2,
                entropy_lag: 1,
            },
            l1_slot_seconds: 12,
            committee_size: 16,
            claim_window_slots: 13,
            head_age_max_seconds: 60,
            genesis_id: Digest::ZERO,
            domain: agoge_protocol::eip712::domain(1, Address::ZERO),
        }
    }

    fn head(time: u64) -> L1Block {
        L1Block {
            number: L1BlockNumber::new(1),
            hash: B256::ZERO,
            parent_hash: B256::ZERO,
            time,
            prevrandao: B256::ZERO,
        }
    }

    #[test]
    fn claims_are_for_the_epoch_before_in_the_first_slots() {
        let rules = rules();
        for (epoch, slot, is_claimable) in [
            (0, 31, false),
            (0, 32, true),
            (0, 44, true),
            (0, 45, false),
            (0, 64, false),
            (1, 32, false),
            (1, 64, true),
        ] {
            assert_eq!(
                rules.is_claimable(Epoch::new(epoch), Slot::new(slot)),
                is_claimable,
                "epoch {epoch}, slot {slot}"
            );
        }
    }

    /// Slot 1 lasts from 12,036 to 12,072.
    #[test]
    fn each_boundary_of_a_slot_in_the_phases() {
        let slot = Slot::new(1);
        let rules = rules();
        assert_eq!(rules.propose_from(slot), 12_030_000);
        assert_eq!(rules.attest_from(slot), 12_028_000);
        let rows = [
            // (head, now in ms, next L1 time, build, can land, current)
            (
                12_012,
                12_023_999,
                12_024,
                false,
                true,
                true,
                "the slot after next may be talked about",
            ),
            (
                12_012,
                12_024_100,
                12_036,
                false,
                true,
                true,
                "block of T - 12 not seen yet: wait for it",
            ),
            (
                12_024,
                12_024_100,
                12_036,
                true,
                true,
                true,
                "block of T - 12 seen",
            ),
            (
                12_012,
                12_030_000,
                12_036,
                true,
                true,
                true,
                "block of T - 12 missed",
            ),
            (
                12_048,
                12_059_999,
                12_060,
                true,
                true,
                true,
                "last block of the slot is to come",
            ),
            (
                12_048,
                12_060_000,
                12_072,
                true,
                false,
                false,
                "its time has come",
            ),
            (12_060, 12_060_001, 12_072, true, false, false, "it is there"),
            (
                12_036,
                12_030_000,
                12_048,
                true,
                true,
                true,
                "a clock that is behind L1",
            ),
        ];
        for (time, now, next, build, land, current, what) in rows {
            let head = head(time);
            assert_eq!(rules.next_l1_time(&head, now), next, "{what}");
            assert_eq!(rules.is_build_time(slot, &head, now), build, "{what}");
            assert_eq!(rules.can_land(slot, &head, now), land, "{what}");
            assert_eq!(rules.is_current(slot, &head, now), current, "{what}");
        }
    }
}
