//! Blocks of L1 into a fresh store: followed, refused, taken back, and their client proofs found again.

use std::sync::Arc;

use agoge_l1_client::Blob;
use agoge_protocol::{
    Address, B256, BlockHash, Digest, Element, Epoch, L1Block, L1BlockNumber, L1Event, L2BlockNumber,
    Transaction, U256,
};
use agoge_prover::bench::SyntheticEpoch;
use agoge_prover::chain::{Applier, BlobsByHash, ChainRules};
use agoge_prover::holdings;
use agoge_prover::runtime::{FetchRules, incomplete_blocks};
use agoge_store::{BlockRecord, MinedAt, Store, StoreConfig};

use crate::support::with_anchor;

/// An epoch made elsewhere, and a prover that hears of it.
struct Network {
    epoch: SyntheticEpoch,
    store: Arc<Store>,
    rules: ChainRules,
    applier: Applier,
    parent: B256,
    number: u64,
}

impl Network {
    fn new() -> Self {
        let epoch = SyntheticEpoch::without_proofs(3, 4).unwrap();
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
        let rules = ChainRules {
            genesis_id: epoch.genesis_id(),
            timing: *epoch.timing(),
            limits: epoch.limits(),
        };
        let applier = Applier::new(Arc::clone(&store), rules).unwrap();
        Self {
            epoch,
            store,
            rules,
            applier,
            parent: B256::ZERO,
            number: 10,
        }
    }

    fn record(&self, number: u64) -> BlockRecord {
        let number = L2BlockNumber::new(number);
        self.epoch.store().view().block(number).unwrap().unwrap()
    }

    fn blob(&self, hash: B256) -> Blob {
        let blob = self.epoch.store().view().blob(hash).unwrap().unwrap();
        Blob::from_bytes(blob.to_vec()).unwrap()
    }

    fn l1_block(&mut self) -> L1Block {
        self.number += 1;
        let block = L1Block {
            number: L1BlockNumber::new(self.number),
            hash: B256::from(U256::from(self.number)),
            parent_hash: self.parent,
            time: 1_700_000_000 + self.number,
            prevrandao: B256::ZERO,
        };
        self.parent = block.hash;
        block
    }

    fn proposed(&self, number: u64) -> L1Event {
        let record = self.record(number);
        L1Event::BlockProposed {
            number: record.header.number,
            free_fields: record.free_fields,
            blob_hash: record.blob_hash,
            block_hash: record.block_hash,
        }
    }

    fn extend(&mut self, events: Vec<L1Event>) -> L1Block {
        let blobs: BlobsByHash = self
            .applier
            .blob_needs(&events)
            .into_iter()
            .map(|posted| (posted.blob_hash, self.blob(posted.blob_hash)))
            .collect();
        let block = self.l1_block();
        self.applier.extend(block, events, &blobs).unwrap();
        block
    }

    fn pending(&self) -> u64 {
        self.store.view().tips().unwrap().pending.get()
    }

    fn proven(to: u64) -> L1Event {
        L1Event::Proven {
            epoch: Epoch::new(0),
            prover: Address::ZERO,
            from: L2BlockNumber::new(1),
            to: L2BlockNumber::new(to),
            settled_from: L2BlockNumber::new(1),
            end_archive: Digest::ZERO,
        }
    }

    /// Client proofs of a block arrive.
    fn hold(&self, number: u64) {
        let number = L2BlockNumber::new(number);
        let txs = holdings::transactions(&self.epoch.store().view(), number)
            .unwrap()
            .unwrap();
        for (position, tx) in (0_u16..).zip(&txs) {
            assert!(
                self.store
                    .keep_mined_tx(MinedAt { number, position }, tx)
                    .unwrap()
            );
        }
    }

    fn missing(&self, number: u64) -> Option<usize> {
        let missing = holdings::missing(&self.store.view(), L2BlockNumber::new(number)).unwrap();
        missing.map(|missing| missing.len())
    }
}

