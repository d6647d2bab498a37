//! Each requirement passes, fails and is unknown.

use agoge_protocol::B256;
use alloy::signers::local::PrivateKeySigner;

use super::*;
use crate::chain::{Head, Place};
use crate::evidence::{Header, NodeReading, SlotRecord};
use crate::sample::{NODES, header, header_of, record};

/// Judges records as a phase, over a gate of `hours`.
struct Trial {
    header: Header,
    records: Vec<SlotRecord>,
    statements: Vec<Statement>,
    signers: Vec<Address>,
    phase: u8,
    stage: Stage,
    last_slot: Option<u64>,
}

impl Trial {
    /// Phase 1 with a gate of 4 hours, which is 400 slots, all of them good.
    fn good() -> Self {
        let mut header = header();
        header.network.gate.private_hours = 4;
        Self {
            header,
            records: (1..=400).map(record).collect(),
            statements: Vec::new(),
            signers: Vec::new(),
            phase: 1,
            stage: Stage::Internal,
            last_slot: None,
        }
    }

    fn phase(number: u8, stage: Stage) -> Self {
        let mut header = header_of(&format!("phase{number}"));
        header.network.gate.private_hours = 4;
        header.network.gate.public_hours = 4;
        Self {
            header,
            phase: number,
            stage,
            ..Self::good()
        }
    }

    fn say(mut self, kind: StatementKind, subject: &str, slots: (u64, u64), document: B256) -> Self {
        let key = PrivateKeySigner::random();
        let statement = Statement {
            kind,
            subject: subject.to_owned(),
            text: "because".to_owned(),
            document,
            from_slot: slots.0,
            to_slot: slots.1,
            time: 0,
            signer: key.address(),
            signature: Vec::new().into(),
        };
        self.statements.push(statement.sign(&self.header, &key).unwrap());
        self.signers.push(key.address());
        self
    }

    /// Changes the records of some slots.
    fn change(mut self, slots: std::ops::RangeInclusive<u64>, change: impl Fn(&mut SlotRecord)) -> Self {
        for record in &mut self.records {
            if slots.contains(&record.slot) {
                change(record);
            }
        }
        self
    }

    fn report(&self) -> Report {
        let excuses: Vec<_> = self
            .statements
            .iter()
            .filter(|statement| statement.counts(&self.header, &self.signers))
            .filter_map(Statement::excuse)
            .collect();
        let mut folder = Folder::new(&excuses);
        for (line, record) in self.records.iter().enumerate() {
            let place = Place {
                file: "e".to_owned(),
                line: u64::try_from(line).unwrap() + 2,
            };
            folder.add(&self.header, place, record);
        }
        let checked = Checked {
            header: self.header.clone(),
            head: Head::default(),
            files: vec!["e".to_owned()],
        };
        let case = Case {
            checked: &checked,
            timeline: &folder.finish(),
            statements: &self.statements,
            signers: &self.signers,
            phase: &Phase::new(self.phase, &self.header.network, 1).unwrap(),
            stage: self.stage,
            last_slot: self.last_slot,
        };
        judge(&case).unwrap()
    }

    fn finding(&self, id: &str) -> Finding {
        let report = self.report();
        let found = report.findings.iter().find(|finding| finding.id == id);
        found.unwrap_or_else(|| panic!("{id} is not asked for")).clone()
    }

    #[track_caller]
    fn check(&self, id: &str, status: Status) -> Finding {
        let finding = self.finding(id);
        assert_eq!(finding.status, status, "{id}: {}", finding.figure);
        finding
    }
}

fn silent(record: &mut SlotRecord, node: usize) {
    record.nodes[node] = NodeReading::default();
}

fn guide(trial: Trial) -> Trial {
    trial.say(StatementKind::Met, "guide", (0, 0), B256::repeat_byte(7))
}

#[test]
fn a_good_network_with_its_guide_published_is_a_go() {
    let report = guide(Trial::good()).report();
    for finding in &report.findings {
        assert_eq!(finding.status, Status::Pass, "{}: {}", finding.id, finding.figure);
        assert!(
            finding.id == "guide" || !finding.evidence.is_empty(),
            "{} rests on lines",
            finding.id
        );
    }
    assert_eq!(report.verdict, Verdict::Go);
    assert_eq!(report.window.slots, 400);
    let text = report.text();
    assert!(text.starts_with("GO  phase 1, internal stage"), "{text}");
}

