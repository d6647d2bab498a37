//! Sixteen validators and an L1 in one loop, with lost, doubled and late messages, liars and sleepers; everything follows from a seed.

use std::collections::BTreeMap;

use agoge_node::consensus::{ChainView, Input, Output, Publication, SignKind, Source, TipView, Validators};
use agoge_protocol::messages::{Attestation, SignedProposal};
use agoge_protocol::{B256, Digest, Epoch, L2BlockNumber, Slot};

use super::{GENESIS, SEATS, block, committee, digest, genesis_tip, head, key, rules, sign, signed_by};

const SLOTS: u64 = 8;

/// splitmix64: good enough to shuffle, the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Honest,
    /// Proposes two blocks, attests to whatever it hears, with garbage in between.
    Byzantine,
    Silent,
}

#[derive(Clone)]
enum Message {
    Proposal(SignedProposal),
    Attestation(Attestation),
}

/// What a key has signed: the guard of these tests.
type Signed = BTreeMap<(u16, Slot, SignKind), B256>;

struct World {
    random: Random,
    now_ms: u64,
    kinds: Vec<Kind>,
    machines: Vec<Validators>,
    /// Due time, receiver, message.
    wire: Vec<(u64, usize, Message)>,
    sent_to_l1: Vec<Publication>,
    tip: TipView,
    landed: Vec<Slot>,
    signed: Signed,
    loss_percent: u64,
    delay_ms_max: u64,
}

impl World {
    fn new(seed: u64, kinds: Vec<Kind>, loss_percent: u64, delay_ms_max: u64) -> Self {
        let machines = (0..SEATS)
            .map(|i| Validators::new(rules(), vec![(key(i).address(), true)]))
            .collect();
        Self {
            random: Random(seed),
            now_ms: (GENESIS - 24) * 1_000,
            kinds,
            machines,
            wire: Vec::new(),
            sent_to_l1: Vec::new(),
            tip: genesis_tip(),
            landed: Vec::new(),
            signed: BTreeMap::new(),
            loss_percent,
            delay_ms_max,
        }
    }

    fn run(mut self) -> Self {
        for node in 0..self.machines.len() {
            self.give(
                node,
                Input::Committee {
                    epoch: Epoch::new(0),
                    committee: Some(committee(0)),
                },
            );
        }
        let end = (GENESIS + (SLOTS + 1) * 36) * 1_000;
        while self.now_ms < end {
            if self.now_ms.is_multiple_of(12_000) {
                self.l1_block();
            }
            if self.now_ms.is_multiple_of(36_000) {
                self.lie();
            }
            let now = self.now_ms;
            let (due, later): (Vec<_>, Vec<_>) = self.wire.drain(..).partition(|(at, ..)| *at <= now);
            self.wire = later;
            for (_, node, message) in due {
                self.receive(node, message);
            }
            for node in 0..self.machines.len() {
                self.give(node, Input::Tick);
            }
            self.now_ms += 500;
        }
        self
    }

    /// Every 12 s; takes a publication of this moment's slot on the tip, if it is valid.
    fn l1_block(&mut self) {
        let time = self.now_ms / 1_000;
        let slot = rules().timing.slot_at(time);
        for publication in std::mem::take(&mut self.sent_to_l1) {
            let proposal = &publication.proposal;
            let is_valid = Some(proposal.slot()) == slot
                && proposal.parent_archive == self.tip.archive
                && self.tip.slot < slot
                && publication.attestations.bitmap.count_ones() == 11;
            if is_valid {
                let number = self.tip.number.next();
                self.tip = TipView {
                    number,
                    slot,
                    archive: proposal.free_fields.archive,
                };
                self.landed.push(proposal.slot());
            }
        }
        let view = ChainView {
            head: head(time),
            tip: self.tip,
            is_synced: true,
        };
        for node in 0..self.machines.len() {
            self.give(node, Input::Chain(view));
        }
    }

