//! What both twins must do, case by case.

use agoge_protocol::limits::BLOB_BYTES;
use agoge_protocol::{B256, Epoch, L1BlockNumber, L2BlockNumber, Slot};

use super::support::{Act, CONFIG, Chain, dump, genesis_tips, refused, same_state, transaction, twins};
use crate::{L1Change, MinedAt, PoolSize, Queued, StepError, StoreConfig, Tips};

const BLOCK: Act = Act::Block {
    txs: 2,
    is_known: true,
};

#[test]
fn a_new_store_stands_at_genesis() {
    for (name, store, _dir) in twins(CONFIG) {
        let view = store.view();
        assert_eq!(view.tips().unwrap(), genesis_tips(), "{name}");
        assert_eq!(view.l1_head().unwrap(), None, "{name}");
        assert_eq!(view.inbox_count().unwrap(), 0, "{name}");
        same_state(name, &view, &agoge_state_transition::MemoryState::new());
    }
}

#[test]
fn blocks_deposits_prunes_and_proofs_are_applied_and_taken_back() {
    for (name, store, _dir) in twins(CONFIG) {
        let mut chain = Chain::new();
        chain.start(&store);
        for _ in 0..8 {
            chain.offer(&store);
        }
        let steps: [&[Act]; 7] = [
            &[Act::Deposit, Act::Deposit, Act::Deposit],
            &[BLOCK, Act::Seed],
            &[BLOCK, Act::Deposit, BLOCK],
            &[Act::Prove { count: 1 }, Act::Instance],
            &[
                Act::Prune { depth: 1 },
                Act::Block {
                    txs: 1,
                    is_known: false,
                },
                Act::Seed,
            ],
            &[Act::Prune { depth: 9 }],
            &[BLOCK, Act::Prune { depth: 1 }, BLOCK],
        ];
        let mut before = vec![dump(&store)];
        for acts in steps {
            chain.apply(&store, acts);
            chain.check(name, &store);
            before.push(dump(&store));
        }
        for expected in before.iter().rev().skip(1) {
            chain.roll_back(&store, 1);
            chain.check(name, &store);
            assert_eq!(&dump(&store), expected, "{name}: rows after the rollback");
        }
        assert_eq!(store.view().tips().unwrap(), genesis_tips(), "{name}");
        assert_eq!(
            store.view().pool_size().unwrap().count,
            8,
            "{name}: every transaction is queued again"
        );
    }
}

#[test]
fn moved_transactions_are_reported() {
    for (name, store, _dir) in twins(CONFIG) {
        let mut chain = Chain::new();
        chain.start(&store);
        for _ in 0..3 {
            chain.offer(&store);
        }
        let mut ids: Vec<_> = chain
            .offered
            .iter()
            .map(agoge_protocol::Transaction::id)
            .collect();
        let third = ids.pop().unwrap();
        assert_eq!(chain.apply(&store, &[BLOCK]).mined, ids, "{name}");
        assert_eq!(
            chain.apply(&store, &[Act::Prune { depth: 1 }]).requeued,
            ids,
            "{name}"
        );
        let restored = chain.roll_back(&store, 1);
        assert_eq!(
            (restored.mined, restored.requeued),
            (ids.clone(), vec![]),
            "{name}: the prune is undone"
        );
        assert_eq!(
            chain.roll_back(&store, 1).requeued,
            ids,
            "{name}: the block is undone"
        );
        assert_eq!(store.remove_queued(&[third, third]).unwrap(), 1, "{name}");
        assert_eq!(store.view().queued_txs(None, 9).unwrap().len(), 2, "{name}");
    }
}

