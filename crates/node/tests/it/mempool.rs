//! The pool on a store: what is refused at which price, what a restart and the chain do to it.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use agoge_node::mempool::{
    DropReason, Mempool, MempoolConfig, PoolLimits, ProofVerifier, RefuseReason, SubmitError,
};
use agoge_node::query::TxStatus;
use agoge_protocol::{Address, Digest, Element, L2BlockNumber, Slot, Transaction};
use agoge_store::{Store, StoreConfig};
use agoge_supervisor::Supervisor;
use futures::poll;

use super::support::{FEE, TestNode, fork, genesis_id, l1, posted, rules, store_config, tx};

/// A node with one empty block, whose note root is an anchor.
fn node() -> TestNode {
    on(Arc::new(Store::in_memory(store_config()).unwrap()), 100)
}

fn on(store: Arc<Store>, count_max: usize) -> TestNode {
    let node = TestNode::on(store, count_max);
    node.extend(l1(1), &[], None).unwrap();
    let block = node.build(3);
    node.extend(l1(2), &[posted(1, &block)], None).unwrap();
    node
}

async fn refused(node: &TestNode, tx: &Transaction) -> RefuseReason {
    match node.mempool.submit(tx.clone()).await {
        Err(SubmitError::Refused(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn each_rule_refuses() {
    let node = node();
    let anchor = node.anchor();
    let good = tx(anchor, FEE, 1, 2, 1);
    let invalid = tx(anchor, FEE, 3, 4, 0);
    assert_eq!(refused(&node, &invalid).await, RefuseReason::InvalidProof);
    assert_eq!(
        refused(&node, &invalid).await,
        RefuseReason::KnownInvalid,
        "not verified twice"
    );
    // The same id with another proof is another message.
    let valid = tx(anchor, FEE, 3, 4, 1);
    assert_eq!(valid.id(), invalid.id());
    node.mempool.submit(valid).await.unwrap();
    let id = node.mempool.submit(good.clone()).await.unwrap();
    assert_eq!(refused(&node, &good).await, RefuseReason::AlreadyQueued);
    assert_eq!(
        refused(&node, &tx(anchor, FEE - 1, 5, 6, 1)).await,
        RefuseReason::FeeTooLow {
            minimum: FEE,
            found: FEE - 1
        }
    );
    let unknown = Digest([Element::from_u32(9); 4]);
    assert_eq!(
        refused(&node, &tx(unknown, FEE, 5, 6, 1)).await,
        RefuseReason::UnknownAnchor { anchor: unknown }
    );
    assert!(
        matches!(refused(&node, &tx(anchor, FEE, 2, 9, 1)).await, RefuseReason::Conflict { with, .. } if with == id)
    );
    let richer = node.mempool.submit(tx(anchor, 2 * FEE, 2, 9, 1)).await.unwrap();
    assert_eq!(
        node.mempool.status(id).unwrap(),
        TxStatus::Dropped {
            reason: DropReason::Replaced { by: richer }
        }
    );
    assert_eq!(node.mempool.size().0, 2);
}

#[tokio::test]
async fn what_is_mined_leaves_with_its_rivals_and_never_comes_back() {
    let node = node();
    let other = self::node();
    let anchor = node.anchor();
    let mined = tx(anchor, FEE, 1, 2, 1);
    let rival = tx(anchor, FEE, 2, 3, 1);
    node.mempool.submit(mined.clone()).await.unwrap();
    other.mempool.submit(rival.clone()).await.unwrap();
    let block = node.build(4);
    node.extend(l1(3), &[posted(2, &block)], None).unwrap();
    other
        .extend(l1(3), &[posted(2, &block)], Some(&block.blob))
        .unwrap();
    let number = L2BlockNumber::new(2);
    assert_eq!(
        node.mempool.status(mined.id()).unwrap(),
        TxStatus::Mined { number }
    );
    let reason = DropReason::SpentElsewhere { number };
    assert_eq!(
        other.mempool.status(rival.id()).unwrap(),
        TxStatus::Dropped { reason }
    );
    assert_eq!(other.store.view().pool_size().unwrap().count, 0);
    assert!(
        matches!(refused(&node, &mined).await, RefuseReason::Spent { .. }),
        "a replay"
    );
}

#[tokio::test]
async fn the_queue_outlives_a_restart_within_its_bounds() {
    let store = Arc::new(Store::in_memory(store_config()).unwrap());
    let node = on(Arc::clone(&store), 100);
    let anchor = node.anchor();
    for n in 0..6 {
        node.mempool
            .submit(tx(anchor, FEE + u64::from(n), 10 * n + 1, 10 * n + 2, 1))
            .await
            .unwrap();
    }
    let before: Vec<_> = node
        .mempool
        .best(9)
        .unwrap()
        .iter()
        .map(Transaction::id)
        .collect();
    drop(node);
    let again = TestNode::on(Arc::clone(&store), 100);
    assert_eq!(
        again
            .mempool
            .best(9)
            .unwrap()
            .iter()
            .map(Transaction::id)
            .collect::<Vec<_>>(),
        before
    );
    drop(again);
    let smaller = TestNode::on(Arc::clone(&store), 4);
    assert_eq!(
        smaller
            .mempool
            .best(9)
            .unwrap()
            .iter()
            .map(Transaction::id)
            .collect::<Vec<_>>(),
        before[..4]
    );
    assert_eq!(store.view().pool_size().unwrap().count, 4);
    let low = tx(anchor, FEE, 900, 901, 1);
    assert_eq!(
        refused(&smaller, &low).await,
        RefuseReason::PoolFull { lowest: FEE + 2 }
    );
}

#[tokio::test]
async fn transactions_of_a_proposal_are_held_beside_the_queue() {
    let node = node();
    let anchor = node.anchor();
    let queued = tx(anchor, 2 * FEE, 1, 2, 1);
    let rival = tx(anchor, FEE, 2, 3, 1);
    node.mempool.submit(queued.clone()).await.unwrap();
    assert_eq!(node.mempool.missing(&[queued.id(), rival.id()]), [rival.id()]);
    node.mempool.hold(rival.clone()).await.unwrap();
    assert!(node.mempool.missing(&[queued.id(), rival.id()]).is_empty());
    assert_eq!(node.mempool.get(rival.id()).unwrap(), Some(rival.clone()));
    assert_eq!(node.mempool.known_id(&rival.effects()), Some(rival.id()));
    let mut other = rival.effects();
    other.fee += 1;
    assert_eq!(node.mempool.known_id(&other), None, "the same notes, another fee");
    assert_eq!(
        node.mempool.status(queued.id()).unwrap(),
        TxStatus::Queued,
        "the queue is as it was"
    );
    // Mined, it is kept with its proof for peers and provers, and the rival in the queue leaves.
    let rivals = std::slice::from_ref(&rival);
    let block = node
        .executor
        .build(Slot::new(4), node.archive(), Address::ZERO, rivals)
        .unwrap()
        .block;
    node.extend(l1(3), &[posted(2, &block)], None).unwrap();
    assert_eq!(
        node.mempool.status(rival.id()).unwrap(),
        TxStatus::Mined {
            number: L2BlockNumber::new(2)
        }
    );
    assert_eq!(node.store.view().tx(rival.id()).unwrap(), Some(rival));
    assert!(matches!(
        node.mempool.status(queued.id()).unwrap(),
        TxStatus::Dropped { .. }
    ));
    assert!(matches!(
        node.mempool.hold(tx(anchor, FEE, 8, 9, 0)).await,
        Err(SubmitError::Refused(RefuseReason::InvalidProof))
    ));
}

#[tokio::test]
async fn an_anchor_that_a_reorg_took_is_waited_for_before_its_transactions_are_dropped() {
    let node = node();
    let old = node
        .mempool
        .submit(tx(node.anchor(), FEE, 1, 2, 1))
        .await
        .unwrap();
    let second = node.build(4);
    node.extend(l1(3), &[posted(2, &second)], None).unwrap();
    let young = node
        .mempool
        .submit(tx(node.anchor(), FEE, 3, 4, 1))
        .await
        .unwrap();

    node.applier.roll_back(&l1(2)).unwrap();
    assert_eq!(node.mempool.status(old).unwrap(), TxStatus::Queued);
    assert_eq!(
        node.mempool.status(young).unwrap(),
        TxStatus::Queued,
        "the same block may come back"
    );
    let mut parent = l1(2);
    let statuses = [
        TxStatus::Queued,
        TxStatus::Dropped {
            reason: DropReason::AnchorGone,
        },
    ];
    for (number, status) in (2..).zip(statuses) {
        let recipient = Address::repeat_byte(1);
        let block = node
            .executor
            .build(Slot::new(number + 2), node.archive(), recipient, &[])
            .unwrap()
            .block;
        parent = fork(&parent, 1);
        node.extend(parent, &[posted(number, &block)], None).unwrap();
        assert_eq!(
            node.mempool.status(young).unwrap(),
            status,
            "after block {number}"
        );
    }
    assert_eq!(node.mempool.status(old).unwrap(), TxStatus::Queued);
}

/// A node whose queue has a transaction under a known anchor, and better paying ones whose anchor an unwind took.
async fn with_dead_anchors() -> (TestNode, Transaction, Vec<Transaction>) {
    let node = node();
    let living = tx(node.anchor(), FEE, 1, 2, 1);
    node.mempool.submit(living.clone()).await.unwrap();
    let second = node.build(4);
    node.extend(l1(3), &[posted(2, &second)], None).unwrap();
    let dead: Vec<_> = (1..4)
        .map(|n| tx(node.anchor(), 2 * FEE, 10 * n, 10 * n + 1, 1))
        .collect();
    for tx in &dead {
        node.mempool.submit(tx.clone()).await.unwrap();
    }
    node.applier.roll_back(&l1(2)).unwrap();
    assert_eq!(node.mempool.size().0, 4);
    (node, living, dead)
}

/// The queue waits for missing anchors up to a block and no longer.
fn assert_waits_until(node: &TestNode, dead: &[Transaction], last: u64) {
    let gone = TxStatus::Dropped {
        reason: DropReason::AnchorGone,
    };
    for (number, status) in [(last, TxStatus::Queued), (last + 1, gone)] {
        node.mempool.on_block(L2BlockNumber::new(number), &[]).unwrap();
        for tx in dead {
            assert_eq!(
                node.mempool.status(tx.id()).unwrap(),
                status,
                "after block {number}"
            );
        }
    }
    assert_eq!(node.mempool.size().0, 1);
    assert_eq!(node.store.view().pool_size().unwrap().count, 1);
}

#[tokio::test]
async fn transactions_without_an_anchor_take_no_candidate_places() {
    let (node, living, _) = with_dead_anchors().await;
    assert_eq!(node.mempool.best(1).unwrap(), [living]);
    assert_eq!(node.mempool.best(8).unwrap().len(), 1);
    // The same block again, and with it the anchor.
    let second = node.build(4);
    node.extend(fork(&l1(2), 1), &[posted(2, &second)], None).unwrap();
    assert_eq!(node.mempool.best(8).unwrap().len(), 3);
}

#[tokio::test]
async fn after_a_long_prune_anchors_are_waited_for_for_64_blocks_only() {
    let (node, _, dead) = with_dead_anchors().await;
    assert_eq!(node.tip(), 1);
    node.mempool.on_unwound(L2BlockNumber::new(1_000), &[]).unwrap();
    assert_waits_until(&node, &dead, 1 + 64);
}

#[tokio::test]
async fn after_a_restart_missing_anchors_are_waited_for_and_then_dropped() {
    let (node, _, dead) = with_dead_anchors().await;
    let store = Arc::clone(&node.store);
    drop(node);
    let again = TestNode::on(store, 100);
    assert_waits_until(&again, &dead, 1 + 64);
}

#[tokio::test]
async fn what_the_store_has_no_room_for_is_refused() {
    let config = StoreConfig {
        queued_txs_max: 1,
        ..store_config()
    };
    let node = on(Arc::new(Store::in_memory(config).unwrap()), 100);
    let [first, second] = [1, 3].map(|n| tx(node.anchor(), FEE, n, n + 1, 1));
    node.mempool.submit(first.clone()).await.unwrap();
    assert_eq!(
        refused(&node, &second).await,
        RefuseReason::PoolFull { lowest: FEE }
    );
    assert_eq!(
        node.mempool.missing(&[first.id(), second.id()]),
        [second.id()],
        "the index has what the store has"
    );
    assert_eq!(node.mempool.size().0, 1);
    assert_eq!(node.mempool.get(first.id()).unwrap(), Some(first));
}

/// Every proof is valid; the verification of proof 2 lasts until the sender is dropped.
struct Slow(Mutex<Receiver<()>>);

impl Slow {
    fn new() -> (Sender<()>, Self) {
        let (sender, receiver) = channel();
        (sender, Self(Mutex::new(receiver)))
    }
}

impl ProofVerifier for Slow {
    fn is_valid(&self, tx: &Transaction) -> bool {
        if tx.proof() == [2] {
            self.0.lock().unwrap().recv().unwrap_err();
        }
        true
    }
}

#[tokio::test]
async fn a_flood_of_submissions_does_not_keep_a_proposal_waiting() {
    let node = node();
    let anchor = node.anchor();
    let supervisor = Supervisor::new();
    let (verifying, verifier) = Slow::new();
    let config = MempoolConfig {
        genesis_id: genesis_id(),
        limits: rules().limits,
        pool: PoolLimits {
            count_max: 100,
            bytes_max: 1 << 20,
        },
        workers: 1,
        waiting_max: 2,
    };
    let mempool = Mempool::open(
        Arc::clone(&node.store),
        Arc::new(verifier),
        supervisor.spawner(),
        config,
    )
    .unwrap();
    let mut first = Box::pin(mempool.submit(tx(anchor, FEE, 1, 2, 2)));
    let mut second = Box::pin(mempool.submit(tx(anchor, FEE, 3, 4, 2)));
    assert!(poll!(&mut first).is_pending() && poll!(&mut second).is_pending());
    assert!(matches!(
        mempool.submit(tx(anchor, FEE, 5, 6, 1)).await,
        Err(SubmitError::Busy { waiting_max: 2 })
    ));
    mempool.hold(tx(anchor, FEE, 5, 6, 1)).await.unwrap();
    drop(verifying);
    first.await.unwrap();
    second.await.unwrap();
}
