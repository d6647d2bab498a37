//! The machine against a small model of L1: scenarios as data, and crashes at every step.

use super::*;
use crate::revert::RevertReason;
use crate::sender::fees::{FeePolicy, Fees, Market};
use agoge_protocol::Slot;
use alloy::primitives::Bytes;

const LIMITS: Limits = Limits {
    l1_slot_seconds: 12,
    reorg_depth: 64,
    fees: FeePolicy {
        headroom_percent: 200,
        cost_max: U256::from_limbs([1_000_000_000, 0, 0, 0]),
    },
};
const GAS: u64 = 1_000;

fn spec(slot: u64, is_blob: bool, deadline: Option<u64>) -> Spec {
    Spec {
        purpose: Purpose::propose(Slot::new(slot)),
        digest: B256::with_last_byte(u8::try_from(slot).unwrap()),
        blobs: u64::from(is_blob),
        value: U256::ZERO,
        earliest: None,
        deadline,
    }
}

/// An L1 that mines when told, and a driver around the lane that loses everything but its journal in a crash.
struct World {
    lane: Lane,
    seen: Observation,
    next_hash: u64,
    /// What was journalled, with closings.
    journal: Vec<Attempt>,
    closed: Vec<(Purpose, B256, u64, Closing)>,
    /// What an endpoint has ever received.
    pool: Vec<Attempt>,
    mined: Vec<(Attempt, bool, u64)>,
    answer: Answer,
    simulated: Simulated,
    /// Outputs left before a crash.
    steps_left: usize,
    spec: Option<Spec>,
}

impl World {
    fn new() -> Self {
        let seen = Observation {
            now: 1_000,
            head_number: 100,
            head_time: 1_000,
            market: Market {
                base_fee: 10,
                blob_base_fee: 1,
                tip: 2,
            },
            nonce: 5,
            balance: U256::from(u64::MAX),
            receipts: Vec::new(),
        };
        Self {
            lane: Lane::new(LIMITS),
            seen,
            next_hash: 1,
            journal: Vec::new(),
            closed: Vec::new(),
            pool: Vec::new(),
            mined: Vec::new(),
            answer: Answer::Accepted,
            simulated: Simulated::Ok { gas_limit: GAS },
            steps_left: usize::MAX,
            spec: None,
        }
    }

    fn submit(&mut self, spec: Spec) -> Option<SendOutcome> {
        self.spec = Some(spec.clone());
        self.run(Input::Submit(spec))
    }

    fn look(&mut self) -> Option<SendOutcome> {
        let watched = self.lane.watched();
        self.seen.receipts = self
            .mined
            .iter()
            .filter(|(attempt, ..)| watched.contains(&attempt.hash))
            .map(|(attempt, success, block)| (*success, tx(attempt.hash, *block)))
            .collect();
        self.run(Input::Observed(self.seen.clone()))
    }

    /// Next L1 block; `mine` picks from the pool by index among those with the next nonce.
    fn block(&mut self, mine: Option<usize>) -> Option<SendOutcome> {
        self.seen.head_number += 1;
        self.seen.head_time += 12;
        self.seen.now += 12;
        if let Some(index) = mine {
            let attempt = self
                .pool
                .iter()
                .filter(|attempt| attempt.nonce == self.seen.nonce)
                .nth(index)
                .unwrap()
                .clone();
            self.mined.push((attempt, true, self.seen.head_number));
            self.seen.nonce += 1;
        }
        self.look()
    }

    fn run(&mut self, input: Input) -> Option<SendOutcome> {
        let mut inputs = VecDeque::from([input]);
        let mut outcome = None;
        while let Some(input) = inputs.pop_front() {
            for output in self.lane.step(input) {
                if self.steps_left == 0 {
                    return None;
                }
                self.steps_left -= 1;
                match output {
                    Output::Simulate => inputs.push_back(Input::Simulated(self.simulated.clone())),
                    Output::Issue {
                        nonce,
                        fees,
                        is_blob,
                        is_cancel,
                        ..
                    } => {
                        let attempt = self.sign(nonce, fees, is_blob, is_cancel);
                        self.journal.push(attempt.clone());
                        inputs.push_back(Input::Issued(attempt));
                    }
                    Output::Broadcast { hash, raw: _ } => {
                        let attempt = self
                            .journal
                            .iter()
                            .find(|attempt| attempt.hash == hash)
                            .unwrap()
                            .clone();
                        if self.answer == Answer::Accepted && !self.pool.contains(&attempt) {
                            self.pool.push(attempt);
                        }
                        inputs.push_back(Input::Answered {
                            hash,
                            answer: self.answer.clone(),
                        });
                    }
                    Output::Record {
                        purpose,
                        digest,
                        nonce,
                        closing,
                    } => {
                        self.closed.push((purpose, digest, nonce, closing));
                    }
                    Output::Done(done) => {
                        assert!(outcome.is_none(), "two outcomes");
                        outcome = Some(done);
                    }
                }
            }
        }
        outcome
    }

