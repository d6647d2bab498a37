//! Each way for a run to be in order or not.

use std::collections::BTreeMap;

use agoge_protocol::B256;

use super::super::schedule::{Fault, What};
use super::*;

const LIMITS: Limits = Limits {
    produced_percent: 95.0,
    ready_seconds: 30,
    recovery_epochs: 2,
};

/// Slots from 10 on: `#` made, `.` missed, `-` not producible, `+` made all the same.
fn facts(slots: &str) -> Vec<SlotFact> {
    slots
        .chars()
        .zip(10..)
        .map(|(slot, number)| SlotFact {
            slot: number,
            producible: matches!(slot, '#' | '.'),
            block: matches!(slot, '#' | '+').then_some(number),
        })
        .collect()
}

/// Killed in slot 12, ready `ready_ms` later, all over at the start of slot `end`.
fn kill(ready_ms: u64, end: u64) -> Record {
    Record {
        fault: Fault {
            at_slot: 2,
            offset_ms: 0,
            slots: 0,
            what: What::Kill { nodes: vec![3] },
        },
        began_unix_ms: Some(112_000),
        ended_unix_ms: Some(100_000 + end * 1_000),
        ready_ms: BTreeMap::from([(3, ready_ms)]),
        error: None,
    }
}

fn judge(slots: &str, records: &[Record], change: impl FnOnce(&mut Evidence<'_>)) -> Report {
    let facts = facts(slots);
    let mut evidence = Evidence {
        facts: &facts,
        records,
        signed: Signed {
            messages: 9,
            equivocations: Vec::new(),
        },
        load: None,
        agreed: Ok(7),
        genesis_ms: 100_000,
        slot_ms: 1_000,
        epoch_slots: 4,
    };
    change(&mut evidence);
    let report = Report::new(evidence, LIMITS);
    // Every violation is said to people, too.
    let text = report.to_string();
    assert_eq!(text.matches("VIOLATION").count(), report.violations.len());
    report
}

#[track_caller]
fn violates(report: &Report, expected: &str) {
    assert!(
        report.violations.len() == 1 && report.violations[0].contains(expected),
        "{:?}",
        report.violations
    );
}

#[test]
fn only_producible_slots_count() {
    let report = judge("####--+-####", &[], |_| ());
    assert!(report.violations.is_empty(), "{:?}", report.violations);
    let found = (report.slots, report.producible, report.produced, report.beyond);
    assert_eq!(found, (12, 8, 8, 1));
    violates(&judge("####.#######", &[], |_| ()), "11 of 12 producible slots");
    // A run in which nothing could be made shows nothing.
    violates(&judge("----", &[], |_| ()), "0 of 0");
}

#[test]
fn a_killed_process_is_back_in_time_and_so_is_the_network() {
    let slots = format!("##----.{}", "#".repeat(40));
    let report = judge(&slots, &[kill(29_000, 16)], |_| ());
    assert!(report.violations.is_empty(), "{:?}", report.violations);
    assert_eq!(
        (report.ready_seconds_max, report.recovery_slots_max),
        (Some(29.0), Some(1))
    );

    violates(
        &judge(&slots, &[kill(31_000, 16)], |_| ()),
        "31.0 s after its start",
    );
    // Every second slot is missed for a while, which is not normal.
    let slots = format!("##----{}{}", ".#".repeat(5), "#".repeat(200));
    violates(
        &judge(&slots, &[kill(1, 16)], |_| ()),
        "back to normal 9 slots after",
    );
    let slots = format!("{}.", "#".repeat(60));
    violates(&judge(&slots, &[kill(1, 70)], |_| ()), "not back to normal");
}

#[test]
fn a_fault_that_failed_or_never_came_is_a_violation() {
    let slots = "#".repeat(40);
    let mut failed = kill(1, 16);
    failed.error = Some("no such process".to_owned());
    violates(&judge(&slots, &[failed], |_| ()), "no such process");
    let mut never = kill(1, 16);
    never.ended_unix_ms = None;
    violates(&judge(&slots, &[never], |_| ()), "never carried out");
}

#[test]
fn equivocations_disagreement_and_an_empty_record_are_violations() {
    let slots = "#".repeat(40);
    violates(
        &judge(&slots, &[], |evidence| {
            evidence.signed.equivocations = vec!["slot 3".to_owned()]
        }),
        "equivocation: slot 3",
    );
    violates(
        &judge(&slots, &[], |evidence| evidence.signed.messages = 0),
        "no proposal",
    );
    violates(
        &judge(&slots, &[], |evidence| {
            evidence.agreed = Err("roots differ".to_owned())
        }),
        "roots differ",
    );
}

#[test]
fn accepted_transactions_are_mined_once() {
    let good = LoadReport {
        accepted: 2,
        mined: 1,
        dropped: 1,
        refused: 5,
        failed: 5,
        ..LoadReport::default()
    };
    let slots = "#".repeat(40);
    let report = |load: &LoadReport| judge(&slots, &[], |evidence| evidence.load = Some(load.clone()));
    assert!(report(&good).violations.is_empty());
    let id = agoge_protocol::TxId(B256::ZERO);
    let cases = [
        (
            LoadReport {
                mined: 0,
                ..good.clone()
            },
            "no transaction",
        ),
        (
            LoadReport {
                lost: vec![id],
                ..good.clone()
            },
            "is lost",
        ),
        (
            LoadReport {
                twice: vec![id],
                ..good.clone()
            },
            "two blocks",
        ),
        (LoadReport { queued: 1, ..good }, "in no block"),
    ];
    for (load, expected) in cases {
        violates(&report(&load), expected);
    }
}
