//! When to prove, quote, submit and settle, case by case.

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
        superseded_at: None,
        bond_available_gwei: 100,
        has_workers: true,
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
        is_cut: false,
        is_impossible: false,
        eta_seconds: 20,
        elsewhere_seconds: 0,
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
    let taking = |eta_seconds| EpochFacts {
        eta_seconds,
        ..facts()
    };
    // 16 slots of 4 s, 8 s of margin. Work that waits for the claim may begin as late as the claim window ends, after 7 slots.
    check("just in time", &POLICY, moment(0), taking(28), &quote);
    check("at any time", &POLICY, moment(6), taking(28), &quote);
    check("too much to begin then", &POLICY, moment(0), taking(29), &[]);
    let eager = Policy {
        is_eager: true,
        ..POLICY
    };
    let both = [Action::Prove, Action::Quote];
    check("eager, just in time", &eager, moment(0), taking(56), &both);
    check(
        "eager, one slot later",
        &eager,
        moment(1),
        taking(56),
        &[Action::Prove],
    );
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
    let without_workers = Moment {
        has_workers: false,
        ..moment(0)
    };
    check("nobody to work", &POLICY, without_workers, facts(), &[]);
    let cut = EpochFacts {
        is_cut: true,
        ..facts()
    };
    check("a block of it cannot be proven", &POLICY, moment(0), cut, &[]);
    let impossible = EpochFacts {
        is_impossible: true,
        ..facts()
    };
    check("a job cannot be done", &POLICY, moment(0), impossible, &[]);
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
        eta_seconds: 10,
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
fn what_is_promised_takes_its_turn_after_older_work() {
    // Each fits alone into the 56 s that are left, or the 28 s after the claim window, not both; the older is ours, or others' and wanted.
    let epoch = |number: u64, claim, proof_from| EpochFacts {
        epoch: Epoch::new(number),
        claim,
        proof_from,
        ..facts()
    };
    let quotes = |policy: &Policy, older: EpochFacts| {
        let eta_seconds = if policy.is_eager { 40 } else { 20 };
        let epochs = [older, epoch(5, None, None)].map(|facts| EpochFacts { eta_seconds, ..facts });
        let actions = decide(ME, policy, &moment(0), &epochs);
        actions
            .iter()
            .filter(|(_, action)| *action == Action::Quote)
            .count()
    };
    let eager = Policy {
        is_eager: true,
        ..POLICY
    };
    let ours = claim(ME, 2_000, None);
    let others = claim(OTHER, 2_000, None);
    assert_eq!(quotes(&POLICY, epoch(4, ours, None)), 0, "ours");
    let is_done = Some(L2BlockNumber::new(41));
    assert_eq!(quotes(&POLICY, epoch(4, ours, is_done)), 1, "ours, and done");
    assert_eq!(
        quotes(&POLICY, epoch(4, others, None)),
        1,
        "nothing is done about it"
    );
    assert_eq!(quotes(&eager, epoch(4, others, None)), 0, "eager");
}

#[test]
fn an_epoch_that_cannot_be_proven_to_its_end_is_no_delivery_and_takes_no_room() {
    let patient = Policy {
        quotes: false,
        ..POLICY
    };
    let cut = EpochFacts {
        is_cut: true,
        claim: claim(ME, 1, Some(112)),
        ..ready()
    };
    check("nothing to deliver", &patient, moment(0), cut.clone(), &[]);
    let rescue = [Action::Submit(SubmitReason::Rescue)];
    check("the good prefix", &patient, moment(16), cut.clone(), &rescue);
    let selfish = Policy {
        rescues: false,
        ..patient
    };
    check("of our claim, not a rescue", &selfish, moment(16), cut, &rescue);
    let eager = Policy {
        is_eager: true,
        epochs_max: 1,
        ..patient
    };
    let impossible = EpochFacts {
        epoch: Epoch::new(4),
        is_impossible: true,
        ..facts()
    };
    let worked_on = decide(ME, &eager, &moment(0), &[impossible, facts()]);
    assert_eq!(worked_on.last(), Some(&(Epoch::new(5), Action::Prove)));
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
    // Epoch 5 may be proven until the end of epoch 9; eight slots before that, or the margin if it is longer.
    check("not closing", &patient, moment(55), claimed(OTHER, None), &[]);
    check("closing", &patient, moment(56), claimed(OTHER, None), &prove);
    let careful = Policy {
        margin_seconds: 40,
        ..patient
    };
    check(
        "closing, with a margin",
        &careful,
        moment(54),
        claimed(OTHER, None),
        &prove,
    );
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
    check("closing", &policy, moment(56), claimed(OTHER, None), &rescue);
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
    let rescued = ClaimFacts {
        epoch: Epoch::new(5),
        claim: ClaimView {
            prover: OTHER,
            fee_bps: 1,
            deadline: Some(Slot::new(112)),
            is_settled: false,
        },
        is_proven: true,
        is_proven_by_us: true,
    };
    let is_settled = |slots, facts: ClaimFacts| !settlements(ME, &moment(slots), &[facts]).is_empty();
    assert!(is_settled(16, rescued), "past the deadline");
    assert!(is_settled(65, rescued), "past the proof window");
    assert!(!is_settled(15, rescued), "before the deadline");
    let prefix = ClaimFacts {
        is_proven: false,
        ..rescued
    };
    assert!(!is_settled(63, prefix), "the rest may still be proven");
    assert!(is_settled(64, prefix), "the rest is pruned");
    let by_others = ClaimFacts {
        is_proven_by_us: false,
        ..rescued
    };
    assert!(!is_settled(65, by_others), "nothing to gain");
    // Epoch 4 may be proven until the end of epoch 8.
    let unprovable = |prover| ClaimFacts {
        claim: ClaimView {
            prover,
            deadline: None,
            ..rescued.claim
        },
        is_proven: false,
        is_proven_by_us: false,
        ..rescued
    };
    assert!(!is_settled(47, unprovable(ME)), "the epoch before may be proven");
    assert!(is_settled(48, unprovable(ME)), "the bond is free");
    assert!(!is_settled(64, unprovable(OTHER)), "another's bond");
}

