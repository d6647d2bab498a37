//! All that is known of one slot, and what every decision looks at.

use std::collections::BTreeMap;

use agoge_protocol::rpc::Signal;
use agoge_protocol::sampling::Committee;
use agoge_protocol::{Address, Slot};

use super::attester::{Candidate, Member};
use super::collection::Collection;
use super::input::{ChainView, Offer};
use super::proposer::Run;
use super::window::Rules;
use crate::duties::MissReason;

/// One slot with a known committee.
#[derive(Debug)]
pub(super) struct SlotState {
    pub(super) slot: Slot,
    pub(super) committee: Committee,
    pub(super) collection: Collection,
    /// Present when the proposer's key is ours.
    pub(super) run: Option<Run>,
    /// The first proposal seen, own or from the network.
    pub(super) candidate: Option<Candidate>,
    /// Own keys in the committee. Bound: its size.
    pub(super) members: BTreeMap<Address, Member>,
    /// What kept this node from judging anything when the slot's last chance was still to come.
    pub(super) blocked: Option<MissReason>,
    /// Whether two proposals of the slot were reported.
    pub(super) is_equivocation_reported: bool,
}

impl SlotState {
    pub(super) fn new(
        slot: Slot,
        committee: Committee,
        keys: &BTreeMap<Address, bool>,
        rules: &Rules,
    ) -> Self {
        let members = keys
            .keys()
            .filter_map(|key| committee.index_of(*key).map(|index| (*key, Member::new(index))))
            .collect();
        let proposer = committee.proposer(&rules.timing, slot);
        let run = proposer.filter(|key| keys.contains_key(key)).map(Run::new);
        Self {
            slot,
            committee,
            collection: Collection::default(),
            run,
            candidate: None,
            members,
            blocked: None,
            is_equivocation_reported: false,
        }
    }
}

/// What a decision looks at besides its slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'a> {
    pub(super) now_ms: u64,
    pub(super) rules: &'a Rules,
    pub(super) view: &'a ChainView,
    pub(super) keys: &'a BTreeMap<Address, bool>,
    pub(super) offer: Option<&'a Offer>,
    pub(super) signal: Option<Signal>,
}

impl<'a> Context<'a> {
    /// Whether anything may be signed on what is known of L1.
    pub(super) fn ready(&self) -> Result<(), MissReason> {
        let age_seconds = Rules::head_age_seconds(&self.view.head, self.now_ms);
        if age_seconds > self.rules.head_age_max_seconds {
            return Err(MissReason::StaleL1 { age_seconds });
        }
        if self.view.is_synced {
            Ok(())
        } else {
            Err(MissReason::NotSynced)
        }
    }

    /// The quote that a block of the slot claims.
    pub(super) fn offer_for(&self, slot: Slot) -> Option<&'a Offer> {
        self.offer
            .filter(|offer| self.rules.is_claimable(offer.epoch, slot) && slot <= offer.valid_until)
    }

    /// Whether a key's duties are on.
    pub(super) fn is_on(&self, key: Address) -> bool {
        self.keys.get(&key).copied().unwrap_or(false)
    }

    /// Whether a block of the slot sent at this moment can still land.
    pub(super) fn can_land(&self, slot: Slot) -> bool {
        self.rules.can_land(slot, &self.view.head, self.now_ms)
    }

    /// Whether the tip is older than the slot, as its parent must be.
    pub(super) fn tip_is_before(&self, slot: Slot) -> bool {
        self.view.tip.slot.is_none_or(|tip| tip < slot)
    }
}
