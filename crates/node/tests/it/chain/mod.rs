//! Following L1 into the store: what is followed, what is refused, and how reorgs and prunes undo it.

mod proofs;

use agoge_l1_client::Blob;
use agoge_node::chain::{BlobNeed, ExecuteError, Prepared};
use agoge_node::query::TxStatus;
use agoge_protocol::messages::Proposal;
use agoge_protocol::{Address, B256, Digest, Element, FreeFields, L1Event, L2BlockNumber, Slot};

use super::support::{FEE, TIMING, TestNode, deposit, fork, l1, posted, proven, rules, tx};

/// Two deposits in L1 block 1, L1 blocks up to `to` without events.
fn with_deposits(node: &TestNode, to: u64) {
    let first = deposit(0, l1(1), B256::ZERO);
    let second = deposit(1, l1(1), first.inbox_hash);
    node.extend(
        l1(1),
        &[L1Event::Deposited(first), L1Event::Deposited(second)],
        None,
    )
    .unwrap();
    for number in 2..=to {
        node.extend(l1(number), &[], None).unwrap();
    }
}

/// The same block under other free fields.
fn with_archive(block: &Prepared, archive: Digest) -> L1Event {
    let proposal = &block.proposal;
    let free_fields = FreeFields {
        archive,
        ..proposal.free_fields
    };
    L1Event::BlockProposed {
        number: L2BlockNumber::new(1),
        free_fields,
        blob_hash: proposal.blob_hash,
        block_hash: free_fields.block_hash(proposal.parent_archive, proposal.inbox_hash, proposal.blob_hash),
    }
}

#[test]
fn deposits_are_consumed_when_they_are_due_and_every_node_gets_the_same_state() {
    let [builder, other] = [TestNode::new(), TestNode::new()];
    with_deposits(&builder, 10);
    with_deposits(&other, 10);
    // Slot 2 begins at 1,008; its deposits are those until 1,000.
    assert_eq!(builder.build(2).proposal.free_fields.inbox_end, 0);
    // Slot 3: until 1,004, so both of 1,001.
    let block = builder.build(3);
    assert_eq!(block.proposal.free_fields.inbox_end, 2);
    assert_eq!(block.executed.header.timestamp, TIMING.slot_start(Slot::new(3)));

    let events = [posted(1, &block)];
    let needs = builder.applier.blob_needs(&events);
    let [BlobNeed::AtHand(at_hand)] = needs.as_slice() else {
        panic!("what was built here is not fetched");
    };
    assert_eq!(at_hand.proposal.blob_hash, block.proposal.blob_hash);
    builder.extend(l1(11), &events, None).unwrap();
    let needs = other.applier.blob_needs(&events);
    let [BlobNeed::Fetch(wanted)] = needs.as_slice() else {
        panic!("it was not seen before");
    };
    assert_eq!(wanted.blob_hash, block.proposal.blob_hash);
    other.extend(l1(11), &events, Some(&block.blob)).unwrap();
    assert_eq!(builder.archive(), other.archive());
    assert_eq!(other.archive(), block.proposal.free_fields.archive);
    let stored = other.store.view().blob(block.proposal.blob_hash).unwrap();
    assert!(stored.is_some(), "blobs are kept for peers");
}