    fn receive(&mut self, node: usize, message: Message) {
        let source = Source(0);
        match (&message, self.kinds[node]) {
            (_, Kind::Silent) => {}
            (Message::Proposal(signed), Kind::Byzantine) => {
                let (slot, hash) = (signed.proposal.slot(), signed.proposal.block_hash());
                let seat = u16::try_from(node).unwrap();
                for attester in [seat, seat + 1] {
                    self.send_attestation(slot, attester, seat, hash);
                }
            }
            (Message::Attestation(_), Kind::Byzantine) => {}
            (Message::Proposal(signed), Kind::Honest) => {
                self.give(
                    node,
                    Input::Proposal {
                        source,
                        proposal: Box::new(signed.clone()),
                    },
                );
            }
            (Message::Attestation(attestation), Kind::Honest) => {
                self.give(
                    node,
                    Input::Attestation {
                        source,
                        attestation: *attestation,
                    },
                );
            }
        }
    }

    fn give(&mut self, node: usize, input: Input) {
        if self.kinds[node] != Kind::Honest {
            return;
        }
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            for output in self.machines[node].step(self.now_ms, input) {
                self.carry_out(node, output, &mut inputs);
            }
        }
    }

    fn carry_out(&mut self, node: usize, output: Output, inputs: &mut Vec<Input>) {
        match output {
            Output::BuildBlock {
                slot,
                parent_archive,
                attempt,
                ..
            } => {
                let result = Ok(Box::new(block(slot.get(), parent_archive, u32::from(attempt))));
                inputs.push(Input::BlockBuilt {
                    slot,
                    attempt,
                    result,
                });
            }
            Output::Reexecute(signed) => {
                let (slot, block_hash) = (signed.proposal.slot(), signed.proposal.block_hash());
                inputs.push(Input::Reexecuted {
                    slot,
                    block_hash,
                    result: Ok(()),
                });
            }
            Output::Sign(request) => {
                let seat = (0..SEATS)
                    .find(|i| key(*i).address() == request.attester)
                    .unwrap();
                let first = self
                    .signed
                    .entry((seat, request.slot, request.kind))
                    .or_insert(request.digest);
                assert_eq!(
                    *first, request.digest,
                    "seat {seat} was asked to sign two {:?}s",
                    request.kind
                );
                inputs.push(Input::Signed {
                    attester: request.attester,
                    slot: request.slot,
                    kind: request.kind,
                    result: Ok(sign(seat, request.digest)),
                });
            }
            Output::GossipProposal(signed) => self.gossip(node, &Message::Proposal(*signed)),
            Output::GossipAttestation(attestation) => self.gossip(node, &Message::Attestation(attestation)),
            Output::Publish(publication) => self.sent_to_l1.push(*publication),
            Output::FindCommittee(epoch) => {
                let committee = Some(committee(epoch.get()));
                inputs.push(Input::Committee { epoch, committee });
            }
            Output::Judge { .. }
            | Output::Equivocation { .. }
            | Output::OwnKeyElsewhere { .. }
            | Output::RecordDuty(_) => {}
        }
    }

    /// Byzantine proposers tell each half of the network another block.
    fn lie(&mut self) {
        let Some(slot) = rules().timing.slot_at(self.now_ms / 1_000 + 36) else {
            return;
        };
        let Some(proposer) = usize::try_from(slot.get() % 32)
            .ok()
            .map(|i| i % usize::from(SEATS))
        else {
            return;
        };
        if self.kinds[proposer] != Kind::Byzantine {
            return;
        }
        let seat = u16::try_from(proposer).unwrap();
        for half in 0..2_u32 {
            let signed = signed_by(seat, block(slot.get(), self.tip.archive, 100 + half));
            for node in 0..self.machines.len() {
                if u32::try_from(node % 2).unwrap() == half {
                    self.wire
                        .push((self.now_ms + 29_000, node, Message::Proposal(signed.clone())));
                }
            }
        }
    }

    fn send_attestation(&mut self, slot: Slot, signer: u16, seat: u16, block_hash: B256) {
        let rules = rules();
        let signature = sign(
            signer,
            Attestation::digest(slot, block_hash, rules.genesis_id, &rules.domain),
        );
        let attestation = Attestation {
            slot,
            index: seat,
            block_hash,
            signature,
        };
        self.gossip(usize::from(seat), &Message::Attestation(attestation));
    }

    fn gossip(&mut self, from: usize, message: &Message) {
        for node in 0..self.machines.len() {
            if node == from {
                continue;
            }
            // Lost, or delivered once or twice, each copy with its own delay: so also out of order.
            let copies = if self.random.below(100) < self.loss_percent {
                0
            } else {
                1 + self.random.below(2)
            };
            for _ in 0..copies {
                let at = self.now_ms + self.random.below(self.delay_ms_max + 1);
                self.wire.push((at, node, message.clone()));
            }
        }
    }
}

