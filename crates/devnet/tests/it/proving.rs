//! Epoch proofs on a whole network, with the verifier that takes empty ones: who is paid when a claimant is silent, a prover that is
//! killed, and a proof that an L1 reorg takes back. The demo makes real proofs.

use std::time::Duration;

use agoge_contract_bindings::prover_bonds::ProverBonds;
use agoge_devnet::demo;
use agoge_devnet::keys::{Role, key, sign};
use agoge_devnet::network::Devnet;
use agoge_devnet::plan::{Plan, Verifier, Wishes};
use agoge_devnet::prover_process::ProverProcess;
use agoge_devnet::watch::ClaimState;
use agoge_l1_client::{Purpose, SendOutcome, TxRequest};
use agoge_protocol::eip712::domain;
use agoge_protocol::quote::{Quote, SignedQuote};
use agoge_protocol::{Epoch, L2BlockNumber, Slot, U256};
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolCall;
use eyre::{Result, bail, ensure, eyre};
use serde_json::json;

use crate::ONE_NETWORK;

/// Wei of one gwei.
const GWEI: u64 = 1_000_000_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn epochs_are_proven_paid_and_rescued_slow() -> Result<()> {
    let _turn = ONE_NETWORK.lock().await;
    let home = tempfile::tempdir()?;
    // An epoch of 24 s, a claim window of 12 s, a proof window of four epochs.
    let wishes = Wishes {
        keys: Some(4),
        procs: Some(2),
        slot_ms: Some(3_000),
        epoch_slots: Some(8),
        dir: Some(home.path().join("devnet")),
        verifier: Verifier::Test,
        ..Wishes::default()
    };
    // Quote, claim, proof, fees, and a withdrawal that its owner pulls.
    let mut devnet = demo::proving(Plan::new(&wishes)?).await?;

    a_proof_that_l1_takes_back_comes_again(&mut devnet).await?;
    a_prover_that_is_killed_in_mid_epoch_goes_on(&mut devnet).await?;
    who_proves_for_a_silent_claimant_gets_half_of_its_bond(&mut devnet).await?;

    devnet.stop().await;
    Ok(())
}

async fn a_proof_that_l1_takes_back_comes_again(devnet: &mut Devnet) -> Result<()> {
    let before = devnet.l1_proven().await?;
    let proven = devnet.wait_for_proof(before + 1, epochs(devnet, 4)).await?;
    // Nobody sends it again before every node has seen it go.
    prover(devnet)?.kill().await;
    devnet.anvil.reorg(4).await?;
    let after = devnet.l1_proven().await?;
    ensure!(
        after < proven,
        "the proof of block {proven} is still there after the reorg: {after}"
    );
    let tip = devnet.wait_proven_everywhere(after, devnet.slots(8)).await?;
    ensure!(
        tip.number.get() == after,
        "the nodes' proven tip is {}, L1's {after}",
        tip.number
    );
    prover(devnet)?.start().await?;
    devnet.wait_for_proof(proven, epochs(devnet, 4)).await?;
    devnet.wait_proven_everywhere(proven, devnet.slots(8)).await?;
    Ok(())
}

async fn a_prover_that_is_killed_in_mid_epoch_goes_on(devnet: &mut Devnet) -> Result<()> {
    let slot = devnet.l1_slot().await?.ok_or_else(|| eyre!("before genesis"))?;
    let epoch = devnet.timing().epoch_of(slot).next();
    let middle = devnet.timing().first_slot(epoch).get() + 4;
    devnet.wait_for_slot(Slot::new(middle)).await?;
    let tip = devnet.l1_tip().await?;
    prover(devnet)?.kill().await;
    prover(devnet)?.start().await?;
    devnet.wait_for_proof(tip, epochs(devnet, 4)).await?;
    Ok(())
}

async fn who_proves_for_a_silent_claimant_gets_half_of_its_bond(devnet: &mut Devnet) -> Result<()> {
    let silent = key(&devnet.plan.seed, Role::Prover, 9);
    let bond = U256::from(devnet.plan.network.proving.bond_min_gwei) * U256::from(GWEI);
    deposit_bond(devnet, &silent, bond).await?;

    // The rescuer sleeps while the epoch is claimed.
    prover(devnet)?.stop(Duration::from_secs(10)).await;
    let slot = devnet.l1_slot().await?.ok_or_else(|| eyre!("before genesis"))?;
    let epoch = devnet.timing().epoch_of(slot);
    let end = devnet.timing().first_slot(epoch.next());
    devnet.wait_for_slot(end).await?;
    offer(devnet, &silent, epoch).await?;
    let window = devnet.plan.network.proving.claim_window_slots;
    let claim = devnet.wait_for_claim(epoch, end.get() + window).await?;
    ensure!(
        claim.prover == silent.address(),
        "{} claimed epoch {epoch}, expected {}",
        claim.prover,
        silent.address()
    );
    let rescuer = prover(devnet)?.address();
    let had = devnet.owed("ProverBonds", rescuer).await?;
    prover(devnet)?.start().await?;

    let claim = settled(devnet, epoch).await?;
    ensure!(
        claim.state == ClaimState::Defaulted as u8,
        "the claim of epoch {epoch} ended in state {}",
        claim.state
    );
    let account = devnet
        .view(
            "ProverBonds",
            &ProverBonds::accountOfCall {
                _prover: silent.address(),
            },
        )
        .await?;
    ensure!(
        account.deposited == 0 && account.locked == 0,
        "the silent claimant still has {} wei, {} locked",
        account.deposited,
        account.locked
    );
    let got = devnet.owed("ProverBonds", rescuer).await? - had;
    ensure!(
        got >= bond / U256::from(2_u64),
        "the rescuer was credited {got} wei, half of the bond is {}",
        bond / U256::from(2_u64)
    );
    Ok(())
}

