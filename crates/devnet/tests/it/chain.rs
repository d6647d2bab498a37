//! A whole network of real processes: what a person relies on when nodes die, L1 reorganises and peers or wallets misbehave.
//!
//! One network serves all scenarios, one after the other: its start is the dear part. Client proofs use the testing profile and epoch
//! proofs are empty; the demo makes real ones.

use std::path::Path;
use std::time::Duration;

use agoge_devnet::history::checks::{chain, equivocation, logs, resources, roots, transactions, value};
use agoge_devnet::history::finding::Verdict;
use agoge_devnet::history::{self, Limits, Manifest};
use agoge_devnet::network::Devnet;
use agoge_devnet::plan::{Plan, Verifier, Wishes};
use agoge_devnet::wallets::Wallet;
use agoge_protocol::element::MODULUS;
use agoge_protocol::rpc::TransactionStatus;
use agoge_protocol::{Address, Slot, TxId};
use agoge_wallet::node::NodeError;
use eyre::{Result, bail, ensure, eyre};

use crate::ONE_NETWORK;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_survives_what_happens_to_networks_slow() -> Result<()> {
    let _turn = ONE_NETWORK.lock().await;
    let home = tempfile::tempdir()?;
    let mut devnet = start(home.path()).await?;
    let sampler = sample(&devnet);
    let wallets = fund_two_wallets(&mut devnet).await?;

    malformed_and_invalid_transactions_are_refused_with_their_code(&devnet, &wallets).await?;
    of_two_conflicting_spends_exactly_one_is_mined(&mut devnet, &wallets).await?;
    a_killed_node_comes_back_and_agrees(&mut devnet).await?;
    a_wiped_follower_rebuilds_the_state_from_l1_alone(&mut devnet).await?;
    a_reorg_of_three_l1_blocks_heals_and_loses_no_transaction(&mut devnet, &wallets).await?;
    ten_members_make_no_block_and_eleven_do(&mut devnet).await?;
    sampler.abort();
    the_history_violates_nothing(&devnet).await?;

    devnet.stop().await;
    Ok(())
}

struct Wallets {
    alice: Wallet,
    bob: Wallet,
}

async fn start(dir: &Path) -> Result<Devnet> {
    let wishes = Wishes {
        dir: Some(dir.join("devnet")),
        verifier: Verifier::Test,
        records_wire: true,
        ..Wishes::default()
    };
    Devnet::start(Plan::new(&wishes)?).await
}

async fn fund_two_wallets(devnet: &mut Devnet) -> Result<Wallets> {
    devnet.wait_for_block(1, devnet.slots(20)).await?;
    let node = url(devnet, 0)?;
    let alice = Wallet::create(devnet, 0, &node).await?;
    let bob = Wallet::create(devnet, 1, &node).await?;
    for _ in 0..2 {
        alice.deposit(&node, "1ether").await?;
    }
    ensure!(alice.spendable(&node).await? == 2_000_000_000);
    Ok(Wallets { alice, bob })
}

async fn malformed_and_invalid_transactions_are_refused_with_their_code(
    devnet: &Devnet,
    wallets: &Wallets,
) -> Result<()> {
    let node = devnet.nodes.first().ok_or_else(|| eyre!("no nodes"))?.rpc()?;
    let good = raw(devnet, wallets, "0.1ether").await?;
    // Offsets of the borsh encoding (docs/wire.md): elements are 8 bytes little-endian, the proof is last.
    let byte = |position: usize| {
        position.saturating_mul(2).saturating_add(2)..position.saturating_mul(2).saturating_add(4)
    };
    let replaced = |position: usize, bytes: &[u8]| {
        let mut text = good.clone();
        for (offset, value) in bytes.iter().enumerate() {
            text.replace_range(byte(position + offset), &format!("{value:02x}"));
        }
        text
    };
    // A byte of the proof, flipped: a fixed value could be the one that stands there.
    let flipped = {
        let position = (good.len() - 2) / 2 - 2_000;
        let old = u8::from_str_radix(&good[byte(position)], 16)?;
        replaced(position, &[old ^ 1])
    };
    let cases = [
        ("nothing", "0x".to_owned(), "AGOGE-TX-001"),
        ("truncated", good[..good.len() - 2].to_owned(), "AGOGE-TX-001"),
        ("extended", format!("{good}00"), "AGOGE-TX-001"),
        (
            "an element that is not below p",
            replaced(32, &MODULUS.to_le_bytes()),
            "AGOGE-TX-001",
        ),
        ("another instance", replaced(0, &[1, 2, 3]), "AGOGE-TX-002"),
        ("a flipped proof byte", flipped, "AGOGE-TX-005"),
    ];
    for (what, raw, code) in cases {
        match node.send_raw(&raw).await {
            Err(NodeError::Refused { code: found, .. }) if found == code => {}
            other => bail!("{what}: expected {code}, found {other:?}"),
        }
    }
    match node.send_raw("not hex").await {
        Err(NodeError::Refused { .. }) => Ok(()),
        other => bail!("not hex: {other:?}"),
    }
}

