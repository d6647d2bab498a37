//! One node in slot 1 (from T = 12,036 s; its proposer is key 1), told one thing after another. Each row says what it must do at once.

use agoge_node::consensus::{
    BuildFailed, ChainView, Evidence, Input, Output, PublishFailed, SignKind, SignRefused, SignRequest,
    Source, TipView, Validators, Verdict,
};
use agoge_node::duties::{DutyOutcome, MissReason};
use agoge_protocol::messages::Attestation;
use agoge_protocol::{Address, Digest, Epoch, L2BlockNumber, Slot};

use super::{block, committee, digest, genesis_tip, head, key, rules, sign, signed_by, view};

const SLOT: u64 = 1;
const START: i64 = 12_036;

/// What the node is told. Times are seconds from T where nothing else is said.
#[derive(Clone, Debug)]
enum Told {
    /// Only the time, milliseconds from T.
    At(i64),
    /// The L1 block of that time, the tip unchanged.
    Head(i64),
    /// The same, but the state is not L1's.
    HeadUnsynced(i64),
    /// An L1 block with block `content` of slot 1 as its tip.
    Landed(i64, u32),
    /// An L1 block after a reorg to another parent.
    Reorged(i64),
    /// Block `content` signed by a key, on the tip known at the start.
    Proposal(u32, u16),
    /// The same on another parent.
    ProposalElsewhere(u32, u16),
    /// Seat, signing key, content.
    Attestation(u16, u16, u32),
    /// Seats a..b attest to the content.
    Attestations(u16, u16, u32),
    Built(u32),
    BuildFails,
    Reexecuted(u32, Result<(), MissReason>),
    /// Every signature asked for is made.
    Signed,
    Refused,
    Published(bool),
    Duties(u16, bool),
    CommitteeGone,
}
use Told::*;

struct Node {
    machine: Validators,
    now_ms: u64,
    view: ChainView,
    parent: Digest,
    wanted: Vec<SignRequest>,
    attempt: u8,
}

fn time(seconds: i64) -> u64 {
    u64::try_from(START + seconds).unwrap()
}

impl Node {
    fn new(keys: &[u16]) -> Self {
        let keys = keys.iter().map(|index| (key(*index).address(), true)).collect();
        let mut machine = Validators::new(rules(), keys);
        let now_ms = (time(-14)) * 1_000;
        let view = view(time(-24), genesis_tip());
        machine.step(now_ms, Input::Chain(view));
        for epoch in [0, 1] {
            machine.step(
                now_ms,
                Input::Committee {
                    epoch: Epoch::new(epoch),
                    committee: Some(committee(epoch)),
                },
            );
        }
        Self {
            machine,
            now_ms,
            view,
            parent: genesis_tip().archive,
            wanted: Vec::new(),
            attempt: 0,
        }
    }

    fn tell(&mut self, told: &Told) -> Vec<String> {
        let inputs = self.inputs(told);
        let mut said = Vec::new();
        for input in inputs {
            for output in self.machine.step(self.now_ms, input) {
                match &output {
                    Output::Sign(request) => self.wanted.push(*request),
                    Output::BuildBlock { attempt, slot, .. } if slot.get() == SLOT => self.attempt = *attempt,
                    _ => {}
                }
                said.extend(say(&output));
            }
        }
        said
    }

    fn chain(&mut self, seconds: i64, tip: TipView, is_synced: bool) -> Vec<Input> {
        self.now_ms = self.now_ms.max(time(seconds) * 1_000 + 200);
        self.view = ChainView {
            head: head(time(seconds)),
            tip,
            is_synced,
        };
        vec![Input::Chain(self.view)]
    }

