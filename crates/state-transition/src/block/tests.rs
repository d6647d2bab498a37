//! The shared core: bookkeeping, double spends, limits, the nullifier tree against a model, unwinding.

use proptest::prelude::*;

use super::*;
use crate::fixture::{
    Fault, Faulty, LIMITS, ReadFailed, context, deposit, digest, effects, genesis_id, with_key, withdrawing,
};
use crate::tree::tests::reference_root;
use crate::{MemoryState, NodeId};
use agoge_protocol::transaction::MalformedTx;

type Refusal = ExecutionError<core::convert::Infallible>;

fn run(state: &MemoryState, deposits: &[Deposit], txs: &[TxEffects]) -> Result<ExecutedBlock, Refusal> {
    execute_block(state, &context(1, 0), deposits, txs)
}

fn rejected(index: usize, reason: TxRejection) -> Result<ExecutedBlock, Refusal> {
    Err(ExecutionError::Tx { index, reason })
}

#[test]
fn an_executed_block_keeps_the_books() {
    let mut state = MemoryState::new();
    let first = execute_block(&state, &context(3, 0), &[deposit(0), deposit(1)], &[]).unwrap();
    state.apply(&first.diff);
    let txs = [effects(1), withdrawing(2), withdrawing(3)];
    let block = execute_block(&state, &context(9, 2), &[deposit(2)], &txs).unwrap();

    let commitment = |index| {
        let Deposit { partial, value, .. } = deposit(index);
        let rho = hash::deposit_rho(genesis_id(), index).unwrap();
        hash::commitment(partial, Element::new(value).unwrap(), rho)
    };
    let step = |acc, index| {
        let Deposit { partial, value, .. } = deposit(index);
        hash::deposit_step(acc, partial, Element::new(value).unwrap())
    };
    let pay = |acc, tx: &TxEffects| {
        hash::withdrawal_step(
            acc,
            tx.withdrawal.recipient,
            Element::new(tx.withdrawal.amount).unwrap(),
        )
    };
    let note = |acc, tx: &TxEffects| {
        hash::effects_step(
            acc,
            hash::tx_effects(tx, hash::ciphertexts(&tx.ciphertexts)).unwrap(),
        )
    };
    let notes: BTreeMap<u64, Digest> = (0..)
        .zip(
            [0, 1, 2]
                .map(commitment)
                .into_iter()
                .chain(txs.iter().flat_map(|tx| tx.commitments)),
        )
        .collect();
    assert_eq!(first.header.settlement_hash, step(step(Digest::ZERO, 0), 1));
    assert_eq!(first.header.effects_hash, Digest::ZERO);
    assert_eq!(first.header.parent_archive, tree::empty_root());
    assert_eq!(
        block.header,
        Header {
            genesis_id: genesis_id(),
            number: L2BlockNumber::new(2),
            slot: Slot::new(9),
            timestamp: context(9, 2).timestamp,
            parent_archive: first.archive,
            note_root: reference_root(&notes),
            note_count: 9,
            nullifier_root: block.header.nullifier_root,
            nullifier_count: 7,
            inbox_end: 3,
            settlement_hash: txs[1..].iter().fold(step(Digest::ZERO, 2), pay),
            effects_hash: txs.iter().fold(Digest::ZERO, note),
            fee_recipient: Address::repeat_byte(0xfe),
            total_fees: 3_006,
            tx_count: 3,
        }
    );
    assert_eq!(block.header_hash, hash::header(&block.header).unwrap());
    assert_eq!(
        block.archive,
        reference_root(&BTreeMap::from([(0, first.header_hash), (1, block.header_hash)]))
    );
    assert_eq!(
        (block.first_note_index, &block.deposit_commitments),
        (2, &vec![commitment(2)])
    );
    assert_eq!(block.withdrawals, [txs[1].withdrawal, txs[2].withdrawal]);
    let free = FreeFields {
        slot: Slot::new(9),
        fee_recipient: Address::repeat_byte(0xfe),
        inbox_end: 3,
        archive: block.archive,
    };
    assert_eq!(block.free_fields(), free);
    // Two blocks with everything in them: any change of a rule changes this.
    assert_eq!(
        block.archive.to_string(),
        "0xc2d97f876f9134806365d148656ba25bb915c5cdf20d95db34867539fbf79ddc"
    );
}

