//! The story of an upgrade, by the commands of the governance guide: deploy, verify, signal, nominate, vote, queue, execute; the nodes move
//! by themselves; the new Rollup makes a block in every slot of its first epoch, and that epoch is proven. Then the second decision of the plan,
//! made by proposers of the new Rollup: everybody may stake, and the former admin of the allow-list can do nothing any more.

use std::collections::BTreeSet;
use std::time::Duration;

use agoge_contract_bindings::registry::Registry;
use agoge_contract_bindings::rollup::Rollup;
use agoge_contract_bindings::staking::Staking;
use agoge_l1_client::{At, CallError, Simulation};
use agoge_protocol::rpc::{InstanceState, RpcInstance};
use agoge_protocol::{Address, Deployment, Epoch, U256};
use alloy::sol_types::{SolCall, SolEvent};
use eyre::{Result, bail, ensure, eyre};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::Story;
use super::chain::first_node;
use crate::govctl::Govctl;
use crate::keys::{Role, key};
use crate::network::Devnet;
use crate::process::write_keystore;
use crate::wallets::Wallet;
use crate::watch::POLL;

/// What a deployer and each voter has for gas, wei.
const GAS_WEI: u128 = 1_000_000_000_000_000_000;
/// Wei of one gwei.
const WEI_PER_GWEI: u128 = 1_000_000_000;
/// Exit code of `govctl` for "not yet".
const NOT_YET: i32 = 3;

/// What is decided on.
struct Payload {
    address: String,
    actions_hash: String,
}

/// What else happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trial {
    /// Nothing.
    None,
    /// L1 takes the execution back once.
    Reorg,
}

pub(super) async fn tell(story: &mut Story, devnet: &mut Devnet, alice: &Wallet, trial: Trial) -> Result<()> {
    let operator = account(devnet, "operator", Role::Operator, 0).await?;
    let voters = voters(devnet).await?;
    let (rollup, payload) = prepared(story, devnet, &operator).await?;
    let proposal = queued(story, devnet, &operator, &voters, &payload).await?;
    let mut activation = executed(story, devnet, &operator, &proposal, rollup).await?;
    if trial == Trial::Reorg {
        taken_back(story, devnet, rollup).await?;
        activation = executed(story, devnet, &operator, &proposal, rollup).await?;
    }
    let old = devnet.deployment.clone();
    let last_old = moved(story, devnet, rollup, activation).await?;
    first_epoch(story, devnet, activation).await?;
    if !devnet.provers.is_empty() {
        proven(story, devnet, &old, last_old).await?;
    }
    used(story, devnet, alice).await?;
    opened(story, devnet, &operator, &voters).await
}

async fn account(devnet: &Devnet, name: &str, role: Role, number: usize) -> Result<Govctl> {
    let key = key(&devnet.plan.seed, role, number);
    devnet.anvil.set_balance(key.address(), GAS_WEI).await?;
    Govctl::create(devnet, name, &key)
}

/// Withdrawers of two thirds of the stake.
async fn voters(devnet: &Devnet) -> Result<Vec<Govctl>> {
    let mut voters = Vec::new();
    let count = devnet.plan.keys.saturating_mul(2).div_ceil(3);
    for number in 0..count {
        voters.push(account(devnet, &format!("withdrawer-{number}"), Role::Withdrawer, number).await?);
    }
    Ok(voters)
}

/// A person deploys the new Rollup with its payload, and checks both.
async fn prepared(story: &mut Story, devnet: &Devnet, operator: &Govctl) -> Result<(Address, Payload)> {
    operator.run(&["verify"]).await?;
    story.checked("govctl verify: every contract on L1 is what this build creates, byte for byte");
    story.tell("govctl deploy rollup --version 2");
    operator.run(&["deploy", "rollup", "--version", "2"]).await?;
    let deployment: Deployment = serde_json::from_slice(&std::fs::read(devnet.deployment_file())?)?;
    let rollup = deployment
        .contracts
        .iter()
        .find(|contract| contract.name == "Rollup" && contract.instance == Some(2))
        .ok_or_else(|| eyre!("the deployment file has no Rollup of instance 2"))?
        .address;
    let payload = verified(story, operator, deployment.address("UpgradePayload")?.to_string()).await?;
    story.checked(&format!(
        "Rollup version 2 is at {rollup}; the payload adds it to the Registry and does nothing else"
    ));
    Ok((rollup, payload))
}

