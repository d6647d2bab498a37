//! What jobs are made from: witnesses of proven and unproven blocks, and what passes apart from what does not.

use agoge_protocol::{B256, Digest, L1Block, L1BlockNumber};
use agoge_prover::plan::Track;
use agoge_prover::work::{LibraryError, Recipe, Recipes};
use agoge_store::{L1Change, L1Step, MinedAt};

use crate::support::{Finished, SHAPE, with_anchor};

#[test]
fn an_epoch_that_others_proved_first_still_has_its_witnesses() {
    let (finished, dir) = (Finished::new(3, 6), tempfile::tempdir().unwrap());
    let (store, blocks) = (finished.epoch.store(), finished.epoch.blocks());
    let head = store.view().l1_head().unwrap().unwrap().block;
    let block = L1Block {
        number: L1BlockNumber::new(head.number.get() + 1),
        hash: B256::repeat_byte(1),
        parent_hash: head.hash,
        time: head.time + 12,
        prevrandao: B256::ZERO,
    };
    let to = *blocks.range().unwrap().end();
    let changes = vec![L1Change::Proven { to }];
    store.apply_l1_block(L1Step { block, changes }).unwrap();
    let library = finished.library(dir.path());
    let stream = library.stream(blocks).unwrap();
    assert_eq!(stream.blocks.len(), 3, "its claimant delivers all the same");
    for block in &stream.blocks {
        assert!(library.shelf().has(block.witness_id()));
    }
}

#[test]
fn blocks_that_a_reorg_has_replaced_meanwhile_can_be_planned_later() {
    let (finished, dir) = (Finished::new(3, 6), tempfile::tempdir().unwrap());
    let mut blocks = finished.epoch.blocks().clone();
    blocks.blocks[1].record.header.parent_archive = Digest::ZERO;
    let error = finished.library(dir.path()).stream(&blocks).unwrap_err();
    assert!(matches!(error, LibraryError::Missing { .. }), "{error}");
}

#[test]
fn another_anchor_in_the_same_block_is_another_witness_and_another_job() {
    // One leaf of the transaction track for each block.
    let (finished, dir) = (Finished::new(3, 9), tempfile::tempdir().unwrap());
    let (store, blocks) = (finished.epoch.store(), finished.epoch.blocks());
    let library = finished.library(dir.path());
    let planned = library.stream(blocks).unwrap();
    let recipes = Recipes::new(B256::ZERO, &SHAPE, &planned);
    let leaves = |track| {
        let of_track =
            move |recipe: &&Recipe| matches!(recipe, Recipe::Leaf { track: of, .. } if *of == track);
        recipes.jobs.values().filter(of_track)
    };
    let lost = |recipe: &Recipe| match library.task(recipe, &planned, blocks) {
        Ok(_) => None,
        Err(LibraryError::Lost { id }) => Some(id),
        Err(error) => panic!("{error}"),
    };
    assert!(leaves(Track::Transactions).all(|recipe| lost(recipe).is_none()));

    let number = blocks.blocks[1].record.header.number;
    let at = MinedAt { number, position: 0 };
    let tx = store.view().mined_tx(at).unwrap().unwrap();
    let twin = with_anchor(&tx, blocks.blocks[0].record.header.note_root);
    assert!(store.keep_mined_tx(at, &twin).unwrap());
    let found: Vec<_> = leaves(Track::Transactions).filter_map(lost).collect();
    let of_block = planned.blocks[1].witness_id();
    assert!(
        !found.is_empty() && found.iter().all(|id| *id == of_block),
        "its leaf"
    );
    assert_eq!(
        leaves(Track::Transactions).filter_map(lost).count(),
        2,
        "and the one after it, which starts where it ends"
    );
    assert!(
        leaves(Track::State).any(|recipe| lost(recipe).is_some()),
        "no job has the old name and the new transaction"
    );

    let again = library.stream(blocks).unwrap();
    assert_eq!(again.blocks[1].txs[0], twin.id());
    assert_eq!(again.blocks[0], planned.blocks[0]);
    assert_ne!(again.blocks[1].witness_id(), planned.blocks[1].witness_id());
    let recipes = Recipes::new(B256::ZERO, &SHAPE, &again);
    for recipe in recipes
        .jobs
        .values()
        .filter(|recipe| matches!(recipe, Recipe::Leaf { .. }))
    {
        library.task(recipe, &again, blocks).unwrap();
    }
}
