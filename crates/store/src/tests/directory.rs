//! Data directories: whose they are, who holds them, and what damage does.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use agoge_protocol::L1BlockNumber;

use super::support::{Act, CONFIG, Chain, digest, dump, identity};
use crate::{OpenError, SCHEMA_VERSION, Store, StoreError, StoreIdentity};

fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

fn copy(from: &Path, to: &Path) {
    for (path, bytes) in files(from) {
        let target = to.join(path.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::write(target, bytes).unwrap();
    }
}

/// A closed store with some history, and the model of it.
fn closed(path: &Path) -> Chain {
    let store = Store::open(path, &identity(), CONFIG).unwrap();
    let mut chain = Chain::new();
    for _ in 0..4 {
        chain.offer(&store);
    }
    chain.start(&store);
    for _ in 0..4 {
        chain.apply(
            &store,
            &[
                Act::Deposit,
                Act::Block {
                    txs: 1,
                    is_known: true,
                },
            ],
        );
    }
    chain.apply(&store, &[Act::Prune { depth: 2 }]);
    chain
}

/// The database's file with this ending, the largest of them.
fn database_file(path: &Path, is_wanted: impl Fn(&str) -> bool) -> PathBuf {
    let is_wanted = |path: &Path| is_wanted(path.file_name().unwrap().to_str().unwrap());
    let all = files(&path.join("db"));
    all.into_iter()
        .filter(|(path, _)| is_wanted(path))
        .max_by_key(|(_, bytes)| bytes.len())
        .unwrap()
        .0
}

#[test]
fn a_store_is_found_again_as_it_was_left() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("nested").join("data");
    let chain = closed(&path);
    for _ in 0..2 {
        chain.check("reopened", &Store::open(&path, &identity(), CONFIG).unwrap());
    }
}

#[test]
fn directories_of_others_are_refused_untouched() {
    let dir = tempfile::tempdir().unwrap();
    let ours = dir.path().join("ours");
    closed(&ours);
    let other = |change: fn(&mut StoreIdentity)| {
        let mut identity = identity();
        change(&mut identity);
        identity
    };
    let (schema, junk, damaged, file) = (
        dir.path().join("schema"),
        dir.path().join("junk"),
        dir.path().join("damaged"),
        dir.path().join("file"),
    );
    let text = fs::read_to_string(ours.join("identity.json")).unwrap();
    for (path, name, content) in [
        (
            &schema,
            "identity.json",
            text.replace(&format!("\"schema\": {SCHEMA_VERSION}"), "\"schema\": 900"),
        ),
        (&junk, "letter.txt", "dear".to_owned()),
        (&damaged, "identity.json", text.replace("31337", "x")),
    ] {
        fs::create_dir(path).unwrap();
        fs::write(path.join(name), content).unwrap();
    }
    fs::write(&file, "no directory").unwrap();
    let cases = [
        (
            "network",
            &ours,
            other(|i| i.network = "phase1".to_owned()),
            "belongs to network test (chain 31337",
        ),
        (
            "chain",
            &ours,
            other(|i| i.chain_id = 1),
            "expected network test (chain 1,",
        ),
        (
            "genesis",
            &ours,
            other(|i| i.genesis_id = digest(9)),
            "use one data directory for each network",
        ),
        ("schema", &schema, identity(), "has schema 900"),
        ("junk", &junk, identity(), "not an Agoge data directory"),
        (
            "damaged identity",
            &damaged,
            identity(),
            "not an Agoge data directory",
        ),
        ("file", &file, identity(), "cannot use"),
    ];
    for (description, path, identity, message) in cases {
        let before = files(dir.path());
        let refusal = Store::open(path, &identity, CONFIG).unwrap_err().to_string();
        assert!(refusal.contains(message), "{description}: {refusal}");
        assert!(
            files(dir.path()) == before,
            "{description}: something was touched"
        );
    }
    Store::open(&ours, &identity(), CONFIG).unwrap();
}

#[test]
fn a_creation_cut_short_is_finished() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["lock", "identity.json.new"] {
        fs::write(dir.path().join(name), "{").unwrap();
    }
    drop(Store::open(dir.path(), &identity(), CONFIG).unwrap());
    Store::open(dir.path(), &identity(), CONFIG).unwrap();
}

#[test]
fn a_directory_in_use_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let first = Store::open(dir.path(), &identity(), CONFIG).unwrap();
    let second = Store::open(dir.path(), &identity(), CONFIG);
    assert!(matches!(second, Err(OpenError::Locked { .. })), "{second:?}");
    drop(first);
    Store::open(dir.path(), &identity(), CONFIG).unwrap();
}

