//! A small L1 and L2 chain to feed stores with, next to a model of what they must hold.

use std::collections::BTreeMap;
use std::rc::Rc;

use agoge_protocol::note::next_inbox_hash;
use agoge_protocol::{
    Address, B256, Ciphertext, Deposit, Digest, Element, Epoch, L1Block, L1BlockNumber, L2BlockNumber, Slot,
    Transaction, TxId, TxPublicInputs, Withdrawal, keccak256,
};
use agoge_state_transition::{
    BlockContext, BlockLimits, ExecutedBlock, MemoryState, NodeId, StateReader, Tree, execute_block, hash,
};

use crate::backend::Row;
use crate::table::Table;
use crate::{
    AppliedBlock, BlockRecord, L1Change, L1Step, MinedTx, StepError, StepOutcome, Store, StoreConfig,
    StoreIdentity, Tips,
};

pub(super) const CONFIG: StoreConfig = StoreConfig {
    undo_blocks_max: 256,
    l1_blocks_max: 256,
    epoch_slots: 8,
    mined_tx_blocks_max: 256,
    queued_txs_max: 512,
    queued_bytes_max: 1 << 22,
    blobs_max: 3,
    blob_age_slots_max: 10,
};

pub(super) fn identity() -> StoreIdentity {
    StoreIdentity {
        network: "test".to_owned(),
        chain_id: 31_337,
        genesis_id: digest(0),
    }
}