#[test]
fn a_proposal_is_attested_only_if_every_part_of_it_is_right() {
    let [builder, judge] = [TestNode::new(), TestNode::new()];
    with_deposits(&builder, 10);
    with_deposits(&judge, 10);
    let good = builder.build(3).proposal.clone();
    judge.executor.reexecute(&good, &[]).unwrap();
    assert!(judge.executor.prepared().get(good.block_hash()).is_some());
    let make = |change: &dyn Fn(&mut FreeFields, &mut Digest, &mut B256, &mut B256)| {
        let (mut fields, mut parent, mut inbox, mut blob) = (
            good.free_fields,
            good.parent_archive,
            good.inbox_hash,
            good.blob_hash,
        );
        change(&mut fields, &mut parent, &mut inbox, &mut blob);
        let proposal = Proposal::new(fields, parent, inbox, blob, Vec::new()).unwrap();
        judge.executor.reexecute(&proposal, &[]).unwrap_err()
    };
    let wrong = Digest([Element::from_u32(5); 4]);
    assert!(matches!(
        make(&|f, _, _, _| f.archive = wrong),
        ExecuteError::Archive { .. }
    ));
    assert!(matches!(
        make(&|_, p, _, _| *p = wrong),
        ExecuteError::WrongParent { .. }
    ));
    assert!(matches!(
        make(&|f, _, _, _| f.inbox_end = 1),
        ExecuteError::InboxEnd {
            expected: 2,
            found: 1
        }
    ));
    assert!(matches!(
        make(&|_, _, i, _| *i = B256::repeat_byte(1)),
        ExecuteError::InboxHash
    ));
    assert!(matches!(
        make(&|_, _, _, b| *b = B256::repeat_byte(1)),
        ExecuteError::BlobHash
    ));
    assert!(matches!(
        make(&|f, _, _, _| f.fee_recipient = Address::ZERO),
        ExecuteError::Archive { .. }
    ));
    // Another slot has another timestamp and another inbox rule.
    assert!(matches!(
        make(&|f, _, _, _| f.slot = Slot::new(4)),
        ExecuteError::Archive { .. }
    ));
    assert!(matches!(
        make(&|f, _, _, _| f.slot = Slot::new(2)),
        ExecuteError::InboxEnd { .. }
    ));
    let stranger = tx(judge.anchor(), FEE, 1, 2, 1);
    assert!(
        judge.executor.reexecute(&good, &[stranger]).is_err(),
        "a transaction that the block does not have"
    );
}

#[test]
fn a_block_that_execution_does_not_confirm_is_not_followed_until_it_is_gone() {
    let builder = TestNode::new();
    with_deposits(&builder, 10);
    let block = builder.build(3);
    let lie = with_archive(&block, Digest([Element::from_u32(1); 4]));
    let garbage = Blob::zero();
    let rows: [(&str, L1Event, &Blob); 2] = [
        ("wrong archive", lie, &block.blob),
        ("undecodable blob", posted(1, &block), &garbage),
    ];
    for (what, event, blob) in rows {
        let node = TestNode::new();
        with_deposits(&node, 10);
        let before = node.archive();
        node.extend(l1(11), std::slice::from_ref(&event), Some(blob))
            .unwrap();
        assert_eq!((node.tip(), node.archive()), (0, before), "{what}");
        assert_eq!(
            node.applier.unfollowed().unwrap().number,
            L2BlockNumber::new(1),
            "{what}"
        );
        // What comes on top is not looked at, deposits are.
        let on_top = L1Event::BlockProposed {
            number: L2BlockNumber::new(2),
            free_fields: block.proposal.free_fields,
            blob_hash: B256::ZERO,
            block_hash: B256::ZERO,
        };
        let third = deposit(
            2,
            l1(12),
            deposit(1, l1(1), deposit(0, l1(1), B256::ZERO).inbox_hash).inbox_hash,
        );
        let needs = node.applier.blob_needs(std::slice::from_ref(&on_top));
        assert!(needs.is_empty(), "{what}");
        node.extend(l1(12), &[on_top, L1Event::Deposited(third)], None)
            .unwrap();
        assert_eq!(
            (node.tip(), node.store.view().inbox_count().unwrap()),
            (0, 3),
            "{what}"
        );
        if what == "wrong archive" {
            node.extend(
                l1(13),
                &[L1Event::Pruned {
                    to: L2BlockNumber::GENESIS,
                }],
                None,
            )
            .unwrap();
        } else {
            node.applier.roll_back(&l1(10)).unwrap();
        }
        assert_eq!(node.applier.unfollowed(), None, "{what}");
    }
}