    fn inputs(&mut self, told: &Told) -> Vec<Input> {
        let slot = Slot::new(SLOT);
        let source = Source(1);
        let proposal = |content, key, parent| {
            let proposal = Box::new(signed_by(key, block(SLOT, parent, content)));
            vec![Input::Proposal { source, proposal }]
        };
        let attestation = |seat: u16, key: u16, content: u32| {
            let block_hash = block(SLOT, self.parent, content).block_hash();
            let rules = rules();
            let signature = sign(
                key,
                Attestation::digest(slot, block_hash, rules.genesis_id, &rules.domain),
            );
            Input::Attestation {
                source,
                attestation: Attestation {
                    slot,
                    index: seat,
                    block_hash,
                    signature,
                },
            }
        };
        match told {
            At(ms) => {
                self.now_ms = u64::try_from(START * 1_000 + ms).unwrap();
                vec![Input::Tick]
            }
            Head(seconds) => self.chain(*seconds, self.view.tip, true),
            HeadUnsynced(seconds) => self.chain(*seconds, self.view.tip, false),
            Landed(seconds, content) => {
                let tip = TipView {
                    number: L2BlockNumber::new(1),
                    slot: Some(slot),
                    archive: block(SLOT, self.parent, *content).free_fields.archive,
                };
                self.chain(*seconds, tip, true)
            }
            Reorged(seconds) => {
                let tip = TipView {
                    number: L2BlockNumber::new(1),
                    slot: Some(Slot::new(0)),
                    archive: digest(2),
                };
                self.chain(*seconds, tip, true)
            }
            Proposal(content, key) => proposal(*content, *key, self.parent),
            ProposalElsewhere(content, key) => proposal(*content, *key, digest(2)),
            Attestation(seat, key, content) => vec![attestation(*seat, *key, *content)],
            Attestations(from, to, content) => (*from..*to).map(|i| attestation(i, i, *content)).collect(),
            Built(content) => {
                let result = Ok(Box::new(block(SLOT, self.view.tip.archive, *content)));
                vec![Input::BlockBuilt {
                    slot,
                    attempt: self.attempt,
                    result,
                }]
            }
            BuildFails => vec![Input::BlockBuilt {
                slot,
                attempt: self.attempt,
                result: Err(BuildFailed),
            }],
            Reexecuted(content, result) => {
                let block_hash = block(SLOT, self.parent, *content).block_hash();
                vec![Input::Reexecuted {
                    slot,
                    block_hash,
                    result: result.clone(),
                }]
            }
            Signed | Refused => std::mem::take(&mut self.wanted)
                .into_iter()
                .map(
                    |SignRequest {
                         attester,
                         slot,
                         kind,
                         digest,
                     }| {
                        let index = (0..super::SEATS).find(|i| key(*i).address() == attester).unwrap();
                        let result = if matches!(told, Signed) {
                            Ok(sign(index, digest))
                        } else {
                            Err(SignRefused)
                        };
                        Input::Signed {
                            attester,
                            slot,
                            kind,
                            result,
                        }
                    },
                )
                .collect(),
            Published(was_taken) => {
                let result = if *was_taken { Ok(()) } else { Err(PublishFailed) };
                vec![Input::Published { slot, result }]
            }
            Duties(index, is_on) => {
                vec![Input::DutiesSwitched {
                    attester: key(*index).address(),
                    is_on: *is_on,
                }]
            }
            CommitteeGone => vec![Input::Committee {
                epoch: Epoch::new(0),
                committee: None,
            }],
        }
    }
}