/// A payload that does what it should, with the hash of its actions.
async fn verified(story: &Story, operator: &Govctl, address: String) -> Result<Payload> {
    story.tell(&format!("govctl payload verify {address}"));
    let said = operator.run(&["payload", "verify", &address]).await?;
    let actions_hash = find_text(&said, "actions_hash")
        .ok_or_else(|| eyre!("payload verify names no actions hash: {said}"))?;
    Ok(Payload {
        address,
        actions_hash,
    })
}

/// Signals, nomination and votes, until the proposal is in the timelock. Returns its id.
async fn queued(
    story: &mut Story,
    devnet: &mut Devnet,
    operator: &Govctl,
    voters: &[Govctl],
    payload: &Payload,
) -> Result<String> {
    let proposal = nominated(story, devnet, operator, payload).await?;
    decided(story, devnet, operator, voters, &proposal, payload).await?;
    Ok(proposal)
}

/// Proposers signal with their blocks until a round has its winner.
async fn nominated(
    story: &mut Story,
    devnet: &mut Devnet,
    operator: &Govctl,
    payload: &Payload,
) -> Result<String> {
    story.tell("govctl signal, to the admin port of every validator's node");
    for node in &devnet.nodes {
        if node.attesters().is_empty() {
            continue;
        }
        let (url, token) = (node.admin_url(), node.token_file().display().to_string());
        operator
            .run(&[
                "signal",
                &payload.address,
                "--expect-hash",
                &payload.actions_hash,
                "--node",
                &url,
                "--token",
                &token,
            ])
            .await?;
    }
    let rules = &devnet.plan.network.governance;
    let (round_slots, quorum) = (rules.round_slots, rules.quorum_signals);
    story.tell(&format!(
        "blocks carry signals; a round of {round_slots} slots needs {quorum}; govctl nominate"
    ));
    let limit = devnet.slots(round_slots.saturating_mul(4));
    let made = repeat(devnet, operator, &["nominate"], limit).await?;
    let proposal = made
        .pointer("/proposal/id")
        .and_then(Value::as_str)
        .ok_or_else(|| eyre!("nominate names no proposal: {made}"))?
        .to_owned();
    story.checked(&format!(
        "a round is won; proposal {proposal} holds a copy of the actions"
    ));
    Ok(proposal)
}

/// Two thirds of the stake vote for it; it is queued.
async fn decided(
    story: &mut Story,
    devnet: &mut Devnet,
    operator: &Govctl,
    voters: &[Govctl],
    proposal: &str,
    payload: &Payload,
) -> Result<()> {
    let rules = &devnet.plan.network.governance;
    let (delay, period) = (rules.vote_delay_seconds, rules.vote_period_seconds);
    story.tell(&format!("govctl vote for, by {} withdrawers", voters.len()));
    let limit = Duration::from_secs(delay.saturating_add(period).saturating_add(30));
    for voter in voters {
        let args = ["vote", proposal, "for", "--expect-hash", &payload.actions_hash];
        repeat(devnet, voter, &args, limit).await?;
    }
    repeat(devnet, operator, &["queue", proposal], limit).await?;
    story.checked("the proposal passed and is queued in the timelock");
    Ok(())
}

/// The timelock runs what was nominated. Returns the activation epoch.
async fn executed(
    story: &mut Story,
    devnet: &mut Devnet,
    operator: &Govctl,
    proposal: &str,
    rollup: Address,
) -> Result<Epoch> {
    let limit = Duration::from_secs(devnet.plan.network.governance.timelock_seconds.saturating_add(30));
    repeat(devnet, operator, &["execute", proposal], limit).await?;
    let listed = devnet
        .view("Registry", &Registry::activationOfCall { _rollup: rollup })
        .await?;
    let activation = Epoch::new(u64::try_from(listed)?);
    story.checked(&format!(
        "executed: the Registry lists the new Rollup from epoch {activation} on"
    ));
    Ok(activation)
}

