//! An upgrade on a whole network, with the verifier that takes empty proofs: the story of the demo, through an L1 reorg; then what a story does
//! not tell: a node that is killed on the new Rollup, a follower that comes later, a validator that leaves across the upgrade, a note that
//! stayed in the old pool.

use std::time::{Duration, Instant};

use agoge_devnet::demo;
use agoge_devnet::govctl::Govctl;
use agoge_devnet::keys::{Role, key};
use agoge_devnet::network::Devnet;
use agoge_devnet::node_process::NodeProcess;
use agoge_devnet::plan::{Plan, Verifier, Wishes};
use agoge_devnet::wallets::Wallet;
use agoge_protocol::U256;
use agoge_protocol::rpc::RpcInstance;
use agoge_wallet::node::Node;
use eyre::{Result, ensure, eyre};
use serde_json::{Value, json};

use crate::ONE_NETWORK;

/// Seconds of an exit on this network: longer than a vote with its timelock, and than a validator can be in a committee.
const EXIT_SECONDS: u64 = 80;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_node_moves_to_the_new_rollup_slow() -> Result<()> {
    let _turn = ONE_NETWORK.lock().await;
    let home = tempfile::tempdir()?;
    // Epochs of 24 s, rounds of 24 s; one validator more than a committee, so that one can leave.
    let wishes = Wishes {
        keys: Some(5),
        procs: Some(2),
        committee: Some(4),
        slot_ms: Some(3_000),
        epoch_slots: Some(8),
        dir: Some(home.path().join("devnet")),
        verifier: Verifier::Test,
        ..Wishes::default()
    };
    let mut plan = Plan::new(&wishes)?;
    plan.network.governance.vote_period_seconds = 16;
    plan.network.staking.exit_delay_seconds = EXIT_SECONDS;
    let (mut devnet, alice) = demo::upgrade_through_a_reorg(plan).await?;

    a_killed_node_comes_back_to_the_new_rollup(&mut devnet).await?;
    a_later_follower_gets_there_from_l1(&mut devnet).await?;
    a_validator_leaves_with_its_whole_stake(&devnet).await?;
    a_note_of_the_old_pool_is_withdrawn(&devnet, &alice).await?;

    devnet.stop().await;
    Ok(())
}

async fn a_killed_node_comes_back_to_the_new_rollup(devnet: &mut Devnet) -> Result<()> {
    let node = devnet.nodes.get_mut(1).ok_or_else(|| eyre!("no second node"))?;
    node.kill().await;
    node.start().await?;
    devnet.wait_ready(Duration::from_secs(60)).await?;
    let tip = devnet.l1_tip().await?;
    devnet.wait_agreed(tip, devnet.slots(8)).await?;
    Ok(())
}

async fn a_later_follower_gets_there_from_l1(devnet: &mut Devnet) -> Result<()> {
    devnet.add_follower("late").await?;
    devnet.wait_ready(Duration::from_secs(60)).await?;
    let tip = devnet.l1_tip().await?;
    devnet.wait_agreed(tip, devnet.slots(8)).await?;
    Ok(())
}

/// The stake is Staking's, whatever Rollup is canonical: it leaves by the same commands, once.
async fn a_validator_leaves_with_its_whole_stake(devnet: &Devnet) -> Result<()> {
    let last = devnet.plan.keys.saturating_sub(1);
    let attester = key(&devnet.plan.seed, Role::Attester, last).address().to_string();
    let withdrawer = key(&devnet.plan.seed, Role::Withdrawer, last);
    devnet
        .anvil
        .set_balance(withdrawer.address(), 1_000_000_000_000_000_000)
        .await?;
    let govctl = Govctl::create(devnet, "leaver", &withdrawer)?;
    let early = govctl.ask(&["finalise", &attester]).await?;
    ensure!(
        early.code == 3,
        "finalise before exit ends with {}: {}",
        early.code,
        early.data
    );
    govctl.run(&["exit", &attester]).await?;
    tokio::time::sleep(Duration::from_secs(EXIT_SECONDS.saturating_add(3))).await;
    govctl.run(&["finalise", &attester]).await?;
    let stake_gwei = devnet.plan.network.staking.activation_stake_gwei;
    let stake = U256::from(stake_gwei).saturating_mul(U256::from(1_000_000_000_u64));
    let owed = devnet.owed("Staking", withdrawer.address()).await?;
    ensure!(
        owed == stake,
        "Staking owes the leaver {owed} wei, its stake was {stake}"
    );
    govctl.run(&["withdraw"]).await?;
    let left = devnet.owed("Staking", withdrawer.address()).await?;
    ensure!(left.is_zero(), "Staking still owes {left} wei");
    Ok(())
}

/// Nobody makes blocks of the old Rollup any more: its owner does, with their proof, and the money is on L1. Every node follows.
async fn a_note_of_the_old_pool_is_withdrawn(devnet: &Devnet, alice: &Wallet) -> Result<()> {
    let node = devnet.nodes.first().ok_or_else(|| eyre!("there are no nodes"))?;
    let list = node.public_call("agoge_instances", json!([])).await?;
    let list: Vec<RpcInstance> = serde_json::from_value(list)?;
    let old = list
        .first()
        .and_then(|first| first.genesis_id)
        .ok_or_else(|| eyre!("the node does not know the old instance"))?;
    let url = |node: &NodeProcess| format!("{}/instances/{old}", node.rpc_url().trim_end_matches('/'));
    let held = alice.spendable(&url(node)).await?;
    ensure!(held > 0, "alice has nothing left in the old pool");

    let before = devnet.l1.balance(alice.account).await?;
    let prover_dir = devnet.dir().join("exit-prover");
    let left = alice.exit(&url(node), &prover_dir).await?;
    let after = devnet.l1.balance(alice.account).await?;
    // Fee and gas are a small part of it.
    let most = U256::from(held).saturating_mul(U256::from(900_000_000_u64));
    ensure!(
        after > before.saturating_add(most),
        "alice had {before} wei, then {after}, of {held} gwei in the old pool: {left}"
    );
    let text = |field| left.get(field).and_then(Value::as_str).unwrap_or_default();
    ensure!(text("remaining_gwei") == "0", "something is left: {left}");

    let last = left.get("last").and_then(Value::as_u64).unwrap_or(u64::MAX);
    let limit = Instant::now() + devnet.slots(8);
    for node in &devnet.nodes {
        loop {
            let tips = Node::new(&url(node))?.tips().await?;
            if tips.proven.number.get() >= last {
                break;
            }
            ensure!(
                Instant::now() < limit,
                "{} stands at block {} of the old Rollup, {last} is appended",
                node.name(),
                tips.proven.number
            );
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
    let again = alice.exit(&url(node), &prover_dir).await;
    ensure!(again.is_err(), "alice left twice: {again:?}");
    Ok(())
}
