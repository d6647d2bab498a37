use std::collections::BTreeSet;

use agoge_protocol::rpc::RpcTxEffects;
use agoge_protocol::transaction::VALUE_BOUND;
use agoge_protocol::{Address, ShieldedAddress, Transaction, Withdrawal};
use agoge_wallet::book::{Book, TooManyUnderWay, UNDER_WAY_MAX};
use agoge_wallet::cipher::WeakViewingKey;
use agoge_wallet::raw_transaction;
use agoge_wallet::transfer::{
    Anchor, Payee, Payment, TransferError, build, choose_notes, deposit_note, needed,
};

use crate::support::{
    Chain, account, address, anchor, digest, genesis, pay, payment, prover, rich, seed, withdrawal,
};

fn values(book: &Book) -> Vec<u64> {
    book.spendable().map(|note| note.value).collect()
}

#[test]
fn notes_are_chosen_small_few_and_proven_first() {
    // 1, 5 and 20 are proven, 3 and 9 are not.
    let chain = rich(&[&[1, 5, 20], &[3, 9]]);
    let book = chain.book(&seed(1));
    let cases: [(u64, u64, &[u64]); 12] = [
        (3, 1, &[1]),
        (3, 2, &[5]),
        (3, 5, &[5]),
        (3, 6, &[20]),
        (3, 20, &[20]),
        (3, 21, &[1, 20]),
        (3, 24, &[5, 20]),
        // No two proven notes hold more than 25.
        (3, 26, &[9, 20]),
        (3, 29, &[9, 20]),
        // Nothing is proven: the smallest that suffices.
        (0, 2, &[3]),
        (0, 9, &[9]),
        (5, 9, &[9]),
    ];
    for (proven, needed, expected) in cases {
        let chosen: Vec<u64> = choose_notes(&book, proven, needed)
            .unwrap()
            .iter()
            .map(|note| note.value)
            .collect();
        assert_eq!(chosen, expected, "{needed} of {proven} proven");
    }
    let error = choose_notes(&book, 3, 30).unwrap_err();
    assert!(
        matches!(
            error,
            TransferError::TooManyNotes {
                needed: 30,
                two_largest: 29
            }
        ),
        "{error}"
    );
    let error = choose_notes(&book, 3, 39).unwrap_err();
    assert!(
        matches!(
            error,
            TransferError::NotEnough {
                needed: 39,
                available: 38,
                under_way: 0
            }
        ),
        "{error}"
    );
    let error = choose_notes(&Book::new(genesis()), 0, 1).unwrap_err();
    assert!(
        matches!(error, TransferError::NotEnough { available: 0, .. }),
        "{error}"
    );
}

#[test]
fn amounts_have_bounds() {
    assert_eq!(needed(payment(2, 1)).unwrap(), 1_001);
    assert!(matches!(needed(payment(2, 0)), Err(TransferError::ZeroAmount)));
    assert_eq!(needed(payment(2, VALUE_BOUND - 1_001)).unwrap(), VALUE_BOUND - 1);
    assert!(matches!(
        needed(payment(2, VALUE_BOUND - 1_000)),
        Err(TransferError::TooMuch { .. })
    ));
    assert!(matches!(
        needed(Payment {
            fee: u64::MAX,
            ..payment(2, u64::MAX)
        }),
        Err(TransferError::TooMuch { .. })
    ));
}

#[test]
fn nothing_is_withdrawn_to_the_zero_address() {
    assert!(matches!(
        needed(withdrawal(Address::ZERO, 1)),
        Err(TransferError::ZeroRecipient)
    ));
    assert_eq!(needed(withdrawal(account(9), 1)).unwrap(), 1_001);
}

/// What each side reads when the transaction is in a block.
fn received(chain: &Chain, tx: &Transaction) -> [Vec<u64>; 2] {
    let mut chain = chain.clone();
    chain.block(Vec::new(), vec![RpcTxEffects::from(&tx.effects())]);
    [values(&chain.book(&seed(1))), values(&chain.book(&seed(2)))]
}