#[tokio::test]
async fn a_reorg_takes_a_block_back_and_its_transactions_are_queued_again() {
    let node = TestNode::new();
    with_deposits(&node, 9);
    let first = node.build(3);
    node.extend(l1(10), &[posted(1, &first)], None).unwrap();
    let state = node.archive();
    let id = node
        .mempool
        .submit(tx(node.anchor(), FEE, 1, 2, 1))
        .await
        .unwrap();
    let second = node.build(4);
    assert_eq!(second.proposal.tx_ids(), [id]);
    node.extend(l1(11), &[posted(2, &second)], None).unwrap();
    assert_eq!(
        node.mempool.status(id).unwrap(),
        TxStatus::Mined {
            number: L2BlockNumber::new(2)
        }
    );
    assert!(node.mempool.get(id).unwrap().is_some(), "served with its proof");

    // Away and back again, twice: the state is the same each time.
    for name in [1, 2] {
        node.applier.roll_back(&l1(10)).unwrap();
        assert_eq!((node.tip(), node.archive()), (1, state));
        assert_eq!(node.mempool.status(id).unwrap(), TxStatus::Queued);
        node.extend(fork(&l1(10), name), &[posted(2, &second)], None)
            .unwrap();
        assert_eq!(node.archive(), second.proposal.free_fields.archive);
        assert_eq!(
            node.mempool.status(id).unwrap(),
            TxStatus::Mined {
                number: L2BlockNumber::new(2)
            }
        );
    }
    assert!(
        node.applier.roll_back(&fork(&l1(9), 7)).is_err(),
        "a block that was never recorded"
    );
}

/// The first second at which blocks of epoch 0 are pruned: P = 4.
fn prune_of_epoch_0() -> u64 {
    TIMING.slot_start(Slot::new(5 * 16))
}

#[test]
fn a_block_that_is_not_followed_halts_the_node_only_until_its_prune_is_due() {
    for own_blocks in [0, 1] {
        let node = TestNode::new();
        with_deposits(&node, 9);
        if own_blocks == 1 {
            let first = node.build(3);
            node.extend(l1(10), &[posted(1, &first)], None).unwrap();
        } else {
            node.extend(l1(10), &[], None).unwrap();
        }
        let block = node.build(4);
        let lie = L1Event::BlockProposed {
            number: L2BlockNumber::new(own_blocks + 1),
            free_fields: FreeFields {
                archive: Digest([Element::from_u32(1); 4]),
                ..block.proposal.free_fields
            },
            blob_hash: block.proposal.blob_hash,
            block_hash: B256::ZERO,
        };
        node.extend(l1(11), &[lie], Some(&block.blob)).unwrap();
        let due = prune_of_epoch_0();
        let known = node.applier.unfollowed_at(due - 1).unwrap().unwrap();
        assert_eq!((known.number.get(), known.slot), (own_blocks + 1, Slot::new(4)));
        // Nobody has called prune() and nobody may: the node must propose on the pruned tip, which prunes.
        assert_eq!(node.applier.unfollowed_at(due).unwrap(), None, "{own_blocks}");
        assert!(node.applier.unfollowed().is_some(), "L1 still has it");
        let tip = node.applier.tip_at(due).unwrap();
        assert_eq!((tip.number.get(), tip.slot), (0, None));
        let next = node
            .executor
            .build(Slot::new(80), tip.archive, Address::ZERO, &[])
            .unwrap()
            .block;
        let to = L2BlockNumber::GENESIS;
        node.extend(l1(12), &[L1Event::Pruned { to }, posted(1, &next)], None)
            .unwrap();
        assert_eq!(node.applier.unfollowed(), None);
        assert_eq!(
            (node.tip(), node.archive()),
            (1, next.proposal.free_fields.archive)
        );
    }
}

#[test]
fn a_block_that_is_not_followed_but_proven_is_never_taken_for_pruned() {
    let node = TestNode::new();
    with_deposits(&node, 10);
    let block = node.build(3);
    let lie = with_archive(&block, Digest([Element::from_u32(1); 4]));
    node.extend(l1(11), &[lie], Some(&block.blob)).unwrap();
    node.extend(l1(12), &[proven(1, 1)], None).unwrap();
    let due = prune_of_epoch_0();
    assert!(node.applier.unfollowed_at(due).unwrap().is_some());
    // An L1 reorg takes the proof back, and the block stays.
    node.applier.roll_back(&l1(11)).unwrap();
    assert!(node.applier.unfollowed_at(due - 1).unwrap().is_some());
    assert_eq!(node.applier.unfollowed_at(due).unwrap(), None);
}

