//! Lists come and go, Rollups are known or not, stacks fail: what the plan says to each.

use agoge_protocol::{Address, B256, Digest, Element, Epoch, L1BlockNumber};

use super::*;
use crate::{Contracts, InstanceFacts, RollupVersion};

const NOW: u64 = 1_000_000;
const SECOND: u64 = 1_000;

const fn rollup(byte: u8) -> Address {
    Address::repeat_byte(byte)
}

fn facts(byte: u8) -> InstanceFacts {
    InstanceFacts {
        contracts: Contracts {
            rollup: rollup(byte),
            registry: rollup(0xf1),
            staking: rollup(0xf2),
            prover_bonds: rollup(0xf3),
        },
        genesis_id: Digest([Element::from_u32(u32::from(byte)); 4]),
        version: RollupVersion::Pleistarchus,
        governance_proposer: rollup(0xf4),
        epoch_proof_verifier: rollup(0xf5),
        genesis_archive: B256::repeat_byte(9),
    }
}

fn launch(number: u8, activation: u64) -> Launch {
    Launch {
        number: u32::from(number),
        activation: Epoch::new(activation),
        facts: facts(number),
    }
}

fn plan() -> Plan {
    Plan::new(NOW, &launch(1, 0))
}

/// The Registry's list at a head: Rollups by their byte, and activations.
fn listed(head: u64, instances: &[(u8, u64)]) -> Input {
    Input::Listed {
        head: L1BlockNumber::new(head),
        instances: instances
            .iter()
            .map(|(byte, activation)| (rollup(*byte), Epoch::new(*activation)))
            .collect(),
    }
}

fn found(byte: u8, attempt: u64) -> Input {
    Input::Inspected {
        rollup: rollup(byte),
        attempt,
        result: Ok(facts(byte)),
    }
}

fn not_found(byte: u8, attempt: u64, is_transient: bool) -> Input {
    Input::Inspected {
        rollup: rollup(byte),
        attempt,
        result: Err(Unknown {
            reason: "version 3".to_owned(),
            is_transient,
        }),
    }
}

fn ended(byte: u8, failure: Option<&str>) -> Input {
    Input::Ended {
        rollup: rollup(byte),
        failure: failure.map(str::to_owned),
    }
}

fn inspect(byte: u8, attempt: u64) -> Output {
    Output::Inspect {
        rollup: rollup(byte),
        attempt,
    }
}

fn unready(number: u32, reason: &str) -> Output {
    Output::Unready {
        number,
        reason: reason.to_owned(),
    }
}

fn stop(byte: u8) -> Output {
    Output::Stop { rollup: rollup(byte) }
}

/// A plan in which a second instance, canonical from epoch 7, runs beside the first.
fn two_run() -> Plan {
    let mut plan = plan();
    let out = plan.step(NOW, listed(10, &[(1, 0), (2, 7)]));
    assert_eq!(out, [unready(2, "being inspected on L1"), inspect(2, 1)]);
    assert_eq!(plan.step(NOW, found(2, 1)), [Output::Start(launch(2, 7))]);
    plan
}

fn states(plan: &Plan, epoch: u64) -> Vec<(u32, InstanceState, bool)> {
    let views = plan.view(Epoch::new(epoch)).into_iter();
    views
        .map(|view| (view.number, view.state, view.problem.is_none()))
        .collect()
}

#[test]
fn a_listed_instance_is_inspected_and_started_long_before_its_activation() {
    let plan = two_run();
    use InstanceState::{Active, Idle, Superseded};
    assert_eq!(states(&plan, 0), [(1, Active, true), (2, Idle, true)]);
    assert_eq!(states(&plan, 6), [(1, Active, true), (2, Idle, true)]);
    assert_eq!(states(&plan, 7), [(1, Superseded, true), (2, Active, true)]);
    let canonical = |epoch| {
        plan.view(Epoch::new(epoch))
            .into_iter()
            .find(|view| view.is_canonical)
    };
    assert_eq!(canonical(6).unwrap().rollup, rollup(1));
    assert_eq!(canonical(7).unwrap().identity, Some((facts(2).genesis_id, 2)));
}