#[test]
fn a_payment_is_proven_arrives_and_conserves() {
    let chain = rich(&[&[10_000, 20_000], &[40_000]]);
    let cases = [
        (
            "one note and change",
            5_000,
            [vec![20_000, 40_000, 4_000], vec![5_000]],
        ),
        (
            "one note, nothing left",
            9_000,
            [vec![20_000, 40_000], vec![9_000]],
        ),
        ("two notes", 45_000, [vec![20_000, 4_000], vec![45_000]]),
    ];
    for (description, amount, expected) in cases {
        let tx = pay(&chain.book(&seed(1)), payment(2, amount));
        prover().verifier().verify(&tx.public_inputs, tx.proof()).unwrap();
        assert_eq!(tx.public_inputs.genesis_id(), genesis());
        assert_eq!(tx.public_inputs.fee(), 1_000);
        assert_eq!(tx.public_inputs.withdrawal().amount, 0);
        let both = received(&chain, &tx);
        assert_eq!(both, expected, "{description}");
        let after: u64 = both.iter().flatten().sum();
        assert_eq!(after + 1_000, 70_000, "{description}");
    }
    // To oneself.
    let tx = pay(&chain.book(&seed(1)), payment(1, 45_000));
    assert_eq!(received(&chain, &tx), [vec![20_000, 45_000, 4_000], vec![]]);
}

#[test]
fn a_withdrawal_is_public_and_leaves_change() {
    let chain = rich(&[&[10_000, 20_000], &[40_000]]);
    for (amount, kept) in [
        (5_000, vec![20_000, 40_000, 4_000]),
        (9_000, vec![20_000, 40_000]),
        (45_000, vec![20_000, 4_000]),
        (49_000, vec![20_000]),
    ] {
        let tx = pay(&chain.book(&seed(1)), withdrawal(account(9), amount));
        prover().verifier().verify(&tx.public_inputs, tx.proof()).unwrap();
        let recipient = account(9);
        assert_eq!(tx.public_inputs.withdrawal(), Withdrawal { amount, recipient });
        let both = received(&chain, &tx);
        let after: u64 = both.iter().flatten().sum();
        assert_eq!(after + amount + 1_000, 70_000, "{amount}");
        assert_eq!(both, [kept, vec![]], "{amount}");
    }
}

#[test]
fn an_earlier_anchor_serves_when_it_holds_the_notes() {
    let chain = rich(&[&[10_000], &[20_000]]);
    let book = chain.book(&seed(1));
    let early = anchor(&chain.branch_at(1, 0).book(&seed(1)));
    let notes = choose_notes(&book, early.note_count, 6_000).unwrap();
    let tx = build(
        &seed(1),
        &book,
        genesis(),
        early,
        &notes,
        payment(2, 5_000),
        prover(),
    )
    .unwrap();
    assert_eq!(tx.public_inputs.anchor(), early.note_root);

    let other = Anchor {
        note_root: digest(1),
        ..early
    };
    let error = build(
        &seed(1),
        &book,
        genesis(),
        other,
        &notes,
        payment(2, 5_000),
        prover(),
    )
    .unwrap_err();
    assert!(matches!(error, TransferError::AnchorMismatch { .. }), "{error}");
    // A note that is not under the anchor.
    let late = choose_notes(&book, 2, 16_000).unwrap();
    let error = build(
        &seed(1),
        &book,
        genesis(),
        early,
        &late,
        payment(2, 15_000),
        prover(),
    )
    .unwrap_err();
    assert!(matches!(error, TransferError::Prove(_)), "{error}");
}

#[test]
fn what_cannot_be_paid_is_refused_before_any_proof() {
    let chain = rich(&[&[10_000, 20_000, 30_000]]);
    let book = chain.book(&seed(1));
    let notes: Vec<_> = book.spendable().cloned().collect();
    let attempt = |count: usize, payment| {
        build(
            &seed(1),
            &book,
            genesis(),
            anchor(&book),
            &notes[..count],
            payment,
            prover(),
        )
    };
    assert!(matches!(
        attempt(1, payment(2, 9_001)),
        Err(TransferError::NotEnough {
            needed: 10_001,
            available: 10_000,
            ..
        })
    ));
    assert!(matches!(
        attempt(0, payment(2, 1)),
        Err(TransferError::NoteCount { found: 0 })
    ));
    assert!(matches!(
        attempt(3, payment(2, 1)),
        Err(TransferError::NoteCount { found: 3 })
    ));
    let nobody = ShieldedAddress {
        viewing_key: [0; 32],
        ..address(2)
    };
    assert!(matches!(
        attempt(
            1,
            Payment {
                to: Payee::Shielded(nobody),
                ..payment(2, 1)
            }
        ),
        Err(TransferError::Recipient(WeakViewingKey))
    ));
}

