//! The story of the chain: stake, blocks, a deposit, a private payment, a node that rebuilds the state.

use std::time::Duration;

use agoge_l1_client::At;
use agoge_protocol::rpc::{Duty, DutyOutcome};
use agoge_protocol::{Epoch, L2BlockNumber, TxEffects};
use eyre::{Context, Result, bail, ensure, eyre};
use serde_json::{Value, json};

use super::Story;
use crate::network::Devnet;
use crate::plan::Plan;
use crate::wallets::Wallet;

/// Starts a network and tells of its first block.
pub(super) async fn start(story: &mut Story, plan: Plan) -> Result<Devnet> {
    story.tell("starting L1, deploying the contracts, staking, starting the validators");
    let mut devnet = Devnet::start(plan).await?;
    let (keys, procs) = (devnet.plan.keys, devnet.plan.procs);
    // The set of epoch 0 is frozen at genesis, so it can be read once there is a block.
    let first = devnet.wait_for_block(1, devnet.slots(16)).await?;
    let set = devnet.reader.validator_set(At::Latest, Epoch::new(0)).await?;
    ensure!(
        set.len() == keys,
        "L1 has {} validators in the set of epoch 0, expected {keys}",
        set.len()
    );
    let stake = devnet.plan.network.staking.activation_stake_gwei;
    story.checked(&format!(
        "{keys} validators in {procs} processes, each with {stake} gwei of sepETH at stake on L1"
    ));
    story.checked(&format!(
        "block {first} is on L1: built by its slot's proposer, attested over libp2p, data in a blob"
    ));
    Ok(devnet)
}

/// A deposit becomes a note of alice's.
pub(super) async fn deposit(story: &mut Story, devnet: &Devnet, alice: &Wallet) -> Result<()> {
    story.tell("alice deposits 0.5 ether from L1");
    let node = first_node(devnet)?;
    let index = alice.deposit(&node, "0.5ether").await?;
    let (_, inbox_hash) = devnet.reader.inbox(At::Latest, index).await?;
    ensure!(!inbox_hash.is_zero(), "L1's inbox has no entry {index}");
    let held = alice.spendable(&node).await?;
    ensure!(
        held == 500_000_000,
        "alice can spend {held} gwei, expected 500000000"
    );
    story.checked(&format!("inbox entry {index} became a shielded note of alice's"));
    Ok(())
}

/// A private payment, agreement, and a fresh node.
pub(super) async fn pay_and_rebuild(
    story: &mut Story,
    devnet: &mut Devnet,
    alice: &Wallet,
    bob: &Wallet,
) -> Result<()> {
    let node = first_node(devnet)?;
    story.tell("alice pays bob 0.2 ether: a zero-knowledge plonky2 proof, then a block");
    let sent = alice.send(&node, &bob.address, "0.2ether", &[]).await?;
    let block = block_of(&sent)?;
    let effects = effects_on_l1(devnet, block).await?;
    ensure!(
        !effects.is_empty(),
        "the blob of block {block} holds no transaction"
    );
    let received = bob.spendable(&node).await?;
    ensure!(
        received == 200_000_000,
        "bob can spend {received} gwei, expected 200000000"
    );
    let attested = attestations(devnet, block).await?;
    story.checked(&format!("block {block} on L1 carries it with {attested} attestations; bob holds 0.2 ether, L1 saw no name and no amount"));

    let agreed = devnet.wait_agreed(block, devnet.slots(8)).await?;
    story.checked(&format!(
        "all {} nodes have the archive of block {} that L1 has",
        devnet.nodes.len(),
        agreed.number
    ));

    story.tell("a fresh node rebuilds everything from L1 and its blobs");
    devnet.add_follower("follower").await?;
    let agreed = devnet.wait_agreed(agreed.number.get(), devnet.slots(16)).await?;
    story.checked(&format!(
        "its state at block {} is identical: note root {}",
        agreed.number, agreed.note_root
    ));
    Ok(())
}

/// RPC address of the first node.
pub(super) fn first_node(devnet: &Devnet) -> Result<String> {
    Ok(devnet
        .nodes
        .first()
        .ok_or_else(|| eyre!("there are no nodes"))?
        .rpc_url())
}

/// The block that a wallet's answer names.
pub(super) fn block_of(answer: &Value) -> Result<u64> {
    answer
        .get("block")
        .and_then(Value::as_u64)
        .ok_or_else(|| eyre!("the wallet names no block: {answer}"))
}

/// Compares a block of the nodes with L1, its record and its blob by the versioned hash, and returns what the blob holds.
pub(super) async fn effects_on_l1(devnet: &Devnet, number: u64) -> Result<Vec<TxEffects>> {
    let number = L2BlockNumber::new(number);
    let node = devnet
        .nodes
        .first()
        .ok_or_else(|| eyre!("there are no nodes"))?
        .rpc()?;
    let block = node
        .block(number)
        .await?
        .ok_or_else(|| eyre!("the node has no block {number}"))?;
    let (archive, hash) = devnet
        .reader
        .block_record(At::Latest, number)
        .await?
        .ok_or_else(|| eyre!("L1 has no record of block {number}"))?;
    ensure!(
        archive == block.archive && hash == block.block_hash,
        "L1's record of block {number} differs from the node's"
    );
    let l1_block = devnet.anvil.block(block.l1_block.get()).await?;
    let blob = devnet
        .l1
        .blobs()
        .fetch(l1_block, block.blob_hash)
        .await
        .wrap_err("reading the blob from the beacon API")?;
    let txs_max = devnet.plan.network.protocol.block_txs_max;
    Ok(agoge_state_transition::blob::decode(blob.as_bytes(), txs_max)?)
}

/// Attestations that block `number` went to L1 with, from the proposer's log of duties.
async fn attestations(devnet: &Devnet, number: u64) -> Result<u16> {
    let committee = devnet.plan.network.protocol.committee_size;
    let threshold = agoge_protocol::messages::attestation_threshold(committee);
    for _ in 0..50 {
        for node in &devnet.nodes {
            let duties: Vec<Duty> =
                serde_json::from_value(node.public_call("agoge_duties", json!([])).await?)?;
            let published = duties.into_iter().find_map(|duty| match duty.outcome {
                DutyOutcome::Published {
                    number: found,
                    attestations,
                } if found.get() == number => Some(attestations),
                _ => None,
            });
            if let Some(attestations) = published {
                ensure!(
                    usize::from(attestations) >= threshold,
                    "{attestations} attestations, {threshold} are needed"
                );
                return Ok(attestations);
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("no node remembers having published block {number}")
}