#[test]
fn an_unpublished_guide_withholds_the_verdict_and_a_refused_one_is_a_no_go() {
    let trial = Trial::good();
    trial.check("guide", Status::Unknown);
    assert_eq!(trial.report().verdict, Verdict::NotEnoughData);
    let trial = Trial::good().say(StatementKind::Met, "guide", (0, 0), B256::ZERO);
    trial.check("guide", Status::Unknown);
    let trial = guide(Trial::good()).say(StatementKind::NotMet, "guide", (0, 0), B256::ZERO);
    trial.check("guide", Status::Fail);
    assert_eq!(trial.report().verdict, Verdict::NoGo);
    let mut trial = guide(Trial::good());
    trial.signers.clear();
    trial.check("guide", Status::Unknown);
}

#[test]
fn time_that_is_not_over_is_unknown() {
    let mut trial = Trial::good();
    trial.records.truncate(399);
    let finding = trial.check("stable", Status::Unknown);
    assert!(
        finding.figure.contains("399 shown slots (at least 400)"),
        "{}",
        finding.figure
    );
    assert_eq!(guide(trial).report().verdict, Verdict::NotEnoughData);
}

#[test]
fn no_blocks_with_a_quorum_is_a_crash() {
    let stuck = |slots| {
        let frozen = record(100);
        Trial::good().change(slots, move |record| {
            let l1 = record.l1.as_mut().unwrap();
            let known = frozen.l1.unwrap();
            (l1.pending, l1.pending_slot) = (known.pending, known.pending_slot);
        })
    };
    stuck(101..=108).check("crash-blocks", Status::Pass);
    let trial = stuck(101..=109);
    let finding = trial.check("crash-blocks", Status::Fail);
    assert_eq!(finding.evidence, ["e:110"], "the ninth slot without a block");
    trial.check("stable", Status::Fail);
    assert_eq!(trial.report().verdict, Verdict::NoGo);
    let without_quorum = stuck(101..=140).change(101..=140, |record| {
        record.committee.as_mut().unwrap().online = 10;
    });
    without_quorum.check("crash-blocks", Status::Pass);
    let unclear = stuck(101..=140).change(101..=140, |record| {
        let committee = record.committee.as_mut().unwrap();
        (committee.online, committee.is_complete) = (10, false);
    });
    unclear.check("crash-blocks", Status::Unknown);
    unclear.check("stable", Status::Unknown);
}

#[test]
fn proofs_that_stay_out_are_a_crash_even_if_their_blocks_are_pruned() {
    // Nothing is proven after block 32, and every 96 slots the chain falls back to it.
    let unproven = |until| {
        Trial::good().change(64..=until, |record| {
            let l1 = record.l1.as_mut().unwrap();
            let is_pruned = record.slot % 96 == 0;
            l1.proven = 32;
            (l1.pending, l1.pending_slot, l1.first_unproven_slot) = if is_pruned {
                (32, Some(32), None)
            } else {
                (
                    record.slot,
                    Some(record.slot),
                    Some(record.slot - record.slot % 96 + 33),
                )
            };
        })
    };
    // Block 33 is of epoch 1: its window ends with epoch 3, so epoch 5 is two behind and epoch 6 three.
    unproven(191).check("crash-proofs", Status::Pass);
    let finding = unproven(200).check("crash-proofs", Status::Fail);
    assert!(finding.figure.starts_with("3 epochs"), "{}", finding.figure);
}

#[test]
fn different_roots_are_a_crash_if_both_nodes_stand_at_one_l1_block() {
    let other = |record: &mut SlotRecord| {
        let rpc = record.nodes[0].rpc.as_mut().unwrap();
        rpc.pending.root = "f".repeat(32);
    };
    let finding = Trial::good()
        .change(50..=50, other)
        .check("crash-roots", Status::Fail);
    assert_eq!(finding.evidence, ["e:51"]);
    let behind = Trial::good().change(50..=50, |record| {
        other(record);
        record.nodes[0].rpc.as_mut().unwrap().l1_hash = Some("0".repeat(16));
    });
    behind.check("crash-roots", Status::Pass);
    let finalized = Trial::good().change(50..=50, |record| {
        let rpc = record.nodes[0].rpc.as_mut().unwrap();
        rpc.finalized.root = "f".repeat(32);
        rpc.l1_hash = Some("0".repeat(16));
    });
    finalized.check("crash-roots", Status::Fail);
    let mut alone = Trial::good().change(1..=400, |record| record.nodes.truncate(1));
    alone.header.nodes.truncate(1);
    alone.check("crash-roots", Status::Unknown);
}

