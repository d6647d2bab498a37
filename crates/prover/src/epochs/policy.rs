//! When to prove, quote and submit. Pure: what is known comes in, what to do comes out.
//!
//! | an epoch | is proved | its proof is sent |
//! |---|---|---|
//! | claimed for our quote | at once | as soon as it is there: also after others proved its blocks, because delivery frees bond and share |
//! | not claimed | at once if eager, else when its claim window is over | when its claim window is over |
//! | never to be claimed | at once if eager, else when it is over | as soon as it is over and the proof is there |
//! | claimed by another | at once if eager, else when the claimant is late | when the claimant is late, or its proof window is about to close |
//!
//! The last epoch of an instance that another has superseded is never to be claimed: there is no committee to do it.
//!
//! A claim never excludes a proof, so nothing here is about permission: it is about who is paid and whose work is wasted.
//!
//! Claims outlive their epochs' blocks: [`settlements`] is about them alone.

use core::ops::RangeInclusive;

use agoge_protocol::{Address, Epoch, L2BlockNumber, Slot, Timing};

/// Slots before the end of an epoch's proof window in which its claimant is no longer waited for, at least.
const CLOSING_SLOTS_MIN: u64 = 8;

/// What a prover wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Whether work starts while blocks appear, for whoever may be paid.
    pub is_eager: bool,
    /// Whether quotes are offered.
    pub quotes: bool,
    /// Whether epochs of late claimants are proven.
    pub rescues: bool,
    /// Share of the fees asked for, basis points.
    pub fee_bps: u16,
    /// Bond offered with a quote, gwei.
    pub bond_gwei: u64,
    /// Epochs that are promised or worked on at a time, at least 1.
    pub epochs_max: usize,
    /// Time kept free before a deadline, seconds.
    pub margin_seconds: u64,
}

/// An epoch's claim, as L1 has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimView {
    /// The claimant.
    pub prover: Address,
    /// Its share, basis points.
    pub fee_bps: u16,
    /// First slot in which it can no longer deliver; unknown until the epoch before is proven.
    pub deadline: Option<Slot>,
    /// Whether it was delivered, lost or released.
    pub is_settled: bool,
}

/// What is known about an epoch with blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochFacts {
    /// The epoch.
    pub epoch: Epoch,
    /// Its blocks so far.
    pub blocks: RangeInclusive<L2BlockNumber>,
    /// Whether all its blobs and client proofs are here and verified.
    pub is_held: bool,
    /// Its claim.
    pub claim: Option<ClaimView>,
    /// Last slot in which a quote of ours for its present blocks may be claimed.
    pub quoted_until: Option<Slot>,
    /// First block of the proof that is ready, if one is.
    pub proof_from: Option<L2BlockNumber>,
    /// Whether a proof is on its way to L1.
    pub is_submitting: bool,
    /// Whether L1 has more blocks of it, which cannot be proven: there will be no proof of the whole epoch.
    pub is_cut: bool,
    /// Whether a job of its proof can never be done.
    pub is_impossible: bool,
    /// Seconds of work left on it alone.
    pub eta_seconds: u64,
    /// Seconds of work that the worker may do before for other instances.
    pub elsewhere_seconds: u64,
}

/// What is known about a claim without an end; its epoch may have no blocks any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimFacts {
    /// The epoch.
    pub epoch: Epoch,
    /// Its claim.
    pub claim: ClaimView,
    /// Whether all its blocks are proven.
    pub is_proven: bool,
    /// Whether L1 has a proof of ours for some of its blocks.
    pub is_proven_by_us: bool,
}

/// The network at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// How time is cut.
    pub timing: Timing,
    /// Time of the next L1 block, Unix seconds: what is sent now acts then.
    pub time: u64,
    /// Last proven block.
    pub proven: L2BlockNumber,
    /// Slots of an epoch in which the one before may be claimed.
    pub claim_window_slots: u64,
    /// P: epochs after its own in which an epoch may be proven.
    pub proof_window_epochs: u64,
    /// First epoch in which another instance is canonical instead of this one, if one is listed.
    pub superseded_at: Option<Epoch>,
    /// What a new quote may lock, gwei.
    pub bond_available_gwei: u64,
    /// Whether a worker is left whose results can be relied on; otherwise nothing new is promised.
    pub has_workers: bool,
    /// Whether the process is about to stop: nothing new is promised.
    pub is_stopping: bool,
}