    fn sign(&mut self, nonce: u64, fees: Fees, is_blob: bool, is_cancel: bool) -> Attempt {
        let hash = B256::from(U256::from(self.next_hash));
        self.next_hash += 1;
        let spec = self.spec.clone().unwrap();
        let (purpose, digest, deadline) = if is_cancel {
            (Purpose::named("cancel"), B256::ZERO, None)
        } else {
            (spec.purpose, spec.digest, spec.deadline)
        };
        Attempt {
            purpose,
            digest,
            deadline,
            hash,
            nonce,
            fees,
            is_blob,
            is_cancel,
            raw: Bytes::new(),
        }
    }

    /// The process dies and starts again with its journal.
    fn crash(&mut self) {
        let open: Vec<Attempt> = self
            .journal
            .iter()
            .filter(|attempt| {
                !self.closed.iter().any(|(purpose, digest, nonce, closing)| {
                    *closing != Closing::Expired
                        && (purpose, digest, nonce) == (&attempt.purpose, &attempt.digest, &attempt.nonce)
                })
            })
            .cloned()
            .collect();
        let closed = self
            .closed
            .iter()
            .map(|(purpose, digest, _, closing)| (purpose.clone(), *digest, *closing))
            .collect();
        self.lane = Lane::resume(LIMITS, open, closed);
        self.steps_left = usize::MAX;
    }

    fn pool_fees(&self) -> Vec<Fees> {
        self.pool.iter().map(|attempt| attempt.fees).collect()
    }
}

fn tx(hash: B256, block_number: u64) -> MinedTx {
    MinedTx {
        hash,
        block_number,
        block_hash: B256::ZERO,
        gas_used: 1,
        cost_wei: 1,
        created: None,
    }
}

#[test]
fn a_transaction_is_simulated_signed_journalled_sent_and_mined() {
    let mut world = World::new();
    assert_eq!(world.submit(spec(1, true, Some(1_036))), None);
    assert_eq!(world.look(), None);
    assert_eq!(world.pool.len(), 1);
    assert_eq!(
        (world.pool[0].nonce, world.pool[0].fees),
        (
            5,
            Fees {
                max_fee: 22,
                tip: 2,
                blob_fee: 2
            }
        )
    );
    assert_eq!(world.look(), None, "nothing happens twice at one head");
    assert_eq!(world.pool.len(), 1);
    let outcome = world.block(Some(0));
    assert!(
        matches!(outcome, Some(SendOutcome::Mined(tx)) if tx.block_number == 101),
        "{outcome:?}"
    );
    assert!(!world.lane.is_busy());
    assert!(matches!(world.closed.as_slice(), [(_, _, 5, Closing::Mined(_))]));
}

#[test]
fn blobs_are_replaced_by_twice_the_fees_each_block_and_any_price_may_win() {
    for winner in 0..3 {
        let mut world = World::new();
        world.submit(spec(1, true, Some(1_100)));
        world.look();
        world.block(None);
        world.block(None);
        let fees = world.pool_fees();
        assert_eq!(
            fees.iter().map(|fees| fees.max_fee).collect::<Vec<_>>(),
            [22, 44, 88]
        );
        assert_eq!(
            fees.iter().map(|fees| fees.blob_fee).collect::<Vec<_>>(),
            [2, 4, 8]
        );
        assert_eq!(fees.iter().map(|fees| fees.tip).collect::<Vec<_>>(), [2, 4, 8]);
        assert!(world.pool.iter().all(|attempt| attempt.nonce == 5));
        assert!(
            matches!(world.block(Some(winner)), Some(SendOutcome::Mined(_))),
            "{winner}"
        );
        assert!(world.lane.leftovers.is_empty(), "the siblings can never be mined");
    }
}

#[test]
fn plain_transactions_are_replaced_by_an_eighth_more_after_three_blocks() {
    let mut world = World::new();
    world.submit(Spec {
        purpose: Purpose::named("deposit"),
        ..spec(1, false, None)
    });
    world.look();
    for _ in 0..3 {
        world.block(None);
    }
    assert_eq!(
        world
            .pool_fees()
            .iter()
            .map(|fees| fees.max_fee)
            .collect::<Vec<_>>(),
        [22, 26]
    );
    assert!(matches!(world.block(Some(1)), Some(SendOutcome::Mined(_))));
}

