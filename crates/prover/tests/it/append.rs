//! Blocks for an instance without a committee: what goes into them, that any other follower takes them from L1, and that nothing of a draft
//! stays.

use std::sync::Arc;

use agoge_l1_client::Blob;
use agoge_protocol::note::next_inbox_hash;
use agoge_protocol::{
    Address, B256, Ciphertext, Deposit, Digest, Epoch, L1Block, L1BlockNumber, L1Event, L2BlockNumber, Slot,
    Transaction, U256,
};
use agoge_prover::append::{Draft, DraftError, DraftRules, take_back};
use agoge_prover::bench::SyntheticEpoch;
use agoge_prover::chain::{Applier, BlobsByHash, ChainRules};
use agoge_prover::epochs::{EpochBlocks, read_statement};
use agoge_prover::holdings;
use agoge_prover::jobs::Shelf;
use agoge_prover::work::Library;
use agoge_state_transition::BlockLimits;
use agoge_store::{BlockRecord, Store, StoreConfig};

use crate::support::with_anchor;

const LAG: u64 = 2;

/// A store that follows an L1 of the test's making.
struct Follower {
    store: Arc<Store>,
    applier: Applier,
    head: L1Block,
}

impl Follower {
    fn new(rules: &DraftRules) -> Self {
        let config = StoreConfig {
            undo_blocks_max: 64,
            l1_blocks_max: 256,
            epoch_slots: 32,
            mined_tx_blocks_max: 64,
            queued_txs_max: 64,
            queued_bytes_max: 1 << 20,
            blobs_max: 64,
            blob_age_slots_max: 4_096,
        };
        let store = Arc::new(Store::in_memory(config).unwrap());
        let chain = ChainRules {
            genesis_id: rules.claimant.genesis_id,
            timing: rules.timing,
            limits: rules.limits,
        };
        let applier = Applier::new(Arc::clone(&store), chain).unwrap();
        let head = L1Block {
            number: L1BlockNumber::new(9),
            hash: B256::ZERO,
            parent_hash: B256::ZERO,
            time: 0,
            prevrandao: B256::ZERO,
        };
        Self { store, applier, head }
    }

    /// The next L1 block, in the middle of a slot.
    fn extend(&mut self, rules: &DraftRules, slot: u64, events: Vec<L1Event>, blobs: &BlobsByHash) {
        let number = self.head.number.get() + 1;
        self.head = L1Block {
            number: L1BlockNumber::new(number),
            hash: B256::from(U256::from(number)),
            parent_hash: self.head.hash,
            time: rules.timing.slot_start(Slot::new(slot)) + 5,
            prevrandao: B256::ZERO,
        };
        self.applier.extend(self.head, events, blobs).unwrap();
    }

    fn pending(&self) -> u64 {
        self.store.view().tips().unwrap().pending.get()
    }
}

/// An instance with two blocks, of which one is proven, and transactions that wait.
struct Pool {
    epoch: SyntheticEpoch,
    rules: DraftRules,
    old: Follower,
    txs: Vec<Transaction>,
    history: Vec<(u64, Vec<L1Event>)>,
}

fn proven(to: u64) -> L1Event {
    L1Event::Proven {
        epoch: Epoch::new(0),
        prover: Address::ZERO,
        from: L2BlockNumber::new(to),
        to: L2BlockNumber::new(to),
        settled_from: L2BlockNumber::new(to),
        end_archive: Digest::ZERO,
    }
}

fn proposed(record: &BlockRecord) -> L1Event {
    L1Event::BlockProposed {
        number: record.header.number,
        free_fields: record.free_fields,
        blob_hash: record.blob_hash,
        block_hash: record.block_hash,
    }
}

impl Pool {
    fn new(limits: impl FnOnce(&mut BlockLimits)) -> Self {
        let epoch = SyntheticEpoch::without_proofs(2, 6).unwrap();
        let mut rules = DraftRules {
            claimant: *epoch.claimant(),
            timing: *epoch.timing(),
            limits: epoch.limits(),
            inbox_lag_slots: LAG,
        };
        limits(&mut rules.limits);
        // Block 1 is empty; its note root is the anchor of all. Block 2 has three of the six, block 3 the others.
        let txs = [2, 3].map(|number| {
            let number = L2BlockNumber::new(number);
            holdings::transactions(&epoch.store().view(), number)
                .unwrap()
                .unwrap()
        });
        let old = Follower::new(&rules);
        let mut pool = Self {
            epoch,
            rules,
            old,
            txs: txs.concat(),
            history: Vec::new(),
        };
        let [first, second] = [1, 2].map(|number| proposed(&pool.record(number)));
        pool.hear(0, vec![first, proven(1)]);
        pool.hear(33, vec![second]);
        pool
    }

    fn record(&self, number: u64) -> BlockRecord {
        let number = L2BlockNumber::new(number);
        self.epoch.store().view().block(number).unwrap().unwrap()
    }

