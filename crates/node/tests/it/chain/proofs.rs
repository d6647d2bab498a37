//! Proofs and claims on L1: the proven tip, what it protects, and how reorgs take both back.

use agoge_node::query::TxStatus;
use agoge_protocol::chain::ClaimOutcome;
use agoge_protocol::{Address, B256, Epoch, L1Event, L2BlockNumber, Slot};

use super::with_deposits;
use crate::support::{FEE, TIMING, TestNode, fork, l1, posted, proven, tx};

/// Two blocks of epoch 0 in L1 blocks 10 and 11, the second with a transaction.
async fn two_blocks() -> (TestNode, agoge_protocol::TxId) {
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
    (node, id)
}

fn tips(node: &TestNode) -> (u64, u64) {
    let tips = node.store.view().tips().unwrap();
    (tips.pending.get(), tips.proven.get())
}

#[tokio::test]
async fn a_proof_moves_the_proven_tip_and_a_reorg_takes_it_back_until_it_is_there_again() {
    let (node, id) = two_blocks().await;
    let number = L2BlockNumber::new(2);
    node.extend(l1(12), &[proven(1, 1)], None).unwrap();
    assert_eq!(tips(&node), (2, 1));
    assert_eq!(node.mempool.status(id).unwrap(), TxStatus::Mined { number });
    node.extend(l1(13), &[proven(2, 2)], None).unwrap();
    assert_eq!(tips(&node), (2, 2));
    assert_eq!(node.mempool.status(id).unwrap(), TxStatus::Proven { number });
    // The proof is reorganised out of L1 and comes again in another block.
    node.applier.roll_back(&l1(12)).unwrap();
    assert_eq!(tips(&node), (2, 1));
    assert_eq!(node.mempool.status(id).unwrap(), TxStatus::Mined { number });
    assert_eq!(node.store.view().epoch_proofs(Epoch::new(0)).unwrap().len(), 1);
    node.extend(fork(&l1(12), 1), &[], None).unwrap();
    assert_eq!(tips(&node), (2, 1));
    let next = fork(&fork(&l1(12), 1), 1);
    node.extend(next, &[proven(2, 2)], None).unwrap();
    assert_eq!(tips(&node), (2, 2));
    assert_eq!(node.mempool.status(id).unwrap(), TxStatus::Proven { number });
    assert_eq!(node.store.view().epoch_proofs(Epoch::new(0)).unwrap().len(), 2);
}

#[tokio::test]
async fn ids_of_a_blocks_transactions_are_told_where_they_were_known() {
    let (node, id) = two_blocks().await;
    let number = L2BlockNumber::new(2);
    let record = node.store.view().block(number).unwrap().unwrap();
    let ids = |number, hash| node.store.view().block_tx_ids(number, hash).unwrap();
    assert_eq!(ids(number, record.block_hash), Some(vec![Some(id)]));
    assert!(
        node.mempool.get(id).unwrap().is_some(),
        "and the transaction is served with its proof"
    );
    assert_eq!(ids(number, B256::ZERO), None, "another block");
    assert_eq!(ids(L2BlockNumber::new(3), record.block_hash), None, "no block");

    // A node that never heard of the transaction has the block from its blob alone.
    let follower = TestNode::new();
    with_deposits(&follower, 9);
    for number in [1, 2] {
        let record = node
            .store
            .view()
            .block(L2BlockNumber::new(number))
            .unwrap()
            .unwrap();
        let blob = node.store.view().blob(record.blob_hash).unwrap().unwrap();
        let event = L1Event::BlockProposed {
            number: L2BlockNumber::new(number),
            free_fields: record.free_fields,
            blob_hash: record.blob_hash,
            block_hash: record.block_hash,
        };
        let blob = agoge_l1_client::Blob::from_bytes(blob.to_vec()).unwrap();
        follower.extend(l1(9 + number), &[event], Some(&blob)).unwrap();
    }
    let ids = follower.store.view().block_tx_ids(number, record.block_hash);
    assert_eq!(ids.unwrap(), Some(vec![None]));
}