#[tokio::test]
async fn a_reorg_that_takes_a_prune_back_leaves_no_mined_transaction_in_the_pool() {
    let node = TestNode::new();
    with_deposits(&node, 9);
    let first = node.build(3);
    node.extend(l1(10), &[posted(1, &first)], None).unwrap();
    let id = node
        .mempool
        .submit(tx(node.anchor(), FEE, 1, 2, 1))
        .await
        .unwrap();
    let second = node.build(4);
    node.extend(l1(11), &[posted(2, &second)], None).unwrap();
    let to = L2BlockNumber::GENESIS;
    node.extend(l1(12), &[L1Event::Pruned { to }], None).unwrap();
    assert_eq!(node.mempool.status(id).unwrap(), TxStatus::Queued);
    node.applier.roll_back(&l1(11)).unwrap();
    let number = L2BlockNumber::new(2);
    assert_eq!(node.mempool.status(id).unwrap(), TxStatus::Mined { number });
    assert!(node.mempool.best(8).unwrap().is_empty());
    // Below its block it is queued again, although the same rollback mined it again on the way.
    node.extend(fork(&l1(11), 1), &[L1Event::Pruned { to }], None)
        .unwrap();
    node.applier.roll_back(&l1(10)).unwrap();
    assert_eq!(node.mempool.status(id).unwrap(), TxStatus::Queued);
    assert_eq!(node.mempool.best(8).unwrap().len(), 1);
}

#[test]
fn a_block_attested_on_a_replaced_parent_is_judged_again() {
    let node = TestNode::new();
    with_deposits(&node, 9);
    let first = node.build(3);
    node.extend(l1(10), &[posted(1, &first)], None).unwrap();
    let second = node.build(5);
    node.applier.roll_back(&l1(9)).unwrap();
    let other = node.build(4);
    node.extend(l1(10), &[posted(1, &other)], None).unwrap();
    // L1 takes the second block although its parent is gone: its archive does not follow.
    node.extend(l1(11), &[posted(2, &second)], None).unwrap();
    assert_eq!(node.tip(), 1);
    assert!(node.applier.unfollowed().is_some());
}

#[tokio::test]
async fn a_due_prune_is_acted_on_before_anybody_calls_it_and_loses_no_transaction() {
    let node = TestNode::new();
    with_deposits(&node, 9);
    let first = node.build(3);
    node.extend(l1(10), &[posted(1, &first)], None).unwrap();
    let genesis_anchor_tx = tx(node.anchor(), FEE, 1, 2, 1);
    let id = node.mempool.submit(genesis_anchor_tx).await.unwrap();
    let second = node.build(4);
    node.extend(l1(11), &[posted(2, &second)], None).unwrap();
    // The blocks are of epoch 0; P = 4: prunable from the first second of epoch 5.
    let deadline = TIMING.slot_start(Slot::new(5 * 16));
    assert_eq!(node.applier.tip_at(deadline - 1).unwrap().number.get(), 2);
    let tip = node.applier.tip_at(deadline).unwrap();
    assert_eq!((tip.number.get(), tip.slot), (0, None));
    // A block of that slot is built on the pruned tip and consumes the deposits again.
    let candidates = node.mempool.best(8).unwrap();
    let block = node
        .executor
        .build(Slot::new(80), tip.archive, Address::ZERO, &candidates)
        .unwrap()
        .block;
    assert_eq!(
        (
            block.executed.header.number.get(),
            block.proposal.free_fields.inbox_end
        ),
        (1, 2)
    );
    let events = [
        L1Event::Pruned {
            to: L2BlockNumber::GENESIS,
        },
        posted(1, &block),
    ];
    node.extend(l1(12), &events, None).unwrap();
    assert_eq!(
        (node.tip(), node.archive()),
        (1, block.proposal.free_fields.archive)
    );
    assert_eq!(rules().proof_window_epochs, 4);
    assert_eq!(
        node.mempool.status(id).unwrap(),
        TxStatus::Queued,
        "its anchor came back with the deposits"
    );
}
