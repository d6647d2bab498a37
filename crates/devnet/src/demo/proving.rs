//! The story of an epoch proof: quote, claim, proof on L1, the proven tip on every node, fees and bond, a withdrawal pulled by its owner.

use std::time::Duration;

use agoge_contract_bindings::prover_bonds::ProverBonds;
use agoge_contract_bindings::rollup::Rollup;
use agoge_protocol::{Address, B256, Epoch, U256, keccak256};
use alloy::sol_types::SolEvent;
use eyre::{Result, ensure, eyre};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::chain::{block_of, effects_on_l1, first_node};
use super::{Story, ledger};
use crate::network::Devnet;
use crate::wallets::Wallet;
use crate::watch::{ClaimState, POLL};

/// What alice withdraws, gwei.
const WITHDRAWN_GWEI: u64 = 100_000_000;
/// Between two words about a proof that is being made.
const PROGRESS: Duration = Duration::from_secs(10);

pub(super) async fn tell(story: &mut Story, devnet: &mut Devnet, alice: &Wallet) -> Result<()> {
    let block = withdraw(story, devnet, alice).await?;
    let epoch = devnet.epoch_of(block).await?;
    let claimant = claimed(story, devnet, epoch).await?;
    proven(story, devnet, epoch, block).await?;
    paid(story, devnet, epoch, claimant).await?;
    pulled(story, devnet, alice, block).await
}

/// Alice says who may have a part of her notes on L1.
async fn withdraw(story: &mut Story, devnet: &Devnet, alice: &Wallet) -> Result<u64> {
    story.tell("alice withdraws 0.1 ether to her L1 account");
    let node = first_node(devnet)?;
    let sent = alice.withdraw(&node, alice.account, "0.1ether", &[]).await?;
    let block = block_of(&sent)?;
    let effects = effects_on_l1(devnet, block).await?;
    ensure!(
        effects
            .iter()
            .any(|tx| { tx.withdrawal.recipient == alice.account && tx.withdrawal.amount == WITHDRAWN_GWEI }),
        "the blob of block {block} holds no withdrawal of {WITHDRAWN_GWEI} gwei to {}",
        alice.account
    );
    let owed = devnet.owed("Rollup", alice.account).await?;
    ensure!(
        owed.is_zero(),
        "L1 owes alice {owed} wei for a block without a proof"
    );
    story.checked(&format!(
        "block {block} on L1 holds it; L1 owes her nothing yet, since the block is not proven"
    ));
    Ok(block)
}

/// The epoch ends, provers quote, a proposer claims the cheapest quote with its block. Returns the claimant.
async fn claimed(story: &mut Story, devnet: &mut Devnet, epoch: Epoch) -> Result<Address> {
    story.tell(&format!(
        "epoch {epoch} runs to its end; provers check it and quote"
    ));
    let window = devnet.plan.network.proving.claim_window_slots;
    let last = devnet.timing().first_slot(epoch.next()).get();
    let claim = devnet.wait_for_claim(epoch, last.saturating_add(window)).await?;
    let log = claim_log(devnet, epoch).await?;
    let hash = log
        .get("transactionHash")
        .cloned()
        .ok_or_else(|| eyre!("a log without a transaction"))?;
    let receipt = devnet
        .anvil
        .call("eth_getTransactionReceipt", json!([hash]))
        .await?;
    let block = block_proposed(&receipt)
        .ok_or_else(|| eyre!("the claim of epoch {epoch} did not come with a block: {receipt}"))?;
    let account = devnet
        .view(
            "ProverBonds",
            &ProverBonds::accountOfCall {
                _prover: claim.prover,
            },
        )
        .await?;
    ensure!(
        account.locked >= claim.bondAmount && claim.bondAmount > 0,
        "the bond of {} is not locked: {} of {} wei",
        claim.prover,
        account.locked,
        claim.bondAmount
    );
    story.checked(&format!(
        "block {block} carries the claim: {} proves epoch {epoch} for {} basis points of its fees, {} wei of its bond are locked",
        claim.prover, claim.basisPointFee, claim.bondAmount
    ));
    Ok(claim.prover)
}

