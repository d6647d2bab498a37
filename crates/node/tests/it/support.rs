//! A node's chain half without tasks around it: store in memory, pool, executor, applier, and an L1 that the test speaks for.

use std::sync::Arc;

use agoge_l1_client::Blob;
use agoge_node::chain::{Applier, BlockRules, Built, ChainError, Executor, Prepared, PreparedBlocks};
use agoge_node::mempool::{Mempool, MempoolConfig, PoolLimits, ProofVerifier};
use agoge_protocol::note::next_inbox_hash;
use agoge_protocol::{
    Address, B256, Ciphertext, Deposit, Digest, Element, Epoch, L1Block, L1BlockNumber, L1Event,
    L2BlockNumber, Slot, Timing, Transaction, TxPublicInputs, Withdrawal,
};
use agoge_state_transition::{BlockLimits, Tree, hash, tree};
use agoge_store::{Store, StoreConfig};
use agoge_supervisor::Supervisor;

pub(crate) const TIMING: Timing = Timing {
    genesis_time: 1_000,
    slot_seconds: 4,
    epoch_slots: 16,
    set_lag: 2,
    entropy_lag: 1,
};
pub(crate) const FEE: u64 = 1_000;

/// Proofs are valid when their first byte is 1.
pub(crate) struct FirstByte;

impl ProofVerifier for FirstByte {
    fn is_valid(&self, tx: &Transaction) -> bool {
        tx.proof().first() == Some(&1)
    }
}

pub(crate) fn genesis_id() -> Digest {
    Digest([Element::from_u32(77); 4])
}

pub(crate) fn rules() -> BlockRules {
    BlockRules {
        genesis_id: genesis_id(),
        timing: TIMING,
        limits: BlockLimits {
            txs_max: 8,
            deposits_max: 4,
            withdrawals_max: 2,
            tx_fee_min: FEE,
        },
        inbox_lag_slots: 2,
        proof_window_epochs: 4,
    }
}

pub(crate) struct TestNode {
    pub(crate) store: Arc<Store>,
    pub(crate) mempool: Mempool,
    pub(crate) executor: Executor,
    pub(crate) applier: Applier,
    /// Owner of the blocking tasks.
    pub(crate) _supervisor: Supervisor,
}

pub(crate) fn store_config() -> StoreConfig {
    StoreConfig {
        undo_blocks_max: 200,
        l1_blocks_max: 256,
        epoch_slots: TIMING.epoch_slots,
        mined_tx_blocks_max: 64,
        queued_txs_max: 100,
        queued_bytes_max: 10 << 20,
        blobs_max: 64,
        blob_age_slots_max: 10_000,
    }
}

/// L1 takes a proof of blocks up to `to`, of which all from `settled_from` on were unproven.
pub(crate) fn proven(settled_from: u64, to: u64) -> L1Event {
    L1Event::Proven {
        epoch: Epoch::new(0),
        prover: Address::repeat_byte(0x77),
        from: L2BlockNumber::new(1),
        to: L2BlockNumber::new(to),
        settled_from: L2BlockNumber::new(settled_from),
        end_archive: Digest::ZERO,
    }
}

impl TestNode {
    pub(crate) fn new() -> Self {
        Self::on(Arc::new(Store::in_memory(store_config()).unwrap()), 100)
    }

    pub(crate) fn on(store: Arc<Store>, count_max: usize) -> Self {
        let supervisor = Supervisor::new();
        let config = MempoolConfig {
            genesis_id: genesis_id(),
            limits: rules().limits,
            pool: PoolLimits {
                count_max,
                bytes_max: 1 << 20,
            },
            workers: 2,
            waiting_max: 4,
        };
        let mempool = Mempool::open(
            Arc::clone(&store),
            Arc::new(FirstByte),
            supervisor.spawner(),
            config,
        )
        .unwrap();
        let executor = Executor::new(Arc::clone(&store), rules(), PreparedBlocks::default());
        let applier = Applier::new(Arc::clone(&store), executor.clone(), mempool.clone(), None);
        Self {
            store,
            mempool,
            executor,
            applier,
            _supervisor: supervisor,
        }
    }