#[test]
fn a_double_spend_is_refused_within_a_transaction_a_block_and_the_chain() {
    let mut state = MemoryState::new();
    let spent = effects(1);
    let [first, second] = spent.nullifiers;
    let twice = TxEffects {
        nullifiers: [first; 2],
        ..effects(2)
    };
    assert_eq!(
        run(&state, &[], &[twice]),
        rejected(0, TxRejection::Malformed(MalformedTx::EqualNullifiers))
    );

    let again = TxEffects {
        nullifiers: [digest(5), second],
        ..effects(2)
    };
    let conflict = TxRejection::Conflict { nullifier: second };
    assert_eq!(
        run(&state, &[], &[spent.clone(), again.clone()]),
        rejected(1, conflict)
    );

    state.apply(&run(&state, &[], &[spent]).unwrap().diff);
    let reason = TxRejection::NullifierSpent { nullifier: second };
    assert_eq!(run(&state, &[], &[again]), rejected(0, reason));

    // The key alone decides.
    let [a, b, ..] = first.0;
    let same_key = Digest([a, b, Element::ZERO, Element::ZERO]);
    let alias = TxEffects {
        nullifiers: [same_key, digest(6)],
        ..effects(3)
    };
    assert_eq!(
        run(&state, &[], &[alias]),
        rejected(0, TxRejection::NullifierSpent { nullifier: same_key })
    );
}

#[test]
fn limits_and_forms_are_refused_with_the_transaction_and_the_reason() {
    let state = MemoryState::new();
    let many: Vec<_> = (0..9).map(effects).collect();
    assert!(run(&state, &[], &many[..8]).is_ok());
    assert_eq!(
        run(&state, &[], &many),
        rejected(8, TxRejection::BlockFull { limit: 8 })
    );
    let paying = [0, 1, 2].map(withdrawing);
    assert!(run(&state, &[], &paying[..2]).is_ok());
    assert_eq!(
        run(&state, &[], &paying),
        rejected(2, TxRejection::WithdrawalsFull { limit: 2 })
    );
    let zero = TxEffects {
        nullifiers: [digest(1), with_key(0, 0)],
        ..effects(0)
    };
    assert_eq!(
        run(&state, &[], &[zero]),
        rejected(0, TxRejection::Malformed(MalformedTx::ZeroNullifierKey))
    );

    let rich = |seed, fee| TxEffects { fee, ..effects(seed) };
    let half = VALUE_BOUND / 2;
    assert_eq!(
        run(&state, &[], &[rich(0, half), rich(1, half - 1)])
            .unwrap()
            .header
            .total_fees,
        VALUE_BOUND - 1
    );
    let reason = TxRejection::FeeTotal {
        fee: half,
        total: half,
    };
    assert_eq!(
        run(&state, &[], &[rich(0, half), rich(1, half)]),
        rejected(1, reason)
    );
    assert!(matches!(
        run(&state, &[], &[rich(0, u64::MAX)]),
        Err(ExecutionError::Tx {
            reason: TxRejection::Malformed(MalformedTx::ValueTooLarge { .. }),
            ..
        })
    ));
}

#[test]
fn deposits_must_be_the_next_ones_and_in_range() {
    let state = MemoryState::new();
    let five: Vec<_> = (0..5).map(deposit).collect();
    assert!(run(&state, &five[..4], &[]).is_ok());
    assert_eq!(
        run(&state, &five, &[]),
        Err(ExecutionError::TooManyDeposits { found: 5, limit: 4 })
    );
    let gap = [deposit(0), deposit(2)];
    assert_eq!(
        run(&state, &gap, &[]),
        Err(ExecutionError::DepositOrder {
            expected: 1,
            found: 2
        })
    );
    let late = [deposit(1)];
    assert_eq!(
        run(&state, &late, &[]),
        Err(ExecutionError::DepositOrder {
            expected: 0,
            found: 1
        })
    );
    let large = [Deposit {
        value: VALUE_BOUND,
        ..deposit(0)
    }];
    assert_eq!(
        run(&state, &large, &[]),
        Err(ExecutionError::DepositValue {
            index: 0,
            value: VALUE_BOUND
        })
    );
}