async fn of_two_conflicting_spends_exactly_one_is_mined(
    devnet: &mut Devnet,
    wallets: &Wallets,
) -> Result<()> {
    let (first, second) = (
        raw(devnet, wallets, "0.1ether").await?,
        raw(devnet, wallets, "0.2ether").await?,
    );
    let (here, there) = (devnet.nodes[0].rpc()?, devnet.nodes[1].rpc()?);
    // Handed to two nodes at once, so that neither knows of the other.
    let (one, two) = tokio::join!(here.send_raw(&first), there.send_raw(&second));
    let ids: Vec<TxId> = [&one, &two]
        .into_iter()
        .filter_map(|sent| sent.as_ref().ok().copied())
        .collect();
    ensure!(!ids.is_empty(), "both were refused: {one:?} {two:?}");
    let tip = devnet.l1_tip().await?;
    let tip = devnet.wait_for_block(tip + 3, devnet.slots(16)).await?;
    devnet.wait_agreed(tip, devnet.slots(8)).await?;
    let mut mined = 0;
    for id in ids {
        if matches!(
            devnet.nodes[2].rpc()?.status(id).await?,
            TransactionStatus::Mined { .. } | TransactionStatus::Proven { .. }
        ) {
            mined += 1;
        }
    }
    ensure!(mined == 1, "{mined} of two conflicting transactions were mined");
    // The loser can be recognised as spent.
    for raw in [first, second] {
        ensure!(
            here.send_raw(&raw).await.is_err(),
            "a spent note was accepted again"
        );
    }
    Ok(())
}

async fn a_killed_node_comes_back_and_agrees(devnet: &mut Devnet) -> Result<()> {
    let slot = devnet.l1_slot().await?.ok_or_else(|| eyre!("before genesis"))?;
    // In the middle of a slot, wherever the node happens to be in its duties.
    devnet.wait_for_slot(slot.next()).await?;
    tokio::time::sleep(Duration::from_millis(1_300)).await;
    devnet.nodes[1].kill().await;
    devnet.nodes[1].start().await?;
    let tip = devnet.l1_tip().await?;
    let tip = devnet.wait_for_block(tip + 4, devnet.slots(24)).await?;
    devnet.wait_agreed(tip, devnet.slots(8)).await?;
    Ok(())
}

async fn a_wiped_follower_rebuilds_the_state_from_l1_alone(devnet: &mut Devnet) -> Result<()> {
    let follower = devnet.add_follower("follower").await?;
    let tip = devnet.l1_tip().await?;
    devnet.wait_agreed(tip, devnet.slots(16)).await?;
    devnet.nodes[follower].kill().await;
    devnet.nodes[follower].wipe()?;
    devnet.nodes[follower].start().await?;
    devnet.wait_agreed(tip, devnet.slots(16)).await?;
    Ok(())
}

async fn a_reorg_of_three_l1_blocks_heals_and_loses_no_transaction(
    devnet: &mut Devnet,
    wallets: &Wallets,
) -> Result<()> {
    let node = url(devnet, 0)?;
    let sent = wallets
        .alice
        .send(&node, &wallets.bob.address, "0.3ether", &[])
        .await?;
    let id: TxId = serde_json::from_value(sent["id"].clone())?;
    accepted(devnet, id)?;
    devnet.anvil.reorg(3).await?;
    let tip = devnet.l1_tip().await?;
    let tip = devnet.wait_for_block(tip + 4, devnet.slots(24)).await?;
    devnet.wait_agreed(tip, devnet.slots(8)).await?;
    for node in &devnet.nodes {
        let status = node.rpc()?.status(id).await?;
        ensure!(
            matches!(
                status,
                TransactionStatus::Mined { .. } | TransactionStatus::Proven { .. }
            ),
            "{}: {status:?}",
            node.name()
        );
    }
    Ok(())
}

async fn ten_members_make_no_block_and_eleven_do(devnet: &mut Devnet) -> Result<()> {
    // Sixteen keys and a committee of sixteen: every validator is a member of every committee.
    let attesters: Vec<(usize, Address)> = devnet
        .nodes
        .iter()
        .enumerate()
        .flat_map(|(node, process)| process.attesters().iter().map(move |attester| (node, *attester)))
        .collect();
    for (node, attester) in attesters.iter().take(6) {
        devnet.nodes[*node].set_duties(*attester, false).await?;
    }
    let slot = quiet_from(devnet).await?;
    let before = devnet.l1_tip().await?;
    devnet.wait_for_slot(Slot::new(slot.get() + 6)).await?;
    let after = devnet.l1_tip().await?;
    ensure!(
        after == before,
        "ten members made {} blocks",
        after.saturating_sub(before)
    );

    let (node, attester) = attesters[0];
    devnet.nodes[node].set_duties(attester, true).await?;
    devnet.wait_for_block(after + 2, devnet.slots(24)).await?;
    for (node, attester) in attesters.iter().take(6) {
        devnet.nodes[*node].set_duties(*attester, true).await?;
    }
    Ok(())
}

