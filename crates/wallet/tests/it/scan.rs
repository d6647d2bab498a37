use agoge_protocol::rpc::{RpcEffects, Tips};
use agoge_wallet::book::{Book, BookError};
use agoge_wallet::scan::{self, ScanError};

use crate::support::{Chain, FakeNode, address, digest, genesis, seed};

async fn scan(node: &FakeNode, book: &mut Book) -> Result<Tips, ScanError> {
    scan::scan(&node.client(), &seed(1).keys(), book, |_, _| {}).await
}

fn values(book: &Book) -> Vec<u64> {
    book.spendable().map(|note| note.value).collect()
}

/// 150 blocks, more than two ranges; a deposit of 1 in the first, of 2 in the last.
fn chain() -> Chain {
    let mut chain = Chain::new();
    let deposit = chain.deposit(&address(1), 1);
    chain.block(vec![deposit], Vec::new());
    chain.empty_blocks(148);
    let deposit = chain.deposit(&address(1), 2);
    chain.block(vec![deposit], Vec::new());
    chain
}

#[tokio::test]
async fn a_chain_of_several_ranges_is_read_once_and_then_only_its_tip() {
    let node = FakeNode::start(chain()).await;
    let mut book = Book::new(genesis());
    let tips = scan(&node, &mut book).await.unwrap();
    assert_eq!((tips.pending.number.get(), book.next_block().get()), (150, 151));
    assert_eq!(values(&book), [1, 2]);
    assert_eq!(node.calls_of("agoge_getEffectsRange"), 3);
    scan(&node, &mut book).await.unwrap();
    assert_eq!(node.calls_of("agoge_getEffectsRange"), 3);
    assert_eq!(node.calls_of("agoge_getBlock"), 1);
}

#[tokio::test]
async fn nothing_that_is_asked_names_a_note() {
    let node = FakeNode::start(chain()).await;
    scan(&node, &mut Book::new(genesis())).await.unwrap();
    let answers = node.answers();
    let allowed = ["agoge_tips", "agoge_getBlock", "agoge_getEffectsRange"];
    assert!(
        answers.calls.iter().all(|call| allowed.contains(&call.as_str())),
        "{:?}",
        answers.calls
    );
}

#[tokio::test]
async fn replaced_blocks_are_left_and_the_others_read() {
    let chain = chain();
    let node = FakeNode::start(chain.clone()).await;
    let mut book = Book::new(genesis());
    scan(&node, &mut book).await.unwrap();
    for (kept, branch) in [(149, 1), (100, 2), (1, 3), (0, 4)] {
        let mut other = chain.branch_at(kept, branch);
        let deposit = other.deposit(&address(1), u64::from(branch) * 100);
        other.block(vec![deposit], Vec::new());
        let calls = node.calls_of("agoge_getBlock");
        node.answers().chain = other.clone();
        scan(&node, &mut book).await.unwrap();
        let expected = other.book(&seed(1));
        assert_eq!(values(&book), values(&expected), "{kept} blocks kept");
        assert_eq!(
            book.blocks().collect::<Vec<_>>(),
            expected.blocks().collect::<Vec<_>>()
        );
        // The common block is halved for: 1 + log2 150 questions, not one for each block.
        assert!(node.calls_of("agoge_getBlock") - calls <= 10);
        // Back, for the next case.
        node.answers().chain = chain.clone();
        scan(&node, &mut book).await.unwrap();
        assert_eq!(values(&book), [1, 2]);
    }
}

#[tokio::test]
async fn a_node_that_is_behind_takes_the_book_back() {
    let chain = chain();
    let node = FakeNode::start(chain.clone()).await;
    let mut book = Book::new(genesis());
    scan(&node, &mut book).await.unwrap();
    node.answers().chain = chain.branch_at(120, 0);
    assert_eq!(scan(&node, &mut book).await.unwrap().pending.number.get(), 120);
    assert_eq!(values(&book), [1]);
}

#[tokio::test]
async fn a_node_that_contradicts_itself_is_given_up_after_a_few_looks() {
    type Lie = fn(&mut RpcEffects);
    type Expected = fn(&ScanError) -> bool;
    let lies: [(Lie, Expected); 3] = [
        (
            |e| e.note_root = digest(5),
            |e| matches!(e, ScanError::Book(BookError::WrongRoot { .. })),
        ),
        (
            |e| e.first_note_index += 1,
            |e| matches!(e, ScanError::Book(BookError::WrongLeaf { .. })),
        ),
        (
            |e| e.number = e.number.next(),
            |e| matches!(e, ScanError::Book(BookError::WrongBlock { .. })),
        ),
    ];
    for (lie, is_expected) in lies {
        let node = FakeNode::start(chain()).await;
        node.answers().lie = Some(lie);
        let mut book = Book::new(genesis());
        let error = scan(&node, &mut book).await.unwrap_err();
        assert!(is_expected(&error), "{error}");
        assert_eq!(node.calls_of("agoge_getEffectsRange"), 5);
        assert_eq!(book.next_block().get(), 1);
        // The same book is read on from an honest node.
        node.answers().lie = None;
        scan(&node, &mut book).await.unwrap();
        assert_eq!(values(&book), [1, 2]);
    }
}

#[tokio::test]
async fn a_tip_without_blocks_or_beyond_all_bounds_is_refused() {
    let node = FakeNode::start(chain()).await;
    node.answers().claimed_tip = Some(151);
    let error = scan(&node, &mut Book::new(genesis())).await.unwrap_err();
    assert!(
        matches!(error, ScanError::Missing { missing, .. } if missing.get() == 151),
        "{error}"
    );
    node.answers().claimed_tip = Some(u64::MAX);
    let error = scan(&node, &mut Book::new(genesis())).await.unwrap_err();
    assert!(matches!(error, ScanError::TipTooHigh { .. }), "{error}");
    node.answers().claimed_tip = None;
    node.answers().withholds = true;
    let error = scan(&node, &mut Book::new(genesis())).await.unwrap_err();
    assert!(
        matches!(error, ScanError::Missing { missing, .. } if missing.get() == 1),
        "{error}"
    );
}

#[tokio::test]
async fn blocks_that_do_not_lead_to_the_tip_are_noticed() {
    let node = FakeNode::start(chain()).await;
    // The tip's number of an earlier block, with the notes of the last.
    node.answers().claimed_tip = Some(149);
    let error = scan(&node, &mut Book::new(genesis())).await.unwrap_err();
    assert!(matches!(error, ScanError::WrongTip { .. }), "{error}");
}

#[tokio::test]
async fn without_blocks_there_is_nothing_to_read() {
    let node = FakeNode::start(Chain::new()).await;
    let mut book = Book::new(genesis());
    assert_eq!(scan(&node, &mut book).await.unwrap().pending.number.get(), 0);
    assert_eq!(book.tip(), None);
}
