//! What crosses the border of the pool: withdrawals and deposits, how far each has come, and what the book keeps of them.

use std::collections::BTreeMap;

use agoge_protocol::rpc::{RpcTxEffects, RpcWithdrawal};
use agoge_protocol::{L2BlockNumber, U256, Withdrawal};
use agoge_wallet::book::Book;
use agoge_wallet::withdrawal::{Stage, settle, stages};
use serde_json::{Value, json};

use crate::cli::{Home, NOBODY};
use crate::support::{Chain, FakeNode, account, address, digest, genesis, pay, rich, seed, withdrawal};

const BLOCK_1: L2BlockNumber = L2BlockNumber::new(1);

fn mined(book: &Book) -> Vec<(u64, u64)> {
    book.withdrawals()
        .map(|mined| (mined.block.get(), mined.withdrawal.amount))
        .collect()
}

/// Index, block and whether this wallet made it.
fn deposits(book: &Book) -> Vec<(u64, Option<u64>, bool)> {
    book.deposits()
        .map(|d| (d.index, d.block.map(L2BlockNumber::get), d.is_made_here))
        .collect()
}

#[test]
fn own_withdrawals_are_found_by_their_nullifiers_and_leave_with_their_block() {
    let mut chain = rich(&[&[10_000, 20_000]]);
    let mut book = chain.book(&seed(1));
    let tx = pay(&book, withdrawal(account(9), 5_000));
    book.add_sent(&tx).unwrap();
    assert_eq!(
        stages(&book, BLOCK_1),
        [(
            Withdrawal {
                amount: 5_000,
                recipient: account(9)
            },
            Stage::Queued { id: tx.id() }
        )]
    );
    // A stranger withdraws to the same account in the same block.
    let mut stranger = chain.payment([(&address(2), 1), (&address(2), 1)]);
    stranger.withdrawal = Some(RpcWithdrawal {
        amount: 7,
        recipient: account(9),
    });
    let before = book.tip();
    let effects = chain.block(Vec::new(), vec![stranger, RpcTxEffects::from(&tx.effects())]);
    book.read(&seed(1).keys(), &effects).unwrap();
    assert_eq!(mined(&book), [(2, 5_000)]);
    // A restored wallet finds it again, another finds nothing.
    assert_eq!(mined(&chain.book(&seed(1))), [(2, 5_000)]);
    assert_eq!(mined(&chain.book(&seed(3))), []);

    let block = L2BlockNumber::new(2);
    assert_eq!(stages(&book, BLOCK_1)[0].1, Stage::Mined { block });
    assert_eq!(stages(&book, block)[0].1, Stage::Proven { block });

    // The block is pruned: the withdrawal waits again.
    book.return_to(before);
    assert_eq!(stages(&book, BLOCK_1)[0].1, Stage::Queued { id: tx.id() });
    book.read(&seed(1).keys(), &effects).unwrap();
    assert_eq!(mined(&book), [(2, 5_000)]);
}