#[test]
fn base_fee_spikes_are_followed_up_to_the_limit_and_attempts_are_bounded() {
    let mut world = World::new();
    world.submit(spec(1, true, Some(1_000_000)));
    world.look();
    world.seen.market.base_fee = 100;
    world.block(None);
    assert_eq!(world.pool[1].fees.max_fee, 202);
    for _ in 0..30 {
        world.block(None);
    }
    assert!(world.pool.len() <= ATTEMPTS_MAX);
    assert!(
        world
            .pool
            .iter()
            .all(|attempt| attempt.fees.cost(GAS, 1) <= LIMITS.fees.cost_max)
    );
    assert!(matches!(world.block(Some(0)), Some(SendOutcome::Mined(_))));
}

#[test]
fn nothing_is_sent_after_the_deadline_and_the_next_slot_replaces_what_is_left() {
    let mut world = World::new();
    world.submit(spec(1, true, Some(1_036)));
    world.look();
    world.block(None);
    let outcome = world.block(None);
    assert_eq!(
        outcome,
        Some(SendOutcome::Expired {
            hashes: world.pool.iter().map(|attempt| attempt.hash).collect()
        })
    );
    let before = world.pool.len();
    world.block(None);
    assert_eq!(world.pool.len(), before, "given up");
    // The next slot's block takes the same nonce with more than twice the highest price.
    world.submit(spec(2, true, Some(1_200)));
    world.look();
    let last = world.pool.last().unwrap();
    assert_eq!(
        (last.nonce, last.purpose.clone()),
        (5, Purpose::propose(Slot::new(2)))
    );
    assert_eq!(last.fees.max_fee, world.pool[before - 1].fees.max_fee * 2);
    let index = world.pool.len() - 1;
    assert!(matches!(world.block(Some(index)), Some(SendOutcome::Mined(_))));
    assert!(world.lane.leftovers.is_empty());
}

#[test]
fn a_leftover_that_is_mined_after_all_costs_the_next_request_only_a_new_nonce() {
    let mut world = World::new();
    world.submit(spec(1, true, Some(1_024)));
    world.look();
    assert!(matches!(world.block(None), Some(SendOutcome::Expired { .. })));
    world.submit(spec(2, true, Some(1_200)));
    world.look();
    assert_eq!(world.block(Some(0)), None, "the old one won the nonce");
    assert!(world.closed.iter().any(|(purpose, _, _, closing)| {
        *purpose == Purpose::propose(Slot::new(1)) && matches!(closing, Closing::Mined(_))
    }));
    let last = world.pool.last().unwrap();
    assert_eq!(
        (last.nonce, last.purpose.clone()),
        (6, Purpose::propose(Slot::new(2)))
    );
    assert!(matches!(world.block(Some(0)), Some(SendOutcome::Mined(_))));
    // And the purpose that was thought expired is known to be done.
    assert!(matches!(
        world.submit(spec(1, true, Some(9_999))),
        Some(SendOutcome::Mined(_))
    ));
}

#[test]
fn a_leftover_of_the_other_kind_is_cancelled_first() {
    for is_blob in [true, false] {
        let mut world = World::new();
        world.submit(spec(1, is_blob, Some(1_024)));
        world.look();
        assert!(matches!(world.block(None), Some(SendOutcome::Expired { .. })));
        world.submit(spec(2, !is_blob, Some(2_000)));
        world.look();
        let cancel = world.pool.last().unwrap().clone();
        assert!(
            cancel.is_cancel && cancel.is_blob == is_blob && cancel.nonce == 5,
            "{cancel:?}"
        );
        assert_eq!(world.block(Some(1)), None);
        let last = world.pool.last().unwrap();
        assert_eq!((last.nonce, last.is_blob, last.is_cancel), (6, !is_blob, false));
        assert!(matches!(world.block(Some(0)), Some(SendOutcome::Mined(_))));
    }
}

#[test]
fn a_foreign_transaction_with_the_key_leads_to_the_next_nonce() {
    let mut world = World::new();
    world.answer = Answer::NonceTooLow;
    world.submit(spec(1, true, Some(2_000)));
    world.look();
    world.seen.nonce = 6;
    world.answer = Answer::Accepted;
    for _ in 0..3 {
        assert_eq!(world.block(None), None);
    }
    assert_eq!(world.pool.last().unwrap().nonce, 6);
    assert!(matches!(world.block(Some(0)), Some(SendOutcome::Mined(_))));
    assert!(
        world
            .closed
            .iter()
            .any(|(_, _, nonce, closing)| (*nonce, *closing) == (5, Closing::Lost))
    );
}