#[test]
fn an_instance_knows_when_the_first_after_it_takes_over() {
    let mut plan = two_run();
    plan.step(NOW, listed(11, &[(1, 0), (2, 7), (3, 9)]));
    let superseded = |byte| plan.superseded_at(rollup(byte)).map(Epoch::get);
    assert_eq!([1, 2, 3, 4].map(superseded), [Some(7), Some(9), None, None]);
    plan.step(NOW, listed(12, &[(1, 0)]));
    assert_eq!(plan.superseded_at(rollup(1)), None, "a reorg took them back");
}

#[test]
fn the_same_list_again_changes_nothing() {
    let mut plan = two_run();
    for head in 10..20 {
        assert_eq!(plan.step(NOW, listed(head, &[(1, 0), (2, 7)])), []);
    }
}

#[test]
fn a_reorg_takes_an_instance_back_and_brings_it_again() {
    let mut plan = two_run();
    assert_eq!(
        plan.step(NOW, listed(10, &[(1, 0)])),
        [Output::Forget { number: 2 }, stop(2)]
    );
    assert_eq!(
        states(&plan, 9),
        [(1, InstanceState::Active, true)],
        "the old duties go on"
    );
    // It is there again before its stack has stopped: no second stack on the same files and ports.
    assert_eq!(plan.step(NOW, listed(11, &[(1, 0), (2, 8)])), []);
    assert_eq!(
        plan.step(NOW, ended(2, None)),
        [unready(2, "starting"), Output::Start(launch(2, 8))]
    );
    // Gone for good, and added again later: looked at again.
    plan.step(NOW, listed(11, &[(1, 0)]));
    assert_eq!(plan.step(NOW, ended(2, None)), []);
    let out = plan.step(NOW, listed(12, &[(1, 0), (2, 9)]));
    assert_eq!(out, [unready(2, "being inspected on L1"), inspect(2, 2)]);
}

#[test]
fn what_an_inspection_of_the_block_that_is_gone_found_is_void() {
    let mut plan = plan();
    plan.step(NOW, listed(10, &[(1, 0), (2, 7)]));
    assert_eq!(
        plan.step(NOW, listed(10, &[(1, 0)])),
        [Output::Forget { number: 2 }]
    );
    assert_eq!(plan.step(NOW, found(2, 1)), []);
    plan.step(NOW, listed(11, &[(1, 0), (2, 7)]));
    assert_eq!(plan.step(NOW, found(2, 1)), [], "of the first look");
    assert_eq!(plan.step(NOW, found(2, 2)), [Output::Start(launch(2, 7))]);
}

#[test]
fn an_endpoint_that_lags_takes_nothing_back() {
    let mut plan = two_run();
    assert_eq!(plan.step(NOW, listed(9, &[(1, 0)])), []);
    assert_eq!(plan.step(NOW, listed(8, &[(1, 0)])), []);
    assert_eq!(states(&plan, 0).len(), 2);
    // Deeper than any reorg: what was seen was not this chain.
    let out = plan.step(NOW, listed(10_000_000, &[(1, 0), (2, 7)]));
    assert_eq!(out, []);
    assert_eq!(
        plan.step(NOW, listed(11, &[(1, 0)])),
        [Output::Forget { number: 2 }, stop(2)]
    );
}

#[test]
fn an_instance_that_this_build_does_not_know_is_named_and_never_run() {
    let mut plan = plan();
    plan.step(NOW, listed(10, &[(1, 0), (2, 7)]));
    assert_eq!(plan.step(NOW, not_found(2, 1, false)), [unready(2, "version 3")]);
    for head in 11..20 {
        assert_eq!(
            plan.step(NOW + head * SECOND, listed(head, &[(1, 0), (2, 7)])),
            []
        );
    }
    use InstanceState::{Active, Superseded, Unknown};
    assert_eq!(states(&plan, 6), [(1, Active, true), (2, Unknown, false)]);
    assert_eq!(states(&plan, 7), [(1, Superseded, true), (2, Unknown, false)]);
    assert_eq!(plan.view(Epoch::new(7))[1].problem.as_deref(), Some("version 3"));
    assert!(plan.view(Epoch::new(7))[1].is_canonical, "known or not");
    // The next one may be known.
    plan.step(NOW, listed(20, &[(1, 0), (2, 7), (3, 9)]));
    assert_eq!(plan.step(NOW, found(3, 2)), [Output::Start(launch(3, 9))]);
}