/// Everything that this network went through, against the protocol's invariants.
async fn the_history_violates_nothing(devnet: &Devnet) -> Result<()> {
    let report = history::check(&Manifest::of(devnet), Limits::default()).await;
    eprintln!("{report}");
    for finding in &report.checks {
        // A few minutes say nothing about the slope of an hour.
        let expected = if finding.check == resources::NAME {
            Verdict::Unknown
        } else {
            Verdict::Pass
        };
        ensure!(finding.verdict == expected, "{report}");
    }
    let figure = |check: &str, name: &str| {
        let finding = report.finding(check);
        finding.and_then(|finding| finding.figures.get(name).copied())
    };
    for (check, name, least) in [
        (equivocation::NAME, "records", 5),
        (equivocation::NAME, "publications", 8),
        (equivocation::NAME, "keys", 16),
        (chain::NAME, "proposers_drawn_again", 8),
        (roots::NAME, "nodes", 5),
        (roots::NAME, "heights_compared_with_l1", 8),
        (transactions::NAME, "mined", 1),
        (value::NAME, "deposits", 2),
        (logs::NAME, "secrets", 32),
        (resources::NAME, "samples", 10),
    ] {
        let found = figure(check, name);
        ensure!(found >= Some(least), "{check}, {name}: {found:?}\n{report}");
    }
    Ok(())
}

/// Writes down that a node accepted a transaction, as a load does.
fn accepted(devnet: &Devnet, id: TxId) -> Result<()> {
    let line = serde_json::json!({"event": "accepted", "id": id});
    std::fs::write(devnet.dir().join("load.jsonl"), format!("{line}\n"))?;
    Ok(())
}

fn sample(devnet: &Devnet) -> tokio::task::JoinHandle<std::io::Result<()>> {
    let dir = devnet.dir().to_owned();
    tokio::spawn(async move { history::sampler::run(&dir, Duration::from_secs(5)).await })
}

/// The first slot for which no block can be under way any more.
async fn quiet_from(devnet: &Devnet) -> Result<Slot> {
    let slot = devnet.l1_slot().await?.ok_or_else(|| eyre!("before genesis"))?;
    let quiet = Slot::new(slot.get() + 2);
    devnet.wait_for_slot(quiet).await?;
    Ok(quiet)
}

async fn raw(devnet: &Devnet, wallets: &Wallets, amount: &str) -> Result<String> {
    let data = wallets
        .alice
        .send(&url(devnet, 0)?, &wallets.bob.address, amount, &["--print-raw"])
        .await?;
    Ok(data["raw"].as_str().unwrap_or_default().to_owned())
}

fn url(devnet: &Devnet, node: usize) -> Result<String> {
    Ok(devnet
        .nodes
        .get(node)
        .ok_or_else(|| eyre!("no node {node}"))?
        .rpc_url())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_proofs_blocks_are_pruned_and_their_transactions_mined_again_slow() -> Result<()> {
    let _turn = ONE_NETWORK.lock().await;
    let home = tempfile::tempdir()?;
    // An epoch of 12 s and a window of four: blocks of the first epoch fall a minute after its start.
    let wishes = Wishes {
        keys: Some(4),
        procs: Some(2),
        slot_ms: Some(3_000),
        epoch_slots: Some(4),
        dir: Some(home.path().join("devnet")),
        provers: Some(0),
        verifier: Verifier::Test,
        ..Wishes::default()
    };
    let mut devnet = Devnet::start(Plan::new(&wishes)?).await?;
    let wallets = fund_two_wallets(&mut devnet).await?;
    let sent = wallets
        .alice
        .send(&url(&devnet, 0)?, &wallets.bob.address, "0.3ether", &[])
        .await?;
    let id: TxId = serde_json::from_value(sent["id"].clone())?;
    let before = sent["block"].as_u64().ok_or_else(|| eyre!("no block: {sent}"))?;

    // The tip falls back to genesis, whether or not anybody calls `prune`, and the next block has number 1 again.
    let mut tip = devnet.l1_tip().await?;
    for _ in 0..600 {
        let now = devnet.l1_tip().await?;
        if now < tip {
            break;
        }
        tip = now;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    ensure!(
        tip >= before,
        "the chain was pruned before the transaction's block"
    );
    let tip = devnet.wait_for_block(4, devnet.slots(20)).await?;
    devnet.wait_agreed(tip.min(4), devnet.slots(10)).await?;
    for node in &devnet.nodes {
        let status = node.rpc()?.status(id).await?;
        ensure!(
            matches!(status, TransactionStatus::Mined { .. }),
            "{}: {status:?} after the prune",
            node.name()
        );
    }
    devnet.stop().await;
    Ok(())
}