#[test]
fn steps_that_do_not_fit_are_refused_and_change_nothing() {
    for (name, store, _dir) in twins(CONFIG) {
        let mut chain = Chain::new();
        chain.start(&store);
        chain.apply(
            &store,
            &[Act::Deposit, BLOCK, BLOCK, BLOCK, Act::Prove { count: 1 }],
        );
        let before = dump(&store);
        let good = chain.next_step(&[Act::Deposit, BLOCK]);
        chain.forget(1);
        let block = |step: &crate::L1Step| match step.changes.last() {
            Some(L1Change::Block(block)) => block.clone(),
            other => panic!("{other:?}"),
        };
        type Spoil = (&'static str, Box<dyn Fn(&mut crate::L1Step)>, &'static str);
        let to = L2BlockNumber::new;
        let change = |f: fn(&mut crate::AppliedBlock)| -> Box<dyn Fn(&mut crate::L1Step)> {
            Box::new(move |step| {
                let mut spoiled = block(step);
                f(&mut spoiled);
                step.changes.pop();
                step.changes.push(L1Change::Block(spoiled));
            })
        };
        let only = |change: L1Change| -> Box<dyn Fn(&mut crate::L1Step)> {
            Box::new(move |step| step.changes = vec![change.clone()])
        };
        let cases: Vec<Spoil> = vec![
            (
                "other parent",
                Box::new(|s| s.block.parent_hash = B256::ZERO),
                "does not follow",
            ),
            (
                "gap",
                Box::new(|s| s.block.number = L1BlockNumber::new(900)),
                "does not follow",
            ),
            (
                "deposit twice",
                Box::new(|s| s.changes.insert(0, s.changes[0].clone())),
                "deposit 1 is not the next of the inbox, 2",
            ),
            (
                "block number",
                change(|b| b.record.header.number = L2BlockNumber::new(9)),
                "block 9 does not follow the pending tip 3",
            ),
            (
                "parent archive",
                change(|b| b.record.header.parent_archive = super::support::digest(1)),
                "parent archive of block 4",
            ),
            (
                "note root",
                change(|b| b.record.header.note_root = super::support::digest(1)),
                "note root of block 4",
            ),
            (
                "note count",
                change(|b| b.record.header.note_count += 1),
                "note count of block 4",
            ),
            (
                "nullifier root",
                change(|b| b.record.header.nullifier_root = super::support::digest(1)),
                "nullifier root",
            ),
            (
                "nullifier count",
                change(|b| b.record.header.nullifier_count += 1),
                "nullifier count",
            ),
            (
                "archive",
                change(|b| b.record.free_fields.archive = super::support::digest(1)),
                "archive of block 4",
            ),
            (
                "L1 block",
                change(|b| b.record.l1_block = L1BlockNumber::new(1)),
                "L1 block of block 4",
            ),
            (
                "diff missing",
                change(|b| b.diff = agoge_state_transition::StateDiff::default()),
                "of block 4",
            ),
            (
                "prune below proven",
                only(L1Change::Prune { to: to(0) }),
                "cannot unwind to block 0: pending tip 3, proven tip 1",
            ),
            (
                "prune above the tip",
                only(L1Change::Prune { to: to(4) }),
                "cannot unwind to block 4",
            ),
            (
                "proven above the tip",
                only(L1Change::Proven { to: to(4) }),
                "cannot move from 1 to 4 with the pending tip at 3",
            ),
            (
                "proven backwards",
                only(L1Change::Proven { to: to(0) }),
                "cannot move from 1 to 0",
            ),
            (
                "too many",
                Box::new(|s| {
                    let seed = L1Change::Seed {
                        epoch: Epoch::new(1),
                        seed: B256::ZERO,
                    };
                    s.changes = vec![seed; crate::L1_CHANGES_MAX + 1];
                }),
                "brings 4097 changes",
            ),
        ];
        for (description, spoil, message) in cases {
            let mut step = good.clone();
            spoil(&mut step);
            let refusal = refused(store.apply_l1_block(step));
            assert!(refusal.contains(message), "{name} {description}: {refusal}");
            assert_eq!(dump(&store), before, "{name} {description}");
        }
        store.apply_l1_block(good).unwrap();
    }
}

