use super::*;
use agoge_protocol::{Ciphertext, Element, TxPublicInputs, Withdrawal};
use proptest::prelude::*;

const BYTES: usize = 100;

fn digest(number: u32) -> Digest {
    Digest([
        Element::from_u32(number),
        Element::from_u32(1),
        Element::ZERO,
        Element::ZERO,
    ])
}

/// A transaction with a fee that spends notes `a` and `b`.
fn tx(fee: u64, a: u32, b: u32) -> Transaction {
    let inputs = TxPublicInputs::new(
        digest(0),
        digest(7),
        [digest(a), digest(b)],
        [digest(a + 1_000), digest(b + 1_000)],
        fee,
        Withdrawal::default(),
        digest(9),
    );
    Transaction::new(inputs.unwrap(), [Ciphertext::from_bytes(&[0; 91]); 2], vec![1]).unwrap()
}

fn pool(count_max: usize) -> Pool {
    Pool::new(PoolLimits {
        count_max,
        bytes_max: 1_000 * BYTES,
    })
}

fn insert(pool: &mut Pool, tx: &Transaction) -> Result<Insertion, RefuseReason> {
    pool.insert(tx.id(), tx, BYTES)
}

fn check_whole(pool: &Pool) {
    assert_eq!(pool.entries.len(), pool.ranks.len());
    assert_eq!(pool.entries.len() * 2, pool.spenders.len());
    assert_eq!(pool.bytes, pool.entries.values().map(|e| e.bytes).sum::<usize>());
    assert!(!pool.is_above_limits());
}

#[test]
fn better_paying_transactions_go_first_and_push_out_the_last() {
    let mut pool = pool(2);
    let [low, middle, high] = [tx(10, 1, 2), tx(20, 3, 4), tx(30, 5, 6)];
    insert(&mut pool, &low).unwrap();
    insert(&mut pool, &high).unwrap();
    assert_eq!(
        insert(&mut pool, &tx(9, 7, 8)),
        Err(RefuseReason::PoolFull { lowest: 10 })
    );
    assert_eq!(insert(&mut pool, &middle).unwrap().evicted, [low.id()]);
    assert_eq!(
        pool.best().collect::<Vec<_>>(),
        [(high.id(), digest(7)), (middle.id(), digest(7))]
    );
    assert_eq!(pool.lowest_fee(), Some(20));
    assert_eq!(insert(&mut pool, &middle), Err(RefuseReason::AlreadyQueued));
    check_whole(&pool);
}

#[test]
fn bytes_are_bounded_too() {
    let mut pool = Pool::new(PoolLimits {
        count_max: 10,
        bytes_max: 250,
    });
    let [a, b, c] = [tx(10, 1, 2), tx(20, 3, 4), tx(30, 5, 6)];
    insert(&mut pool, &a).unwrap();
    insert(&mut pool, &b).unwrap();
    assert_eq!(pool.insert(c.id(), &c, 200).unwrap().evicted, [a.id(), b.id()]);
    let huge = tx(99, 7, 8);
    assert!(matches!(
        pool.insert(huge.id(), &huge, 251),
        Err(RefuseReason::PoolFull { .. })
    ));
    assert_eq!(pool.bytes(), 200);
    check_whole(&pool);
}

#[test]
fn a_conflict_is_won_by_a_tenth_more_than_all_it_replaces() {
    let mut pool = pool(10);
    let [a, b] = [tx(100, 1, 2), tx(50, 3, 4)];
    insert(&mut pool, &a).unwrap();
    insert(&mut pool, &b).unwrap();
    let with = a.id().min(b.id());
    assert_eq!(
        insert(&mut pool, &tx(164, 2, 3)),
        Err(RefuseReason::Conflict { with, needed: 165 })
    );
    let winner = tx(165, 2, 3);
    let mut replaced = insert(&mut pool, &winner).unwrap().replaced;
    replaced.sort_unstable();
    let mut expected = vec![a.id(), b.id()];
    expected.sort_unstable();
    assert_eq!(replaced, expected);
    assert_eq!(
        pool.spending_the_same(&tx(1, 3, 99).effects()),
        BTreeSet::from([winner.id()])
    );
    check_whole(&pool);
}

#[test]
fn mined_transactions_are_recognised_by_their_effects() {
    let mut pool = pool(10);
    let queued = tx(100, 1, 2);
    insert(&mut pool, &queued).unwrap();
    assert_eq!(pool.with_effects(&queued.effects()), Some(queued.id()));
    let mut other = queued.effects();
    other.commitments = [digest(5), digest(6)];
    assert_eq!(pool.with_effects(&other), None, "same inputs, other outputs");
    let mut others = [(); 3].map(|()| queued.effects());
    others[0].fee += 1;
    others[1].withdrawal = Withdrawal {
        amount: 5,
        ..Withdrawal::default()
    };
    others[2].ciphertexts[1] = Ciphertext::from_bytes(&[1; 91]);
    for other in others {
        assert_eq!(pool.with_effects(&other), None, "same notes, another {other:?}");
    }
    assert_eq!(
        pool.with_effects(&tx(100, 2, 1).effects()),
        None,
        "inputs the other way round"
    );
    assert!(pool.remove(queued.id()));
    assert!(!pool.remove(queued.id()));
    assert!(pool.is_empty());
    check_whole(&pool);
}

#[test]
fn what_comes_back_from_a_block_replaces_what_conflicts_with_it() {
    let mut pool = pool(2);
    let [back, rival, good, better] = [tx(10, 1, 2), tx(500, 2, 3), tx(20, 5, 6), tx(30, 7, 8)];
    insert(&mut pool, &rival).unwrap();
    insert(&mut pool, &good).unwrap();
    assert_eq!(pool.restore(back.id(), &back, BYTES).replaced, [rival.id()]);
    assert_eq!(pool.restore(back.id(), &back, BYTES), Insertion::default());
    assert_eq!(pool.restore(better.id(), &better, BYTES).evicted, [back.id()]);
    check_whole(&pool);
}

proptest! {
    #[test]
    fn without_conflicts_the_order_of_arrival_does_not_matter(
        fees in proptest::collection::vec(1_u64..20, 1..30), rotation in 0_usize..30, count in 1_usize..20,
    ) {
        let txs: Vec<_> =
            (0_u32..).zip(&fees).map(|(i, fee)| tx(*fee, 10 * i + 1, 10 * i + 2)).collect();
        let mut rotated = txs.clone();
        rotated.rotate_left(rotation % txs.len());
        let best = |txs: &[Transaction]| {
            let mut pool = pool(count);
            for tx in txs {
                insert(&mut pool, tx).ok();
                check_whole(&pool);
            }
            pool.best().collect::<Vec<_>>()
        };
        prop_assert_eq!(best(&txs), best(&rotated));
    }
}