/// Why a proof is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SubmitReason {
    /// The epoch is ours by a claim.
    Claimed,
    /// Nobody claimed it.
    Unclaimed,
    /// The claimant is late, or the proof window closes.
    Rescue,
}

/// What to do about an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Work on its proof, or go on with it.
    Prove,
    /// Offer a quote.
    Quote,
    /// Send the proof that is ready.
    Submit(SubmitReason),
}

impl Moment {
    fn slot(&self) -> Slot {
        self.timing.slot_at(self.time).unwrap_or(Slot::new(0))
    }

    fn is_over(&self, epoch: Epoch) -> bool {
        self.time >= self.timing.epoch_start(epoch.next())
    }

    /// First slot in which an epoch can no longer be claimed. A claim takes a committee of the next epoch, and nobody whose stake follows
    /// the Registry is in one of a superseded instance; if blocks of a later epoch appear nonetheless, there is one.
    fn claims_end(&self, epoch: Epoch, is_newest: bool) -> Slot {
        let first = self.timing.first_slot(epoch.next());
        let is_superseded = self.superseded_at.is_some_and(|other| epoch.next() >= other);
        if is_superseded && is_newest {
            return first;
        }
        Slot::new(first.get().saturating_add(self.claim_window_slots))
    }

    /// Time from which no block of an epoch can be proven.
    pub(crate) fn proof_window_end(&self, epoch: Epoch) -> u64 {
        let last = Epoch::new(epoch.get().saturating_add(self.proof_window_epochs));
        self.timing.epoch_start(last.next())
    }
}

/// What to do now about the epochs with blocks, oldest first.
pub fn decide(me: Address, policy: &Policy, now: &Moment, epochs: &[EpochFacts]) -> Vec<(Epoch, Action)> {
    let mut actions = Vec::new();
    let mut promised = 0_usize;
    let mut worked_on = 0_usize;
    // Work on older epochs, which comes first.
    let mut busy_seconds = 0_u64;
    let newest = epochs.last().map(|facts| facts.epoch);
    for facts in epochs {
        if now.time >= now.proof_window_end(facts.epoch) {
            continue;
        }
        let claims_end = now.claims_end(facts.epoch, newest == Some(facts.epoch));
        let open_claim = facts.claim.filter(|claim| !claim.is_settled);
        let is_quoted = facts.quoted_until.is_some_and(|until| now.slot() <= until);
        let is_proven = now.proven >= *facts.blocks.end();
        let is_lost = facts.is_cut || (is_proven && is_past_deadline(now, open_claim));
        let is_ours = !is_lost && open_claim.is_some_and(|claim| claim.prover == me);
        if is_proven && !is_ours {
            continue;
        }
        // Blocks that others proved still have to be delivered by whoever claimed them.
        let mut is_promised = is_ours || is_quoted;
        promised = promised.saturating_add(usize::from(is_promised));
        if let Some(reason) = submit_reason(me, policy, now, facts, (open_claim, claims_end), is_ours) {
            actions.push((facts.epoch, Action::Submit(reason)));
        }
        let is_wanted =
            is_ours || policy.is_eager || is_late(me, policy, now, facts.epoch, (open_claim, claims_end));
        // Of an impossible epoch nothing is left to do but to remember that.
        if is_wanted && facts.proof_from.is_none() && (facts.is_impossible || worked_on < policy.epochs_max) {
            worked_on = worked_on.saturating_add(usize::from(!facts.is_impossible));
            actions.push((facts.epoch, Action::Prove));
        }
        let may_quote = policy.quotes && !is_promised && promised < policy.epochs_max;
        if may_quote && is_worth_quoting(policy, now, facts, (open_claim, claims_end), busy_seconds) {
            is_promised = true;
            promised = promised.saturating_add(1);
            actions.push((facts.epoch, Action::Quote));
        }
        if (is_wanted || is_promised) && facts.proof_from.is_none() && !facts.is_impossible {
            busy_seconds = busy_seconds.saturating_add(facts.eta_seconds);
        }
    }
    actions
}

