//! Rules about whole transactions, one case each, and the proposer's choice.

use agoge_protocol::Slot;

use super::*;
use crate::fixture::{
    Fault, Faulty, LIMITS, ReadFailed, context, deposit, digest, effects, genesis_id, tx, tx_of, withdrawing,
};
use crate::{MemoryState, execute_block};

/// A state after one block with a deposit and `effects(0)`, and its note root.
fn started() -> (MemoryState, Digest) {
    let mut state = MemoryState::new();
    let block = execute_block(&state, &context(1, 0), &[deposit(0)], &[effects(0)]).unwrap();
    state.apply(&block.diff);
    (state, block.header.note_root)
}

#[test]
fn each_rule_of_a_transaction_has_a_case_that_breaks_only_it() {
    let (state, anchor) = started();
    let cheap = TxEffects {
        fee: 999,
        ..effects(1)
    };
    let hashed = hash::ciphertexts(&effects(1).ciphertexts);
    let spent = effects(0).nullifiers[1];
    let spending = TxEffects {
        nullifiers: [digest(3), spent],
        ..effects(1)
    };
    let cases = [
        (
            "another instance",
            tx_of(&effects(1), digest(8), anchor, hashed),
            TxRejection::WrongGenesis {
                expected: genesis_id(),
                found: digest(8),
            },
        ),
        (
            "a fee below the minimum",
            tx(&cheap, anchor),
            TxRejection::FeeTooLow {
                found: 999,
                minimum: 1_000,
            },
        ),
        (
            "other ciphertexts",
            tx_of(&effects(1), genesis_id(), anchor, digest(2)),
            TxRejection::CiphertextHash {
                computed: hashed,
                claimed: digest(2),
            },
        ),
        (
            "an anchor that no header has",
            tx(&effects(1), crate::tree::empty_root()),
            TxRejection::UnknownAnchor {
                anchor: crate::tree::empty_root(),
            },
        ),
        (
            "a spent nullifier",
            tx(&spending, anchor),
            TxRejection::NullifierSpent { nullifier: spent },
        ),
    ];
    let good = tx(&effects(1), anchor);
    assert_eq!(check_transaction(&state, genesis_id(), &LIMITS, &good), Ok(()));
    for (description, bad, reason) in cases {
        assert_eq!(
            check_transaction(&state, genesis_id(), &LIMITS, &bad),
            Err(CheckError::Rejected(reason)),
            "{description}"
        );
        let other = tx(&effects(2), anchor);
        assert_eq!(
            execute_txs(&state, &context(2, 1), &[], [&other, &bad]),
            Err(ExecutionError::Tx { index: 1, reason }),
            "{description}"
        );
        let selection = select(&state, &context(2, 1), &[], [&bad, &other]).unwrap();
        assert_eq!(
            (selection.included, selection.skipped),
            (vec![1], vec![(0, reason)]),
            "{description}"
        );
        assert!(!reason.is_about_this_block());
    }
}

#[test]
fn whose_fault_a_rejection_is() {
    let id = digest(1);
    let faults = [
        (
            TxRejection::WrongGenesis {
                expected: id,
                found: id,
            },
            true,
            false,
        ),
        (TxRejection::FeeTooLow { found: 0, minimum: 1 }, true, false),
        (
            TxRejection::CiphertextHash {
                computed: id,
                claimed: id,
            },
            true,
            false,
        ),
        (TxRejection::UnknownAnchor { anchor: id }, false, false),
        (TxRejection::NullifierSpent { nullifier: id }, false, false),
        (TxRejection::Conflict { nullifier: id }, false, false),
        (TxRejection::BlockFull { limit: 1 }, false, true),
        (TxRejection::WithdrawalsFull { limit: 1 }, false, true),
        (TxRejection::FeeTotal { fee: 1, total: 1 }, false, true),
    ];
    for (reason, senders, blocks) in faults {
        assert_eq!(
            (reason.is_senders_fault(), reason.is_about_this_block()),
            (senders, blocks),
            "{reason}"
        );
    }
}

#[test]
fn both_callers_compute_the_same_block() {
    let (state, anchor) = started();
    let of_block = [effects(1), withdrawing(2), effects(3)];
    let txs = of_block.each_ref().map(|effects| tx(effects, anchor));
    let followed = execute_block(&state, &context(2, 1), &[deposit(1)], &of_block).unwrap();
    assert_eq!(
        execute_txs(&state, &context(2, 1), &[deposit(1)], &txs).unwrap(),
        followed
    );
    let selection = select(&state, &context(2, 1), &[deposit(1)], &txs).unwrap();
    assert_eq!(
        (selection.block, selection.effects),
        (followed, of_block.to_vec())
    );
}

#[test]
fn selection_skips_what_does_not_fit_and_goes_on() {
    let (state, anchor) = started();
    let conflicting = TxEffects {
        nullifiers: [digest(3), effects(1).nullifiers[0]],
        ..effects(2)
    };
    let queue = [
        withdrawing(1),
        conflicting.clone(),
        withdrawing(3),
        withdrawing(4),
        effects(5),
    ]
    .each_ref()
    .map(|effects| tx(effects, anchor));
    let selection = select(&state, &context(2, 1), &[], &queue).unwrap();
    assert_eq!(selection.included, [0, 2, 4]);
    assert_eq!(
        selection.skipped,
        [
            (
                1,
                TxRejection::Conflict {
                    nullifier: conflicting.nullifiers[1]
                }
            ),
            (3, TxRejection::WithdrawalsFull { limit: 2 })
        ]
    );
    let chosen = [&queue[0], &queue[2], &queue[4]];
    assert_eq!(
        selection.block,
        execute_txs(&state, &context(2, 1), &[], chosen).unwrap()
    );
}

#[test]
fn selection_ends_when_the_block_is_full() {
    let (state, anchor) = started();
    let queue: Vec<_> = (1..20).map(|seed| tx(&effects(seed), anchor)).collect();
    let selection = select(&state, &context(2, 1), &[], &queue).unwrap();
    assert_eq!(
        (selection.included, selection.skipped),
        ((0..8).collect(), vec![])
    );
    assert_eq!(selection.block.header.slot, Slot::new(2));
}

#[test]
fn a_block_is_no_anchor_for_its_own_transactions() {
    let (state, _) = started();
    let with_deposit = select(&state, &context(2, 1), &[deposit(1)], []).unwrap();
    let own = tx(&effects(1), with_deposit.block.header.note_root);
    let reason = TxRejection::UnknownAnchor {
        anchor: with_deposit.block.header.note_root,
    };
    assert_eq!(
        execute_txs(&state, &context(2, 1), &[deposit(1)], [&own]),
        Err(ExecutionError::Tx { index: 0, reason })
    );
}

#[test]
fn faults_of_the_store_are_never_a_verdict() {
    let (inner, anchor) = started();
    let good = tx(&effects(1), anchor);
    for fault in [Fault::Anchors, Fault::Lows] {
        let state = Faulty {
            inner: inner.clone(),
            fault,
        };
        assert_eq!(
            check_transaction(&state, genesis_id(), &LIMITS, &good),
            Err(CheckError::State(ReadFailed))
        );
        let failed = || Some(ExecutionError::State(ReadFailed));
        assert_eq!(select(&state, &context(2, 1), &[], [&good]).err(), failed());
        assert_eq!(execute_txs(&state, &context(2, 1), &[], [&good]).err(), failed());
    }
}