/// An output in a few words; builds and duties of slot 1 only.
fn say(output: &Output) -> Option<String> {
    Some(match output {
        Output::FindCommittee(epoch) => format!("find committee {epoch}"),
        Output::BuildBlock { slot, .. } if slot.get() != SLOT => return None,
        Output::BuildBlock { attempt, .. } => format!("build {attempt}"),
        Output::Reexecute(_) => "reexecute".to_owned(),
        Output::Sign(SignRequest { kind, .. }) => match kind {
            SignKind::Proposal => "sign proposal",
            SignKind::Attestation => "sign attestation",
            SignKind::Publication => "sign publication",
        }
        .to_owned(),
        Output::GossipProposal(_) => "gossip proposal".to_owned(),
        Output::GossipAttestation(a) => format!("gossip attestation {}", a.index),
        Output::Publish(publication) => format!("publish {:#x}", publication.attestations.bitmap),
        Output::Judge {
            verdict: Verdict::Accept,
            ..
        } => "accept".to_owned(),
        Output::Judge {
            verdict: Verdict::Ignore,
            ..
        } => "ignore".to_owned(),
        Output::Judge {
            verdict: Verdict::Reject,
            ..
        } => "reject".to_owned(),
        Output::Equivocation { attester, evidence } => format!("{} of {}", two(evidence), number(*attester)),
        Output::OwnKeyElsewhere { attester, evidence } => {
            format!("{} of own {}", two(evidence), number(*attester))
        }
        Output::RecordDuty(record) if record.slot.get() != SLOT => return None,
        Output::RecordDuty(record) => match &record.outcome {
            DutyOutcome::Published { number, attestations } => {
                format!("published {number} with {attestations}")
            }
            DutyOutcome::Attested { .. } => "attested".to_owned(),
            DutyOutcome::Missed { reason } => format!("missed: {reason}"),
        },
    })
}

fn two(evidence: &Evidence) -> &'static str {
    match evidence {
        Evidence::Proposals(_) => "two proposals",
        Evidence::Attestations(_) => "two attestations",
    }
}

/// The number of a key.
fn number(attester: Address) -> u16 {
    (0..16).find(|index| key(*index).address() == attester).unwrap()
}

fn check(what: &str, keys: &[u16], rows: &[(Told, &[&str])]) {
    let mut node = Node::new(keys);
    for (step, (told, expected)) in rows.iter().enumerate() {
        assert_eq!(node.tell(told), *expected, "{what}, step {step}: {told:?}");
    }
}

type Rows = Vec<(Told, &'static [&'static str])>;

/// The way to a signed proposal of key 1, which attests to it as well.
fn proposed() -> Rows {
    vec![
        (Head(-12), &["build 1"]),
        (Built(5), &[]),
        (At(-6_001), &[]),
        (At(-6_000), &["sign proposal"]),
        (Signed, &["gossip proposal", "sign attestation"]),
        (Signed, &["gossip attestation 1"]),
    ]
}

/// The way to ten attestations.
fn ten() -> Rows {
    let mut rows = proposed();
    rows.push((Attestation(0, 0, 5), &["accept"]));
    rows.push((Attestations(2, 10, 5), &["accept"; 8]));
    rows
}

/// The way to a publication that was sent with seats 0 to 10.
fn sent() -> Rows {
    let mut rows = ten();
    rows.push((Attestation(10, 10, 5), &["accept", "sign publication"]));
    rows.push((Signed, &["publish 0x7ff"]));
    rows
}

fn check_after(what: &str, before: Rows, more: &[(Told, &'static [&'static str])]) {
    let mut rows = before;
    rows.extend_from_slice(more);
    check(what, &[1], &rows);
}

#[test]
fn proposer_builds_signs_collects_and_publishes_once() {
    check_after(
        "all goes well",
        sent(),
        &[
            (Attestation(12, 12, 5), &["accept"]),
            (Published(true), &[]),
            (Landed(0, 5), &[]),
            (Landed(12, 5), &[]),
            (Landed(36, 5), &["published 1 with 11", "attested"]),
        ],
    );
    check_after(
        "a revert is tried again with the same bytes after the next L1 block, while the slot lasts",
        sent(),
        &[
            (Published(false), &[]),
            (At(-1_000), &[]),
            (Head(0), &["publish 0x7ff"]),
            (Published(false), &[]),
            (Head(12), &["publish 0x7ff"]),
            (Published(false), &[]),
            (At(24_000), &[]),
            (
                At(48_000),
                &["missed: the block was not taken by L1 in its slot", "attested"],
            ),
        ],
    );
    check_after(
        "what L1 took is not sent again",
        sent(),
        &[(Published(true), &[]), (Head(0), &[]), (Head(12), &[])],
    );
    check(
        "after a restart the own block is found on L1",
        &[1],
        &[
            (Landed(0, 5), &[]),
            (
                Landed(36, 5),
                &["published 1 with 11", "missed: no proposal arrived in time"],
            ),
        ],
    );
}