#[test]
fn a_log_cut_anywhere_gives_the_last_whole_step_slow() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data");
    let mut chain = closed(&path);
    let log = database_file(&path, |name| name.ends_with(".log"));
    let relative = log.strip_prefix(&path).unwrap().to_owned();
    let length = fs::metadata(&log).unwrap().len();
    let mut heads = Vec::new();
    for cut in 0..50 {
        let copied = dir.path().join(format!("cut {cut}"));
        copy(&path, &copied);
        let file = fs::OpenOptions::new()
            .write(true)
            .open(copied.join(&relative))
            .unwrap();
        file.set_len(length * (cut + 1) / 50 - u64::from(cut < 49))
            .unwrap();
        let store = Store::open(&copied, &identity(), CONFIG).unwrap();
        let head = store.view().l1_head().unwrap().map(|head| head.block.number);
        let fresh = Store::in_memory(CONFIG).unwrap();
        for tx in store
            .view()
            .queued_txs(None, usize::MAX)
            .unwrap()
            .iter()
            .chain(&chain.offered)
        {
            fresh.queue_tx(tx).unwrap();
        }
        for step in chain
            .steps
            .iter()
            .take_while(|step| Some(step.block.number) <= head)
        {
            fresh.apply_l1_block(step.clone()).unwrap();
        }
        assert_eq!(dump(&store), dump(&fresh), "cut {cut}");
        assert_eq!(
            store.view().tips().unwrap(),
            fresh.view().tips().unwrap(),
            "cut {cut}"
        );
        heads.push(head);
        drop(store);
        fs::remove_dir_all(copied).unwrap();
    }
    assert!(heads.is_sorted(), "{heads:?}");
    assert_eq!(heads.last().copied().flatten(), Some(chain.top().block.number));
    chain.forget(chain.steps.len());
    assert!(
        heads.contains(&None) && heads.contains(&Some(L1BlockNumber::new(102))),
        "{heads:?}"
    );
}

#[test]
fn damage_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data");
    closed(&path);
    type Wanted = fn(&str) -> bool;
    let cases: [(&str, Wanted); 2] = [
        ("write-ahead log", |name| name.ends_with(".log")),
        ("manifest", |name| name.starts_with("MANIFEST")),
    ];
    for (description, wanted) in cases {
        let copied = dir.path().join(description);
        copy(&path, &copied);
        let target = database_file(&copied, wanted);
        let mut bytes = fs::read(&target).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&target, bytes).unwrap();
        let refusal = Store::open(&copied, &identity(), CONFIG).unwrap_err();
        let is_corruption = matches!(&refusal, OpenError::Corrupt { source: StoreError::Database(e), .. } if e.is_corruption());
        assert!(is_corruption, "{description}: {refusal:?}");
    }
}

#[test]
fn damaged_tables_are_noticed() {
    let dir = tempfile::tempdir().unwrap();
    closed(dir.path());
    // Opening moves what the log holds into table files.
    drop(Store::open(dir.path(), &identity(), CONFIG).unwrap());
    let tables: Vec<_> = files(dir.path())
        .into_iter()
        .filter(|(path, _)| path.extension().is_some_and(|e| e == "sst"))
        .collect();
    assert!(!tables.is_empty());
    for (path, mut bytes) in tables {
        // The first block of a table holds rows.
        bytes[5] ^= 1;
        fs::write(path, bytes).unwrap();
    }
    let refusal = Store::open(dir.path(), &identity(), CONFIG).unwrap_err();
    let is_corruption =
        matches!(&refusal, OpenError::Corrupt { source: StoreError::Database(e), .. } if e.is_corruption());
    assert!(is_corruption, "{refusal:?}");
}

#[test]
fn rows_that_do_not_belong_together_are_noticed() {
    use crate::backend::Durability;
    use crate::rows::{encode, number_key};
    use crate::table::Table;

    type Row = (Table, Vec<u8>, Option<Vec<u8>>);
    let root = crate::rows::node_key(agoge_state_transition::NodeId::root(
        agoge_state_transition::Tree::Note,
    ));
    let cases: [(&str, Row, &str); 6] = [
        (
            "L1 block missing",
            (Table::L1Blocks, number_key(102), None),
            "BrokenL1Chain { number: L1BlockNumber(103) }",
        ),
        (
            "L1 undo missing",
            (Table::L1Undo, number_key(103), None),
            "BrokenL1Chain { number: L1BlockNumber(103) }",
        ),
        (
            "tips",
            (Table::Meta, b"tips".to_vec(), Some(vec![0; 24])),
            "BrokenL1Chain { number: L1BlockNumber(105) }",
        ),
        (
            "root",
            (Table::Nodes, root, Some(encode(&digest(1)))),
            "TipMismatch",
        ),
        (
            "tip's record missing",
            (Table::Blocks, number_key(2), None),
            "MissingRow",
        ),
        (
            "tip's record damaged",
            (Table::Blocks, number_key(2), Some(vec![1])),
            "Undecodable",
        ),
    ];
    let dir = tempfile::tempdir().unwrap();
    for (description, row, message) in cases {
        let path = dir.path().join(description);
        closed(&path);
        let store = Store::open(&path, &identity(), CONFIG).unwrap();
        store.write_raw(vec![row], Durability::Now);
        drop(store);
        let refusal = format!("{:?}", Store::open(&path, &identity(), CONFIG).unwrap_err());
        assert!(refusal.contains(message), "{description}: {refusal}");
    }
}