#[test]
fn a_reorg_within_the_deadline_sends_the_same_bytes_again_and_later_ones_wait() {
    let mut world = World::new();
    world.submit(spec(1, true, Some(1_100)));
    world.look();
    assert!(matches!(world.block(Some(0)), Some(SendOutcome::Mined(_))));
    let sent = world.pool[0].clone();
    // The block is gone, so is the pool.
    (world.seen.nonce, world.mined, world.pool) = (5, Vec::new(), Vec::new());
    world.block(None);
    assert_eq!(world.pool, [sent]);
    world.submit(Spec {
        purpose: Purpose::named("prune"),
        ..spec(9, true, Some(1_300))
    });
    world.look();
    assert_eq!(world.pool.len(), 1, "waits for the first");
    world.block(Some(0));
    assert_eq!(world.pool.last().unwrap().nonce, 6);
}

#[test]
fn a_reorg_after_the_deadline_frees_the_nonce() {
    let mut world = World::new();
    world.submit(spec(1, true, Some(1_036)));
    world.look();
    world.block(Some(0));
    (world.seen.nonce, world.mined, world.pool) = (5, Vec::new(), Vec::new());
    world.seen.now = 1_100;
    world.block(None);
    assert!(world.pool.is_empty(), "never sent for a past slot");
    world.submit(spec(2, true, Some(2_000)));
    world.look();
    assert_eq!(world.pool.last().unwrap().nonce, 5);
    assert!(
        world.pool.last().unwrap().fees.max_fee >= 44,
        "it may still be in a pool"
    );
}

#[test]
fn requests_end_without_a_transaction_where_none_can_help() {
    type Change = fn(&mut World);
    let cases: [(&str, Change, &str); 7] = [
        (
            "reverting",
            |w| w.simulated = Simulated::Reverted(RevertReason::Text("no".into())),
            "would revert: no",
        ),
        (
            "refused gas",
            |w| w.simulated = Simulated::Refused("too much".into()),
            "too much",
        ),
        ("no balance", |w| w.seen.balance = U256::ZERO, "balance is 0 wei"),
        (
            "too expensive",
            |w| w.seen.market.base_fee = u128::from(u64::MAX),
            "tx_cost_max_gwei",
        ),
        (
            "refused",
            |w| w.answer = Answer::Refused("bad sidecar".into()),
            "bad sidecar",
        ),
        (
            "wrong chain",
            |w| w.answer = Answer::WrongChain("chain 1".into()),
            "chain 1",
        ),
        (
            "no funds after all",
            |w| w.answer = Answer::InsufficientFunds,
            "may be needed",
        ),
    ];
    for (name, change, expected) in cases {
        let mut world = World::new();
        change(&mut world);
        let request = Spec {
            purpose: Purpose::named("x"),
            ..spec(1, true, None)
        };
        world.submit(request.clone());
        let outcome = world.look().unwrap_or_else(|| panic!("{name}")).to_string();
        assert!(outcome.contains(expected), "{name}: {outcome}");
        assert!(world.pool.is_empty() && world.lane.leftovers.is_empty(), "{name}");
        // The key works again as soon as the cause is gone.
        let healthy = World::new();
        (world.simulated, world.answer, world.seen) = (healthy.simulated, healthy.answer, world.seen);
        (world.seen.balance, world.seen.market) = (healthy.seen.balance, healthy.seen.market);
        world.submit(request);
        assert_eq!(world.look(), None, "{name}");
        assert_eq!(world.pool.last().map(|attempt| attempt.nonce), Some(5), "{name}");
    }
}

#[test]
fn what_cannot_be_asked_or_sent_is_tried_until_the_deadline() {
    let mut world = World::new();
    world.simulated = Simulated::Unknown;
    world.submit(spec(1, true, Some(1_100)));
    world.look();
    world.block(None);
    world.simulated = Simulated::Ok { gas_limit: GAS };
    world.answer = Answer::Later;
    world.block(None);
    assert!(world.pool.is_empty());
    world.answer = Answer::Accepted;
    world.block(None);
    assert!(!world.pool.is_empty());
    let mut world = World::new();
    world.seen.market.base_fee = u128::from(u64::MAX);
    world.submit(spec(1, true, Some(1_036)));
    world.look();
    assert!(world.block(None).is_none());
    assert!(
        matches!(world.block(None), Some(SendOutcome::TooExpensive { .. })),
        "fees did not fall in time"
    );
}