/// L1 replaces the blocks since the execution: every node drops the new instance, and the old one goes on.
async fn taken_back(story: &mut Story, devnet: &mut Devnet, rollup: Address) -> Result<()> {
    wait_listed(devnet, rollup, Listed::Running).await?;
    let filter = json!({
        "address": devnet.deployment.address("Registry")?,
        "fromBlock": format!("{:#x}", devnet.deployment.deploy_block),
        "topics": [Registry::InstanceAdded::SIGNATURE_HASH, rollup.into_word()],
    });
    let logs = devnet.anvil.call("eth_getLogs", json!([filter])).await?;
    let executed_in = logs
        .pointer("/0/blockNumber")
        .and_then(Value::as_str)
        .and_then(|hex| u64::from_str_radix(hex.trim_start_matches("0x"), 16).ok())
        .ok_or_else(|| eyre!("no log of the new instance: {logs}"))?;
    let (head, _) = devnet.anvil.head().await?;
    devnet
        .anvil
        .reorg(head.saturating_sub(executed_in).saturating_add(1))
        .await?;
    let listed = Registry::isInstanceCall { _rollup: rollup };
    ensure!(
        !devnet.view("Registry", &listed).await?,
        "the reorg has left the new instance in the Registry"
    );
    wait_listed(devnet, rollup, Listed::No).await?;
    let tip = devnet.l1_tip().await?;
    devnet
        .wait_for_block(tip.saturating_add(2), devnet.slots(8))
        .await?;
    story
        .checked("L1 took the execution back: every node dropped the new instance, the old one makes blocks");
    Ok(())
}

/// Waits until all nodes run a Rollup, or none does.
async fn wait_listed(devnet: &mut Devnet, rollup: Address, expected: Listed) -> Result<()> {
    let limit = Instant::now() + devnet.slots(8);
    for place in 0..devnet.nodes.len() {
        while listed(devnet, place, rollup).await? != expected {
            ensure!(
                Instant::now() < limit,
                "node {place} should list the new instance as {expected:?}"
            );
            devnet.check_alive()?;
            sleep(POLL).await;
        }
    }
    Ok(())
}

/// Every node starts the new instance by itself, and is on it from the activation on. Returns the old Rollup's last block.
async fn moved(story: &mut Story, devnet: &mut Devnet, rollup: Address, activation: Epoch) -> Result<u64> {
    wait_listed(devnet, rollup, Listed::Running).await?;
    story.checked("every node runs the new instance beside the old one, without a restart");
    let first = devnet.timing().first_slot(activation);
    story.tell(&format!("epoch {activation} begins with slot {first}"));
    devnet.wait_for_slot(first).await?;
    let last_old = devnet.l1_tip().await?;
    devnet.move_to(rollup).await?;
    devnet.wait_for_block(1, devnet.slots(2)).await?;
    // Block 1 is on L1; a node hears of it with its next look at L1's head.
    let limit = Instant::now() + devnet.slots(1);
    for place in 0..devnet.nodes.len() {
        loop {
            let info = devnet
                .nodes
                .get(place)
                .ok_or_else(|| eyre!("no node {place}"))?
                .rpc()?
                .info()
                .await?;
            if info.rollup == rollup {
                break;
            }
            ensure!(
                Instant::now() < limit,
                "node {place} answers for {} in the activation epoch",
                info.rollup
            );
            sleep(POLL).await;
        }
    }
    story.checked("the first slot of the epoch has block 1 of the new Rollup; every node answers for it");
    Ok(last_old)
}

/// No slot of the first full epoch is lost.
async fn first_epoch(story: &mut Story, devnet: &mut Devnet, activation: Epoch) -> Result<()> {
    let timing = devnet.timing();
    let (first, next) = (
        timing.first_slot(activation).get(),
        timing.first_slot(activation.next()),
    );
    devnet.wait_for_slot(next).await?;
    let slots = proposed_slots(devnet).await?;
    let lost: Vec<u64> = (first..next.get()).filter(|slot| !slots.contains(slot)).collect();
    ensure!(
        lost.is_empty(),
        "slots {lost:?} of epoch {activation} have no block"
    );
    let blocks = u64::try_from(slots.range(first..next.get()).count())?;
    devnet.wait_agreed(blocks, devnet.slots(8)).await?;
    story.checked(&format!(
        "all {blocks} slots of the new Rollup's first epoch have a block; all nodes agree on them"
    ));
    Ok(())
}