#[test]
fn rollbacks_beyond_the_log_are_refused_and_repeated_ones_do_nothing() {
    let config = StoreConfig {
        l1_blocks_max: 4,
        ..CONFIG
    };
    for (name, store, _dir) in twins(config) {
        let mut chain = Chain::new();
        chain.start(&store);
        for _ in 0..6 {
            chain.apply(&store, &[Act::Deposit]);
        }
        let blocks: Vec<_> = chain.points.iter().map(|point| point.block).collect();
        let before = dump(&store);
        for (number, hash) in [(blocks[2].number, blocks[2].hash), (blocks[4].number, B256::ZERO)] {
            let refusal = store.rollback_l1(number, hash).unwrap_err();
            assert!(
                matches!(refusal, StepError::TooDeep { oldest: Some(oldest), .. } if oldest == blocks[3].number),
                "{name}: {refusal}"
            );
            assert_eq!(dump(&store), before, "{name}");
        }
        for _ in 0..3 {
            store.rollback_l1(blocks[3].number, blocks[3].hash).unwrap();
            assert_eq!(store.view().inbox_count().unwrap(), 3, "{name}");
        }
    }
}

#[test]
fn logs_and_kept_transactions_are_bounded() {
    let config = StoreConfig {
        undo_blocks_max: 3,
        l1_blocks_max: 5,
        mined_tx_blocks_max: 2,
        ..CONFIG
    };
    for (name, store, _dir) in twins(config) {
        let mut chain = Chain::new();
        chain.start(&store);
        for _ in 0..20 {
            chain.offer(&store);
            chain.apply(
                &store,
                &[Act::Block {
                    txs: 1,
                    is_known: true,
                }],
            );
        }
        let rows = dump(&store);
        let count = |table| rows[&table].len();
        use crate::table::Table;
        assert_eq!(
            (
                count(Table::BlockUndo),
                count(Table::L1Blocks),
                count(Table::L1Undo)
            ),
            (3, 5, 5),
            "{name}"
        );
        let view = store.view();
        let kept = |n| {
            view.mined_tx(MinedAt {
                number: L2BlockNumber::new(n),
                position: 0,
            })
            .unwrap()
            .is_some()
        };
        assert_eq!([18, 19, 20].map(kept), [false, true, true], "{name}");
        let prune = chain.next_step(&[Act::Prune { depth: 4 }]);
        let refusal = refused(store.apply_l1_block(prune));
        assert!(
            refusal.contains("oldest undo record Some(L2BlockNumber(18))"),
            "{name}: {refusal}"
        );
        chain.forget(1);
        let prune = chain.next_step(&[Act::Prune { depth: 3 }]);
        assert_eq!(store.apply_l1_block(prune).unwrap().requeued.len(), 2, "{name}");
    }
}

/// The blocks, of the first `count`, whose transaction is still there with its proof.
fn kept(store: &crate::Store, count: u64) -> Vec<u64> {
    let view = store.view();
    let is_kept = |number: &u64| {
        let number = L2BlockNumber::new(*number);
        view.mined_tx(MinedAt { number, position: 0 }).unwrap().is_some()
    };
    (1..=count).filter(is_kept).collect()
}