#[test]
fn an_l1_that_does_not_answer_is_asked_again_at_each_head() {
    let mut plan = plan();
    plan.step(NOW, listed(10, &[(1, 0), (2, 7)]));
    assert_eq!(plan.step(NOW, not_found(2, 1, true)), [unready(2, "version 3")]);
    assert_eq!(plan.step(NOW, Input::Tick), []);
    assert_eq!(plan.step(NOW, listed(11, &[(1, 0), (2, 7)])), [inspect(2, 2)]);
    assert_eq!(plan.step(NOW, found(2, 2)), [Output::Start(launch(2, 7))]);
}

#[test]
fn instances_that_would_sign_the_same_messages_or_start_elsewhere_are_not_run() {
    let mut plan = plan();
    plan.step(NOW, listed(10, &[(1, 0), (2, 7), (3, 8)]));
    let inspected = |byte, attempt, facts| Input::Inspected {
        rollup: rollup(byte),
        attempt,
        result: Ok(facts),
    };
    let twin = InstanceFacts {
        genesis_id: facts(1).genesis_id,
        ..facts(2)
    };
    let reason = format!("its genesis id is that of the Rollup {}", rollup(1));
    assert_eq!(plan.step(NOW, inspected(2, 1, twin)), [unready(2, &reason)]);
    let elsewhere = InstanceFacts {
        genesis_archive: B256::ZERO,
        ..facts(3)
    };
    let out = plan.step(NOW, inspected(3, 2, elsewhere));
    assert!(matches!(&out[..], [Output::Unready { number: 3, reason }] if reason.contains("archive")));
}

#[test]
fn a_stack_that_fails_is_started_again_after_growing_pauses_and_never_harms_the_other() {
    let mut plan = two_run();
    let mut now = NOW;
    for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
        assert_eq!(
            plan.step(now, ended(2, Some("port is taken"))),
            [unready(2, "port is taken")]
        );
        assert_eq!(
            states(&plan, 0),
            [(1, InstanceState::Active, true), (2, InstanceState::Idle, false)]
        );
        now += pause * SECOND;
        assert_eq!(plan.step(now - 1, Input::Tick), []);
        assert_eq!(plan.step(now, Input::Tick), [Output::Start(launch(2, 7))]);
    }
    now += 3_600 * SECOND;
    plan.step(now, ended(2, Some("store")));
    assert_eq!(
        plan.step(now + SECOND, Input::Tick),
        [Output::Start(launch(2, 7))],
        "it had run for long"
    );
}

#[test]
fn after_a_restart_every_listed_instance_starts() {
    let mut plan = plan();
    let out = plan.step(NOW, listed(900, &[(1, 0), (2, 7), (3, 9)]));
    assert!(out.contains(&inspect(2, 1)) && out.contains(&inspect(3, 2)));
    assert_eq!(plan.step(NOW, found(3, 2)), [Output::Start(launch(3, 9))]);
    assert_eq!(plan.step(NOW, found(2, 1)), [Output::Start(launch(2, 7))]);
}

#[test]
fn an_instance_that_a_reorg_gives_another_number_begins_anew_under_it() {
    let mut plan = two_run();
    plan.step(NOW, listed(11, &[(1, 0), (2, 7), (3, 8)]));
    plan.step(NOW, found(3, 2));
    let out = plan.step(NOW, listed(11, &[(1, 0), (3, 7)]));
    let forget = |number| Output::Forget { number };
    assert_eq!(out, [forget(2), stop(2), forget(3), stop(3)]);
    let moved = Launch {
        number: 2,
        ..launch(3, 7)
    };
    assert_eq!(
        plan.step(NOW, ended(3, None)),
        [unready(2, "starting"), Output::Start(moved)]
    );
}

#[test]
fn the_deployments_own_instance_is_never_left() {
    let mut plan = plan();
    assert_eq!(plan.step(NOW, listed(10, &[])), []);
    assert_eq!(states(&plan, 0), [(1, InstanceState::Active, true)]);
    assert_eq!(plan.step(NOW, ended(1, Some("disk"))), [unready(1, "disk")]);
    assert_eq!(
        plan.step(NOW + SECOND, Input::Tick),
        [Output::Start(launch(1, 0))]
    );
}
