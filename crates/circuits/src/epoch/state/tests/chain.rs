//! A small chain, and trees in which a prover may do what it likes.

use std::collections::{BTreeMap, HashMap};

use agoge_protocol::{
    Address, B256, Ciphertext, Deposit, Digest, Element, Header, L2BlockNumber, Slot, TxEffects,
    TxPublicInputs, Withdrawal,
};
use agoge_state_transition::witness::{BlockSteps, StateBoundary, StateStep, block_steps};
use agoge_state_transition::{
    BlockContext, BlockLimits, MemoryState, NodeId, StateReader, Tree, execute_block, hash, tree,
};
use plonky2::field::types::Field;

use super::super::values::{Place, bits};
use crate::F;
use crate::field::digest as elements;

pub(super) fn digest(seed: u32) -> Digest {
    hash::owner(&[seed, 0, 0, 0].map(Element::from_u32))
}

pub(super) fn genesis_id() -> Digest {
    digest(7)
}

pub(super) fn number(number: u64) -> Element {
    Element::new(number).unwrap()
}

/// Effects of which nothing is shared between seeds; every third pays out.
pub(super) fn effects(seed: u32) -> TxEffects {
    let withdrawal = if seed.is_multiple_of(3) {
        Withdrawal {
            amount: 77 + u64::from(seed),
            recipient: Address::repeat_byte(0xab),
        }
    } else {
        Withdrawal::default()
    };
    TxEffects {
        nullifiers: [digest(4 * seed + 100), digest(4 * seed + 101)],
        commitments: [digest(4 * seed + 102), digest(4 * seed + 103)],
        fee: 1_000 + u64::from(seed),
        withdrawal,
        ciphertexts: [Ciphertext::from_bytes(&[1; 91]), Ciphertext::from_bytes(&[2; 91])],
    }
}

/// Effects with nullifiers of these keys.
pub(super) fn with_keys(seed: u32, keys: [[u64; 2]; 2]) -> TxEffects {
    let nullifier = |[a, b]: [u64; 2]| Digest([number(a), number(b), number(1), number(2)]);
    TxEffects {
        nullifiers: keys.map(nullifier),
        ..effects(seed)
    }
}

/// Grows by blocks and keeps what steps need.
pub(super) struct Chain {
    pub(super) state: MemoryState,
    headers: BTreeMap<L2BlockNumber, Header>,
    inbox: u64,
}

impl Chain {
    /// After block 1, which takes this many deposits: its note root is the anchor of later transactions.
    pub(super) fn new(deposits: u64) -> Self {
        let mut chain = Self {
            state: MemoryState::new(),
            headers: BTreeMap::new(),
            inbox: 0,
        };
        chain.grow(deposits, &[]);
        chain
    }

    fn context(&self) -> BlockContext {
        let slot = self.headers.len() as u64 * 3 + 1;
        BlockContext {
            genesis_id: genesis_id(),
            slot: Slot::new(slot),
            timestamp: 1_700_000_000 + slot * 36,
            fee_recipient: Address::repeat_byte(0xfe),
            inbox_start: self.inbox,
            limits: BlockLimits {
                txs_max: 64,
                deposits_max: 16,
                withdrawals_max: 64,
                tx_fee_min: 0,
            },
        }
    }

    fn deposits(&self, count: u64) -> Vec<Deposit> {
        let deposit = |index| Deposit {
            index,
            partial: digest(1_000_000 + u32::try_from(index).unwrap()),
            value: 5_000_000 + index,
            ciphertext: Ciphertext::from_bytes(&[3; 91]),
            time: 0,
            inbox_hash: B256::ZERO,
        };
        (self.inbox..self.inbox + count).map(deposit).collect()
    }

    /// The boundary before the next block, and the steps of that block.
    pub(super) fn steps(&self, deposits: u64, effects: &[TxEffects]) -> (StateBoundary, BlockSteps) {
        let anchor = self.headers.values().next_back().unwrap().note_root;
        let inputs = |tx: &TxEffects| {
            TxPublicInputs::new(
                genesis_id(),
                anchor,
                tx.nullifiers,
                tx.commitments,
                tx.fee,
                tx.withdrawal,
                hash::ciphertexts(&tx.ciphertexts),
            )
            .unwrap()
        };
        let txs: Vec<TxPublicInputs> = effects.iter().map(inputs).collect();
        let steps = block_steps(
            &self.state,
            &self.headers,
            &self.context(),
            &self.deposits(deposits),
            &txs,
        );
        (self.boundary(), steps.unwrap())
    }

    pub(super) fn boundary(&self) -> StateBoundary {
        StateBoundary::at_start(&self.state, self.inbox).unwrap()
    }

    pub(super) fn grow(&mut self, deposits: u64, txs: &[TxEffects]) {
        let block = execute_block(&self.state, &self.context(), &self.deposits(deposits), txs).unwrap();
        self.state.apply(&block.diff);
        self.inbox += deposits;
        self.headers.insert(block.header.number, block.header);
    }

    /// The boundary before the `index`th step of the next block, and that step.
    pub(super) fn step(
        &self,
        deposits: u64,
        effects: &[TxEffects],
        index: usize,
    ) -> (StateBoundary, StateStep) {
        let (start, block) = self.steps(deposits, effects);
        let before = block.steps[..index].iter().fold(start, |boundary, step| {
            boundary.apply(genesis_id(), step).unwrap()
        });
        (before, block.steps[index].clone())
    }
}

/// A tree without rules.
#[derive(Clone)]
pub(super) struct FreeTree {
    nodes: HashMap<(usize, u64), Digest>,
}

impl FreeTree {
    /// A copy of a stored one.
    pub(super) fn of(state: &MemoryState, kind: Tree) -> Self {
        let mut tree = Self {
            nodes: HashMap::new(),
        };
        for index in 0..state.leaf_count(kind).unwrap() {
            let id = NodeId {
                tree: kind,
                level: 0,
                index,
            };
            tree.set(index, state.node(id).unwrap().unwrap());
        }
        assert_eq!(tree.node(32, 0), tree::root(state, kind).unwrap());
        tree
    }

    fn node(&self, level: usize, index: u64) -> Digest {
        let empty = tree::empty_roots()[level];
        self.nodes.get(&(level, index)).copied().unwrap_or(empty)
    }

    pub(super) fn set(&mut self, index: u64, leaf: Digest) {
        self.nodes.insert((0, index), leaf);
        for level in 1..=32 {
            let above = index >> level;
            let [left, right] = [0, 1].map(|side| self.node(level - 1, above << 1 | side));
            self.nodes.insert((level, above), hash::node(left, right));
        }
    }

    /// The place of a leaf, or of the pair that it is in when `N` is 31.
    pub(super) fn place<const N: usize>(&self, index: u64) -> Place<F, N> {
        let from = 32 - N;
        let mut place = Place {
            bits: bits(index >> from),
            siblings: [[F::ZERO; 4]; N],
        };
        for (level, sibling) in (from..32).zip(&mut place.siblings) {
            *sibling = elements(self.node(level, (index >> level) ^ 1));
        }
        place
    }
}