#[test]
fn header_fields_outside_the_field_are_refused() {
    let never = BlockContext {
        timestamp: u64::MAX,
        ..context(1, 0)
    };
    let result = execute_block(&MemoryState::new(), &never, &[], &[]);
    assert!(matches!(result, Err(ExecutionError::Header(_))), "{result:?}");
}

#[test]
fn faults_of_the_store_are_never_a_verdict() {
    let mut inner = MemoryState::new();
    inner.apply(&run(&inner, &[deposit(0)], &[effects(1)]).unwrap().diff);
    let with = |fault| {
        let state = Faulty {
            inner: inner.clone(),
            fault,
        };
        execute_block(&state, &context(2, 1), &[deposit(1)], &[effects(2)]).map(|block| block.header)
    };
    for fault in [Fault::Nodes, Fault::Counts, Fault::Lows, Fault::Anchors] {
        assert_eq!(with(fault), Err(ExecutionError::State(ReadFailed)), "{fault:?}");
    }
    for tree in [Tree::Note, Tree::Nullifier, Tree::Archive] {
        assert_eq!(
            with(Fault::Count(tree, LEAVES_MAX)),
            Err(ExecutionError::TreeFull { tree })
        );
    }
    let missing = NodeId {
        tree: Tree::Note,
        level: 0,
        index: 2,
    };
    let inconsistent = |what| Err(ExecutionError::Inconsistent(what));
    assert_eq!(
        with(Fault::NoNodes),
        inconsistent(Inconsistency::MissingNode(missing))
    );
    let key = nullifier_key(&effects(2).nullifiers[0]);
    assert_eq!(
        with(Fault::Low(None)),
        inconsistent(Inconsistency::MissingLowLeaf(key))
    );
    let above = [Element::new(agoge_protocol::element::MODULUS - 1).unwrap(); 2];
    let leaf = NullifierLeaf {
        index: 0,
        next_key: NullifierLeaf::ZERO_KEY,
    };
    assert_eq!(
        with(Fault::Low(Some((above, leaf)))),
        inconsistent(Inconsistency::MissingLowLeaf(key))
    );
    let low = [Element::ZERO; 2];
    let loops = NullifierLeaf {
        index: 0,
        next_key: key,
    };
    assert_eq!(
        with(Fault::Low(Some((low, loops)))),
        inconsistent(Inconsistency::BrokenOrder { low, key })
    );
}

#[test]
fn a_note_root_stays_an_anchor_while_any_block_has_it() {
    let mut state = MemoryState::new();
    assert_eq!(
        state.anchor(tree::empty_root()),
        Ok(None),
        "no header has the initial root"
    );
    let mut undos = Vec::new();
    let mut roots = Vec::new();
    for (slot, deposits) in [(1, vec![]), (2, vec![deposit(0)]), (3, vec![])] {
        let block = execute_block(&state, &context(slot, slot / 3), &deposits, &[]).unwrap();
        undos.push(state.apply(&block.diff));
        roots.push(block.header.note_root);
    }
    assert_eq!(roots[1], roots[2]);
    let number = |n| Ok(Some(L2BlockNumber::new(n)));
    assert_eq!(
        (state.anchor(roots[0]), state.anchor(roots[1])),
        (number(1), number(2))
    );
    state.apply(&undos[2]);
    assert_eq!(state.anchor(roots[1]), number(2));
    state.apply(&undos[1]);
    assert_eq!(
        (state.anchor(roots[0]), state.anchor(roots[1])),
        (number(1), Ok(None))
    );
}

