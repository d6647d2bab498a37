use agoge_protocol::L2BlockNumber;
use agoge_protocol::rpc::{RpcTxEffects, TransactionStatus, TxRejection};
use agoge_wallet::book::Book;
use agoge_wallet::sent::{News, follow_up};

use crate::support::{Chain, FakeNode, digest, pay, payment, rich, seed};

fn values(book: &Book) -> Vec<u64> {
    book.spendable().map(|note| note.value).collect()
}

/// A book with a payment of the first of two notes under way, and that payment's effects.
fn under_way() -> (Chain, Book, agoge_protocol::Transaction) {
    let chain = rich(&[&[10_000, 20_000]]);
    let mut book = chain.book(&seed(1));
    let tx = pay(&book, payment(2, 5_000));
    book.add_sent(&tx).unwrap();
    assert_eq!(values(&book), [20_000]);
    assert_eq!(book.balance(), 30_000);
    (chain, book, tx)
}

#[test]
fn a_note_is_not_chosen_again_until_its_transaction_is_settled_or_forgotten() {
    let (mut chain, mut book, tx) = under_way();
    let effects = chain.block(Vec::new(), vec![RpcTxEffects::from(&tx.effects())]);
    book.read(&seed(1).keys(), &effects).unwrap();
    assert_eq!(values(&book), [20_000, 4_000]);
    assert_eq!(book.under_way().count(), 0);

    // The block is replaced: nodes queue the transaction again, so its note is not free.
    let first = book.blocks().next();
    book.return_to(first);
    assert_eq!(
        book.under_way().map(|sent| sent.id).collect::<Vec<_>>(),
        [tx.id()]
    );
    assert_eq!(values(&book), [20_000]);
    book.forget_sent(tx.id());
    assert_eq!(values(&book), [10_000, 20_000]);
}

#[test]
fn a_transaction_whose_note_is_spent_by_another_is_settled() {
    let (mut chain, mut book, tx) = under_way();
    let mut other = chain.payment([(&crate::support::address(2), 1), (&crate::support::address(2), 1)]);
    other.nullifiers[0] = tx.public_inputs.nullifiers()[0];
    let effects = chain.block(Vec::new(), vec![other]);
    book.read(&seed(1).keys(), &effects).unwrap();
    assert_eq!(book.under_way().count(), 0);
    assert_eq!(values(&book), [20_000]);
}

#[test]
fn transactions_under_way_survive_the_file() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("a.book");
    let (_, book, _) = under_way();
    book.save(&path).unwrap();
    let again = Book::open(&path, crate::support::genesis()).unwrap();
    assert_eq!(
        again.under_way().collect::<Vec<_>>(),
        book.under_way().collect::<Vec<_>>()
    );
    assert_eq!(values(&again), [20_000]);
}

#[tokio::test]
async fn a_transaction_that_waits_is_left_alone() {
    let (chain, mut book, tx) = under_way();
    let node = FakeNode::start(chain).await;
    let number = L2BlockNumber::new(2);
    for status in [
        TransactionStatus::Queued,
        TransactionStatus::Mined { number },
        TransactionStatus::Proven { number },
    ] {
        node.answers().statuses.insert(tx.id(), status);
        assert_eq!(follow_up(&node.client(), &mut book).await.unwrap(), []);
        assert_eq!(values(&book), [20_000]);
    }
}

#[tokio::test]
async fn a_dropped_transaction_gives_its_notes_back_and_is_told() {
    let (chain, mut book, tx) = under_way();
    let node = FakeNode::start(chain).await;
    let dropped = TransactionStatus::Dropped {
        reason: "anchor_gone".into(),
        message: "its \u{1b}anchor is gone".into(),
    };
    node.answers().statuses.insert(tx.id(), dropped);
    let news = follow_up(&node.client(), &mut book).await.unwrap();
    assert_eq!(
        news,
        [News::Dropped {
            id: tx.id(),
            reason: "its  anchor is gone".into()
        }]
    );
    assert_eq!(values(&book), [10_000, 20_000]);
}

#[tokio::test]
async fn a_node_that_has_lost_a_transaction_gets_it_again() {
    let (chain, mut book, tx) = under_way();
    let node = FakeNode::start(chain).await;
    let news = follow_up(&node.client(), &mut book).await.unwrap();
    assert_eq!(news, [News::HandedOverAgain { id: tx.id() }]);
    assert_eq!(node.answers().taken, [tx]);
    assert_eq!(values(&book), [20_000]);
    assert_eq!(follow_up(&node.client(), &mut book).await.unwrap(), []);
}

#[tokio::test]
async fn only_a_refusal_for_good_gives_the_notes_back() {
    for rejection in TxRejection::ALL {
        let (chain, mut book, _) = under_way();
        let node = FakeNode::start(chain).await;
        node.answers().refusal = Some((rejection, "no"));
        let is_temporary = matches!(
            rejection,
            TxRejection::AlreadyQueued | TxRejection::Conflict | TxRejection::PoolFull
        );
        let news = follow_up(&node.client(), &mut book).await.unwrap();
        assert_eq!(news.is_empty(), is_temporary, "{rejection:?}");
        assert_eq!(
            values(&book).len(),
            if is_temporary { 1 } else { 2 },
            "{rejection:?}"
        );
    }
}

#[tokio::test]
async fn a_transaction_of_a_replaced_block_that_nobody_knows_is_given_up_with_a_warning() {
    let (chain, mut book, tx) = under_way();
    let mut longer = chain.clone();
    let effects = longer.block(Vec::new(), vec![RpcTxEffects::from(&tx.effects())]);
    book.read(&seed(1).keys(), &effects).unwrap();
    let first = book.blocks().next();
    book.return_to(first);
    let node = FakeNode::start(chain).await;
    let news = follow_up(&node.client(), &mut book).await.unwrap();
    assert_eq!(news, [News::Lost { id: tx.id() }]);
    assert!(
        news[0]
            .to_string()
            .contains("look again before you pay a second time")
    );
    assert_eq!(values(&book), [10_000, 20_000]);
    assert_eq!(book.tree().root_at(2), longer.tip(1).note_root);
    assert_ne!(book.tree().root_at(2), digest(0));
}