#[test]
fn restarts_of_more_than_a_third_within_an_epoch_are_a_crash() {
    let restart = |trial: Trial, node: usize, slot: u64| {
        trial.change(slot..=400, move |record| {
            record.nodes[node].metrics.as_mut().unwrap().start_time = Some(slot * 36);
        })
    };
    assert_eq!(NODES, 6);
    let two = restart(restart(Trial::good(), 0, 100), 1, 110);
    two.check("crash-restarts", Status::Pass);
    let later = restart(restart(restart(Trial::good(), 0, 100), 1, 110), 2, 132);
    later.check("crash-restarts", Status::Pass);
    let three = || restart(restart(restart(Trial::good(), 0, 100), 1, 110), 2, 131);
    let finding = three().check("crash-restarts", Status::Fail);
    assert_eq!(finding.figure, "0.5 of the nodes (at most 0.3334)");
    let excused = three().say(
        StatementKind::Excuse,
        "http://node-2:8700",
        (130, 140),
        B256::ZERO,
    );
    excused.check("crash-restarts", Status::Pass);
    let too_late = three().say(
        StatementKind::Excuse,
        "http://node-2:8700",
        (132, 140),
        B256::ZERO,
    );
    too_late.check("crash-restarts", Status::Fail);
    let mut blind = Trial::good().change(1..=400, |record| {
        for node in &mut record.nodes {
            node.metrics = None;
        }
    });
    blind.header.has_metrics = false;
    blind.check("crash-restarts", Status::Unknown);
    let dead = Trial::good().change(100..=120, |record| {
        for node in 0..3 {
            silent(record, node);
        }
    });
    dead.check("crash-restarts", Status::Fail);
}

#[test]
fn a_finalized_block_that_is_gone_is_a_wipe() {
    let wiped = Trial::good().change(300..=310, |record| {
        record.nodes[3].rpc.as_mut().unwrap().finalized.number = 0;
    });
    let finding = wiped.check("crash-wipe", Status::Fail);
    assert_eq!(finding.evidence, ["e:301"]);
    Trial::good()
        .say(StatementKind::NotMet, "crash-wipe", (0, 0), B256::ZERO)
        .check("crash-wipe", Status::Fail);
}

#[test]
fn a_crash_is_forgotten_when_the_gate_has_passed_since() {
    let mut trial = Trial::good().change(5..=5, |record| {
        record.nodes[0].rpc.as_mut().unwrap().pending.root = "f".repeat(32);
    });
    trial.check("stable", Status::Fail);
    trial.records.extend((401..=405).map(record));
    trial.check("stable", Status::Pass);
    trial.check("crash-roots", Status::Pass);
}

#[test]
fn missing_slots_are_unknown_and_more_than_one_percent_withholds_the_verdict() {
    let lose = |slots: std::ops::RangeInclusive<u64>| {
        let mut trial = guide(Trial::good());
        trial.records.retain(|record| !slots.contains(&record.slot));
        trial.report()
    };
    assert_eq!(lose(200..=203).verdict, Verdict::Go);
    let report = lose(200..=204);
    assert_eq!(report.verdict, Verdict::NotEnoughData);
    assert_eq!(report.window.known, 395);
    let silent_l1 = guide(Trial::good()).change(200..=204, |record| record.l1 = None);
    assert_eq!(silent_l1.report().verdict, Verdict::NotEnoughData);
    let few_nodes = guide(Trial::good()).change(200..=204, |record| {
        silent(record, 0);
        silent(record, 1);
    });
    assert_eq!(few_nodes.report().verdict, Verdict::NotEnoughData);
    let mut excused = guide(Trial::good()).change(200..=206, |record| {
        silent(record, 0);
        silent(record, 1);
    });
    excused = excused.say(
        StatementKind::Excuse,
        "http://node-0:8700",
        (200, 206),
        B256::ZERO,
    );
    assert_eq!(excused.report().verdict, Verdict::Go);
    let mut dead_watcher = guide(Trial::good());
    dead_watcher.last_slot = Some(404);
    assert_eq!(dead_watcher.report().verdict, Verdict::Go);
    dead_watcher.last_slot = Some(405);
    assert_eq!(dead_watcher.report().verdict, Verdict::NotEnoughData);
}

#[test]
fn load_is_what_was_mined() {
    Trial::good().check("load", Status::Pass);
    let slow = Trial::good().change(1..=400, |record| {
        for node in &mut record.nodes {
            // One transaction in two slots: 0.0139 a second.
            node.rpc.as_mut().unwrap().nullifiers = record.slot / 2 * 2;
        }
    });
    let finding = slow.check("load", Status::Fail);
    assert!(finding.figure.starts_with("0.01"), "{}", finding.figure);
    let blind = Trial::good().change(1..=400, |record| (0..NODES).for_each(|node| silent(record, node)));
    blind.check("load", Status::Unknown);
}

