//! Deploys an Agoge network on the devnet's L1, stakes its validators and bonds its provers.

mod stake;

use agoge_deployer::{Deployer, NetworkChoices};
use agoge_protocol::{Deployment, U256};
use alloy::signers::local::PrivateKeySigner;
use eyre::{Result, ensure};

use crate::anvil::{Anvil, FUNDED_KEY};
use crate::keys::{Role, key};
use crate::network::l1;
use crate::plan::Plan;

/// Wei of one gwei.
const GWEI: u64 = 1_000_000_000;
/// Seconds for deployment, staking and bonds before the network's genesis.
const SETUP_SECONDS: u64 = 30;

/// Deploys the contracts, checks them, allow-lists and stakes every validator of the plan, and deposits the provers' bonds.
///
/// # Errors
/// The transaction or check that failed.
pub async fn deploy_and_stake(plan: &Plan, anvil: &Anvil) -> Result<Deployment> {
    let client = l1(plan, anvil, None).await?;
    let funded: PrivateKeySigner = FUNDED_KEY.parse()?;
    let (_, now) = anvil.head().await?;
    let staking_seconds = u64::try_from(plan.keys.div_ceil(stake::STAKERS))?.saturating_mul(2);
    let choices = NetworkChoices {
        verifier: plan.verifier,
        genesis_time: now.saturating_add(SETUP_SECONDS).saturating_add(staking_seconds),
        allow_list_admin: key(&plan.seed, Role::AllowListAdmin, 0).address(),
    };
    let mut deployer = Deployer::network(&client, funded.address(), choices, None).await?;
    deployer.run(&mut client.wallet(funded)).await?;
    let deployment = deployer.deployment().await?;
    l1(plan, anvil, Some(deployment.clone()))
        .await?
        .reader()?
        .verify_deployment(&plan.network)
        .await?;
    stake::validators(&client, plan, anvil, &deployment).await?;
    stake::provers(&client, plan, &deployment).await?;
    let (_, now) = anvil.head().await?;
    ensure!(
        now < choices.genesis_time,
        "staking took until after the network's genesis; hint: the machine is too busy"
    );
    Ok(deployment)
}

fn wei(gwei: u64) -> U256 {
    U256::from(gwei).saturating_mul(U256::from(GWEI))
}
