use agoge_protocol::rpc::RpcEffects;
use agoge_protocol::{Ciphertext, Digest, L2BlockNumber};
use agoge_wallet::book::{Book, BookError, BookFileError};
use agoge_wallet::seed::Seed;

use crate::support::{Chain, address, digest, genesis, seed};

fn values(book: &Book) -> Vec<u64> {
    book.spendable().map(|note| note.value).collect()
}

/// A book's whole state.
fn state(book: &Book) -> (Vec<u64>, u128, u64, Digest, L2BlockNumber, usize) {
    let root = book.tree().root_at(book.tree().count());
    (
        values(book),
        book.balance(),
        book.tree().count(),
        root,
        book.next_block(),
        book.under_way().count(),
    )
}

/// A deposit and an output for seed 1 among those of strangers.
fn chain() -> Chain {
    let mut chain = Chain::new();
    let deposits = vec![chain.deposit(&address(2), 5), chain.deposit(&address(1), 70)];
    let payment = chain.payment([(&address(2), 6), (&address(1), 800)]);
    chain.block(deposits, vec![payment]);
    chain
}

#[test]
fn deposits_and_outputs_are_found_by_their_owner_only() {
    let chain = chain();
    for (number, expected) in [(1, vec![70, 800]), (2, vec![5, 6]), (3, vec![])] {
        let owner = seed(number);
        let book = chain.book(&owner);
        assert_eq!(values(&book), expected, "seed {number}");
        assert_eq!(book.tree().count(), 4);
        for note in book.spendable() {
            assert_eq!(note.block, L2BlockNumber::new(1));
            // The note is a leaf where the book says, with the nullifier that its owner's key gives.
            let leaf = book.tree().leaves()[usize::try_from(note.index).unwrap()];
            assert_eq!(
                note.nullifier,
                agoge_state_transition::hash::nullifier(&owner.keys().spending_key, leaf)
            );
        }
    }
}

#[test]
fn a_deposit_is_worth_what_the_inbox_says() {
    let mut chain = Chain::new();
    let mut deposit = chain.deposit(&address(1), 1_000_000);
    // The ciphertext promises a million.
    deposit.value = 3;
    chain.block(vec![deposit], Vec::new());
    assert_eq!(values(&chain.book(&seed(1))), [3]);
}

#[test]
fn a_ciphertext_that_lies_is_no_note() {
    let mut chain = Chain::new();
    let honest = chain.payment([(&address(1), 10), (&address(1), 20)]);
    let swapped = {
        let mut tx = chain.payment([(&address(1), 30), (&address(1), 40)]);
        tx.ciphertexts.reverse();
        tx
    };
    let foreign = {
        // Opens for seed 1, but the commitment is a note of seed 2.
        let mut tx = chain.payment([(&address(2), 50), (&address(2), 60)]);
        tx.ciphertexts = chain.payment([(&address(1), 50), (&address(1), 60)]).ciphertexts;
        tx
    };
    let mut deposit = chain.deposit(&address(2), 70);
    deposit.ciphertext = chain.payment([(&address(1), 70), (&address(1), 0)]).ciphertexts[0];
    let mut garbled = chain.deposit(&address(1), 80);
    garbled.ciphertext = Ciphertext::from_bytes(&[7; 91]);
    chain.block(vec![deposit, garbled], vec![honest, swapped, foreign]);
    let book = chain.book(&seed(1));
    assert_eq!(values(&book), [10, 20]);
    assert_eq!(book.tree().count(), 8);
}