/// Keys from a space so small that repetitions and neighbours are common.
fn small_keys() -> impl Strategy<Value = Vec<Vec<[(u32, u32); 2]>>> {
    let key = || (0_u32..4, 0_u32..6);
    proptest::collection::vec(proptest::collection::vec([key(), key()], 0..5), 1..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_nullifier_tree_is_a_sorted_set(blocks in small_keys()) {
        let mut state = MemoryState::new();
        // The model: keys in the order of insertion, leaf 0 first.
        let mut inserted = vec![(0, 0)];
        for (number, block) in blocks.iter().enumerate() {
            let mut accepted = Vec::new();
            for (position, keys) in block.iter().enumerate() {
                let seed = u32::try_from(number * 10 + position).unwrap();
                let tx = TxEffects { nullifiers: keys.map(|(a, b)| with_key(a, b)), ..effects(seed) };
                let is_fresh = keys[0] != keys[1] && keys.iter().all(|key| !inserted.contains(key));
                let attempt = [accepted.as_slice(), std::slice::from_ref(&tx)].concat();
                prop_assert_eq!(run(&state, &[], &attempt).is_ok(), is_fresh, "{:?}", keys);
                if is_fresh {
                    inserted.extend(keys);
                    accepted.push(tx);
                }
            }
            let executed = run(&state, &[], &accepted).unwrap();
            state.apply(&executed.diff);

            let sorted: std::collections::BTreeSet<_> = inserted.iter().copied().collect();
            let mut leaves = BTreeMap::new();
            for (index, (a, b)) in (0..).zip(&inserted) {
                let next = sorted.range((*a, *b + 1)..).next().copied().unwrap_or((0, 0));
                let [key, next_key] = [(*a, *b), next].map(|(a, b)| [a, b].map(Element::from_u32));
                let leaf = NullifierLeaf { index, next_key };
                prop_assert_eq!(state.low_leaf(key).unwrap(), Some((key, leaf)));
                leaves.insert(index, hash::nullifier_leaf(key, next_key));
            }
            prop_assert_eq!(executed.header.nullifier_root, reference_root(&leaves));
            prop_assert_eq!(executed.header.nullifier_count, u64::try_from(inserted.len()).unwrap());
        }
    }

    #[test]
    fn one_block_or_many_lead_to_the_same_trees(count in 1_u32..7, cut in 0_u32..7) {
        let cut = cut.min(count);
        let txs: Vec<_> = (0..count).map(effects).collect();
        let (head, tail) = txs.split_at(usize::try_from(cut).unwrap());
        let whole = run(&MemoryState::new(), &[deposit(0)], &txs).unwrap().header;
        let mut state = MemoryState::new();
        state.apply(&run(&state, &[deposit(0)], head).unwrap().diff);
        let last = execute_block(&state, &context(2, 1), &[], tail).unwrap().header;
        prop_assert_eq!(
            (whole.note_root, whole.nullifier_root, whole.note_count, whole.nullifier_count),
            (last.note_root, last.nullifier_root, last.note_count, last.nullifier_count)
        );
    }

    #[test]
    fn unwinding_takes_back_exactly_what_was_applied(sizes in proptest::collection::vec((0_u64..4, 0_u32..5), 1..6)) {
        let mut state = MemoryState::new();
        let mut history = Vec::new();
        let (mut slot, mut inbox, mut seed) = (0, 0, 0);
        for (deposits, txs) in sizes {
            slot += 1;
            let due: Vec<_> = (inbox..inbox + deposits).map(deposit).collect();
            let included: Vec<_> = (seed..seed + txs).map(effects).collect();
            let block = execute_block(&state, &context(slot, inbox), &due, &included).unwrap();
            let before = state.clone();
            let undo = state.apply(&block.diff);
            let bytes = borsh::to_vec(&undo).unwrap();
            history.push((before, block.diff, borsh::from_slice::<StateDiff>(&bytes).unwrap()));
            inbox += deposits;
            seed += txs;
        }
        let tip = state.clone();
        for (before, _, undo) in history.iter().rev() {
            state.apply(undo);
            prop_assert_eq!(&state, before);
        }
        for (_, diff, _) in &history {
            state.apply(diff);
        }
        prop_assert_eq!(state, tip);
    }
}

#[test]
fn a_diff_writes_each_key_once() {
    let mut state = MemoryState::new();
    state.apply(&run(&state, &[deposit(0)], &[effects(9)]).unwrap().diff);
    let txs: Vec<_> = (0..8).map(effects).collect();
    let block = execute_block(
        &state,
        &BlockContext {
            limits: LIMITS,
            ..context(2, 1)
        },
        &[],
        &txs,
    )
    .unwrap();
    let mut keys: Vec<_> = block
        .diff
        .writes()
        .iter()
        .map(|write| match write {
            Write::Node { id, .. } => format!("{id:?}"),
            Write::Nullifier { key, .. } => format!("{key:?}"),
            Write::LeafCount { tree, .. } => format!("{tree:?}"),
            Write::Anchor { note_root, .. } => format!("{note_root:?}"),
        })
        .collect();
    let all = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), all);
}