/// Waits until a claim is at its end; whoever wants to may say so on L1.
async fn settled(devnet: &mut Devnet, epoch: Epoch) -> Result<ProverBonds::Claim> {
    let call = ProverBonds::settleCall {
        _instance: devnet.deployment.address("Rollup")?,
        _epoch: U256::from(epoch.get()),
    };
    let bonds = devnet.deployment.address("ProverBonds")?;
    let mut wallet = devnet.l1.wallet(key(&devnet.plan.seed, Role::Depositor, 1));
    // A claimant has until 16 slots after the epoch before was proven.
    for _ in 0..epochs(devnet, 8).as_secs() {
        let claim = devnet.claim_of(epoch).await?;
        if claim.state != ClaimState::Claimed as u8 {
            return Ok(claim);
        }
        devnet.check_alive()?;
        let request = TxRequest::call(bonds, call.abi_encode().into(), Purpose::named("settle"));
        match wallet.send(request).await? {
            SendOutcome::Mined(_) | SendOutcome::Reverted { .. } => {}
            SendOutcome::SimulationReverted { .. } => tokio::time::sleep(Duration::from_secs(1)).await,
            other => bail!("{other}"),
        }
    }
    bail!("the claim of epoch {epoch} is never settled")
}

async fn deposit_bond(devnet: &Devnet, prover: &PrivateKeySigner, bond: U256) -> Result<()> {
    devnet
        .anvil
        .set_balance(prover.address(), 100_000_000_000_000_000_000)
        .await?;
    let call = ProverBonds::depositCall {
        _prover: prover.address(),
    };
    let mut request = TxRequest::call(
        devnet.deployment.address("ProverBonds")?,
        call.abi_encode().into(),
        Purpose::named("bond"),
    );
    request.value = bond;
    match devnet.l1.wallet(prover.clone()).send(request).await? {
        SendOutcome::Mined(_) => Ok(()),
        other => bail!("{other}"),
    }
}

/// Signs the cheapest quote for an epoch that is over and hands it to a node.
async fn offer(devnet: &mut Devnet, prover: &PrivateKeySigner, epoch: Epoch) -> Result<()> {
    let tip = devnet.l1_tip().await?;
    devnet.wait_agreed(tip, devnet.slots(4)).await?;
    let node = devnet.nodes[0].rpc()?;
    let mut number = tip;
    let end_archive = loop {
        let block = node.block(L2BlockNumber::new(number)).await?;
        let block = block.ok_or_else(|| eyre!("the node has no block {number}"))?;
        if devnet.timing().epoch_of(block.header.slot) <= epoch {
            break block.archive;
        }
        number -= 1;
    };
    let window = devnet.plan.network.proving.claim_window_slots;
    let quote = Quote {
        instance: devnet.deployment.address("Rollup")?,
        epoch,
        end_archive,
        valid_until_slot: Slot::new(devnet.timing().first_slot(epoch.next()).get() + window),
        bond_amount_gwei: devnet.plan.network.proving.bond_min_gwei,
        prover: prover.address(),
        basis_point_fee: 1,
        nonce: 1,
    };
    let bonds = devnet.deployment.address("ProverBonds")?;
    let digest = quote.digest(&domain(devnet.deployment.chain_id, bonds));
    let signature = sign(prover, digest).ok_or_else(|| eyre!("the prover cannot sign"))?;
    let signed = borsh::to_vec(&SignedQuote { quote, signature })?;
    let raw = json!([format!("0x{}", hex::encode(signed))]);
    // The node may hear a moment later than this test that the epoch is over.
    for _ in 0..20 {
        if devnet.nodes[0]
            .public_call("agoge_sendQuote", raw.clone())
            .await
            .is_ok()
        {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    devnet.nodes[0]
        .public_call("agoge_sendQuote", raw)
        .await
        .map(drop)?;
    Ok(())
}

fn prover(devnet: &mut Devnet) -> Result<&mut ProverProcess> {
    devnet
        .provers
        .first_mut()
        .ok_or_else(|| eyre!("there is no prover"))
}

fn epochs(devnet: &Devnet, count: u64) -> Duration {
    devnet.slots(devnet.plan.network.protocol.epoch_slots * count)
}