    fn blobs(&self, events: &[L1Event]) -> BlobsByHash {
        let needs = self.old.applier.blob_needs(events);
        let blob = |hash| self.epoch.store().view().blob(hash).unwrap().unwrap();
        needs
            .into_iter()
            .map(|posted| {
                (
                    posted.blob_hash,
                    Blob::from_bytes(blob(posted.blob_hash).to_vec()).unwrap(),
                )
            })
            .collect()
    }

    fn hear(&mut self, slot: u64, events: Vec<L1Event>) {
        let blobs = self.blobs(&events);
        self.old.extend(&self.rules, slot, events.clone(), &blobs);
        self.history.push((slot, events));
    }

    fn deposits(&mut self, slot: u64, count: u64) {
        let view = self.old.store.view();
        let first = view.inbox_count().unwrap();
        let mut inbox_hash = view.inbox_hash(first).unwrap();
        drop(view);
        let time = self.rules.timing.slot_start(Slot::new(slot)) + 5;
        let deposit = |index| {
            let partial = self.record(1).header_hash;
            inbox_hash = next_inbox_hash(inbox_hash, partial, 7 + index);
            L1Event::Deposited(Deposit {
                index,
                partial,
                value: 7 + index,
                ciphertext: Ciphertext::from_bytes(&[3; 91]),
                time,
                inbox_hash,
            })
        };
        let events = (first..first + count).map(deposit).collect();
        self.hear(slot, events);
    }

    fn lay(&self, txs: &[Transaction]) -> Result<Draft, DraftError> {
        Draft::lay(&self.old.store, &self.rules, txs)
    }

    fn drafted(&self, draft: &Draft) -> Vec<BlockRecord> {
        let view = self.old.store.view();
        let numbers = draft.key.first.get()..=draft.key.last.get();
        numbers
            .map(|number| view.block(L2BlockNumber::new(number)).unwrap().unwrap())
            .collect()
    }
}

fn slots(draft: &Draft) -> Vec<u64> {
    draft.slots.iter().map(|slot| slot.get()).collect()
}

#[test]
fn one_block_on_the_proven_tip_holds_what_it_can() {
    let mut pool = Pool::new(|_| ());
    pool.hear(40, Vec::new());
    let draft = pool.lay(&pool.txs).unwrap();
    assert_eq!(slots(&draft), [40]);
    assert_eq!(
        [draft.key.first.get(), draft.key.last.get()],
        [2, 2],
        "block 2 of the committee leaves"
    );
    assert_eq!(draft.key.epoch, Epoch::new(1));
    let ids: Vec<_> = pool.txs.iter().map(Transaction::id).collect();
    assert_eq!(draft.included, ids);
    assert!(draft.refused.is_empty() && draft.left.is_empty());
    let record = &pool.drafted(&draft)[0];
    assert_eq!(record.header.fee_recipient, pool.rules.claimant.prover);
    assert_eq!(record.free_fields.archive, draft.key.end_archive);
}

#[test]
fn another_follower_takes_the_blocks_from_l1() {
    let mut pool = Pool::new(|limits| (limits.txs_max, limits.deposits_max) = (2, 1));
    pool.deposits(36, 2);
    pool.hear(45, Vec::new());
    let draft = pool.lay(&pool.txs).unwrap();
    assert_eq!(slots(&draft), [43, 44, 45]);
    assert_eq!((draft.included.len(), draft.deposits), (6, 2));
    let records = pool.drafted(&draft);
    assert_eq!(
        records
            .iter()
            .map(|record| record.header.tx_count)
            .collect::<Vec<_>>(),
        [2, 2, 2]
    );
    assert_eq!(
        records
            .iter()
            .map(|record| record.header.inbox_end)
            .collect::<Vec<_>>(),
        [1, 2, 2]
    );

    let mut other = Follower::new(&pool.rules);
    for (slot, events) in &pool.history {
        let blobs = pool.blobs(events);
        other.extend(&pool.rules, *slot, events.clone(), &blobs);
    }
    let mut events = vec![L1Event::Pruned {
        to: L2BlockNumber::new(1),
    }];
    events.extend(records.iter().map(proposed));
    events.push(proven(4));
    let view = pool.old.store.view();
    let blobs = records.iter().map(|record| {
        let blob = view.blob(record.blob_hash).unwrap().unwrap();
        (record.blob_hash, Blob::from_bytes(blob.to_vec()).unwrap())
    });
    other.extend(&pool.rules, 46, events, &blobs.collect());
    assert_eq!(other.applier.unfollowed(), None);
    assert_eq!(other.pending(), 4);
    assert_eq!(other.store.view().archive_root().unwrap(), draft.key.end_archive);
}