/// The log of an epoch's last claim.
async fn claim_log(devnet: &Devnet, epoch: Epoch) -> Result<Value> {
    let filter = json!({
        "address": devnet.deployment.address("ProverBonds")?,
        "fromBlock": format!("{:#x}", devnet.deployment.deploy_block),
        "topics": [ProverBonds::EpochClaimed::SIGNATURE_HASH, Value::Null, B256::from(U256::from(epoch.get()))],
    });
    let logs = devnet.anvil.call("eth_getLogs", json!([filter])).await?;
    logs.as_array()
        .and_then(|logs| logs.last())
        .cloned()
        .ok_or_else(|| eyre!("no log of epoch {epoch}'s claim"))
}

/// Number of the block that a transaction proposed.
fn block_proposed(receipt: &Value) -> Option<U256> {
    let logs = receipt.get("logs")?.as_array()?;
    logs.iter().find_map(|log| {
        let topics = log.get("topics")?.as_array()?;
        let topic = |index: usize| topics.get(index)?.as_str()?.parse::<B256>().ok();
        let is_block = topic(0)? == Rollup::BlockProposed::SIGNATURE_HASH;
        topic(1).filter(|_| is_block).map(|number| number.into())
    })
}

/// Workers prove every block; L1 verifies one proof; every node's proven tip moves.
async fn proven(story: &mut Story, devnet: &mut Devnet, epoch: Epoch, block: u64) -> Result<()> {
    story.tell("the prover's workers prove every block of the epoch");
    let start = Instant::now();
    // Later than the end of its window no proof of the epoch is accepted.
    let window = devnet.plan.network.proving.proof_window_epochs.saturating_add(1);
    let limit = devnet.slots(devnet.plan.network.protocol.epoch_slots.saturating_mul(window));
    let proven = loop {
        let left = limit.saturating_sub(start.elapsed());
        match devnet.wait_for_proof(block, left.min(PROGRESS)).await {
            Ok(proven) => break proven,
            Err(error) if left <= PROGRESS => return Err(error),
            Err(_) => devnet.check_alive()?,
        }
        story.tell(&progress(devnet).await?);
    };
    let log = proof_log(devnet, epoch).await?;
    let hash = log.get("transactionHash").cloned().unwrap_or_default();
    let receipt = devnet
        .anvil
        .call("eth_getTransactionReceipt", json!([hash]))
        .await?;
    let gas = receipt
        .get("gasUsed")
        .and_then(Value::as_str)
        .and_then(|hex| u64::from_str_radix(hex.trim_start_matches("0x"), 16).ok())
        .ok_or_else(|| eyre!("the receipt names no gas: {receipt}"))?;
    story.checked(&format!(
        "the proof of epoch {epoch} is verified on L1 for {gas} gas, {} s after its claim; block {proven} is proven",
        start.elapsed().as_secs()
    ));
    let tip = devnet.wait_proven_everywhere(block, devnet.slots(8)).await?;
    story.checked(&format!(
        "all {} nodes have L1's proven tip, block {}, with its archive",
        devnet.nodes.len(),
        tip.number
    ));
    Ok(())
}

/// How far the first prover is, in its own numbers.
async fn progress(devnet: &Devnet) -> Result<String> {
    let prover = devnet
        .provers
        .first()
        .ok_or_else(|| eyre!("there is no prover"))?;
    let status = prover.status().await?;
    let number = |pointer: &str| {
        status
            .pointer(pointer)
            .and_then(Value::as_u64)
            .unwrap_or_default()
    };
    Ok(format!(
        "{}: {} jobs done, {} under way, {} waiting; about {} s left",
        prover.name(),
        number("/jobs/done"),
        number("/jobs/running"),
        number("/jobs/waiting").saturating_add(number("/jobs/pausing")),
        number("/eta_seconds")
    ))
}