/// Epochs whose claims are settled now, for what that frees or pays.
///
/// | the claim | is settled | which |
/// |---|---|---|
/// | ours, without a deadline | when the epoch before can no longer be proven | frees the bond |
/// | not delivered, blocks of it proven by us | after its deadline, once all blocks are proven or none can be any more | pays for the rescue |
pub fn settlements(me: Address, now: &Moment, claims: &[ClaimFacts]) -> Vec<Epoch> {
    let is_due = |facts: &&ClaimFacts| match facts.claim.deadline {
        // L1 counts from the epoch of the block before the first, which is this one at the latest.
        None => {
            let before = Epoch::new(facts.epoch.get().saturating_sub(1));
            facts.claim.prover == me && now.time >= now.proof_window_end(before)
        }
        Some(deadline) => {
            let is_final = facts.is_proven || now.time >= now.proof_window_end(facts.epoch);
            facts.is_proven_by_us && is_final && now.slot() >= deadline
        }
    };
    claims.iter().filter(is_due).map(|facts| facts.epoch).collect()
}

fn submit_reason(
    me: Address,
    policy: &Policy,
    now: &Moment,
    facts: &EpochFacts,
    (claim, claims_end): (Option<ClaimView>, Slot),
    is_ours: bool,
) -> Option<SubmitReason> {
    let from = facts.proof_from?;
    if facts.is_submitting || !now.is_over(facts.epoch) || from > now.proven.next() {
        return None;
    }
    if is_ours {
        // A claim is delivered by a proof of the whole epoch.
        return (from == *facts.blocks.start()).then_some(SubmitReason::Claimed);
    }
    match claim {
        None => (now.slot() >= claims_end).then_some(SubmitReason::Unclaimed),
        Some(_) => is_late(me, policy, now, facts.epoch, (claim, claims_end)).then_some(SubmitReason::Rescue),
    }
}

/// Whether an epoch has nobody who is still expected to prove it. A claim of ours on an epoch that cannot be proven to its end is like
/// another's, but that nobody is rescued.
fn is_late(
    me: Address,
    policy: &Policy,
    now: &Moment,
    epoch: Epoch,
    (claim, claims_end): (Option<ClaimView>, Slot),
) -> bool {
    let Some(claim) = claim else {
        return now.is_over(epoch) && now.slot() >= claims_end;
    };
    // The chain's last chance before all of it is pruned: several L1 blocks, for fees that rise and blocks that are missed.
    let closing_seconds = policy
        .margin_seconds
        .max(now.timing.slot_seconds.saturating_mul(CLOSING_SLOTS_MIN));
    let is_closing = now.time.saturating_add(closing_seconds) >= now.proof_window_end(epoch);
    (policy.rescues || claim.prover == me) && (is_past_deadline(now, Some(claim)) || is_closing)
}

fn is_past_deadline(now: &Moment, claim: Option<ClaimView>) -> bool {
    claim
        .and_then(|claim| claim.deadline)
        .is_some_and(|deadline| now.slot() >= deadline)
}

fn is_worth_quoting(
    policy: &Policy,
    now: &Moment,
    facts: &EpochFacts,
    (claim, claims_end): (Option<ClaimView>, Slot),
    busy_seconds: u64,
) -> bool {
    let epoch = facts.epoch;
    let is_in_window = now.is_over(epoch) && now.slot() < claims_end;
    let is_cheaper = claim.is_none_or(|claim| policy.fee_bps < claim.fee_bps);
    // The claim deadline is the end of the next epoch, or later; the earlier is promised.
    let deadline = now.timing.epoch_start(epoch.next().next());
    // The quote may be claimed until the window ends; without a claim nothing is begun before.
    let begins = if policy.is_eager {
        now.time
    } else {
        now.time.max(now.timing.slot_start(claims_end))
    };
    let done_at = begins
        .saturating_add(busy_seconds)
        .saturating_add(facts.elsewhere_seconds)
        .saturating_add(facts.eta_seconds)
        .saturating_add(policy.margin_seconds);
    is_in_window
        && facts.is_held
        && !facts.is_cut
        && !facts.is_impossible
        && is_cheaper
        && done_at <= deadline
        && policy.bond_gwei <= now.bond_available_gwei
        && now.has_workers
        && !now.is_stopping
}

#[cfg(test)]
mod tests;