#[test]
fn transactions_are_kept_until_their_whole_epoch_is_proven_beyond_any_reorg() {
    for (name, store, _dir) in twins(CONFIG) {
        let mut chain = Chain::new();
        chain.start(&store);
        let one = Act::Block {
            txs: 1,
            is_known: true,
        };
        for _ in 0..12 {
            chain.offer(&store);
            chain.apply(&store, std::slice::from_ref(&one));
        }
        let all: Vec<u64> = (1..=12).collect();
        let epoch = |number: u64| {
            let block = store.view().block(L2BlockNumber::new(number)).unwrap();
            block.unwrap().header.slot.get() / CONFIG.epoch_slots
        };
        let first_of = |wanted: u64| all.iter().copied().find(|n| epoch(*n) >= wanted).unwrap();
        // A prefix of the third epoch with blocks is proven, and all before it.
        let split = first_of(epoch(first_of(epoch(1) + 1)) + 1);
        assert!(epoch(split) == epoch(split + 1), "{name}: an epoch of two blocks");
        chain.apply(&store, &[Act::Prove { count: split }]);
        for _ in 1..64 {
            chain.apply(&store, &[]);
            assert_eq!(kept(&store, 12), all, "{name}: a reorg may take the proof back");
        }
        chain.roll_back(&store, 64);
        for _ in 0..70 {
            chain.apply(&store, &[]);
        }
        assert_eq!(kept(&store, 12), all, "{name}: a reorg has taken the proof back");
        chain.apply(&store, &[Act::Prove { count: split }]);
        for _ in 0..64 {
            chain.apply(&store, &[]);
        }
        let of_open_epochs: Vec<u64> = (split..=12).collect();
        assert_eq!(
            kept(&store, 12),
            of_open_epochs,
            "{name}: the rest of the epoch, and its prefix"
        );
        // All are proven: the last epoch may still grow.
        chain.apply(&store, &[Act::Prove { count: 12 }]);
        for _ in 0..64 {
            chain.apply(&store, &[]);
        }
        let of_last_epoch: Vec<u64> = (first_of(epoch(12))..=12).collect();
        assert_eq!(kept(&store, 12), of_last_epoch, "{name}");
    }
}

#[test]
fn the_queue_is_bounded_by_count_and_bytes() {
    let bytes = u64::try_from(borsh::to_vec(&transaction(1)).unwrap().len()).unwrap();
    let cases = [
        (
            "count",
            StoreConfig {
                queued_txs_max: 2,
                ..CONFIG
            },
        ),
        (
            "bytes",
            StoreConfig {
                queued_bytes_max: 2 * bytes,
                ..CONFIG
            },
        ),
    ];
    for (description, config) in cases {
        for (name, store, _dir) in twins(config) {
            let full = PoolSize {
                count: 2,
                bytes: 2 * bytes,
            };
            let offers = [
                (1, Queued::Kept),
                (2, Queued::Kept),
                (1, Queued::Known),
                (3, Queued::Full(full)),
            ];
            for (seed, expected) in offers {
                assert_eq!(
                    store.queue_tx(&transaction(seed)).unwrap(),
                    expected,
                    "{name} {description}"
                );
            }
            assert_eq!(
                store.remove_queued(&[transaction(1).id()]).unwrap(),
                1,
                "{name} {description}"
            );
            assert_eq!(
                store.queue_tx(&transaction(3)).unwrap(),
                Queued::Kept,
                "{name} {description}"
            );
        }
    }
}

#[test]
fn queued_transactions_are_paged_in_order() {
    for (name, store, _dir) in twins(CONFIG) {
        let mut ids: Vec<_> = (1..8).map(|seed| transaction(seed).id()).collect();
        (1..8).for_each(|seed| assert_eq!(store.queue_tx(&transaction(seed)).unwrap(), Queued::Kept));
        ids.sort();
        let (view, mut found, mut last) = (store.view(), Vec::new(), None);
        loop {
            let page = view.queued_txs(last, 3).unwrap();
            let Some(tx) = page.last() else { break };
            last = Some(tx.id());
            found.extend(page.iter().map(agoge_protocol::Transaction::id));
        }
        assert_eq!(found, ids, "{name}");
    }
}