/// The log of an epoch's last proof.
async fn proof_log(devnet: &Devnet, epoch: Epoch) -> Result<Value> {
    let filter = json!({
        "address": devnet.deployment.address("Rollup")?,
        "fromBlock": format!("{:#x}", devnet.deployment.deploy_block),
        "topics": [Rollup::EpochProven::SIGNATURE_HASH, B256::from(U256::from(epoch.get()))],
    });
    let logs = devnet.anvil.call("eth_getLogs", json!([filter])).await?;
    logs.as_array()
        .and_then(|logs| logs.last())
        .cloned()
        .ok_or_else(|| eyre!("no log of a proof of epoch {epoch}"))
}

/// The claim is delivered: the bond is free; every wei of the proven fees is credited to a proposer or a prover.
async fn paid(story: &mut Story, devnet: &Devnet, epoch: Epoch, claimant: Address) -> Result<()> {
    let claim = devnet.claim_of(epoch).await?;
    ensure!(
        claim.state == ClaimState::Delivered as u8 && claim.prover == claimant,
        "the claim of epoch {epoch} is in state {} of {}, expected delivered",
        claim.state,
        claim.prover
    );
    story.checked(&format!("the claim is delivered, the bond of {claimant} is free"));
    let fees = ledger::fees(devnet).await?;
    ensure!(
        fees.credited.saturating_add(fees.reserved) == fees.earned && !fees.credited.is_zero(),
        "{} wei of fees are proven, {} are credited and {} reserved",
        fees.earned,
        fees.credited,
        fees.reserved
    );
    story.checked(&format!(
        "the {} wei of fees in proven blocks are credited: {} to proposers, {} to the prover",
        fees.earned, fees.proposers, fees.provers
    ));
    Ok(())
}

/// The withdrawal is credited; alice pulls it to an account that never held anything.
async fn pulled(story: &mut Story, devnet: &Devnet, alice: &Wallet, block: u64) -> Result<()> {
    let node = first_node(devnet)?;
    let wei = U256::from(WITHDRAWN_GWEI).saturating_mul(U256::from(1_000_000_000_u64));
    let owed = devnet.owed("Rollup", alice.account).await?;
    ensure!(owed == wei, "L1 owes alice {owed} wei, expected {wei}");
    expect_status(devnet, alice, block, "credited").await?;
    story.checked(&format!(
        "0.1 ether left the pool: L1 owes it to {}",
        alice.account
    ));
    let fresh = Address::from_word(keccak256("agoge devnet: alice's fresh account"));
    let rollup = devnet.deployment.address("Rollup")?;
    let held = devnet.l1.balance(rollup).await?;
    alice.claim(&node, fresh).await?;
    let (got, left) = (
        devnet.l1.balance(fresh).await?,
        devnet.owed("Rollup", alice.account).await?,
    );
    ensure!(
        got == wei && left.is_zero(),
        "the fresh account has {got} wei, {left} are still owed"
    );
    // Others may deposit meanwhile, nobody else pulls.
    let now = devnet.l1.balance(rollup).await?;
    ensure!(
        now <= held.saturating_sub(wei),
        "the Rollup held {held} wei before and {now} after"
    );
    expect_status(devnet, alice, block, "pulled").await?;
    story.checked(&format!("alice pulled it: {fresh} has exactly {got} wei on L1"));
    Ok(())
}

async fn expect_status(devnet: &Devnet, alice: &Wallet, block: u64, status: &str) -> Result<()> {
    let node = first_node(devnet)?;
    // The wallet asks its node, which may be one L1 block behind.
    let end = Instant::now() + devnet.slots(4);
    loop {
        let all = alice.withdrawals(&node).await?;
        let found = all
            .iter()
            .find(|entry| entry.get("block") == Some(&json!(block)))
            .and_then(|entry| entry.get("status"));
        if found == Some(&json!(status)) {
            return Ok(());
        }
        ensure!(
            Instant::now() < end,
            "the wallet does not list block {block}'s withdrawal as {status}: {all:?}"
        );
        sleep(POLL).await;
    }
}