#[test]
fn nothing_is_sent_before_its_slot() {
    let mut world = World::new();
    world.submit(Spec {
        earliest: Some(1_024),
        ..spec(1, true, Some(1_060))
    });
    world.look();
    assert!(world.pool.is_empty(), "the next block can be at 1012");
    world.block(None);
    assert_eq!(world.pool.len(), 1, "the next block is at 1024 or later");
}

#[test]
fn underpriced_is_answered_with_more_at_once() {
    let mut world = World::new();
    world.answer = Answer::Underpriced;
    world.submit(spec(1, true, Some(1_100)));
    world.look();
    world.answer = Answer::Accepted;
    world.look();
    assert_eq!(
        world
            .pool_fees()
            .iter()
            .map(|fees| fees.max_fee)
            .collect::<Vec<_>>(),
        [44]
    );
}

#[test]
fn a_slot_is_proposed_once_whatever_became_of_it() {
    let mut world = World::new();
    world.submit(spec(1, true, Some(1_036)));
    world.look();
    world.block(Some(0));
    assert!(
        matches!(
            world.submit(spec(1, true, Some(1_036))),
            Some(SendOutcome::Mined(_))
        ),
        "asked twice"
    );
    let other = Spec {
        digest: B256::repeat_byte(9),
        ..spec(1, true, Some(1_036))
    };
    assert!(matches!(
        world.submit(other.clone()),
        Some(SendOutcome::Conflict { .. })
    ));
    world.crash();
    assert!(
        matches!(world.submit(other), Some(SendOutcome::Conflict { .. })),
        "also after a restart"
    );
    assert_eq!(world.journal.len(), 1);
}

#[test]
fn after_a_crash_at_any_step_the_slot_is_published_at_most_once_and_the_nonce_is_free() {
    for steps in 0..12 {
        for mines_before_restart in [false, true] {
            let mut world = World::new();
            world.steps_left = steps;
            world.submit(spec(1, true, Some(1_060)));
            world.look();
            world.block(None);
            if mines_before_restart && world.pool.iter().any(|attempt| attempt.nonce == world.seen.nonce) {
                let attempt = world.pool[0].clone();
                world.seen.head_number += 1;
                world.mined.push((attempt, true, world.seen.head_number));
                world.seen.nonce += 1;
            }
            world.crash();
            // The node asks for the same publication again.
            let mut outcome = None;
            if world.lane.accepts(&spec(1, true, Some(1_060))) {
                outcome = world.submit(spec(1, true, Some(1_060)));
            }
            for _ in 0..8 {
                if outcome.is_some() {
                    break;
                }
                let index = world
                    .pool
                    .iter()
                    .any(|attempt| attempt.nonce == world.seen.nonce)
                    .then_some(0);
                outcome = world.block(index);
            }
            let case =
                format!("crash after {steps} steps, mined before: {mines_before_restart}: {outcome:?}");
            assert!(outcome.is_some(), "{case}");
            let published = world
                .mined
                .iter()
                .filter(|(attempt, ..)| attempt.purpose == Purpose::propose(Slot::new(1)));
            assert!(published.count() <= 1, "{case}");
            let nonces: std::collections::BTreeSet<u64> =
                world.journal.iter().map(|attempt| attempt.nonce).collect();
            assert!(nonces.len() <= 1, "{case}: one publication, one nonce");
            // The next slot works.
            world.seen.head_time = 2_000;
            world.seen.now = 2_000;
            world.look();
            assert_eq!(world.submit(spec(2, true, Some(3_000))), None, "{case}");
            world.look();
            let last = world.pool.last().unwrap();
            assert_eq!(
                (last.purpose.clone(), last.nonce),
                (Purpose::propose(Slot::new(2)), world.seen.nonce),
                "{case}"
            );
        }
    }
}

#[test]
fn lists_are_bounded() {
    let mut world = World::new();
    for slot in 1..=100 {
        world.submit(spec(slot, true, Some(world.seen.now + 24)));
        world.look();
        world.block(None);
        world.seen.market.base_fee = 10;
    }
    assert!(world.lane.leftovers.len() <= LEFTOVERS_MAX);
    assert!(world.lane.watched().len() <= LEFTOVERS_MAX + ATTEMPTS_MAX);
    for slot in 1..=100 {
        let mut world = World::new();
        world.submit(spec(slot, true, None));
        world.look();
        world.block(Some(0));
        assert!(world.lane.mined.len() <= MINED_MAX);
    }
}