#[test]
fn blocks_are_followed_one_or_several_in_an_l1_block_and_their_blobs_kept() {
    let mut network = Network::new();
    let first = network.proposed(1);
    network.extend(vec![first]);
    let several = vec![network.proposed(2), network.proposed(3), network.proposed(4)];
    network.extend(several);
    assert_eq!(network.pending(), 4);
    assert!(network.applier.unfollowed().is_none());
    for number in 1..=4 {
        let record = network.record(number);
        let found = network
            .store
            .view()
            .block(L2BlockNumber::new(number))
            .unwrap()
            .unwrap();
        assert_eq!(found.header, record.header);
        assert!(network.store.view().blob(record.blob_hash).unwrap().is_some());
    }
    assert_eq!(network.missing(3), Some(1));
    assert_eq!(network.missing(9), None);
    network.hold(3);
    assert_eq!(network.missing(3), Some(0));
    network.extend(vec![Network::proven(2)]);
    assert_eq!(network.store.view().tips().unwrap().proven.get(), 2);
}

#[test]
fn a_block_that_execution_does_not_confirm_is_not_followed_until_it_is_gone() {
    for spoil in [
        |event: &mut L1Event| {
            if let L1Event::BlockProposed { free_fields, .. } = event {
                free_fields.archive = Digest::ZERO;
            }
        },
        |event: &mut L1Event| {
            if let L1Event::BlockProposed { block_hash, .. } = event {
                *block_hash = BlockHash::ZERO;
            }
        },
    ] {
        let mut network = Network::new();
        let first = network.proposed(1);
        let good = network.extend(vec![first]);
        let mut bad = network.proposed(2);
        spoil(&mut bad);
        network.extend(vec![bad]);
        let after = network.proposed(3);
        assert!(
            network
                .applier
                .blob_needs(std::slice::from_ref(&after))
                .is_empty()
        );
        network.extend(vec![after]);
        assert_eq!(network.pending(), 1);
        let unfollowed = network.applier.unfollowed().unwrap();
        assert_eq!((unfollowed.number.get(), unfollowed.epoch.get()), (2, 1));

        // An L1 reorg takes it away and brings the right one.
        network.applier.roll_back(&good).unwrap();
        assert!(network.applier.unfollowed().is_none());
        (network.parent, network.number) = (good.hash, good.number.get());
        let second = network.proposed(2);
        network.extend(vec![second]);
        assert_eq!(network.pending(), 2);
    }
}

#[test]
fn a_prune_takes_away_what_was_not_followed() {
    let mut network = Network::new();
    let first = network.proposed(1);
    network.extend(vec![first]);
    network.extend(vec![Network::proven(1)]);
    let third = network.proposed(3);
    network.extend(vec![third]);
    let unfollowed = network.applier.unfollowed().unwrap();
    assert_eq!(
        (unfollowed.number.get(), unfollowed.epoch.get()),
        (3, 0),
        "block 2 was never heard of: it may be in the epoch of block 1"
    );
    network.extend(vec![Network::proven(7)]);
    network.extend(vec![L1Event::Pruned {
        to: L2BlockNumber::new(1),
    }]);
    assert!(network.applier.unfollowed().is_none());
    let second = network.proposed(2);
    network.extend(vec![second]);
    assert_eq!(network.pending(), 2);
}

#[test]
fn client_proofs_come_back_with_the_block_after_a_reorg() {
    let mut network = Network::new();
    let first = network.proposed(1);
    let before = network.extend(vec![first]);
    let second = network.proposed(2);
    network.extend(vec![second.clone()]);
    network.hold(2);
    network.applier.roll_back(&before).unwrap();
    assert_eq!(network.missing(2), None);
    (network.parent, network.number) = (before.hash, before.number.get());
    network.extend(vec![second]);
    assert_eq!(network.missing(2), Some(0), "nobody has to be asked again");
}