/// Slots in which the Rollup got a block.
async fn proposed_slots(devnet: &Devnet) -> Result<BTreeSet<u64>> {
    let filter = json!({
        "address": devnet.deployment.address("Rollup")?,
        "fromBlock": format!("{:#x}", devnet.deployment.deploy_block),
        "topics": [Rollup::BlockProposed::SIGNATURE_HASH],
    });
    let logs = devnet.anvil.call("eth_getLogs", json!([filter])).await?;
    let logs = logs.as_array().ok_or_else(|| eyre!("no list of logs: {logs}"))?;
    let slot = |log: &Value| -> Option<u64> {
        let topic = log.get("topics")?.get(2)?.as_str()?.parse::<U256>().ok()?;
        u64::try_from(topic).ok()
    };
    logs.iter()
        .map(|log| slot(log).ok_or_else(|| eyre!("a log without a slot: {log}")))
        .collect()
}

/// The old Rollup's last blocks are proven, and the new one's first epoch.
async fn proven(story: &mut Story, devnet: &mut Devnet, old: &Deployment, last_old: u64) -> Result<()> {
    let epochs = devnet.plan.network.proving.proof_window_epochs.saturating_add(1);
    let window = devnet.slots(devnet.plan.network.protocol.epoch_slots.saturating_mul(epochs));
    let epoch_blocks = devnet.plan.network.protocol.epoch_slots;
    let tip = devnet.wait_for_proof(epoch_blocks, window).await?;
    devnet
        .wait_proven_everywhere(epoch_blocks, devnet.slots(8))
        .await?;
    story.checked(&format!(
        "the new Rollup's first epoch is proven on L1 (block {tip}); every node has its proven tip"
    ));
    let limit = Instant::now() + window;
    loop {
        let tips = devnet
            .l1
            .view(old.address("Rollup")?, &Rollup::tipsCall {}, At::Latest)
            .await?;
        ensure!(
            u64::from(tips.pendingNumber) >= last_old,
            "the old Rollup was pruned to block {}, its last was {last_old}",
            tips.pendingNumber
        );
        if u64::from(tips.provenNumber) >= last_old {
            story.checked(&format!(
                "all {last_old} blocks of the old Rollup are proven: nothing of it is lost"
            ));
            return Ok(());
        }
        ensure!(
            Instant::now() < limit,
            "block {} of the old Rollup is proven, block {last_old} is its last",
            tips.provenNumber
        );
        devnet.check_alive()?;
        sleep(POLL).await;
    }
}

/// The new Rollup begins with nothing, and takes a deposit.
async fn used(story: &mut Story, devnet: &Devnet, alice: &Wallet) -> Result<()> {
    let node = first_node(devnet)?;
    ensure!(
        alice.spendable(&node).await? == 0,
        "the new Rollup does not begin with an empty state"
    );
    alice.deposit(&node, "0.2ether").await?;
    let held = alice.spendable(&node).await?;
    ensure!(
        held == 200_000_000,
        "alice can spend {held} gwei, expected 200000000"
    );
    story.checked("alice deposited into the new Rollup and holds a note there");
    Ok(())
}