    pub(crate) fn archive(&self) -> Digest {
        self.store.view().archive_root().unwrap()
    }

    pub(crate) fn tip(&self) -> u64 {
        self.store.view().tips().unwrap().pending.get()
    }

    /// Note root of the tip: an anchor that transactions may name.
    pub(crate) fn anchor(&self) -> Digest {
        tree::root(&self.store.view(), Tree::Note).unwrap()
    }

    /// Builds on the tip what the pool offers.
    pub(crate) fn build(&self, slot: u64) -> Arc<Prepared> {
        let candidates = self.mempool.best(16).unwrap();
        let Built { block, skipped } = self
            .executor
            .build(
                Slot::new(slot),
                self.archive(),
                Address::repeat_byte(9),
                &candidates,
            )
            .unwrap();
        self.mempool
            .on_skipped(skipped, L2BlockNumber::new(self.tip()))
            .unwrap();
        block
    }

    /// Applies the next L1 block.
    pub(crate) fn extend(
        &self,
        block: L1Block,
        events: &[L1Event],
        blob: Option<&Blob>,
    ) -> Result<(), ChainError> {
        let hashes = events.iter().filter_map(|event| match event {
            L1Event::BlockProposed { blob_hash, .. } => Some(*blob_hash),
            _ => None,
        });
        let blobs = hashes.filter_map(|hash| Some((hash, Box::new(blob?.clone()))));
        self.applier.extend(block, events.to_vec(), &blobs.collect())
    }
}

/// L1 block `number` of the first chain; a second apart, from genesis.
pub(crate) fn l1(number: u64) -> L1Block {
    let hash = |number: u64| B256::left_padding_from(&number.to_be_bytes());
    L1Block {
        number: L1BlockNumber::new(number),
        hash: hash(number),
        parent_hash: hash(number - 1),
        time: TIMING.genesis_time + number,
        prevrandao: B256::ZERO,
    }
}

/// Another block after `parent`.
pub(crate) fn fork(parent: &L1Block, name: u8) -> L1Block {
    let mut block = l1(parent.number.get() + 1);
    block.hash.0[0] = name;
    block.parent_hash = parent.hash;
    block
}

/// Deposit `index`, made in an L1 block.
pub(crate) fn deposit(index: u64, block: L1Block, previous: B256) -> Deposit {
    let partial = Digest([Element::from_u32(500 + u32::try_from(index).unwrap()); 4]);
    Deposit {
        index,
        partial,
        value: 5_000,
        ciphertext: Ciphertext::from_bytes(&[3; 91]),
        time: block.time,
        inbox_hash: next_inbox_hash(previous, partial, 5_000),
    }
}

pub(crate) fn posted(number: u64, block: &Prepared) -> L1Event {
    L1Event::BlockProposed {
        number: L2BlockNumber::new(number),
        free_fields: block.proposal.free_fields,
        blob_hash: block.proposal.blob_hash,
        block_hash: block.proposal.block_hash(),
    }
}

/// A transaction under an anchor that spends notes `a` and `b`; valid iff `proof` is 1.
pub(crate) fn tx(anchor: Digest, fee: u64, a: u32, b: u32, proof: u8) -> Transaction {
    let nullifier = |n: u32| Digest([Element::from_u32(n); 4]);
    let ciphertexts = [Ciphertext::from_bytes(&[0; 91]); 2];
    let inputs = TxPublicInputs::new(
        genesis_id(),
        anchor,
        [nullifier(a), nullifier(b)],
        [nullifier(a + 100_000), nullifier(b + 100_000)],
        fee,
        Withdrawal::default(),
        hash::ciphertexts(&ciphertexts),
    );
    Transaction::new(inputs.unwrap(), ciphertexts, vec![proof]).unwrap()
}