#[test]
fn a_draft_has_a_statement_and_every_witness() {
    let mut pool = Pool::new(|limits| limits.txs_max = 4);
    pool.deposits(36, 2);
    pool.hear(45, Vec::new());
    let draft = pool.lay(&pool.txs).unwrap();
    let DraftRules {
        claimant,
        timing,
        limits,
        ..
    } = pool.rules;
    let (blocks, statement) = read_statement(&pool.old.store, &claimant, &timing, &draft.key)
        .unwrap()
        .unwrap();
    assert_eq!(statement.inputs.end_archive, draft.key.end_archive);
    assert_eq!(statement.inputs.start_archive, pool.record(1).free_fields.archive);
    assert_eq!(statement.commitments.len(), 2 * 128);
    let dir = tempfile::tempdir().unwrap();
    let shelf = Arc::new(Shelf::open(dir.path(), 16 << 20, 1 << 30).unwrap());
    let library = Library::new(Arc::clone(&pool.old.store), shelf, claimant.genesis_id, limits);
    let stream = library.stream(&blocks).unwrap();
    assert_eq!(stream.blocks.len(), 2, "client proofs and states are all there");
}

#[test]
fn nothing_of_a_draft_stays() {
    let mut pool = Pool::new(|_| ());
    pool.hear(40, Vec::new());
    let state = |pool: &Pool| {
        let view = pool.old.store.view();
        (
            view.tips().unwrap(),
            view.l1_head().unwrap(),
            view.archive_root().unwrap(),
            view.pool_size().unwrap(),
            view.block(L2BlockNumber::new(2)).unwrap(),
        )
    };
    let before = state(&pool);
    let first = pool.lay(&pool.txs).unwrap();
    assert_ne!(state(&pool), before);
    take_back(&pool.old.store).unwrap();
    assert_eq!(state(&pool), before);
    take_back(&pool.old.store).unwrap();
    assert_eq!(state(&pool), before, "what is L1's stays");
    assert_eq!(pool.lay(&pool.txs).unwrap(), first, "the same again");
    take_back(&pool.old.store).unwrap();
    // L1 goes on from its own block.
    pool.hear(
        41,
        vec![L1Event::Pruned {
            to: L2BlockNumber::new(1),
        }],
    );
    assert_eq!(pool.old.pending(), 1);
}

#[test]
fn what_fits_no_block_is_refused_and_what_has_no_room_is_left() {
    let mut pool = Pool::new(|limits| limits.txs_max = 1);
    pool.hear(40, Vec::new());
    let foreign = with_anchor(&pool.txs[0], pool.record(3).header.note_root);
    // Six blocks at most, and the epoch's slots suffice for them.
    let mut txs = vec![foreign.clone()];
    txs.extend(pool.txs.clone());
    txs.push(pool.txs[1].clone());
    let draft = pool.lay(&txs).unwrap();
    assert_eq!(draft.refused.len(), 1, "{:?}", draft.refused);
    assert_eq!(draft.refused[0].id, foreign.id());
    assert_eq!(draft.included.len(), 6);
    assert_eq!(slots(&draft), [35, 36, 37, 38, 39, 40]);
    assert_eq!(draft.left, [pool.txs[1].id()], "it was not looked at");
    take_back(&pool.old.store).unwrap();
    // Twice the same, with room: the second cannot be.
    let twice = [pool.txs[1].clone(), pool.txs[1].clone()];
    let draft = pool.lay(&twice).unwrap();
    assert_eq!((draft.included.len(), draft.refused.len()), (1, 1));
}

#[test]
fn there_must_be_something_and_a_slot_for_it() {
    let mut pool = Pool::new(|_| ());
    pool.hear(40, Vec::new());
    let foreign = with_anchor(&pool.txs[0], pool.record(3).header.note_root);
    let error = pool.lay(std::slice::from_ref(&foreign)).unwrap_err();
    assert!(error.to_string().contains("anchor"), "{error}");
    assert!(matches!(error, DraftError::Nothing { refused } if refused[0].id == foreign.id()));
    let error = pool.lay(&[]).unwrap_err();
    assert!(error.to_string().contains("no transaction was given"), "{error}");
    // Deposits alone are something, once they are due.
    pool.deposits(40, 1);
    assert!(
        matches!(pool.lay(&[]), Err(DraftError::Nothing { .. })),
        "not due yet"
    );
    pool.hear(43, Vec::new());
    let draft = pool.lay(&[]).unwrap();
    assert_eq!((draft.deposits, draft.included.len()), (1, 0));
    take_back(&pool.old.store).unwrap();
    let blocks = EpochBlocks::read(
        &pool.old.store.view(),
        &pool.rules.timing,
        L2BlockNumber::new(1)..=L2BlockNumber::new(1),
    );
    assert!(blocks.is_ok());
    // The newest proven block is of the present slot.
    let mut young = Follower::new(&pool.rules);
    let (slot, events) = &pool.history[0];
    let blobs = pool.blobs(events);
    young.extend(&pool.rules, *slot, events.clone(), &blobs);
    let error = Draft::lay(&young.store, &pool.rules, &pool.txs).unwrap_err();
    assert!(matches!(error, DraftError::NoSlot { .. }), "{error}");
}