#[tokio::test]
async fn proven_blocks_are_never_pruned_and_the_rest_is() {
    // P = 4: blocks of epoch 0 are pruned from the first second of epoch 5 on.
    let due = TIMING.slot_start(Slot::new(5 * 16));
    let (node, id) = two_blocks().await;
    node.extend(l1(12), &[proven(1, 1)], None).unwrap();
    assert_eq!(node.applier.tip_at(due).unwrap().number.get(), 1);
    let to = L2BlockNumber::new(1);
    node.extend(l1(13), &[L1Event::Pruned { to }], None).unwrap();
    assert_eq!(tips(&node), (1, 1));
    assert_eq!(node.mempool.status(id).unwrap(), TxStatus::Queued);

    let (node, _) = two_blocks().await;
    node.extend(l1(12), &[proven(1, 2)], None).unwrap();
    assert_eq!(node.applier.tip_at(due).unwrap().number.get(), 2);
}

#[tokio::test]
async fn a_proof_of_what_is_proven_delivers_a_claim_and_settles_nothing() {
    let (node, _) = two_blocks().await;
    let prover = Address::repeat_byte(0x77);
    let epoch = Epoch::new(0);
    let claimed = |fee| L1Event::EpochClaimed {
        epoch,
        prover,
        basis_point_fee: fee,
        bond_wei: 10,
        quote_digest: B256::repeat_byte(4),
    };
    node.extend(l1(12), &[claimed(500)], None).unwrap();
    node.extend(l1(13), &[claimed(400)], None).unwrap();
    let deadline = L1Event::ClaimDeadlineSet {
        epoch,
        deadline: Slot::new(32),
    };
    node.extend(l1(14), &[deadline, proven(1, 2)], None).unwrap();
    let claim = node.store.view().claim(epoch).unwrap().unwrap();
    assert_eq!(
        (claim.basis_point_fee, claim.deadline, claim.end),
        (400, Some(Slot::new(32)), None)
    );
    // Somebody else proved it; the claimant delivers all the same.
    let settled = L1Event::ClaimSettled {
        epoch,
        prover,
        outcome: ClaimOutcome::Delivered,
        slashed_wei: 0,
        rescued_wei: 0,
    };
    node.extend(l1(15), &[proven(3, 2), settled], None).unwrap();
    assert_eq!(tips(&node), (2, 2));
    let view = node.store.view();
    let claim = view.claim(epoch).unwrap().unwrap();
    assert_eq!(claim.end.unwrap().outcome, ClaimOutcome::Delivered);
    assert_eq!(view.epoch_proofs(epoch).unwrap().len(), 2);
    drop(view);
    // All of it is taken back, step by step.
    node.applier.roll_back(&l1(12)).unwrap();
    let view = node.store.view();
    let claim = view.claim(epoch).unwrap().unwrap();
    assert_eq!(
        (claim.basis_point_fee, claim.deadline, claim.end),
        (500, None, None)
    );
    assert_eq!(tips(&node), (2, 0));
    drop(view);
    node.applier.roll_back(&l1(11)).unwrap();
    assert_eq!(node.store.view().claim(epoch).unwrap(), None);
}

#[test]
fn blocks_that_come_with_their_proof_in_one_l1_block_are_followed_one_after_the_other() {
    let [builder, follower] = [TestNode::new(), TestNode::new()];
    with_deposits(&builder, 10);
    with_deposits(&follower, 10);
    // An unproven block of a committee, which the proven ones replace.
    let stale = builder.build(3);
    for node in [&builder, &follower] {
        node.extend(l1(11), &[posted(1, &stale)], Some(&stale.blob))
            .unwrap();
    }
    builder.applier.roll_back(&l1(10)).unwrap();
    let first = builder.build(5);
    builder.extend(l1(11), &[posted(1, &first)], None).unwrap();
    let second = builder.build(6);
    builder.extend(l1(12), &[posted(2, &second)], None).unwrap();

    let to = L2BlockNumber::GENESIS;
    let events = vec![
        L1Event::Pruned { to },
        posted(1, &first),
        posted(2, &second),
        proven(1, 2),
    ];
    assert_eq!(follower.applier.blob_needs(&events).len(), 2);
    let blobs = [&first, &second]
        .map(|block| (block.proposal.blob_hash, Box::new(block.blob.clone())))
        .into();
    follower.applier.extend(l1(12), events, &blobs).unwrap();
    assert_eq!(tips(&follower), (2, 2));
    assert_eq!(follower.archive(), builder.archive());
    follower.applier.roll_back(&l1(11)).unwrap();
    assert_eq!(tips(&follower), (1, 0));
    assert_eq!(follower.archive(), stale.proposal.free_fields.archive);
}