#[test]
fn proposer_waits_for_the_last_l1_block_before_its_slot() {
    check("seen", &[1], &[(At(-11_900), &[]), (Head(-12), &["build 1"])]);
    check(
        "missed",
        &[1],
        &[
            (At(-6_100), &[]),
            (At(-6_000), &["build 1"]),
            (Built(5), &["sign proposal"]),
        ],
    );
    check(
        "not synced, then synced",
        &[1],
        &[
            (HeadUnsynced(-12), &[]),
            (At(-6_000), &[]),
            (Head(0), &["build 1"]),
        ],
    );
    check(
        "duties off, then on",
        &[1],
        &[
            (Duties(1, false), &[]),
            (Head(-12), &[]),
            (Duties(1, true), &["build 1"]),
        ],
    );
    check("not the proposer", &[2], &[(Head(-12), &[]), (At(-6_000), &[])]);
    check(
        "a failed build is tried again",
        &[1],
        &[
            (Head(-12), &["build 1"]),
            (BuildFails, &[]),
            (At(-11_000), &["build 2"]),
        ],
    );
    check(
        "a failed build is tried again on another tip",
        &[1],
        &[
            (Head(-12), &["build 1"]),
            (BuildFails, &[]),
            (Reorged(-12), &["build 2"]),
        ],
    );
    check(
        "builds are bounded",
        &[1],
        &[
            (Head(-12), &["build 1"]),
            (BuildFails, &[]),
            (At(-11_980), &["build 2"]),
            (BuildFails, &[]),
            (At(-11_970), &["build 3"]),
            (BuildFails, &[]),
            (At(-11_960), &["build 4"]),
            (BuildFails, &[]),
            (At(-11_950), &["build 5"]),
            (BuildFails, &[]),
            (At(-11_940), &["build 6"]),
            (BuildFails, &[]),
            (At(-11_930), &["build 7"]),
            (BuildFails, &[]),
            (At(-11_920), &["build 8"]),
            (BuildFails, &[]),
            (At(-11_900), &[]),
            (At(0), &[]),
        ],
    );
    check(
        "nothing is signed for a slot that is over",
        &[1],
        &[
            (Head(-12), &["build 1"]),
            (Head(12), &[]),
            (At(24_000), &[]),
            (Built(5), &[]),
            (
                Head(36),
                &[
                    "missed: the block was not ready in time",
                    "missed: no proposal arrived in time",
                ],
            ),
        ],
    );
}

#[test]
fn a_moved_tip_is_built_on_again_only_while_nothing_is_signed() {
    check(
        "while building",
        &[1],
        &[
            (Head(-12), &["build 1"]),
            (Reorged(-12), &["build 2"]),
            (Built(5), &[]),
        ],
    );
    check(
        "while waiting to sign",
        &[1],
        &[
            (Head(-12), &["build 1"]),
            (Built(5), &[]),
            (Reorged(-12), &["build 2"]),
            (Built(6), &[]),
            (At(-6_000), &["sign proposal"]),
        ],
    );
    check_after(
        "not after signing",
        ten(),
        &[
            (Reorged(-12), &[]),
            (Attestation(10, 10, 5), &["accept"]),
            (At(0), &[]),
            (
                Reorged(36),
                &["missed: the tip changed after the block was signed", "attested"],
            ),
        ],
    );
}