#[test]
fn client_proofs_of_unwound_blocks_are_remembered_through_a_restart() {
    let mut network = Network::new();
    let first = network.proposed(1);
    let before = network.extend(vec![first]);
    let second = network.proposed(2);
    network.extend(vec![second.clone()]);
    network.hold(2);
    network.applier.roll_back(&before).unwrap();
    network.applier = Applier::new(Arc::clone(&network.store), network.rules).unwrap();
    (network.parent, network.number) = (before.hash, before.number.get());
    network.extend(vec![second]);
    assert_eq!(network.missing(2), Some(0));
    let queued = network.store.view().pool_size().unwrap();
    assert_eq!(queued.count, 0, "they wait no longer");
}

#[test]
fn a_transaction_with_the_blocks_effects_and_a_foreign_anchor_is_not_kept() {
    let mut network = Network::new();
    let blocks: Vec<L1Event> = (1..=4).map(|number| network.proposed(number)).collect();
    network.extend(blocks);
    let number = L2BlockNumber::new(2);
    let txs = holdings::transactions(&network.epoch.store().view(), number)
        .unwrap()
        .unwrap();
    let keep = |tx: &Transaction, is_valid: bool| {
        let (wanted, txs) = ([(0, tx.id())], std::slice::from_ref(tx));
        holdings::keep(&network.store, number, &wanted, txs, &|_| is_valid).unwrap()
    };
    // A tree of its own, and a note root of the block itself and of one after it.
    let own = Digest([Element::from_u32(7); 4]);
    let later = [2, 3].map(|number| network.record(number).header.note_root);
    for anchor in [own, later[0], later[1]] {
        let twin = with_anchor(&txs[0], anchor);
        assert_eq!(twin.effects(), txs[0].effects());
        assert_eq!(keep(&twin, true), 0, "{anchor}");
        assert_eq!(network.missing(2), Some(txs.len()), "still to be asked for");
    }
    assert_eq!(keep(&txs[0], false), 0, "a proof that does not verify");
    assert_eq!(keep(&txs[0], true), 1);
    assert_eq!(network.missing(2), Some(txs.len() - 1));
    let served = network.store.view().tx(txs[0].id()).unwrap();
    assert_eq!(served.as_ref(), Some(&txs[0]), "whoever asks by the id gets it");
}

#[test]
fn client_proofs_are_fetched_for_what_is_to_be_proven_or_delivered() {
    let mut network = Network::new();
    let blocks: Vec<L1Event> = (1..=4).map(|number| network.proposed(number)).collect();
    network.extend(blocks);
    let (me, other) = (Address::repeat_byte(1), Address::repeat_byte(2));
    let rules = FetchRules {
        me,
        timing: *network.epoch.timing(),
        proof_window_epochs: 4,
    };
    let incomplete = |network: &Network| -> Vec<u64> {
        let found = incomplete_blocks(&network.store.view(), &rules).unwrap();
        found.iter().map(|(number, _)| number.get()).collect()
    };
    let claimed = |prover| L1Event::EpochClaimed {
        epoch: Epoch::new(1),
        prover,
        basis_point_fee: 1,
        bond_wei: 1,
        quote_digest: B256::ZERO,
    };
    assert_eq!(incomplete(&network), [2, 3, 4]);
    network.hold(2);
    assert_eq!(incomplete(&network), [3, 4]);
    network.extend(vec![claimed(other), Network::proven(4)]);
    assert!(incomplete(&network).is_empty(), "another delivers");
    network.extend(vec![claimed(me)]);
    assert_eq!(incomplete(&network), [3, 4], "to be delivered");
    network.extend(vec![L1Event::ClaimSettled {
        epoch: Epoch::new(1),
        prover: me,
        outcome: agoge_protocol::chain::ClaimOutcome::Delivered,
        slashed_wei: 0,
        rescued_wei: 0,
    }]);
    assert!(incomplete(&network).is_empty(), "delivered");
}
