//! A publication claims the quote and carries the signal that the machine was told of, if its slot may; nothing waits for either.

use agoge_node::consensus::{Input, Offer, Output, Publication, Rules, SignKind, SignRequest, Validators};
use agoge_protocol::eip712::{PublicationMessage, attestations_hash, signing_digest};
use agoge_protocol::messages::Attestation;
use agoge_protocol::rpc::Signal;
use agoge_protocol::{Address, B256, Epoch, Slot, Timing, U256, keccak256};

use super::{GENESIS, block, committee, genesis_tip, key, rules, sign, view};

/// Slot 1, with epochs of one slot: the first slot of epoch 1, in which epoch 0 may be claimed.
const SLOT: Slot = Slot::new(1);
const START: u64 = GENESIS + 36;

fn short_epochs(claim_window_slots: u64) -> Rules {
    let rules = rules();
    Rules {
        timing: Timing {
            epoch_slots: 1,
            ..rules.timing
        },
        claim_window_slots,
        ..rules
    }
}

fn offer(epoch: u64, valid_until: u64) -> Offer {
    let bundle = vec![1, 2, 3];
    Offer {
        epoch: Epoch::new(epoch),
        valid_until: Slot::new(valid_until),
        bundle_hash: keccak256(&bundle),
        bundle,
    }
}

struct Node {
    machine: Validators,
    now_ms: u64,
    rules: Rules,
}

impl Node {
    /// One input, and every signature that it leads to; returns what else is to be done.
    fn tell(&mut self, input: Input) -> (Vec<Output>, Vec<SignRequest>) {
        let (mut others, mut signed, mut inputs) = (Vec::new(), Vec::new(), vec![input]);
        while let Some(input) = inputs.pop() {
            for output in self.machine.step(self.now_ms, input) {
                let Output::Sign(request) = output else {
                    others.push(output);
                    continue;
                };
                signed.push(request);
                inputs.push(Input::Signed {
                    attester: request.attester,
                    slot: request.slot,
                    kind: request.kind,
                    result: Ok(sign(0, request.digest)),
                });
            }
        }
        (others, signed)
    }
}

/// The publication of slot 1 by a node that hears of `early` before its attestations and of `late` after them.
fn publish(
    rules: &Rules,
    early: (Option<Offer>, Option<Signal>),
    late: (Option<Offer>, Option<Signal>),
) -> (Publication, SignRequest) {
    let mut node = Node {
        machine: Validators::new(rules.clone(), vec![(key(0).address(), true)]),
        now_ms: (START - 14) * 1_000,
        rules: rules.clone(),
    };
    node.tell(Input::Chain(view(START - 24, genesis_tip())));
    for epoch in 0..3 {
        node.tell(Input::Committee {
            epoch: Epoch::new(epoch),
            committee: Some(committee(epoch)),
        });
    }
    node.tell(Input::Offer(early.0.map(Box::new)));
    node.tell(Input::Signal(early.1));
    node.now_ms = (START - 12) * 1_000 + 200;
    let (asked, _) = node.tell(Input::Chain(view(START - 12, genesis_tip())));
    let attempt = asked.iter().find_map(|output| match output {
        Output::BuildBlock { slot, attempt, .. } if *slot == SLOT => Some(*attempt),
        _ => None,
    });
    let proposal = block(SLOT.get(), genesis_tip().archive, 5);
    let block_hash = proposal.block_hash();
    node.tell(Input::BlockBuilt {
        slot: SLOT,
        attempt: attempt.unwrap(),
        result: Ok(Box::new(proposal)),
    });
    node.now_ms = (START - 6) * 1_000;
    node.tell(Input::Tick);
    let (mut published, mut requests) = (Vec::new(), Vec::new());
    for index in 1..=10_u16 {
        let digest = Attestation::digest(SLOT, block_hash, node.rules.genesis_id, &node.rules.domain);
        let attestation = Attestation {
            slot: SLOT,
            index,
            block_hash,
            signature: sign(index, digest),
        };
        let source = agoge_node::consensus::Source(u64::from(index));
        let (outputs, signed) = node.tell(Input::Attestation { source, attestation });
        published.extend(outputs);
        requests.extend(signed);
    }
    for input in [Input::Offer(late.0.map(Box::new)), Input::Signal(late.1)] {
        assert_eq!(node.tell(input), (vec![], vec![]), "what was signed stays");
    }
    let publication = published.into_iter().find_map(|output| match output {
        Output::Publish(publication) => Some(*publication),
        _ => None,
    });
    let request = requests.into_iter().find(|r| r.kind == SignKind::Publication);
    (publication.unwrap(), request.unwrap())
}

fn expected_digest(
    rules: &Rules,
    publication: &Publication,
    claim: B256,
    (payload, actions_hash): (Address, B256),
) -> B256 {
    let message = PublicationMessage {
        genesisId: rules.genesis_id.to_b256(),
        slot: U256::from(SLOT.get()),
        blockHash: publication.proposal.block_hash(),
        attestationsHash: attestations_hash(
            U256::from(publication.attestations.bitmap),
            &publication.attestations.signatures,
        ),
        quoteDigest: claim,
        payload,
        actionsHash: actions_hash,
    };
    signing_digest(&message, &rules.domain)
}

#[test]
fn a_publication_signs_and_carries_the_claim_that_its_slot_may_make() {
    let open = short_epochs(13);
    let closed = short_epochs(0);
    let good = || Some(offer(0, 1));
    let rows: [(&str, &Rules, Option<Offer>, bool); 6] = [
        ("a quote for the epoch before", &open, good(), true),
        ("none", &open, None, false),
        ("expired", &open, Some(offer(0, 0)), false),
        ("for the epoch that is running", &open, Some(offer(1, 9)), false),
        ("for an epoch long over", &open, Some(offer(7, 9)), false),
        ("after the claim window", &closed, good(), false),
    ];
    for (what, rules, early, is_claimed) in rows {
        let (publication, request) = publish(rules, (early.clone(), None), (good(), None));
        let claimed = early.filter(|_| is_claimed).map(Box::new);
        let hash = claimed.as_ref().map_or(B256::ZERO, |offer| offer.bundle_hash);
        assert_eq!(publication.offer, claimed, "{what}");
        assert_eq!(
            request.digest,
            expected_digest(rules, &publication, hash, (Address::ZERO, B256::ZERO)),
            "{what}"
        );
    }
}

#[test]
fn a_publication_signs_and_carries_the_signal_of_its_moment_with_and_without_a_claim() {
    let rules = short_epochs(13);
    let signal = |byte| Signal {
        payload: Address::repeat_byte(byte),
        actions_hash: B256::repeat_byte(byte),
    };
    for offer in [None, Some(offer(0, 1))] {
        let hash = offer.as_ref().map_or(B256::ZERO, |offer| offer.bundle_hash);
        for wanted in [None, Some(signal(7))] {
            let early = (offer.clone(), wanted);
            let (publication, request) = publish(&rules, early, (None, Some(signal(8))));
            assert_eq!(publication.signal, wanted);
            let words = wanted.map_or((Address::ZERO, B256::ZERO), |signal| {
                (signal.payload, signal.actions_hash)
            });
            assert_eq!(request.digest, expected_digest(&rules, &publication, hash, words));
        }
    }
}
