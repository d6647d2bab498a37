//! Processes killed in the middle of their work: the test binary runs itself as the victim.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::support::{Act, CONFIG, Chain, dump, identity};
use crate::Store;

const VICTIM_DIR: &str = "AGOGE_STORE_TEST_VICTIM_DIR";
const KILLS: usize = 12;
const OPS_MAX: usize = 160;
const OFFERS: usize = 24;

/// Starts a test of this binary in its own process, with a directory to work in.
pub(super) fn victim(test: &str, dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads", "1"])
        .env(VICTIM_DIR, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

/// The directory, when this process is a victim.
pub(super) fn victim_dir() -> Option<std::path::PathBuf> {
    std::env::var_os(VICTIM_DIR).map(Into::into)
}

/// Reads `count` lines that begin with `prefix`, then kills the child; returns the lines, with those that came before its end.
pub(super) fn kill_after(mut child: Child, prefix: &str, count: usize) -> Vec<String> {
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let mut seen: Vec<String> = lines
        .by_ref()
        .filter(|line| line.starts_with(prefix))
        .take(count)
        .collect();
    child.kill().unwrap();
    child.wait().unwrap();
    seen.extend(lines.filter(|line| line.starts_with(prefix)));
    seen
}

pub(super) fn say(line: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
}

/// What every run does in its n-th round; the same in victim and model.
fn play(chain: &mut Chain, store: Option<&Store>, n: usize) {
    let known = |txs| Act::Block { txs, is_known: true };
    let acts: Vec<Act> = match n % 8 {
        0 => vec![Act::Deposit, known(1)],
        1 => vec![known(2), known(0), Act::Seed],
        2 => vec![Act::Prune { depth: 2 }, known(1)],
        3 => vec![Act::Prove { count: 1 }],
        5 => vec![known(1), known(1), known(1), Act::Deposit],
        6 => vec![Act::Prune { depth: 64 }],
        // A reorg: of two L1 blocks, and every fourth time of all but the first.
        _ => {
            let depth = if n % 32 == 31 { 40 } else { 2 };
            chain.forget(depth);
            let to = chain.top().block;
            if let Some(store) = store {
                store.rollback_l1(to.number, to.hash).unwrap();
            }
            return;
        }
    };
    let step = chain.next_step(&acts);
    if let Some(store) = store {
        store.apply_l1_block(step).unwrap();
    }
}

fn start(store: &Store) -> Chain {
    let mut chain = Chain::new();
    for _ in 0..OFFERS {
        chain.offer_again(store);
    }
    chain
}

/// Plays the model until it stands where the store does; the round to go on with.
fn catch_up(store: &Store) -> (Chain, usize) {
    let mut chain = start(store);
    let Some(head) = store.view().l1_head().unwrap() else {
        chain.start(store);
        return (chain, 0);
    };
    let mut round = 0;
    while chain.top().block != head.block {
        assert!(
            round < OPS_MAX,
            "the store stands at an L1 block that never was: {head:?}"
        );
        play(&mut chain, None, round);
        round += 1;
    }
    (chain, round)
}

#[test]
fn killed_store_victim() {
    let Some(dir) = victim_dir() else { return };
    let store = Store::open(&dir, &identity(), CONFIG).unwrap();
    let (mut chain, round) = catch_up(&store);
    // The harness has written the beginning of a line.
    say("");
    for n in round..OPS_MAX {
        play(&mut chain, Some(&store), n);
        say(&format!("op {n}"));
    }
}

#[test]
fn a_killed_process_leaves_a_whole_store_slow() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data");
    for kill in 0..KILLS {
        let child = victim("tests::crash::killed_store_victim", &path);
        let lines = kill_after(child, "op ", 1 + kill * 5 % 13);
        assert!(!lines.is_empty(), "the victim worked before it was killed");

        let store = Store::open(&path, &identity(), CONFIG).unwrap();
        let (chain, _) = catch_up(&store);
        chain.check("after the kill", &store);
        let fresh = Store::in_memory(CONFIG).unwrap();
        start(&fresh);
        for step in &chain.steps {
            fresh.apply_l1_block(step.clone()).unwrap();
        }
        assert_eq!(dump(&store), dump(&fresh), "kill {kill}");
    }
}