/// Both twins, with a name for messages and the directory that keeps one of them alive.
pub(super) fn twins(config: StoreConfig) -> [(&'static str, Store, Option<tempfile::TempDir>); 2] {
    let dir = tempfile::tempdir().unwrap();
    let rocks = Store::open(&dir.path().join("data dir ü"), &identity(), config).unwrap();
    [
        ("memory", Store::in_memory(config).unwrap(), None),
        ("rocksdb", rocks, Some(dir)),
    ]
}

/// A digest that differs for every number.
pub(super) fn digest(number: u64) -> Digest {
    let hash = keccak256(number.to_be_bytes());
    let (chunks, _) = hash.as_chunks::<8>();
    Digest(core::array::from_fn(|i| {
        Element::new(u64::from_be_bytes(chunks[i]) >> 1).unwrap()
    }))
}

/// A transaction whose notes follow from `seed`.
pub(super) fn transaction(seed: u64) -> Transaction {
    let at = |i| digest(seed * 8 + i + (1 << 40));
    let ciphertexts = [Ciphertext::from_bytes(&[u8::try_from(seed % 251).unwrap(); 91]); 2];
    let inputs = TxPublicInputs::new(
        identity().genesis_id,
        at(0),
        [at(1), at(2)],
        [at(3), at(4)],
        1_000,
        Withdrawal::default(),
        hash::ciphertexts(&ciphertexts),
    );
    Transaction::new(inputs.unwrap(), ciphertexts, vec![7; 5_000]).unwrap()
}

/// What one L1 block is to bring, in words that fit any state.
#[derive(Clone, Debug)]
pub(super) enum Act {
    Deposit,
    /// A block with this many of the queued transactions; ids known or not.
    Block {
        txs: usize,
        is_known: bool,
    },
    /// Cut off this many blocks, as far as they are not proven.
    Prune {
        depth: u64,
    },
    /// Prove this many more blocks, as far as there are.
    Prove {
        count: u64,
    },
    Seed,
    Instance,
}

/// Where the model stands after an L1 block.
#[derive(Clone)]
pub(super) struct Point {
    pub(super) block: L1Block,
    /// State after each L2 block, from 0.
    pub(super) states: Vec<Rc<MemoryState>>,
    pub(super) proven: u64,
    pub(super) deposits: Vec<Deposit>,
    /// Deposits consumed after each L2 block, from 0.
    pub(super) inbox_ends: Vec<u64>,
    /// Transactions mined with a known id.
    pub(super) mined: BTreeMap<TxId, L2BlockNumber>,
}

/// A model of the chain and the steps that lead to it.
pub(super) struct Chain {
    pub(super) points: Vec<Point>,
    pub(super) steps: Vec<L1Step>,
    pub(super) offered: Vec<Transaction>,
    counter: u64,
}

impl Chain {
    pub(super) fn new() -> Self {
        let genesis = l1_block(100, B256::ZERO, 0);
        let start = Point {
            block: genesis,
            states: vec![Rc::new(MemoryState::new())],
            proven: 0,
            deposits: Vec::new(),
            inbox_ends: vec![0],
            mined: BTreeMap::new(),
        };
        let first = L1Step {
            block: genesis,
            changes: Vec::new(),
        };
        Self {
            points: vec![start],
            steps: vec![first],
            offered: Vec::new(),
            counter: 1,
        }
    }

    pub(super) fn top(&self) -> &Point {
        self.points.last().unwrap()
    }

    fn tick(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// Offers a new transaction to the store's queue.
    pub(super) fn offer(&mut self, store: &Store) {
        let tx = transaction(self.tick());
        assert_eq!(store.queue_tx(&tx).unwrap(), crate::Queued::Kept);
        self.offered.push(tx);
    }

    /// Offers a new transaction that the store may have from an earlier run, queued or mined.
    pub(super) fn offer_again(&mut self, store: &Store) {
        let tx = transaction(self.tick());
        if store.view().tx(tx.id()).unwrap().is_none() {
            store.queue_tx(&tx).unwrap();
        }
        self.offered.push(tx);
    }

    /// Applies the L1 block before all others.
    pub(super) fn start(&self, store: &Store) {
        store.apply_l1_block(self.steps[0].clone()).unwrap();
    }

    /// Makes the step for the next L1 block and the point after it.
    pub(super) fn next_step(&mut self, acts: &[Act]) -> L1Step {
        let parent = self.top().block;
        let salt = self.tick();
        let block = l1_block(parent.number.get() + 1, parent.hash, salt);
        let mut point = Point {
            block,
            ..self.top().clone()
        };
        let changes = acts
            .iter()
            .filter_map(|act| self.change(&mut point, act))
            .collect();
        self.points.push(point);
        let step = L1Step { block, changes };
        self.steps.push(step.clone());
        step
    }

    fn change(&mut self, point: &mut Point, act: &Act) -> Option<L1Change> {
        let tip = u64::try_from(point.states.len()).unwrap() - 1;
        match act {
            Act::Deposit => {
                let deposit = self.deposit(point);
                point.deposits.push(deposit.clone());
                Some(L1Change::Deposit(deposit))
            }
            Act::Block { txs, is_known } => {
                Some(L1Change::Block(Box::new(self.block(point, *txs, *is_known))))
            }
            Act::Prune { depth } => {
                let to = tip.saturating_sub(*depth).max(point.proven);
                let keep = usize::try_from(to + 1).unwrap();
                point.states.truncate(keep);
                point.inbox_ends.truncate(keep);
                point.mined.retain(|_, number| number.get() <= to);
                Some(L1Change::Prune {
                    to: L2BlockNumber::new(to),
                })
            }
            Act::Prove { count } => {
                point.proven = (point.proven + count).min(tip);
                Some(L1Change::Proven {
                    to: L2BlockNumber::new(point.proven),
                })
            }
            Act::Seed => {
                let number = self.tick();
                Some(L1Change::Seed {
                    epoch: Epoch::new(number % 5),
                    seed: keccak256(number.to_be_bytes()),
                })
            }
            Act::Instance => {
                let activation = Epoch::new(self.tick());
                Some(L1Change::Instance {
                    instance: Address::repeat_byte(3),
                    activation,
                })
            }
        }
    }

    fn deposit(&mut self, point: &Point) -> Deposit {
        let partial = digest(self.tick());
        let previous = point
            .deposits
            .last()
            .map_or(B256::ZERO, |deposit| deposit.inbox_hash);
        Deposit {
            index: u64::try_from(point.deposits.len()).unwrap(),
            partial,
            value: 5,
            ciphertext: Ciphertext::from_bytes(&[1; 91]),
            time: point.block.time,
            inbox_hash: next_inbox_hash(previous, partial, 5),
        }
    }

    fn block(&mut self, point: &mut Point, txs: usize, is_known: bool) -> AppliedBlock {
        let slot = Slot::new(self.tick());
        let start = *point.inbox_ends.last().unwrap();
        let txs: Vec<_> = self
            .offered
            .iter()
            .filter(|tx| !is_spent(point, tx))
            .take(txs)
            .cloned()
            .collect();
        let effects: Vec<_> = txs.iter().map(Transaction::effects).collect();
        let from = usize::try_from(start).unwrap();
        let deposits = &point.deposits[from..point.deposits.len().min(from + 2)];
        let state = point.states.last().unwrap();
        let executed = execute_block(state.as_ref(), &context(slot, start), deposits, &effects).unwrap();
        let mut after = MemoryState::clone(state);
        after.apply(&executed.diff);
        point.states.push(Rc::new(after));
        point.inbox_ends.push(executed.header.inbox_end);
        if is_known {
            point
                .mined
                .extend(txs.iter().map(|tx| (tx.id(), executed.header.number)));
        }
        let txs = txs
            .iter()
            .map(|tx| MinedTx {
                id: is_known.then(|| tx.id()),
                effects: tx.effects(),
            })
            .collect();
        applied(executed, txs, point.block.number)
    }

    /// Applies the next step to a store and compares it with the model.
    pub(super) fn apply(&mut self, store: &Store, acts: &[Act]) -> StepOutcome {
        let step = self.next_step(acts);
        let outcome = store.apply_l1_block(step).unwrap();
        assert_eq!(outcome.tips, store.view().tips().unwrap());
        outcome
    }

    /// Rolls model and store back by up to `depth` L1 blocks.
    pub(super) fn roll_back(&mut self, store: &Store, depth: usize) -> StepOutcome {
        self.forget(depth);
        let to = self.top().block;
        store.rollback_l1(to.number, to.hash).unwrap()
    }

    /// Rolls only the model back.
    pub(super) fn forget(&mut self, depth: usize) {
        let keep = self.points.len().saturating_sub(depth).max(1);
        self.points.truncate(keep);
        self.steps.truncate(keep);
    }

    /// Compares everything a view tells with the model.
    pub(super) fn check(&self, name: &str, store: &Store) {
        let (view, point) = (store.view(), self.top());
        let tip = point.states.len() - 1;
        let number = |n: usize| L2BlockNumber::new(u64::try_from(n).unwrap());
        let tips = view.tips().unwrap();
        assert_eq!(
            (tips.pending, tips.proven.get()),
            (number(tip), point.proven),
            "{name}"
        );
        assert_eq!(view.l1_head().unwrap().unwrap().block, point.block, "{name}");
        assert_eq!(view.deposits(0..u64::MAX).unwrap(), point.deposits, "{name}");
        same_state(name, &view, &point.states[tip]);
        for (n, state) in point.states.iter().enumerate().skip(1) {
            let record = view.block(number(n)).unwrap().unwrap();
            assert_eq!(
                record.header.note_root,
                root(state.as_ref(), Tree::Note),
                "{name}"
            );
            assert_eq!(
                view.block_at_slot(record.header.slot).unwrap(),
                Some(number(n)),
                "{name}"
            );
        }
        assert_eq!(view.block(number(tip + 1)).unwrap(), None, "{name}");
        // No transaction is lost: it is in its block if that stands and its id was known, otherwise in the queue.
        for tx in &self.offered {
            let place = point.mined.get(&tx.id()).copied();
            assert_eq!(
                view.mined_tx_id(tx.id()).unwrap().map(|at| at.number),
                place,
                "{name}"
            );
            assert_eq!(view.tx(tx.id()).unwrap().as_ref(), Some(tx), "{name}");
            assert_eq!(
                view.queued_tx(tx.id()).unwrap().is_some(),
                place.is_none(),
                "{name}"
            );
            for nullifier in tx.public_inputs.nullifiers() {
                let key = agoge_protocol::transaction::nullifier_key(nullifier);
                let at = view.mined_nullifier(key).unwrap();
                assert_eq!(at.is_some(), is_spent(point, tx), "{name}");
                if let Some(at) = at {
                    let txs = view.block_txs(at.number).unwrap().unwrap();
                    assert_eq!(txs[usize::from(at.position)].effects, tx.effects(), "{name}");
                }
            }
        }
        let queued = view.queued_txs(None, usize::MAX).unwrap();
        let size = view.pool_size().unwrap();
        assert_eq!(size.count, u64::try_from(queued.len()).unwrap(), "{name}");
        let bytes: usize = queued.iter().map(|tx| borsh::to_vec(tx).unwrap().len()).sum();
        assert_eq!(size.bytes, u64::try_from(bytes).unwrap(), "{name}");
        crate::check::check(view.read()).unwrap();
    }
}

fn is_spent(point: &Point, tx: &Transaction) -> bool {
    let key = agoge_protocol::transaction::nullifier_key(&tx.public_inputs.nullifiers()[0]);
    let low = point.states.last().unwrap().low_leaf(key).unwrap();
    low.is_some_and(|(found, _)| found == key)
}

pub(super) fn context(slot: Slot, inbox_start: u64) -> BlockContext {
    BlockContext {
        genesis_id: identity().genesis_id,
        slot,
        timestamp: slot.get() * 36,
        fee_recipient: Address::repeat_byte(9),
        inbox_start,
        limits: BlockLimits {
            txs_max: 64,
            deposits_max: 16,
            withdrawals_max: 12,
            tx_fee_min: 0,
        },
    }
}

pub(super) fn applied(executed: ExecutedBlock, txs: Vec<MinedTx>, l1_block: L1BlockNumber) -> AppliedBlock {
    let (free_fields, blob_hash) = (executed.free_fields(), B256::repeat_byte(4));
    let record = BlockRecord {
        header_hash: executed.header_hash,
        block_hash: free_fields.block_hash(executed.header.parent_archive, B256::ZERO, blob_hash),
        header: executed.header,
        free_fields,
        blob_hash,
        l1_block,
    };
    AppliedBlock {
        record,
        txs,
        diff: executed.diff,
    }
}

pub(super) fn l1_block(number: u64, parent_hash: B256, salt: u64) -> L1Block {
    let hash = keccak256([number.to_be_bytes(), salt.to_be_bytes()].concat());
    L1Block {
        number: L1BlockNumber::new(number),
        hash,
        parent_hash,
        time: number * 12,
        prevrandao: hash,
    }
}

fn root<S: StateReader>(state: &S, tree: Tree) -> Digest
where
    S::Error: core::fmt::Debug,
{
    agoge_state_transition::tree::root(state, tree).unwrap()
}

/// Compares what execution can read of two states.
pub(super) fn same_state<S: StateReader>(name: &str, state: &S, model: &MemoryState)
where
    S::Error: core::fmt::Debug,
{
    for tree in [Tree::Note, Tree::Nullifier, Tree::Archive] {
        assert_eq!(root(state, tree), root(model, tree), "{name} {tree:?}");
        assert_eq!(
            state.leaf_count(tree).unwrap(),
            model.leaf_count(tree).unwrap(),
            "{name} {tree:?}"
        );
        for index in 0..6 {
            let id = NodeId {
                tree,
                level: 0,
                index,
            };
            assert_eq!(state.node(id).unwrap(), model.node(id).unwrap(), "{name} {id:?}");
        }
    }
    for probe in 0..8 {
        let Digest([a, b, _, _]) = digest(probe);
        assert_eq!(
            state.low_leaf([a, b]).unwrap(),
            model.low_leaf([a, b]).unwrap(),
            "{name}"
        );
    }
    let anchor = root(model, Tree::Note);
    assert_eq!(
        state.anchor(anchor).unwrap(),
        model.anchor(anchor).unwrap(),
        "{name}"
    );
}

/// Every row of the tables that the chain determines.
pub(super) fn dump(store: &Store) -> BTreeMap<Table, Vec<Row>> {
    let view = store.view();
    Table::ALL
        .iter()
        .filter(|table| {
            !matches!(
                table,
                Table::Meta | Table::QueuedTxs | Table::MinedTxs | Table::Blobs | Table::BlobSlots
            )
        })
        .map(|table| {
            (
                *table,
                view.read()
                    .range(*table, &[], &[0xff; 64], usize::MAX >> 1)
                    .unwrap(),
            )
        })
        .collect()
}

pub(super) fn genesis_tips() -> Tips {
    Tips::default()
}

pub(super) fn refused(result: Result<StepOutcome, StepError>) -> String {
    result.unwrap_err().to_string()
}