#[test]
fn a_claim_of_ours_that_is_lost_is_no_longer_worked_on() {
    let proven = |slots| Moment {
        proven: L2BlockNumber::new(56),
        ..moment(slots)
    };
    let late = EpochFacts {
        claim: claim(ME, 1, Some(112)),
        ..facts()
    };
    let patient = Policy {
        quotes: false,
        ..POLICY
    };
    check(
        "before the deadline",
        &patient,
        proven(15),
        late.clone(),
        &[Action::Prove],
    );
    check("after it", &patient, proven(16), late, &[]);
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

#[test]
fn the_last_epoch_of_a_superseded_instance_waits_for_no_claim() {
    let last = |slots, successor| Moment {
        superseded_at: Some(Epoch::new(successor)),
        ..moment(slots)
    };
    let submit = [Action::Submit(SubmitReason::Unclaimed)];
    check("its own next", &POLICY, last(0, 6), facts(), &[Action::Prove]);
    check("long after", &POLICY, last(20, 6), facts(), &[Action::Prove]);
    check("the proof is there", &POLICY, last(0, 6), ready(), &submit);
    let unfinished = Moment {
        time: moment(0).time - 1,
        ..last(0, 6)
    };
    check("the epoch is not over", &POLICY, unfinished, ready(), &[]);
    let eager = Policy {
        is_eager: true,
        ..POLICY
    };
    check("eager", &eager, unfinished, facts(), &[Action::Prove]);
    let lost = EpochFacts {
        claim: claim(OTHER, 2_000, Some(16 * 7)),
        ..ready()
    };
    check(
        "claimed before a reorg of the list",
        &POLICY,
        last(0, 6),
        lost,
        &[],
    );
    check("one epoch later", &POLICY, last(0, 7), facts(), &[Action::Quote]);
    check(
        "one epoch later, ready",
        &POLICY,
        last(0, 7),
        ready(),
        &[Action::Quote],
    );
}

#[test]
fn a_superseded_instance_that_goes_on_is_one_like_others() {
    let now = Moment {
        superseded_at: Some(Epoch::new(6)),
        ..moment(3)
    };
    let next = EpochFacts {
        epoch: Epoch::new(6),
        blocks: L2BlockNumber::new(57)..=L2BlockNumber::new(58),
        ..facts()
    };
    let found = decide(ME, &POLICY, &now, &[facts(), next]);
    assert_eq!(found, [(Epoch::new(5), Action::Quote)], "its stake is pinned");
}

#[test]
fn work_of_other_instances_counts_before_a_promise() {
    let eager = Policy {
        is_eager: true,
        ..POLICY
    };
    let with = |elsewhere_seconds| EpochFacts {
        elsewhere_seconds,
        ..facts()
    };
    // 64 s to the deadline, 8 s of margin, 20 s of its own.
    check(
        "just in time",
        &eager,
        moment(0),
        with(36),
        &[Action::Prove, Action::Quote],
    );
    check("too late", &eager, moment(0), with(37), &[Action::Prove]);
}