#[test]
fn late_transactions_are_kept_only_where_the_block_has_them() {
    for (name, store, _dir) in twins(CONFIG) {
        let mut chain = Chain::new();
        chain.start(&store);
        chain.offer(&store);
        chain.apply(
            &store,
            &[Act::Block {
                txs: 1,
                is_known: false,
            }],
        );
        let tx = chain.offered[0].clone();
        let at = |number, position| MinedAt {
            number: L2BlockNumber::new(number),
            position,
        };
        for (place, tx, expected) in [
            (at(1, 0), &transaction(77), false),
            (at(1, 1), &tx, false),
            (at(2, 0), &tx, false),
            (at(1, 0), &tx, true),
        ] {
            assert_eq!(
                store.keep_mined_tx(place, tx).unwrap(),
                expected,
                "{name} {place:?}"
            );
        }
        assert_eq!(
            store.view().mined_tx(at(1, 0)).unwrap(),
            Some(tx.clone()),
            "{name}"
        );
        assert_eq!(store.view().queued_tx(tx.id()).unwrap(), None, "{name}");
        assert_eq!(
            store.view().tx(tx.id()).unwrap(),
            Some(tx.clone()),
            "{name}: served to whoever asks by id"
        );
        let outcome = chain.apply(&store, &[Act::Prune { depth: 1 }]);
        assert_eq!(outcome.requeued, vec![tx.id()], "{name}");
        assert_eq!(store.view().mined_tx_id(tx.id()).unwrap(), None, "{name}");
        chain.roll_back(&store, 1);
        assert_eq!(
            store.view().tx(tx.id()).unwrap(),
            Some(tx.clone()),
            "{name}: the block did not know it, so it waits in the queue"
        );
    }
}

#[test]
fn blobs_leave_by_number_and_by_age() {
    for (name, store, _dir) in twins(CONFIG) {
        let blob = |n: u8| Box::new([n; BLOB_BYTES]);
        let put = |slot, n: u8| {
            store
                .put_blob(Slot::new(slot), B256::repeat_byte(n), &blob(n))
                .unwrap()
        };
        let has = |n: u8| {
            store
                .view()
                .blob(B256::repeat_byte(n))
                .unwrap()
                .is_some_and(|found| found == blob(n))
        };
        (1..=4).for_each(|n| put(u64::from(n), n));
        put(4, 4);
        assert_eq!(
            [1, 2, 3, 4].map(has),
            [false, true, true, true],
            "{name}: three at most"
        );
        put(13, 5);
        assert_eq!([2, 3, 4, 5].map(has), [false, true, true, true], "{name}: number");
        put(24, 6);
        assert_eq!([3, 4, 5, 6].map(has), [false, false, false, true], "{name}: age");
        put(1, 7);
        assert_eq!([6, 7].map(has), [true, false], "{name}: too old on arrival");
    }
}

#[test]
fn deposits_due_are_counted_by_time() {
    for (name, store, _dir) in twins(CONFIG) {
        let mut chain = Chain::new();
        chain.start(&store);
        assert_eq!(store.view().deposits_due(u64::MAX).unwrap(), 0, "{name}");
        chain.apply(&store, &[Act::Deposit, Act::Deposit]);
        chain.apply(&store, &[]);
        chain.apply(&store, &[Act::Deposit]);
        let at = |n: usize| chain.points[n].block.time;
        let due = |time| store.view().deposits_due(time).unwrap();
        let cases = [
            (at(1) - 1, 0),
            (at(1), 2),
            (at(2), 2),
            (at(3) - 1, 2),
            (at(3), 3),
            (u64::MAX, 3),
        ];
        for (time, expected) in cases {
            assert_eq!(due(time), expected, "{name} at {time}");
        }
        assert_eq!(store.view().deposits(1..2).unwrap().len(), 1, "{name}");
    }
}

#[test]
fn finality_follows_the_l1_block_of_the_proof() {
    for (name, store, _dir) in twins(CONFIG) {
        let mut chain = Chain::new();
        chain.start(&store);
        chain.apply(&store, &[BLOCK, BLOCK]);
        chain.apply(&store, &[Act::Prove { count: 1 }]);
        chain.apply(&store, &[Act::Prove { count: 1 }]);
        let l1 = |n: usize| chain.points[n].block.number;
        let finalized = |tips: Tips| tips.finalized.get();
        let cases = [
            (l1(1), 0),
            (l1(2), 1),
            (l1(1), 1),
            (L1BlockNumber::new(5_000), 1),
            (l1(3), 2),
        ];
        for (number, expected) in cases {
            assert_eq!(
                finalized(store.finalize_l1(number).unwrap()),
                expected,
                "{name} {number}"
            );
        }
        chain.roll_back(&store, 1);
        assert_eq!(
            finalized(store.view().tips().unwrap()),
            1,
            "{name}: never above the proven tip"
        );
    }
}