fn kinds(byzantine: usize, silent: usize) -> Vec<Kind> {
    let mut kinds = vec![Kind::Honest; usize::from(SEATS)];
    // Spread over the seats, so that most slots have an honest proposer.
    for i in 0..byzantine {
        kinds[(3 * i + 1) % 16] = Kind::Byzantine;
    }
    for i in 0..silent {
        kinds[(3 * i + 2) % 16] = Kind::Silent;
    }
    kinds
}

#[test]
fn all_honest_fill_every_slot_in_a_good_network() {
    let world = World::new(1, kinds(0, 0), 0, 1_000).run();
    assert_eq!(world.landed, (0..=SLOTS).map(Slot::new).collect::<Vec<_>>());
}

#[test]
fn eleven_of_sixteen_go_on_in_the_slots_that_have_a_proposer() {
    let kinds = kinds(0, 5);
    let producible: Vec<_> = (0..=SLOTS)
        .filter(|slot| kinds[usize::try_from(slot % 16).unwrap()] == Kind::Honest)
        .map(Slot::new)
        .collect();
    let world = World::new(2, kinds, 0, 2_000).run();
    assert_eq!(world.landed, producible);
}

#[test]
fn ten_of_sixteen_stall() {
    let world = World::new(3, kinds(0, 6), 0, 1_000).run();
    assert_eq!(world.landed, []);
    assert_eq!(world.tip.number, L2BlockNumber::GENESIS);
}

#[test]
fn five_liars_and_a_bad_network_never_make_an_honest_key_sign_twice() {
    for seed in 0..6 {
        let kinds = kinds(5, 0);
        let honest = (0..=SLOTS)
            .filter(|slot| kinds[usize::try_from(slot % 16).unwrap()] == Kind::Honest)
            .count();
        // The guard of these tests panics on a second digest.
        let world = World::new(seed, kinds, 10, 5_000).run();
        let mut slots = world.landed.clone();
        slots.dedup();
        assert_eq!(slots, world.landed, "seed {seed}: one block a slot");
        // Eleven honest members must all be heard; with a tenth of the messages lost most slots are not filled, but nothing breaks.
        assert!(world.landed.len() <= honest, "seed {seed}");
    }
    let world = World::new(9, kinds(5, 0), 0, 3_000).run();
    let honest = world
        .kinds
        .iter()
        .take(9)
        .filter(|kind| **kind == Kind::Honest)
        .count();
    assert!(
        world.landed.len() >= honest,
        "without loss the honest proposers fill their slots: {:?}",
        world.landed
    );
}

#[test]
fn the_same_seed_gives_the_same_world() {
    let [a, b] = [7, 7].map(|seed| World::new(seed, kinds(3, 1), 5, 4_000).run());
    assert_eq!((a.landed, a.tip.archive), (b.landed, b.tip.archive));
    assert_ne!(a.tip.archive, digest(0));
    assert_ne!(Digest::ZERO, b.tip.archive);
}
