//! Steps against the batched execution, the boundary, and every error.

use std::collections::BTreeMap;
use std::convert::Infallible;

use agoge_protocol::{Address, Deposit, Digest, Element, Header, L2BlockNumber, TxEffects, TxPublicInputs};
use proptest::prelude::*;

use super::*;
use crate::fixture::{
    Fault, Faulty, ReadFailed, context, deposit, digest, effects, genesis_id, with_key, withdrawing,
};
use crate::state::Tree;
use crate::{MemoryState, execute_block, hash, tree};

type Headers = BTreeMap<L2BlockNumber, Header>;
type Refusal = WitnessError<Infallible, Infallible>;

/// A chain that grows by blocks and keeps what steps need.
struct Chain {
    state: MemoryState,
    headers: Headers,
    inbox: u64,
}

impl Chain {
    /// After block 1, which takes this many deposits: its note root is the anchor of later transactions.
    fn new(deposits: u64) -> Self {
        let mut chain = Self {
            state: MemoryState::new(),
            headers: Headers::new(),
            inbox: 0,
        };
        chain.grow(deposits, &[]);
        chain
    }

    fn anchor(&self) -> Digest {
        self.headers.values().next_back().unwrap().note_root
    }

    fn deposits(&self, count: u64) -> Vec<Deposit> {
        (self.inbox..self.inbox + count).map(deposit).collect()
    }

    fn slot(&self) -> u64 {
        self.headers.len() as u64 * 3 + 1
    }

    /// Steps of the next block.
    fn steps(&self, deposits: u64, txs: &[TxPublicInputs]) -> Result<BlockSteps, Refusal> {
        let context = context(self.slot(), self.inbox);
        block_steps(
            &self.state,
            &self.headers,
            &context,
            &self.deposits(deposits),
            txs,
        )
    }

    /// Executes the next block and applies it.
    fn grow(&mut self, deposits: u64, txs: &[TxEffects]) -> (Header, Digest) {
        let context = context(self.slot(), self.inbox);
        let block = execute_block(&self.state, &context, &self.deposits(deposits), txs).unwrap();
        self.state.apply(&block.diff);
        self.inbox += deposits;
        self.headers.insert(block.header.number, block.header.clone());
        (block.header, block.archive)
    }

    fn boundary(&self) -> StateBoundary {
        StateBoundary::at_start(&self.state, self.inbox).unwrap()
    }
}

fn inputs(effects: &TxEffects, anchor: Digest) -> TxPublicInputs {
    let ciphertext_hash = hash::ciphertexts(&effects.ciphertexts);
    TxPublicInputs::new(
        genesis_id(),
        anchor,
        effects.nullifiers,
        effects.commitments,
        effects.fee,
        effects.withdrawal,
        ciphertext_hash,
    )
    .unwrap()
}

/// Applies a block's steps one by one.
fn walk(start: StateBoundary, steps: &[StateStep]) -> StateBoundary {
    steps.iter().fold(start, |boundary, step| {
        boundary.apply(genesis_id(), step).unwrap()
    })
}

/// Runs blocks both ways, and compares everything that a header says and both chains.
fn compare(blocks: Vec<(u64, Vec<TxEffects>)>) {
    let mut chain = Chain::new(1);
    let mut boundary = chain.boundary();
    let (mut tx_chain, mut header_chain) = (Digest::ZERO, Digest::ZERO);
    for (deposits, effects) in blocks {
        let anchor = chain.anchor();
        let txs: Vec<TxPublicInputs> = effects.iter().map(|tx| inputs(tx, anchor)).collect();
        let block = chain.steps(deposits, &txs).unwrap();
        assert_eq!(block.steps.len() as u64, deposits + txs.len() as u64 + 1);
        let bytes = borsh::to_vec(&block.steps).unwrap();
        assert_eq!(borsh::from_slice::<Vec<StateStep>>(&bytes).unwrap(), block.steps);
        boundary = walk(boundary, &block.steps);

        let (header, archive) = chain.grow(deposits, &effects);
        for tx in &txs {
            tx_chain = hash::tx_chain_step(tx_chain, hash::tx_effects_of(tx), anchor, genesis_id());
        }
        header_chain = hash::header_chain_step(header_chain, hash::header(&header).unwrap(), archive);
        assert_eq!(block.archive, archive);
        // The state after the block, as execution stored it, is the boundary between blocks.
        let expected = StateBoundary {
            tx_chain,
            header_chain,
            ..chain.boundary()
        };
        assert_eq!(boundary, expected);
        assert_eq!(boundary.notes.root, header.note_root);
        assert_eq!(boundary.nullifiers.root, header.nullifier_root);
    }
}

