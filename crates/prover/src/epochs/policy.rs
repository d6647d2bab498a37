//! When to prove, quote and submit. Pure: what is known comes in, what to do comes out.
//!
//! | an epoch | is proved | its proof is sent |
//! |---|---|---|
//! | claimed for our quote | at once | as soon as it is there: also after others proved its blocks, because delivery frees bond and share |
//! | not claimed | at once if eager, else when its claim window is over | when its claim window is over |
//! | claimed by another | at once if eager, else when the claimant is late | when the claimant is late, or its proof window is about to close |
//!
//! A claim never excludes a proof, so nothing here is about permission: it is about who is paid and whose work is wasted.

use core::ops::RangeInclusive;

use agoge_protocol::{Address, Epoch, L2BlockNumber, Slot, Timing};

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
    /// Whether L1 has a proof of ours for some of its blocks.
    pub is_proven_by_us: bool,
    /// Seconds of work left.
    pub eta_seconds: u64,
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
    /// What a new quote may lock, gwei.
    pub bond_available_gwei: u64,
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
    /// Settle the claim of one who did not deliver: the epoch's rescuers are paid then.
    Settle,
}

impl Moment {
    fn slot(&self) -> Slot {
        self.timing.slot_at(self.time).unwrap_or(Slot::new(0))
    }

    fn is_over(&self, epoch: Epoch) -> bool {
        self.time >= self.timing.epoch_start(epoch.next())
    }

    fn claim_window_end(&self, epoch: Epoch) -> Slot {
        let first = self.timing.first_slot(epoch.next());
        Slot::new(first.get().saturating_add(self.claim_window_slots))
    }

    /// Time from which no block of an epoch can be proven.
    fn proof_window_end(&self, epoch: Epoch) -> u64 {
        let last = Epoch::new(epoch.get().saturating_add(self.proof_window_epochs));
        self.timing.epoch_start(last.next())
    }
}

/// What to do now about the epochs with blocks, oldest first.
pub fn decide(me: Address, policy: &Policy, now: &Moment, epochs: &[EpochFacts]) -> Vec<(Epoch, Action)> {
    let mut actions = Vec::new();
    let mut promised = 0_usize;
    let mut worked_on = 0_usize;
    for facts in epochs {
        if now.time >= now.proof_window_end(facts.epoch) {
            continue;
        }
        let open_claim = facts.claim.filter(|claim| !claim.is_settled);
        let is_ours = open_claim.is_some_and(|claim| claim.prover == me);
        let is_quoted = facts.quoted_until.is_some_and(|until| now.slot() <= until);
        let is_proven = now.proven >= *facts.blocks.end();
        if is_proven && !is_ours {
            if facts.is_proven_by_us && open_claim.is_some() && is_past_deadline(now, open_claim) {
                actions.push((facts.epoch, Action::Settle));
            }
            continue;
        }
        // Blocks that others proved still have to be delivered by whoever claimed them.
        promised = promised.saturating_add(usize::from(is_ours || is_quoted));
        if let Some(reason) = submit_reason(policy, now, facts, open_claim, is_ours) {
            actions.push((facts.epoch, Action::Submit(reason)));
        }
        let is_wanted = is_ours || policy.is_eager || is_late(policy, now, facts.epoch, open_claim);
        if is_wanted && facts.proof_from.is_none() && worked_on < policy.epochs_max {
            worked_on = worked_on.saturating_add(1);
            actions.push((facts.epoch, Action::Prove));
        }
        let may_quote = policy.quotes && !is_ours && !is_quoted && promised < policy.epochs_max;
        if may_quote && is_worth_quoting(policy, now, facts, open_claim) {
            promised = promised.saturating_add(1);
            actions.push((facts.epoch, Action::Quote));
        }
    }
    actions
}

fn submit_reason(
    policy: &Policy,
    now: &Moment,
    facts: &EpochFacts,
    claim: Option<ClaimView>,
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
        None => (now.slot() >= now.claim_window_end(facts.epoch)).then_some(SubmitReason::Unclaimed),
        Some(_) => is_late(policy, now, facts.epoch, claim).then_some(SubmitReason::Rescue),
    }
}