/// The second decision: everybody may stake.
async fn opened(story: &mut Story, devnet: &mut Devnet, operator: &Govctl, voters: &[Govctl]) -> Result<()> {
    story.tell("govctl payload deploy allow-list-off");
    let made = operator.run(&["payload", "deploy", "allow-list-off"]).await?;
    let address =
        find_text(&made, "created").ok_or_else(|| eyre!("payload deploy names no contract: {made}"))?;
    let payload = verified(story, operator, address).await?;
    let proposal = queued(story, devnet, operator, voters, &payload).await?;
    let limit = Duration::from_secs(devnet.plan.network.governance.timelock_seconds.saturating_add(30));
    repeat(devnet, operator, &["execute", &proposal], limit).await?;
    let is_on = devnet.view("Staking", &Staking::isAllowListOnCall {}).await?;
    ensure!(!is_on, "the allow-list is still on");
    story.checked(
        "proposers of the new Rollup and voters have opened the network: the allow-list is off, for ever",
    );

    let newcomer = key(
        &devnet.plan.seed,
        Role::Attester,
        devnet.plan.keys.saturating_add(1),
    );
    let admin = key(&devnet.plan.seed, Role::AllowListAdmin, 0).address();
    let edit = Staking::setAllowedCall {
        _attesters: vec![newcomer.address()],
        _isAllowed: false,
    };
    let call = Simulation::call(
        admin,
        devnet.deployment.address("Staking")?,
        edit.abi_encode().into(),
    );
    match devnet.l1.simulate(&call).await {
        Err(CallError::Reverted { reason, .. }) if reason.is("Staking__AllowListIsOff") => {}
        other => bail!("the former admin edits the allow-list: {other:?}"),
    }
    let payer = key(
        &devnet.plan.seed,
        Role::Withdrawer,
        devnet.plan.keys.saturating_add(1),
    );
    let stake = u128::from(devnet.plan.network.staking.activation_stake_gwei).saturating_mul(WEI_PER_GWEI);
    devnet
        .anvil
        .set_balance(payer.address(), stake.saturating_add(GAS_WEI))
        .await?;
    let staker = Govctl::create(devnet, "newcomer", &payer)?;
    let file = write_keystore(&devnet.dir().join("govctl"), "newcomer-attester.json", &newcomer)?;
    staker
        .run(&["stake", "--attester-keystore", &file.display().to_string()])
        .await?;
    let staked = Staking::validatorCall {
        _attester: newcomer.address(),
    };
    let validator = devnet.view("Staking", &staked).await?;
    ensure!(
        validator.withdrawer == payer.address() && validator.stake == stake,
        "Staking has {} wei of the newcomer for {}",
        validator.stake,
        validator.withdrawer
    );
    story.checked("somebody whom nobody had listed has staked; the former admin can do nothing");
    Ok(())
}

/// Runs a command until it no longer says "not yet".
async fn repeat(devnet: &mut Devnet, govctl: &Govctl, args: &[&str], limit: Duration) -> Result<Value> {
    let end = Instant::now() + limit;
    loop {
        let answer = govctl.ask(args).await?;
        if answer.code == 0 {
            return Ok(answer.data);
        }
        ensure!(
            answer.code == NOT_YET && Instant::now() < end,
            "govctl {}: exit code {}: {}\n{}",
            args.join(" "),
            answer.code,
            answer.data,
            answer.told
        );
        devnet.check_alive()?;
        sleep(POLL).await;
    }
}

/// How a node lists a Rollup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listed {
    /// Not at all.
    No,
    /// With a reason why it does not run, or not yet.
    Waiting,
    /// Its stack runs.
    Running,
}

async fn listed(devnet: &Devnet, place: usize, rollup: Address) -> Result<Listed> {
    let node = devnet.nodes.get(place).ok_or_else(|| eyre!("no node {place}"))?;
    let list = node.public_call("agoge_instances", json!([])).await?;
    let list: Vec<RpcInstance> = serde_json::from_value(list)?;
    let entry = list.iter().find(|entry| entry.rollup == rollup);
    Ok(entry.map_or(Listed::No, |entry| match entry.state {
        InstanceState::Idle | InstanceState::Active if entry.reason.is_none() => Listed::Running,
        _ => Listed::Waiting,
    }))
}

/// The first text under a key, wherever it stands.
fn find_text(value: &Value, key: &str) -> Option<String> {
    match value {
        Value::Object(map) => map
            .get(key)
            .and_then(Value::as_str)
            .map(str::to_owned)
            .or_else(|| map.values().find_map(|inner| find_text(inner, key))),
        Value::Array(list) => list.iter().find_map(|inner| find_text(inner, key)),
        _ => None,
    }
}