#[test]
fn the_same_payment_is_the_same_transaction_and_others_share_no_secret() {
    let chain = rich(&[&[10_000]]);
    let book = chain.book(&seed(1));
    let once = pay(&book, payment(2, 5_000));
    let again = pay(&book, payment(2, 5_000));
    assert_eq!((once.id(), once.ciphertexts), (again.id(), again.ciphertexts));

    let other_viewing_key = ShieldedAddress {
        viewing_key: address(3).viewing_key,
        ..address(2)
    };
    let all = [
        once,
        pay(&book, payment(2, 5_001)),
        pay(&book, payment(3, 5_000)),
        pay(
            &book,
            Payment {
                to: Payee::Shielded(other_viewing_key),
                ..payment(2, 5_000)
            },
        ),
        pay(&book, payment(1, 5_000)),
        pay(&book, withdrawal(account(9), 5_000)),
    ];
    // Only the last output can meet itself: the change of 4,000 is the same note in most of them.
    let ephemeral = |tx: &Transaction, output: usize| tx.ciphertexts[output].to_bytes()[..32].to_vec();
    let paid: BTreeSet<_> = all.iter().map(|tx| ephemeral(tx, 0)).collect();
    assert_eq!(paid.len(), all.len());
    let commitments: BTreeSet<_> = all.iter().map(|tx| tx.public_inputs.commitments()[0]).collect();
    assert_eq!(commitments.len(), all.len());
    for tx in &all {
        assert_ne!(ephemeral(tx, 0), ephemeral(tx, 1));
    }
    // Where an ephemeral key is met twice, the whole ciphertext is the same: no key seals two messages.
    let seen: BTreeSet<_> = all
        .iter()
        .flat_map(|tx| tx.ciphertexts.map(|c| c.to_bytes().to_vec()))
        .collect();
    let keys: BTreeSet<_> = seen.iter().map(|bytes| bytes[..32].to_vec()).collect();
    assert_eq!(seen.len(), keys.len());
}

#[test]
fn a_dummy_is_new_for_each_note_and_anchor() {
    let chain = rich(&[&[10_000], &[20_000]]);
    let book = chain.book(&seed(1));
    let early = anchor(&chain.branch_at(1, 0).book(&seed(1)));
    let small = choose_notes(&book, 1, 6_000).unwrap();
    let dummies = [
        build(
            &seed(1),
            &book,
            genesis(),
            early,
            &small,
            payment(2, 5_000),
            prover(),
        )
        .unwrap(),
        build(
            &seed(1),
            &book,
            genesis(),
            anchor(&book),
            &small,
            payment(2, 5_000),
            prover(),
        )
        .unwrap(),
        pay(&book, payment(2, 15_000)),
    ]
    .map(|tx| tx.public_inputs.nullifiers()[1]);
    assert_eq!(BTreeSet::from(dummies).len(), 3);
}

#[test]
fn deposits_of_one_value_share_nothing() {
    let one = deposit_note(&seed(1), &address(1), 5, [1; 32]).unwrap();
    let two = deposit_note(&seed(1), &address(1), 5, [2; 32]).unwrap();
    assert_ne!(one.0, two.0);
    assert_ne!(one.1.to_bytes()[..32], two.1.to_bytes()[..32]);
}

#[test]
fn a_transaction_survives_its_hex() {
    let tx = pay(&rich(&[&[10_000]]).book(&seed(1)), payment(2, 5_000));
    let raw = raw_transaction(&tx);
    let bytes = hex::decode(raw.strip_prefix("0x").unwrap()).unwrap();
    assert_eq!(borsh::from_slice::<Transaction>(&bytes).unwrap(), tx);
}

#[test]
fn as_many_transactions_are_kept_as_the_bound_says() {
    let chain = rich(&[&[10_000]]);
    let tx = pay(&chain.book(&seed(1)), payment(2, 5_000));
    let mut book = chain.book(&seed(1));
    for number in 0..UNDER_WAY_MAX {
        book.add_sent(&renamed(&tx, number)).unwrap();
    }
    assert_eq!(book.add_sent(&tx), Err(TooManyUnderWay));
    assert_eq!(book.under_way().count(), UNDER_WAY_MAX);
}

/// The transaction under another id.
fn renamed(tx: &Transaction, number: usize) -> Transaction {
    use agoge_protocol::TxPublicInputs;
    let inputs = &tx.public_inputs;
    let anchor = digest(u32::try_from(number).unwrap());
    let inputs = TxPublicInputs::new(
        inputs.genesis_id(),
        anchor,
        *inputs.nullifiers(),
        *inputs.commitments(),
        inputs.fee(),
        inputs.withdrawal(),
        inputs.ciphertext_hash(),
    );
    Transaction::new(inputs.unwrap(), tx.ciphertexts, Vec::new()).unwrap()
}