fn seeded(seed: u32) -> TxEffects {
    if seed.is_multiple_of(3) {
        withdrawing(seed)
    } else {
        effects(seed)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// Step by step is the same as the batched update, over several blocks, with odd and even counts at every point.
    #[test]
    fn steps_and_batched_execution_agree(shape in prop::collection::vec((0..4_u64, 0..4_usize), 1..5), first in 0..1_000_u32) {
        let mut seed = first;
        let blocks = shape
            .into_iter()
            .map(|(deposits, txs)| {
                let mut withdrawals = 0;
                let effects = (0..txs)
                    .map(|_| {
                        seed += 1;
                        let tx = seeded(seed);
                        withdrawals += usize::from(tx.withdrawal.amount > 0);
                        if withdrawals > 2 { effects(seed) } else { tx }
                    })
                    .collect();
                (deposits, effects)
            })
            .collect();
        compare(blocks);
    }
}

/// Keys in every order relative to each other and to the odd leaf: above, below, between, each the other's low leaf.
#[test]
fn nullifiers_may_come_in_any_order() {
    let tx = |seed: u32, a: u32, b: u32| TxEffects {
        nullifiers: [with_key(a, 1), with_key(b, 1)],
        ..effects(seed)
    };
    compare(vec![
        (0, vec![tx(1, 10, 20), tx(2, 30, 25), tx(3, 22, 21)]),
        (1, vec![tx(4, 5, 4), tx(5, 3, 6)]),
        (0, vec![tx(6, 6_000, 7), tx(7, 6_001, 5_999), tx(8, 6_002, 6_003)]),
        (2, vec![]),
        (0, vec![tx(9, 1, 2)]),
    ]);
    // Keys that differ in the second element only.
    let close = |seed: u32, a: u32, b: u32| TxEffects {
        nullifiers: [with_key(10, a), with_key(10, b)],
        ..effects(seed)
    };
    compare(vec![
        (0, vec![close(1, 5, 4), close(2, 0, 6)]),
        (0, vec![close(3, 7, 3)]),
    ]);
}

#[test]
fn a_boundary_lists_its_fields_in_the_documented_order() {
    let numbered = |start: u32| Digest([start, start + 1, start + 2, start + 3].map(Element::from_u32));
    let tree = |start: u32| GrowingTree {
        root: numbered(start),
        count: u64::from(start) + 4,
        odd_leaf: numbered(start + 5),
        is_odd_leaf_in: true,
    };
    let boundary = StateBoundary {
        notes: tree(100),
        nullifiers: tree(110),
        archive: numbered(120),
        number: L2BlockNumber::new(124),
        inbox_index: 125,
        block: OpenBlock {
            settlement_hash: numbered(126),
            effects_hash: numbered(130),
            total_fees: 134,
            tx_count: 135,
        },
        tx_chain: numbered(136),
        header_chain: numbered(140),
    };
    let mut expected: Vec<u64> = (100..144).collect();
    (expected[9], expected[19]) = (1, 1);
    let found: Vec<u64> = boundary.to_elements().unwrap().iter().map(|e| e.get()).collect();
    assert_eq!(found, expected);
    assert!(
        StateBoundary {
            inbox_index: u64::MAX,
            ..boundary
        }
        .to_elements()
        .is_err()
    );
}

#[test]
fn blocks_that_cannot_be_proven_are_refused_with_the_reason() {
    let mut chain = Chain::new(2);
    let spent = effects(1);
    let anchor = chain.anchor();
    let foreign = inputs(&effects(2), digest(5));
    assert_eq!(
        chain.steps(0, &[inputs(&effects(3), anchor), foreign]),
        Err(WitnessError::UnknownAnchor {
            index: 1,
            anchor: digest(5)
        })
    );
    let twice = [inputs(&spent, anchor), inputs(&spent, anchor)];
    let nullifier = spent.nullifiers[0];
    assert_eq!(
        chain.steps(0, &twice),
        Err(WitnessError::NullifierSpent { index: 1, nullifier })
    );
    chain.grow(0, core::slice::from_ref(&spent));
    assert_eq!(
        chain.steps(0, &twice[..1]),
        Err(WitnessError::NullifierSpent { index: 0, nullifier })
    );
    let second_only = TxEffects {
        nullifiers: [digest(9), spent.nullifiers[1]],
        ..effects(4)
    };
    assert_eq!(
        chain.steps(0, &[inputs(&second_only, anchor)]),
        Err(WitnessError::NullifierSpent {
            index: 0,
            nullifier: spent.nullifiers[1]
        })
    );
    // The empty note tree is the anchor of no block, though a fresh state has that root.
    assert_eq!(
        chain.steps(0, &[inputs(&effects(4), tree::empty_root())]),
        Err(WitnessError::UnknownAnchor {
            index: 0,
            anchor: tree::empty_root()
        })
    );

    let txs = [inputs(&effects(4), anchor)];
    chain.headers.remove(&L2BlockNumber::new(1));
    assert_eq!(
        chain.steps(0, &txs),
        Err(WitnessError::MissingHeader {
            index: 0,
            number: L2BlockNumber::new(1)
        })
    );
    let late = block_steps(&chain.state, &chain.headers, &context(9, 2), &[deposit(3)], &[]);
    assert_eq!(
        late,
        Err(WitnessError::DepositOrder {
            expected: 2,
            found: 3
        })
    );
}

/// Headers that cannot be read.
struct Unreadable;

impl HeaderReader for Unreadable {
    type Error = ReadFailed;

    fn header(&self, _: L2BlockNumber) -> Result<Option<Header>, ReadFailed> {
        Err(ReadFailed)
    }
}

#[test]
fn failing_reads_are_errors_and_wrong_ones_are_found() {
    let chain = Chain::new(1);
    let txs = [inputs(&effects(1), chain.anchor())];
    let with = |fault| {
        let state = Faulty {
            inner: chain.state.clone(),
            fault,
        };
        block_steps(&state, &chain.headers, &context(5, 1), &[], &txs)
    };
    for fault in [Fault::Nodes, Fault::Counts, Fault::Lows, Fault::Anchors] {
        assert_eq!(with(fault), Err(WitnessError::State(ReadFailed)), "{fault:?}");
    }
    let unreadable = block_steps(&chain.state, &Unreadable, &context(5, 1), &[], &txs);
    assert_eq!(unreadable, Err(WitnessError::Headers(ReadFailed)));
    assert!(matches!(
        with(Fault::Low(None)),
        Err(WitnessError::Inconsistent(_))
    ));
    // A count that does not fit the nodes: the append path leads elsewhere.
    assert!(matches!(
        with(Fault::Count(Tree::Note, 0)),
        Err(WitnessError::Step {
            reason: StepError::AppendPath { tree: Tree::Note, .. },
            ..
        })
    ));
    assert!(matches!(
        with(Fault::Count(Tree::Nullifier, 2)),
        Err(WitnessError::Step {
            reason: StepError::EvenNullifierCount { count: 2 },
            ..
        })
    ));
}

/// A valid step, and one thing changed in it or in the boundary before it.
fn broken_transaction(change: impl FnOnce(&mut StateBoundary, &mut TransactionStep)) -> StepError {
    let chain = Chain::new(1);
    let block = chain
        .steps(0, &[inputs(&withdrawing(1), chain.anchor())])
        .unwrap();
    let mut boundary = chain.boundary();
    let mut step = block.steps[0].clone();
    assert!(boundary.apply(genesis_id(), &step).is_ok());
    let StateStep::Transaction(tx) = &mut step else {
        panic!("not a transaction")
    };
    change(&mut boundary, tx);
    boundary.apply(genesis_id(), &step).unwrap_err()
}

#[test]
fn a_step_with_one_thing_wrong_does_not_apply() {
    let low = |change: fn(&mut LowLeaf)| {
        [0, 1].map(|which| broken_transaction(|_, tx| change(&mut tx.low_leaves[which])))
    };
    let [first, second] = low(|low| low.path.siblings[7] = digest(1));
    assert!(
        matches!(first, StepError::LowLeafPath { nullifier: 0, .. }),
        "{first}"
    );
    assert!(
        matches!(second, StepError::LowLeafPath { nullifier: 1, .. }),
        "{second}"
    );
    let [first, second] = low(|low| low.path.index = 1 << 32);
    assert!(
        matches!(first, StepError::LowLeafPath { nullifier: 0, .. }),
        "{first}"
    );
    assert!(
        matches!(second, StepError::LowLeafPath { nullifier: 1, .. }),
        "{second}"
    );
    let largest = Element::new(agoge_protocol::element::MODULUS - 1).unwrap();
    let not_enclosed = |error: &StepError, which: usize| matches!(error, StepError::NotEnclosed { nullifier, .. } if *nullifier == which);
    for (which, error) in broken_keys(largest) {
        assert!(not_enclosed(&error, which), "{error}");
    }

    let error = broken_transaction(|_, tx| tx.note_path.siblings[0] = digest(1));
    assert!(
        matches!(error, StepError::AppendPath { tree: Tree::Note, .. }),
        "{error}"
    );
    let error = broken_transaction(|_, tx| tx.nullifier_path.siblings[30] = digest(1));
    assert!(
        matches!(
            error,
            StepError::AppendPath {
                tree: Tree::Nullifier,
                ..
            }
        ),
        "{error}"
    );
    let error = broken_transaction(|_, tx| tx.anchor_path.siblings[3] = digest(1));
    assert!(matches!(error, StepError::AnchorPath { .. }), "{error}");
    let error = broken_transaction(|_, tx| tx.anchor_header.slot = agoge_protocol::Slot::new(99));
    assert!(matches!(error, StepError::AnchorPath { .. }), "{error}");
    let error = broken_transaction(|_, tx| tx.anchor_header.note_root = digest(1));
    assert!(matches!(error, StepError::WrongAnchor { .. }), "{error}");
    let error = broken_transaction(|_, tx| tx.anchor_header.genesis_id = digest(1));
    assert!(matches!(error, StepError::WrongGenesis { .. }), "{error}");
    let error = broken_transaction(|_, tx| tx.anchor_header.timestamp = u64::MAX);
    assert!(matches!(error, StepError::NotCanonical(_)), "{error}");
    let error = broken_transaction(|boundary, _| boundary.block.total_fees = (1 << 60) - 1);
    assert!(matches!(error, StepError::FeeTotal { .. }), "{error}");
    let error = broken_transaction(|boundary, _| boundary.block.tx_count = u64::MAX);
    assert!(matches!(error, StepError::Overflow(_)), "{error}");
    let error = broken_transaction(|boundary, _| boundary.notes.count = 1 << 32);
    assert_eq!(error, StepError::TreeFull { tree: Tree::Note });
    let error = broken_transaction(|boundary, _| boundary.nullifiers.is_odd_leaf_in = false);
    assert!(
        matches!(
            error,
            StepError::AppendPath {
                tree: Tree::Nullifier,
                ..
            }
        ),
        "{error}"
    );
}

/// Low leaves that enclose neither nullifier: equal to it, above it, or with a next key at or below it.
fn broken_keys(largest: Element) -> Vec<(usize, StepError)> {
    [0, 1]
        .into_iter()
        .flat_map(|which| {
            let cases: [fn(&mut LowLeaf, [Element; 2], Element); 4] = [
                |low, key, _| low.key = key,
                |low, _, largest| low.key = [largest; 2],
                |low, key, _| low.next_key = key,
                |low, key, _| low.next_key = [Element::ZERO, key[1]],
            ];
            cases.map(|change| {
                let error = broken_transaction(|_, tx| {
                    let key = agoge_protocol::transaction::nullifier_key(&tx.inputs.nullifiers()[which]);
                    change(&mut tx.low_leaves[which], key, largest);
                });
                (which, error)
            })
        })
        .collect()
}

#[test]
fn deposits_come_first_and_blocks_end_at_the_archives_end() {
    let chain = Chain::new(1);
    let block = chain.steps(1, &[inputs(&effects(1), chain.anchor())]).unwrap();
    let start = chain.boundary();
    let [deposit, _, end] = &block.steps[..] else {
        panic!("three steps")
    };
    let mut after = start;
    after.block.tx_count = 1;
    assert_eq!(
        after.apply(genesis_id(), deposit),
        Err(StepError::DepositAfterTransaction { tx_count: 1 })
    );
    let mut full = start;
    full.inbox_index = agoge_protocol::element::MODULUS;
    assert!(matches!(
        full.apply(genesis_id(), deposit),
        Err(StepError::NotCanonical(_))
    ));

    let before_end = walk(start, &block.steps[..2]);
    assert!(before_end.apply(genesis_id(), end).is_ok());
    let with_end = |change: fn(&mut BlockEndStep)| {
        let StateStep::BlockEnd(mut changed) = end.clone() else {
            panic!("not an end")
        };
        change(&mut changed);
        before_end.apply(genesis_id(), &StateStep::BlockEnd(changed))
    };
    assert!(matches!(
        with_end(|end| end.archive_siblings[0] = digest(1)),
        Err(StepError::AppendPath {
            tree: Tree::Archive,
            ..
        })
    ));
    assert!(matches!(
        with_end(|end| end.timestamp = u64::MAX),
        Err(StepError::NotCanonical(_))
    ));
    // Another fee recipient is another header, not an error.
    let other = with_end(|end| end.fee_recipient = Address::ZERO).unwrap();
    assert_ne!(other.archive, block.archive);
    let mut last = before_end;
    last.number = L2BlockNumber::new(1 << 32);
    assert_eq!(
        last.apply(genesis_id(), end),
        Err(StepError::TreeFull { tree: Tree::Archive })
    );
}