#[test]
fn a_peak_is_the_highest_rate_over_its_epochs_and_never_gates() {
    let mut trial = Trial::phase(2, Stage::Internal);
    trial.header.network.gate.peak_epochs = 2;
    trial.check("peak", Status::Fail);
    let peak = trial.change(100..=400, |record| {
        for node in &mut record.nodes {
            let extra = (record.slot - 100).min(64) * 40 * 2;
            node.rpc.as_mut().unwrap().nullifiers += extra;
        }
    });
    let finding = peak.check("peak", Status::Pass);
    assert!(!finding.is_blocking);
    let mut short = Trial::phase(2, Stage::Internal);
    short.check("peak", Status::Unknown);
    short.records.truncate(10);
    short.check("peak", Status::Unknown);
}

#[test]
fn slots_validators_and_proofs_are_counted() {
    let sparse = Trial::good().change(1..=400, |record| {
        let l1 = record.l1.as_mut().unwrap();
        l1.pending = record.slot - record.slot / 20;
    });
    let finding = sparse.check("filled", Status::Fail);
    assert!(finding.figure.starts_with("0.95"), "{}", finding.figure);
    let small = Trial::good().change(77..=77, |record| {
        record.l1.as_mut().unwrap().validators = Some(47)
    });
    assert_eq!(small.check("validators", Status::Fail).evidence, ["e:78"]);
    let unseen = Trial::good().change(1..=400, |record| record.l1.as_mut().unwrap().validators = None);
    unseen.check("validators", Status::Unknown);
    let unproven = || {
        Trial::good().change(1..=400, |record| {
            record.l1.as_mut().unwrap().proven = 0;
            record.l1.as_mut().unwrap().first_unproven_slot = Some(1);
        })
    };
    unproven().check("proving", Status::Fail);
    let mut early = unproven();
    early.records.truncate(90);
    early.check("proving", Status::Unknown);
    let mut test_verifier = Trial::good();
    test_verifier.header.verifier_circuit_digest = B256::ZERO;
    test_verifier.check("real-proofs", Status::Fail);
}

#[test]
fn health_and_versions_are_recorded_and_do_not_gate() {
    let trial = guide(Trial::good().change(1..=400, |record| {
        for node in record.nodes.iter_mut().take(2) {
            node.metrics.as_mut().unwrap().is_ready = false;
            node.rpc.as_mut().unwrap().version = "0.2.0".to_owned();
        }
    }));
    trial.check("ready", Status::Fail);
    trial.check("one-version", Status::Fail);
    assert_eq!(trial.report().verdict, Verdict::Go);
}

#[test]
fn an_upgrade_is_complete_when_the_new_rollup_has_proven_a_block() {
    let upgraded = |proven: u64| {
        Trial::phase(3, Stage::Public).change(300..=400, move |record| {
            let l1 = record.l1.as_mut().unwrap();
            (l1.instance, l1.pending, l1.proven) = (2, record.slot - 299, proven);
            for node in &mut record.nodes {
                let rpc = node.rpc.as_mut().unwrap();
                (rpc.instance, rpc.nullifiers) = (2, (record.slot - 299) * 2);
                (rpc.finalized.number, rpc.proven.number) = (proven, proven);
            }
        })
    };
    upgraded(1).check("upgrade", Status::Pass);
    upgraded(1).check("crash-wipe", Status::Pass);
    upgraded(1).check("crash-blocks", Status::Pass);
    upgraded(0).check("upgrade", Status::Fail);
    let none = Trial::phase(3, Stage::Public);
    none.check("upgrade", Status::Fail);
    let mut early = none;
    early.records.truncate(100);
    early.check("upgrade", Status::Unknown);
}

#[test]
fn phase_4_ends_on_sepolia_and_open_to_everybody() {
    let trial = Trial::phase(4, Stage::Public);
    trial.check("sepolia", Status::Pass);
    trial.check("permissionless", Status::Fail);
    trial.check("partners", Status::Unknown);
    let open = trial.change(350..=400, |record| {
        record.l1.as_mut().unwrap().is_allow_listed = Some(false);
    });
    open.check("permissionless", Status::Pass);
    let internal = Trial::phase(4, Stage::Internal).say(StatementKind::Met, "l1-life", (0, 0), B256::ZERO);
    internal.check("l1-life", Status::Pass);
    internal.check("reorg-tests", Status::Unknown);
}

#[test]
fn no_evidence_is_no_verdict() {
    let mut trial = Trial::good();
    trial.records.clear();
    let report = trial.report();
    assert_eq!(report.verdict, Verdict::NotEnoughData);
    assert!(
        report
            .findings
            .iter()
            .all(|finding| finding.status == Status::Unknown || finding.id == "real-proofs"),
        "{}",
        report.text()
    );
}