#[test]
fn an_answer_that_does_not_fit_leaves_the_book_as_it_was() {
    let mut chain = chain();
    let next = {
        let deposit = chain.deposit(&address(1), 9);
        let payment = chain.payment([(&address(1), 1), (&address(1), 2)]);
        chain.block(vec![deposit], vec![payment])
    };
    let mut book = chain.branch_at(1, 0).book(&seed(1));
    let before = state(&book);
    type Change = fn(&mut RpcEffects);
    type Expected = fn(&BookError) -> bool;
    let cases: [(&str, Change, Expected); 9] = [
        (
            "root",
            |e| e.note_root = digest(1),
            |e| matches!(e, BookError::WrongRoot { .. }),
        ),
        (
            "commitment",
            |e| e.transactions[0].commitments[1] = digest(1),
            |e| matches!(e, BookError::WrongRoot { .. }),
        ),
        (
            "deposit left out",
            |e| e.deposits.clear(),
            |e| matches!(e, BookError::WrongRoot { .. }),
        ),
        (
            "deposit's value",
            |e| e.deposits[0].value += 1,
            |e| matches!(e, BookError::WrongRoot { .. }),
        ),
        (
            "value out of range",
            |e| e.deposits[0].value = u64::MAX,
            |e| matches!(e, BookError::MalformedDeposit { .. }),
        ),
        (
            "block before",
            |e| e.number = L2BlockNumber::new(1),
            |e| matches!(e, BookError::WrongBlock { .. }),
        ),
        (
            "block after",
            |e| e.number = L2BlockNumber::new(3),
            |e| matches!(e, BookError::WrongBlock { .. }),
        ),
        (
            "leaf",
            |e| e.first_note_index += 1,
            |e| matches!(e, BookError::WrongLeaf { .. }),
        ),
        (
            "deposits without end",
            |e| e.deposits = vec![e.deposits[0].clone(); 17],
            |e| {
                matches!(
                    e,
                    BookError::TooMany {
                        what: "deposits",
                        found: 17,
                        ..
                    }
                )
            },
        ),
    ];
    for (description, change, is_expected) in cases {
        let mut effects = next.clone();
        change(&mut effects);
        let error = book.read(&seed(1).keys(), &effects).unwrap_err();
        assert!(is_expected(&error), "{description}: {error}");
        assert_eq!(state(&book), before, "{description}");
    }
    book.read(&seed(1).keys(), &next).unwrap();
    assert_eq!(values(&book), [70, 800, 9, 1, 2]);
}

#[test]
fn a_spent_note_comes_back_with_the_block_that_spent_it() {
    let mut chain = chain();
    let note = chain.book(&seed(1)).spendable().next().cloned().unwrap();
    let mut spending = chain.payment([(&address(2), 1), (&address(1), 60)]);
    spending.nullifiers[1] = note.nullifier;
    chain.block(Vec::new(), vec![spending]);
    let mut book = chain.book(&seed(1));
    assert_eq!(values(&book), [800, 60]);
    assert_eq!(book.balance(), 860);

    let first = book.blocks().next();
    book.return_to(first);
    assert_eq!(state(&book), state(&chain.branch_at(1, 0).book(&seed(1))));
    book.return_to(None);
    assert_eq!(state(&book), state(&Book::new(genesis())));
}

#[test]
fn a_book_survives_its_file() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("a.book");
    assert_eq!(Book::open(&path, genesis()).unwrap().balance(), 0);
    let book = chain().book(&seed(1));
    book.save(&path).unwrap();
    book.save(&path).unwrap();
    assert_eq!(state(&Book::open(&path, genesis()).unwrap()), state(&book));
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&path).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1);

    assert!(matches!(
        Book::open(&path, digest(1)),
        Err(BookFileError::OtherInstance { .. })
    ));
    let good = std::fs::read(&path).unwrap();
    let cut = good[..good.len() - 1].to_vec();
    let version = [&[9], &good[1..]].concat();
    for bad in [Vec::new(), cut, version, [&good[..], &[0]].concat()] {
        std::fs::write(&path, &bad).unwrap();
        assert!(
            matches!(Book::open(&path, genesis()), Err(BookFileError::Format { .. })),
            "{} bytes",
            bad.len()
        );
    }
}

#[test]
fn nothing_that_opens_a_note_is_shown() {
    let book = chain().book(&Seed::from_hex(&"01".repeat(32)).unwrap());
    let note = book.spendable().next().unwrap();
    let shown = format!("{note:?}");
    assert!(
        !shown.contains("value") && !shown.contains("randomness") && !shown.contains("nullifier"),
        "{shown}"
    );
}