#[test]
fn what_is_owed_on_l1_belongs_to_the_newest_withdrawals() {
    const GWEI: u64 = 1_000_000_000;
    let (a, b) = (account(1), account(2));
    let proven = |number: u64, amount, recipient| {
        let block = L2BlockNumber::new(number);
        (Withdrawal { amount, recipient }, Stage::Proven { block })
    };
    let all = || {
        let mut all = vec![proven(1, 5, a), proven(2, 6, b), proven(3, 7, a), proven(4, 8, a)];
        let block = L2BlockNumber::new(5);
        all.push((
            Withdrawal {
                amount: 9,
                recipient: a,
            },
            Stage::Mined { block },
        ));
        all
    };
    // Blocks of a's that are said to be pulled.
    let cases: [(&str, u64, &[u64]); 5] = [
        ("all pulled", 0, &[1, 3, 4]),
        ("the last was credited after a pull", 8, &[1, 3]),
        ("the last two were", 15, &[1]),
        ("nothing was ever pulled", 20, &[]),
        ("others pay the account too", 1_000, &[]),
    ];
    for (what, owed, pulled) in cases {
        let mut stages = all();
        let owed = BTreeMap::from([(a, U256::from(owed * GWEI))]);
        settle(&mut stages, &owed, L2BlockNumber::new(4));
        let found: Vec<u64> = stages
            .iter()
            .filter_map(|(_, stage)| match stage {
                Stage::Pulled { block } => Some(block.get()),
                _ => None,
            })
            .collect();
        assert_eq!(found, pulled, "{what}");
        // L1 was not asked about b, and what is not proven stays what it is.
        assert!(matches!(stages[1].1, Stage::Proven { .. }), "{what}");
        assert!(matches!(stages[4].1, Stage::Mined { .. }), "{what}");
    }
    // An endpoint that is behind the node owes nothing for block 4 yet, and something for block 3.
    let mut stages = all();
    let owed = BTreeMap::from([(a, U256::from(7 * GWEI))]);
    settle(&mut stages, &owed, L2BlockNumber::new(3));
    assert!(matches!(stages[0].1, Stage::Pulled { .. }));
    assert!(matches!(stages[2].1, Stage::Credited { .. }));
    assert!(matches!(stages[3].1, Stage::Proven { .. }), "not pulled");
}

#[test]
fn deposits_are_kept_while_they_wait_and_found_when_they_are_read() {
    let mut chain = Chain::new();
    let (mine, gift, theirs) = (
        chain.deposit(&address(1), 10),
        chain.deposit(&address(1), 20),
        chain.deposit(&address(2), 30),
    );
    let mut book = Book::new(genesis());
    // Made here: one to oneself, one to somebody else.
    book.add_deposit(0, mine.partial, 10);
    book.add_deposit(2, theirs.partial, 30);
    assert_eq!(deposits(&book), [(0, None, true), (2, None, true)]);
    let effects = chain.block(vec![mine.clone(), gift, theirs], Vec::new());
    book.read(&seed(1).keys(), &effects).unwrap();
    assert_eq!(
        deposits(&book),
        [(0, Some(1), true), (1, Some(1), false), (2, Some(1), true)]
    );
    // A block that was read before the deposit was noted.
    let mut late = chain.book(&seed(1));
    late.add_deposit(0, mine.partial, 10);
    assert_eq!(deposits(&late), [(0, Some(1), true), (1, Some(1), false)]);

    // Pruned: what was made here waits, the gift comes back with its block.
    book.return_to(None);
    assert_eq!(deposits(&book), [(0, None, true), (2, None, true)]);

    // An L1 reorg gave index 0 to another deposit.
    let mut other = Chain::new();
    let foreign = other.deposit(&address(3), 99);
    let effects = other.block(vec![foreign], Vec::new());
    book.read(&seed(1).keys(), &effects).unwrap();
    assert_eq!(deposits(&book), [(2, None, true)]);
}

#[test]
fn an_answer_that_is_refused_leaves_no_history() {
    let mut chain = rich(&[&[10_000]]);
    let mut book = chain.book(&seed(1));
    let before = deposits(&book);
    let tx = pay(&book, withdrawal(account(9), 5_000));
    let gift = chain.deposit(&address(1), 20);
    let mut effects = chain.block(vec![gift], vec![RpcTxEffects::from(&tx.effects())]);
    effects.note_root = digest(1);
    book.read(&seed(1).keys(), &effects).unwrap_err();
    assert_eq!((mined(&book), deposits(&book)), (vec![], before));
}

#[test]
fn history_survives_the_file() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("a.book");
    let mut chain = rich(&[&[10_000, 20_000]]);
    let tx = pay(&chain.book(&seed(1)), withdrawal(account(9), 5_000));
    chain.block(Vec::new(), vec![RpcTxEffects::from(&tx.effects())]);
    let mut book = chain.book(&seed(1));
    book.add_sent(&pay(&book, withdrawal(account(8), 6_000))).unwrap();
    book.add_deposit(7, digest(5), 40);
    book.save(&path).unwrap();
    let again = Book::open(&path, genesis()).unwrap();
    assert_eq!(stages(&again, BLOCK_1), stages(&book, BLOCK_1));
    assert_eq!(stages(&again, BLOCK_1).len(), 2);
    assert_eq!(deposits(&again), deposits(&book));
    assert_eq!(deposits(&again).last(), Some(&(7, None, true)));
}