#[test]
fn a_due_prune_is_seen_before_it_is_called() {
    for (name, store, _dir) in twins(CONFIG) {
        let mut chain = Chain::new();
        chain.start(&store);
        for _ in 0..6 {
            chain.offer(&store);
        }
        chain.apply(&store, &[Act::Deposit, BLOCK, Act::Prove { count: 1 }]);
        chain.apply(&store, &[BLOCK, BLOCK]);
        let states = chain.top().states.clone();
        for (number, state) in (1_u64..).zip(&states[1..]) {
            let view = store.view().pruned_to(L2BlockNumber::new(number)).unwrap();
            same_state(name, &view, state);
            assert_eq!(view.tips().unwrap().pending.get(), number, "{name}");
            assert_eq!(
                view.block(L2BlockNumber::new(number + 1)).unwrap(),
                None,
                "{name}"
            );
            let tip = view.block(L2BlockNumber::new(number)).unwrap().unwrap();
            assert_eq!(view.archive_root().unwrap(), tip.free_fields.archive, "{name}");
        }
        assert!(
            store.view().pruned_to(L2BlockNumber::GENESIS).is_err(),
            "{name}: proven blocks stay"
        );
        for (number, state) in (0_u64..).zip(&states) {
            let view = store.view().state_at(L2BlockNumber::new(number)).unwrap();
            same_state(name, &view, state);
            let tips = view.tips().unwrap();
            assert_eq!(
                (tips.pending.get(), tips.proven.get()),
                (number, number.min(1)),
                "{name}: proven or not"
            );
        }
        let beyond = L2BlockNumber::new(u64::try_from(states.len()).unwrap());
        assert!(store.view().state_at(beyond).is_err(), "{name}");
        chain.check(name, &store);
    }
}

#[test]
fn a_view_stays_as_it_was() {
    for (name, store, _dir) in twins(CONFIG) {
        let mut chain = Chain::new();
        chain.start(&store);
        chain.apply(&store, &[Act::Deposit, BLOCK]);
        let (view, state) = (store.view(), chain.top().states.clone());
        chain.apply(&store, &[Act::Prune { depth: 1 }, BLOCK, BLOCK]);
        chain.roll_back(&store, 2);
        assert_eq!(view.tips().unwrap().pending.get(), 1, "{name}");
        same_state(name, &view, state.last().unwrap());
    }
}

#[test]
fn notes_are_found_by_commitment_and_by_block() {
    for (name, store, _dir) in twins(CONFIG) {
        let mut chain = Chain::new();
        chain.start(&store);
        chain.offer(&store);
        chain.apply(
            &store,
            &[
                Act::Deposit,
                Act::Block {
                    txs: 0,
                    is_known: true,
                },
            ],
        );
        chain.apply(
            &store,
            &[
                Act::Block {
                    txs: 0,
                    is_known: true,
                },
                Act::Block {
                    txs: 1,
                    is_known: true,
                },
            ],
        );
        let view = store.view();
        let [first, second] = *chain.offered[0].public_inputs.commitments();
        assert_eq!(
            [first, second].map(|note| view.note_leaf(note).unwrap()),
            [Some(1), Some(2)],
            "{name}"
        );
        let blocks = [0, 1, 2, 3].map(|leaf| view.block_of_note(leaf).unwrap().map(L2BlockNumber::get));
        assert_eq!(blocks, [Some(1), Some(3), Some(3), None], "{name}");
        assert_eq!(view.seed(Epoch::new(9)).unwrap(), None, "{name}");
    }
}