#[test]
fn after_a_reorg_inside_the_slot_the_same_bytes_are_sent_again() {
    let mut node = Node::new(&[1]);
    let before = sent().into_iter().map(|(told, _)| told);
    for told in before.chain([Published(true), Landed(0, 5)]) {
        node.tell(&told);
    }
    node.view.tip = genesis_tip();
    assert_eq!(
        node.tell(&Head(0)),
        ["publish 0x7ff"],
        "the identical set, no new signature"
    );
    assert_eq!(node.tell(&Landed(12, 5)), [""; 0]);
    assert_eq!(node.tell(&Landed(36, 5)), ["published 1 with 11", "attested"]);
}

#[test]
fn ten_attestations_are_not_enough_and_the_eleventh_decides() {
    check_after(
        "in the last moment",
        ten(),
        &[
            (Head(12), &[]),
            (At(23_999), &[]),
            (Attestation(10, 10, 5), &["accept", "sign publication"]),
            (Signed, &["publish 0x7ff"]),
        ],
    );
    check_after(
        "too late",
        ten(),
        &[
            (Head(12), &[]),
            (At(24_000), &[]),
            (Attestation(10, 10, 5), &["ignore"]),
            (Head(24), &[]),
            (Head(36), &["missed: 10 attestations, 11 needed", "attested"]),
        ],
    );
}

#[test]
fn only_honest_attestations_count() {
    check_after(
        "garbage, strangers and repetitions",
        proposed(),
        &[
            (Attestation(16, 0, 5), &["reject"]),
            (Attestation(u16::MAX, 0, 5), &["reject"]),
            (Attestation(2, 3, 5), &["reject"]),
            (Attestation(2, 99, 5), &["reject"]),
            (Attestation(2, 2, 5), &["accept"]),
            (Attestation(2, 2, 5), &["ignore"]),
            (Attestation(2, 2, 6), &["two attestations of 2", "accept"]),
            (Attestation(2, 2, 7), &["ignore"]),
            (Attestations(3, 11, 6), &["accept"; 8]),
            (Attestations(11, 16, 5), &["accept"; 5]),
            (At(12_000), &[]),
            (Head(36), &["missed: 7 attestations, 11 needed", "attested"]),
        ],
    );
}

#[test]
fn attester_judges_the_first_proposal_in_its_window() {
    let good: &[(Told, &[&str])] = &[
        (Head(-12), &[]),
        (Proposal(5, 1), &["accept"]),
        (At(-8_001), &[]),
        (At(-8_000), &["reexecute"]),
        (Reexecuted(5, Ok(())), &["sign attestation"]),
        (Signed, &["gossip attestation 2"]),
        (Head(36), &["attested"]),
    ];
    check("held until two thirds of an L1 slot before", &[2], good);
    check(
        "several keys re-execute once",
        &[2, 3, 4],
        &[
            (Head(-12), &[]),
            (At(-7_000), &[]),
            (Proposal(5, 1), &["accept", "reexecute"]),
            (Proposal(5, 1), &["ignore"]),
            (Reexecuted(5, Ok(())), &["sign attestation"; 3]),
        ],
    );
    check(
        "not by the proposer",
        &[2],
        &[(Head(-12), &[]), (At(-7_000), &[]), (Proposal(5, 3), &["reject"])],
    );
    check(
        "not in the committee",
        &[40],
        &[(Head(-12), &[]), (At(-7_000), &[]), (Proposal(5, 1), &["accept"])],
    );
    check(
        "one slot later than the next L1 block's is held",
        &[2],
        &[(Proposal(5, 1), &["accept"]), (At(-10_000), &[])],
    );
    check(
        "too late for any L1 block",
        &[2],
        &[
            (Head(12), &[]),
            (At(23_900), &[]),
            (Proposal(5, 1), &["accept", "reexecute"]),
            (At(24_000), &[]),
            (Reexecuted(5, Ok(())), &[]),
            (Head(36), &["missed: the block was not ready in time"]),
        ],
    );
    check(
        "after the slot's last chance",
        &[2],
        &[(Head(12), &[]), (At(24_000), &[]), (Proposal(5, 1), &["ignore"])],
    );
}