#[tokio::test]
async fn money_is_withdrawn_and_every_stage_is_told() {
    let node = FakeNode::start(rich(&[&[10_000, 20_000], &[]])).await;
    node.answers().mines = true;
    node.answers().chain.proven = 2;
    let home = Home::new(&node.url());
    home.restore().await.data();
    let to = account(9).to_string();
    let sent = home
        .run(&["withdraw", "--to", &to, "--amount", "15000gwei"])
        .await;
    let data = sent.data();
    assert_eq!(
        (&data["block"], &data["amount_gwei"]),
        (&3.into(), &"15000".into())
    );
    assert_eq!(data["recipient"], json!(account(9)));
    // The anchor is proven, so there is no warning.
    assert!(!sent.stderr.contains("no proven block"), "{}", sent.stderr);
    assert!(sent.stderr.contains("agoge-wallet claim"), "{}", sent.stderr);
    let balance = home.run(&["balance"]).await.data();
    // The note of 20,000 is spent; its change of 4,000 is in a block that is not proven.
    assert_eq!(
        (&balance["proven_gwei"], &balance["pending_gwei"]),
        (&"10000".into(), &"4000".into())
    );

    let listed = async |expected: Value| {
        let data = home.run(&["withdrawals"]).await.data();
        assert_eq!(data["withdrawals"], expected);
    };
    let entry =
        |status| json!([{"status": status, "block": 3, "recipient": account(9), "amount_gwei": "15000"}]);
    listed(entry("mined")).await;
    node.answers().chain.proven = 3;
    listed(entry("proven")).await;

    // Under way: named by its transaction.
    node.answers().mines = false;
    let data = home
        .run(&["withdraw", "--to", &to, "--amount", "1000gwei", "--wait", "none"])
        .await
        .data();
    let all = home.run(&["withdrawals"]).await.data()["withdrawals"].clone();
    assert_eq!(
        all[1],
        json!({"status": "queued", "id": data["id"], "recipient": account(9), "amount_gwei": "1000"})
    );
}

#[tokio::test]
async fn deposits_are_listed_with_their_block() {
    let node = FakeNode::start(rich(&[&[10_000], &[20_000]])).await;
    node.answers().chain.proven = 1;
    let home = Home::new(&node.url());
    home.restore().await.data();
    let data = home.run(&["deposits"]).await.data();
    assert_eq!(
        data,
        json!({"block": 2, "proven_block": 1, "deposits": [
            {"index": 0, "amount_gwei": "10000", "status": "proven", "block": 1},
            {"index": 1, "amount_gwei": "20000", "status": "mined", "block": 2},
        ]})
    );
}

#[tokio::test]
async fn withdrawals_that_would_be_lost_are_refused_before_anything_is_asked() {
    let home = Home::new(NOBODY);
    let zero = account(0).to_string();
    let to = account(9).to_string();
    for args in [
        &["withdraw", "--to", &zero, "--amount", "1ether"] as &[&str],
        &["withdraw", "--to", &to, "--amount", "0ether"],
        &["withdraw", "--to", "0x1234", "--amount", "1ether"],
        &["withdraw", "--to", &address(1).to_string(), "--amount", "1ether"],
        &["withdraw", "--amount", "1ether"],
        &[
            "claim",
            "--to",
            &zero,
            "--rpc-url",
            NOBODY,
            "--keystore",
            "k",
            "--network",
            "devnet",
        ],
    ] {
        let run = home.run(args).await;
        assert_eq!(run.code, 2, "{args:?}: {}", run.stderr);
    }
}