/// Whether an epoch has nobody who is still expected to prove it.
fn is_late(policy: &Policy, now: &Moment, epoch: Epoch, claim: Option<ClaimView>) -> bool {
    let Some(claim) = claim else {
        return now.is_over(epoch) && now.slot() >= now.claim_window_end(epoch);
    };
    let is_closing = now.time.saturating_add(policy.margin_seconds) >= now.proof_window_end(epoch);
    policy.rescues && (is_past_deadline(now, Some(claim)) || is_closing)
}

fn is_past_deadline(now: &Moment, claim: Option<ClaimView>) -> bool {
    claim
        .and_then(|claim| claim.deadline)
        .is_some_and(|deadline| now.slot() >= deadline)
}

fn is_worth_quoting(policy: &Policy, now: &Moment, facts: &EpochFacts, claim: Option<ClaimView>) -> bool {
    let epoch = facts.epoch;
    let is_in_window = now.is_over(epoch) && now.slot() < now.claim_window_end(epoch);
    let is_cheaper = claim.is_none_or(|claim| policy.fee_bps < claim.fee_bps);
    // The claim deadline is the end of the next epoch, or later; the earlier is promised.
    let deadline = now.timing.epoch_start(epoch.next().next());
    let done_at = now
        .time
        .saturating_add(facts.eta_seconds)
        .saturating_add(policy.margin_seconds);
    is_in_window
        && facts.is_held
        && is_cheaper
        && done_at <= deadline
        && policy.bond_gwei <= now.bond_available_gwei
        && !now.is_stopping
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: Address = Address::repeat_byte(1);
    const OTHER: Address = Address::repeat_byte(2);
    const TIMING: Timing = Timing {
        genesis_time: 1_000,
        slot_seconds: 4,
        epoch_slots: 16,
        set_lag: 2,
        entropy_lag: 1,
    };
    const POLICY: Policy = Policy {
        is_eager: false,
        quotes: true,
        rescues: true,
        fee_bps: 2_000,
        bond_gwei: 100,
        epochs_max: 2,
        margin_seconds: 8,
    };

    /// `slots` after the start of epoch 6; the blocks of epoch 5 are 41 to 56.
    fn moment(slots: u64) -> Moment {
        Moment {
            timing: TIMING,
            time: TIMING.epoch_start(Epoch::new(6)) + slots * 4,
            proven: L2BlockNumber::new(40),
            claim_window_slots: 7,
            proof_window_epochs: 4,
            bond_available_gwei: 100,
            is_stopping: false,
        }
    }

    fn facts() -> EpochFacts {
        EpochFacts {
            epoch: Epoch::new(5),
            blocks: L2BlockNumber::new(41)..=L2BlockNumber::new(56),
            is_held: true,
            claim: None,
            quoted_until: None,
            proof_from: None,
            is_submitting: false,
            is_proven_by_us: false,
            eta_seconds: 20,
        }
    }

    fn claim(prover: Address, fee_bps: u16, deadline: Option<u64>) -> Option<ClaimView> {
        Some(ClaimView {
            prover,
            fee_bps,
            deadline: deadline.map(Slot::new),
            is_settled: false,
        })
    }

    fn ready() -> EpochFacts {
        EpochFacts {
            proof_from: Some(L2BlockNumber::new(41)),
            ..facts()
        }
    }

    fn check(description: &str, policy: &Policy, now: Moment, facts: EpochFacts, expected: &[Action]) {
        let found: Vec<_> = decide(ME, policy, &now, &[facts])
            .into_iter()
            .map(|(_, action)| action)
            .collect();
        assert_eq!(found, expected, "{description}");
    }

    #[test]
    fn quotes_are_offered_only_when_they_can_be_kept() {
        let quote = [Action::Quote];
        check("in the window", &POLICY, moment(0), facts(), &quote);
        let before = Moment {
            time: moment(0).time - 1,
            ..moment(0)
        };
        check("the epoch is not over", &POLICY, before, facts(), &[]);
        check("the last slot of the window", &POLICY, moment(6), facts(), &quote);
        let lacking = EpochFacts {
            is_held: false,
            ..facts()
        };
        check("client proofs are missing", &POLICY, moment(0), lacking, &[]);
        // 16 slots of 4 s, 8 s of margin.
        let just = EpochFacts {
            eta_seconds: 56,
            ..facts()
        };
        check("just in time", &POLICY, moment(0), just.clone(), &quote);
        check("one slot later", &POLICY, moment(1), just, &[]);
        let poor = Moment {
            bond_available_gwei: 99,
            ..moment(0)
        };
        check("the bond is not there", &POLICY, poor, facts(), &[]);
        let stopping = Moment {
            is_stopping: true,
            ..moment(0)
        };
        check("stopping", &POLICY, stopping, facts(), &[]);
        let silent = Policy {
            quotes: false,
            ..POLICY
        };
        check("quotes are off", &silent, moment(0), facts(), &[]);
        let quoted = |until| EpochFacts {
            quoted_until: Some(Slot::new(until)),
            ..facts()
        };
        check("offered already", &POLICY, moment(0), quoted(96), &[]);
        check("an offer that has lapsed", &POLICY, moment(1), quoted(96), &quote);
        for (fee, expected) in [(2_001, &quote[..]), (2_000, &[]), (1, &[])] {
            let claimed = EpochFacts {
                claim: claim(OTHER, fee, None),
                ..facts()
            };
            check("against another's claim", &POLICY, moment(0), claimed, expected);
        }
    }

    #[test]
    fn no_more_epochs_are_promised_than_can_be_worked_on() {
        let epoch = |number: u64, claim| EpochFacts {
            epoch: Epoch::new(number),
            claim,
            ..facts()
        };
        let ours = claim(ME, 2_000, None);
        let quotes = |epochs: &[EpochFacts]| {
            let actions = decide(ME, &POLICY, &moment(0), epochs);
            actions
                .iter()
                .filter(|(_, action)| *action == Action::Quote)
                .count()
        };
        assert_eq!(quotes(&[epoch(4, ours), epoch(5, None)]), 1);
        assert_eq!(quotes(&[epoch(3, ours), epoch(4, ours), epoch(5, None)]), 0);
    }

    #[test]
    fn work_is_done_for_claims_of_ours_for_orphans_and_when_eager() {
        let eager = Policy {
            is_eager: true,
            quotes: false,
            ..POLICY
        };
        let patient = Policy {
            quotes: false,
            ..POLICY
        };
        let prove = [Action::Prove];
        let claimed = |prover, deadline| EpochFacts {
            claim: claim(prover, 1, deadline),
            ..facts()
        };
        let current = EpochFacts {
            epoch: Epoch::new(6),
            ..facts()
        };
        check("eager, still running", &eager, moment(3), current.clone(), &prove);
        check("patient, still running", &patient, moment(3), current, &[]);
        check("ours", &patient, moment(0), claimed(ME, None), &prove);
        check("another's", &patient, moment(0), claimed(OTHER, Some(112)), &[]);
        check("unclaimed, window open", &patient, moment(6), facts(), &[]);
        check("unclaimed, window over", &patient, moment(7), facts(), &prove);
        check(
            "late claimant",
            &patient,
            moment(16),
            claimed(OTHER, Some(112)),
            &prove,
        );
        let selfish = Policy {
            rescues: false,
            ..patient
        };
        check("no rescues", &selfish, moment(16), claimed(OTHER, Some(112)), &[]);
        check("no deadline yet", &patient, moment(16), claimed(OTHER, None), &[]);
        // Epoch 5 may be proven until the end of epoch 9; two slots before that.
        check("closing", &patient, moment(62), claimed(OTHER, None), &prove);
        check("closed", &patient, moment(64), claimed(OTHER, None), &[]);
        let proven = Moment {
            proven: L2BlockNumber::new(56),
            ..moment(0)
        };
        check("proven by another", &eager, proven, facts(), &[]);
        check(
            "proven by another, ours to deliver",
            &eager,
            proven,
            claimed(ME, None),
            &prove,
        );
        let many: Vec<_> = (3..=6)
            .map(|number| EpochFacts {
                epoch: Epoch::new(number),
                ..facts()
            })
            .collect();
        let worked_on = decide(ME, &eager, &moment(0), &many);
        assert_eq!(
            worked_on,
            [(Epoch::new(3), Action::Prove), (Epoch::new(4), Action::Prove)],
            "the oldest first, within capacity"
        );
    }

    #[test]
    fn a_proof_is_sent_when_it_pays_or_saves_the_epoch() {
        let policy = Policy {
            quotes: false,
            ..POLICY
        };
        let submit = |reason| [Action::Submit(reason)];
        let claimed = |prover, deadline| EpochFacts {
            claim: claim(prover, 1, deadline),
            ..ready()
        };
        check(
            "ours",
            &policy,
            moment(0),
            claimed(ME, None),
            &submit(SubmitReason::Claimed),
        );
        check("unclaimed, window open", &policy, moment(6), ready(), &[]);
        check(
            "unclaimed",
            &policy,
            moment(7),
            ready(),
            &submit(SubmitReason::Unclaimed),
        );
        check("another's", &policy, moment(15), claimed(OTHER, Some(112)), &[]);
        let rescue = submit(SubmitReason::Rescue);
        check("late", &policy, moment(16), claimed(OTHER, Some(112)), &rescue);
        check("closing", &policy, moment(62), claimed(OTHER, None), &rescue);
        let sent = EpochFacts {
            is_submitting: true,
            ..claimed(ME, None)
        };
        check("once", &policy, moment(0), sent, &[]);
        let early = Moment {
            proven: L2BlockNumber::new(39),
            ..moment(0)
        };
        check(
            "the epoch before is not proven",
            &policy,
            early,
            claimed(ME, None),
            &[],
        );
        let before = Moment {
            time: moment(0).time - 1,
            ..moment(0)
        };
        check("not over", &policy, before, claimed(ME, None), &[]);
    }

    #[test]
    fn a_rescuer_settles_the_claim_that_was_not_delivered() {
        let proven = |slots| Moment {
            proven: L2BlockNumber::new(56),
            ..moment(slots)
        };
        let rescued = EpochFacts {
            claim: claim(OTHER, 1, Some(112)),
            is_proven_by_us: true,
            ..facts()
        };
        check(
            "past the deadline",
            &POLICY,
            proven(16),
            rescued.clone(),
            &[Action::Settle],
        );
        check("before it", &POLICY, proven(15), rescued.clone(), &[]);
        let by_others = EpochFacts {
            is_proven_by_us: false,
            ..rescued.clone()
        };
        check("nothing to gain", &POLICY, proven(16), by_others, &[]);
        let unclaimed = EpochFacts {
            claim: None,
            ..rescued
        };
        check("nothing to settle", &POLICY, proven(16), unclaimed, &[]);
    }

    #[test]
    fn after_a_prefix_the_rest_settles_and_a_claim_still_needs_the_whole() {
        let policy = Policy {
            quotes: false,
            ..POLICY
        };
        let prefix = Moment {
            proven: L2BlockNumber::new(50),
            ..moment(7)
        };
        let rest = EpochFacts {
            proof_from: Some(L2BlockNumber::new(51)),
            ..facts()
        };
        let sent = [Action::Submit(SubmitReason::Unclaimed)];
        check("the rest", &policy, prefix, rest.clone(), &sent);
        check("the whole", &policy, prefix, ready(), &sent);
        let ours = EpochFacts {
            claim: claim(ME, 1, None),
            ..rest
        };
        check("the rest does not deliver", &policy, prefix, ours, &[]);
        let proven = Moment {
            proven: L2BlockNumber::new(56),
            ..moment(7)
        };
        let whole = EpochFacts {
            claim: claim(ME, 1, None),
            ..ready()
        };
        check(
            "deliver what others proved",
            &policy,
            proven,
            whole,
            &[Action::Submit(SubmitReason::Claimed)],
        );
        let settled = EpochFacts {
            claim: claim(ME, 1, None).map(|claim| ClaimView {
                is_settled: true,
                ..claim
            }),
            ..ready()
        };
        check("delivered", &policy, proven, settled, &[]);
    }
}