#[test]
fn attester_signs_nothing_it_has_not_verified() {
    let refusals = [
        MissReason::MissingTxs { count: 1 },
        MissReason::InvalidTx,
        MissReason::BlockHashMismatch,
    ];
    for reason in refusals {
        let expected = format!("missed: {reason}");
        let mut node = Node::new(&[2]);
        for told in [
            Head(-12),
            At(-6_000),
            Proposal(5, 1),
            Reexecuted(5, Err(reason)),
            At(0),
        ] {
            let said = node.tell(&told);
            assert!(!said.iter().any(|s| s.starts_with("sign")), "{told:?}: {said:?}");
        }
        assert_eq!(node.tell(&Head(36)), [expected]);
    }
    check(
        "guard refuses",
        &[2],
        &[
            (Head(-12), &[]),
            (At(-6_000), &[]),
            (Proposal(5, 1), &["accept", "reexecute"]),
            (Reexecuted(5, Ok(())), &["sign attestation"]),
            (Refused, &[]),
            (At(0), &[]),
            (Head(36), &["missed: the signing guard refused"]),
        ],
    );
    check(
        "a result for another block",
        &[2],
        &[
            (Head(-12), &[]),
            (At(-6_000), &[]),
            (Proposal(5, 1), &["accept", "reexecute"]),
            (Reexecuted(6, Ok(())), &[]),
        ],
    );
    check(
        "switched off while re-executing",
        &[2],
        &[
            (Head(-12), &[]),
            (At(-6_000), &[]),
            (Proposal(5, 1), &["accept", "reexecute"]),
            (Duties(2, false), &[]),
            (Reexecuted(5, Ok(())), &[]),
            (Head(36), &["missed: duties of this key are switched off"]),
        ],
    );
}

#[test]
fn attester_behind_or_beside_the_tip_catches_up_or_abstains() {
    check(
        "catches up",
        &[2],
        &[
            (Head(-12), &[]),
            (At(-6_000), &[]),
            (ProposalElsewhere(5, 1), &["accept"]),
            (At(-1_000), &[]),
            (Reorged(0), &["reexecute"]),
        ],
    );
    check(
        "abstains",
        &[2],
        &[
            (Head(-12), &[]),
            (At(-6_000), &[]),
            (ProposalElsewhere(5, 1), &["accept"]),
            (Head(24), &[]),
            (Head(36), &["missed: the proposal's parent is not the tip"]),
        ],
    );
    check(
        "unsynced",
        &[2],
        &[
            (HeadUnsynced(-12), &[]),
            (At(-6_000), &[]),
            (Proposal(5, 1), &["accept"]),
            (HeadUnsynced(0), &[]),
            (Head(12), &["reexecute"]),
        ],
    );
    check(
        "tip moves during the re-execution",
        &[2],
        &[
            (Head(-12), &[]),
            (At(-6_000), &[]),
            (Proposal(5, 1), &["accept", "reexecute"]),
            (Reorged(-12), &[]),
            (Reexecuted(5, Ok(())), &[]),
            (Reorged(36), &["missed: the proposal's parent is not the tip"]),
        ],
    );
}

#[test]
fn nothing_is_signed_on_a_stale_l1() {
    // A head of T - 48 is 61 s old at T + 13.
    check(
        "stale while the slot lasts",
        &[1, 2],
        &[
            (Head(-48), &[]),
            (At(13_000), &[]),
            (Proposal(5, 1), &["accept"]),
            (
                At(48_000),
                &[
                    "missed: another node signed a proposal with the same key",
                    "missed: the L1 head is 61 s old",
                    "missed: the L1 head is 61 s old",
                ],
            ),
        ],
    );
    check(
        "the reason is that of the slot, not that of its end",
        &[1, 4],
        &[
            (Head(-48), &[]),
            (At(13_000), &[]),
            (
                At(48_000),
                &[
                    "missed: the L1 head is 61 s old",
                    "missed: the L1 head is 61 s old",
                    "missed: the L1 head is 61 s old",
                ],
            ),
        ],
    );
    check(
        "fresh again in time",
        &[1],
        &[(Head(-48), &[]), (At(13_000), &[]), (Head(12), &["build 1"])],
    );
}

