use agoge_protocol::Address;
use alloy::signers::local::PrivateKeySigner;

use super::*;
use crate::judge::{Evidence, Report, Verdict, WindowReport};
use crate::sample::header;
use crate::train::manifest::tests::manifest;

const STATES: [State; 9] = [
    State::Built,
    State::InternalSoak,
    State::DecidedGo,
    State::DecidedNoGo,
    State::Announced,
    State::Public,
    State::PublicSoak,
    State::Passed,
    State::Failed,
];

fn week() -> Week {
    "2026-W48".parse().unwrap()
}

fn new(signers: Vec<Address>) -> Event {
    Event::New {
        train: week(),
        phase: 1,
        manifest: Box::new(manifest(signers)),
        time: 1,
    }
}

fn entered(state: State, signers: Vec<Address>) -> Event {
    Event::Entered {
        state,
        note: None,
        manifest: (state == State::Public).then(|| Box::new(manifest(signers))),
        time: 2,
    }
}

fn report(stage: Stage) -> Report {
    Report {
        phase: 1,
        stage,
        compress: 1,
        verdict: Verdict::Go,
        window: WindowReport {
            from: 1,
            to: 9_000,
            required_slots: 9_000,
            slots: 9_000,
            recorded: 9_000,
            known: 9_000,
            unknown_share: 0.0,
        },
        evidence: Evidence {
            network: "phase1".to_owned(),
            network_sha256: String::new(),
            files: Vec::new(),
            head: String::new(),
            nodes: 6,
        },
        findings: Vec::new(),
    }
}

fn decided(stage: Stage, is_go: bool, key: &PrivateKeySigner) -> Event {
    let manifest = manifest(vec![key.address()]);
    let decision = Decision::sign(
        (week(), &manifest),
        (report(stage), &header(), [7; 32]),
        (is_go, None),
        3,
        key,
    );
    Event::Decided {
        decision: Box::new(decision.unwrap()),
    }
}

/// The step to a state, as it is written.
fn step(to: State, key: &PrivateKeySigner) -> Event {
    match to {
        State::DecidedGo => decided(Stage::Internal, true, key),
        State::DecidedNoGo => decided(Stage::Internal, false, key),
        State::Passed => decided(Stage::Public, true, key),
        state => entered(state, vec![key.address()]),
    }
}

#[test]
fn a_train_runs_from_built_to_passed_and_is_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let key = PrivateKeySigner::random();
    Journal::create(dir.path(), &new(vec![key.address()])).unwrap();
    assert!(matches!(
        Journal::create(dir.path(), &new(Vec::new())),
        Err(JournalError::Exists { .. })
    ));
    for to in [
        State::InternalSoak,
        State::DecidedNoGo,
        State::Built,
        State::InternalSoak,
        State::DecidedGo,
        State::Announced,
        State::Public,
        State::PublicSoak,
        State::Passed,
    ] {
        let train = Journal::open(dir.path()).unwrap().step(&step(to, &key)).unwrap();
        assert_eq!(train.state, to);
        assert_eq!(Journal::read(dir.path()).unwrap().unwrap(), train);
    }
    let train = Journal::read(dir.path()).unwrap().unwrap();
    assert_eq!((train.decisions.len(), train.history.len()), (3, 10));
}

#[test]
fn only_legal_steps_are_taken() {
    let key = PrivateKeySigner::random();
    let legal = [
        (State::Built, State::InternalSoak),
        (State::InternalSoak, State::DecidedGo),
        (State::InternalSoak, State::DecidedNoGo),
        (State::DecidedGo, State::Announced),
        (State::DecidedNoGo, State::Built),
        (State::Announced, State::Public),
        (State::Public, State::PublicSoak),
        (State::Public, State::Failed),
        (State::PublicSoak, State::Passed),
        (State::PublicSoak, State::Failed),
        (State::Failed, State::Built),
    ];
    for from in STATES {
        for to in STATES {
            let mut train = Train::begin(&new(vec![key.address()])).unwrap();
            train.state = from;
            train.public = Some(manifest(vec![key.address()]));
            let before = train.clone();
            let result = train.apply(&step(to, &key));
            assert_eq!(result.is_ok(), legal.contains(&(from, to)), "{from} to {to}");
            if let Err(error) = result {
                assert!(matches!(error, JournalError::Step { .. }), "{error}");
                assert_eq!(train, before);
            }
        }
    }
}

#[test]
fn decisions_need_a_signer_of_the_manifest_and_states_need_their_decision() {
    let dir = tempfile::tempdir().unwrap();
    let key = PrivateKeySigner::random();
    Journal::create(dir.path(), &new(vec![key.address()])).unwrap();
    let open = || Journal::open(dir.path()).unwrap();
    open().step(&step(State::InternalSoak, &key)).unwrap();
    let stranger = decided(Stage::Internal, true, &PrivateKeySigner::random());
    assert!(matches!(open().step(&stranger), Err(JournalError::Unsigned)));
    let Event::Decided { decision } = decided(Stage::Internal, false, &key) else {
        unreachable!()
    };
    let mut flipped = decision.clone();
    flipped.is_go = true;
    assert!(matches!(
        open().step(&Event::Decided { decision: flipped }),
        Err(JournalError::Unsigned)
    ));
    let mut other_report = decision;
    other_report.report.verdict = Verdict::NoGo;
    assert!(matches!(
        open().step(&Event::Decided {
            decision: other_report
        }),
        Err(JournalError::Unsigned)
    ));
    for state in [State::DecidedGo, State::DecidedNoGo, State::Passed] {
        let error = open().step(&entered(state, Vec::new())).unwrap_err();
        assert!(matches!(error, JournalError::NeedsDecision(_)), "{error}");
    }
    assert_eq!(open().train().state, State::InternalSoak, "nothing was written");
}

#[test]
fn an_edited_journal_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let key = PrivateKeySigner::random();
    assert!(matches!(
        Journal::open(dir.path()),
        Err(JournalError::Missing { .. })
    ));
    assert_eq!(Journal::read(dir.path()).unwrap(), None);
    Journal::create(dir.path(), &new(vec![key.address()])).unwrap();
    Journal::open(dir.path())
        .unwrap()
        .step(&step(State::InternalSoak, &key))
        .unwrap();
    let path = dir.path().join(JOURNAL_FILE);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"phase\":1", "\"phase\":2")).unwrap();
    let error = Journal::read(dir.path()).unwrap_err();
    assert!(error.to_string().contains("line 2"), "{error}");
}
