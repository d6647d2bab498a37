//! Random histories: whatever was applied, pruned and rolled back, the store equals one that saw only what remained.

use proptest::prelude::*;

use super::support::{Act, CONFIG, Chain, dump, twins};
use crate::Store;

#[derive(Clone, Debug)]
enum Op {
    Offer,
    Apply(Vec<Act>),
    RollBack(usize),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        2 => Just(Act::Deposit),
        5 => (0_usize..4, prop::bool::weighted(0.8)).prop_map(|(txs, is_known)| Act::Block { txs, is_known }),
        2 => (0_u64..5).prop_map(|depth| Act::Prune { depth }),
        1 => (0_u64..3).prop_map(|count| Act::Prove { count }),
        1 => Just(Act::Seed),
        1 => Just(Act::Instance),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        2 => Just(Op::Offer),
        5 => prop::collection::vec(act(), 0..4).prop_map(Op::Apply),
        2 => (1_usize..6).prop_map(Op::RollBack),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 14, max_shrink_iters: 200, ..ProptestConfig::default() })]
    #[test]
    fn any_history_equals_what_remains_of_it(ops in prop::collection::vec(op(), 1..24)) {
        for (name, store, _dir) in twins(CONFIG) {
            let mut chain = Chain::new();
            chain.start(&store);
            for op in &ops {
                match op {
                    Op::Offer => chain.offer(&store),
                    Op::Apply(acts) => drop(chain.apply(&store, acts)),
                    Op::RollBack(depth) => drop(chain.roll_back(&store, *depth)),
                }
            }
            chain.check(name, &store);
            let fresh = Store::in_memory(CONFIG).unwrap();
            for tx in &chain.offered {
                fresh.queue_tx(tx).unwrap();
            }
            for step in &chain.steps {
                fresh.apply_l1_block(step.clone()).unwrap();
            }
            prop_assert_eq!(dump(&store), dump(&fresh), "{}", name);
        }
    }
}

#[test]
fn sixty_four_blocks_unwound_equal_never_seen() {
    for (name, store, _dir) in twins(CONFIG) {
        let mut chain = Chain::new();
        chain.start(&store);
        chain.apply(
            &store,
            &[
                Act::Deposit,
                Act::Block {
                    txs: 0,
                    is_known: true,
                },
                Act::Prove { count: 1 },
            ],
        );
        let before = dump(&store);
        for round in 0..64 {
            chain.offer(&store);
            let acts: &[Act] = if round % 4 == 0 { &[Act::Deposit] } else { &[] };
            chain.apply(
                &store,
                &[
                    acts,
                    &[Act::Block {
                        txs: 1,
                        is_known: true,
                    }],
                ]
                .concat(),
            );
        }
        // By a prune, undone; then by a reorg.
        let full = dump(&store);
        let outcome = chain.apply(&store, &[Act::Prune { depth: 64 }]);
        assert_eq!(
            (outcome.tips.pending.get(), outcome.requeued.len()),
            (1, 64),
            "{name}"
        );
        chain.check(name, &store);
        chain.roll_back(&store, 1);
        assert_eq!(dump(&store), full, "{name}");
        chain.roll_back(&store, 64);
        assert_eq!(dump(&store), before, "{name}");
        chain.check(name, &store);
    }
}