#[test]
fn equivocation_of_the_proposer_is_kept_as_evidence_and_attested_at_most_once() {
    check(
        "two proposals",
        &[2],
        &[
            (Head(-12), &[]),
            (At(-6_000), &[]),
            (Proposal(5, 1), &["accept", "reexecute"]),
            (Proposal(6, 1), &["two proposals of 1", "accept"]),
            (Proposal(7, 1), &["ignore"]),
            (Reexecuted(5, Ok(())), &["sign attestation"]),
            (Signed, &["gossip attestation 2"]),
            (Reexecuted(6, Ok(())), &[]),
        ],
    );
    check(
        "somebody else has our key: our node does not propose too",
        &[1],
        &[
            (Head(-12), &["build 1"]),
            (At(-7_000), &[]),
            (Proposal(9, 1), &["accept", "reexecute"]),
            (Built(5), &[]),
            (At(-6_000), &[]),
            (Reexecuted(9, Ok(())), &["sign attestation"]),
            (
                Head(36),
                &[
                    "missed: another node signed a proposal with the same key",
                    "missed: the block was not ready in time",
                ],
            ),
        ],
    );
}

#[test]
fn a_key_that_signs_elsewhere_too_is_silenced_and_not_reported() {
    check(
        "attested here, then elsewhere",
        &[2],
        &[
            (Head(-12), &[]),
            (At(-6_000), &[]),
            (Proposal(5, 1), &["accept", "reexecute"]),
            (Reexecuted(5, Ok(())), &["sign attestation"]),
            (Signed, &["gossip attestation 2"]),
            (Attestation(2, 2, 6), &["two attestations of own 2", "accept"]),
        ],
    );
    check(
        "attested elsewhere while it was signed here: what was signed here stays here",
        &[2],
        &[
            (Head(-12), &[]),
            (At(-6_000), &[]),
            (Proposal(5, 1), &["accept", "reexecute"]),
            (Reexecuted(5, Ok(())), &["sign attestation"]),
            (Attestation(2, 2, 6), &["accept"]),
            (Signed, &["two attestations of own 2"]),
        ],
    );
    let mut rows = proposed();
    rows.extend([
        (Proposal(9, 1), &["two proposals of own 1", "accept"] as &[_]),
        (Attestation(0, 0, 5), &["accept"]),
        (Attestations(2, 12, 5), &["accept"; 10]),
        (Head(0), &[]),
        (
            Head(36),
            &["missed: duties of this key are switched off", "attested"],
        ),
    ]);
    check(
        "proposed here, then elsewhere: the block is not published",
        &[1],
        &rows,
    );
    check(
        "proposed elsewhere while it was signed here",
        &[1],
        &[
            (Head(-12), &["build 1"]),
            (Built(5), &[]),
            (At(-6_000), &["sign proposal"]),
            (Proposal(9, 1), &["accept", "reexecute"]),
            (Signed, &["two proposals of own 1"]),
            (Reexecuted(9, Ok(())), &[]),
            (Attestations(2, 12, 5), &["accept"; 10]),
            (Head(0), &[]),
        ],
    );
}

#[test]
fn a_committee_changed_by_an_l1_reorg_starts_the_slot_again() {
    check(
        "unknown again",
        &[2],
        &[
            (Head(-12), &[]),
            (CommitteeGone, &["find committee 0"]),
            (At(-6_000), &[]),
            (Proposal(5, 1), &["ignore"]),
            (At(6_100), &["find committee 0"]),
        ],
    );
}
