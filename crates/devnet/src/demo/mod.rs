//! The stories that `--demo` tells, each step checked on L1 before the next is told.

mod chain;
mod ledger;
mod proving;
mod upgrade;

use eyre::Result;

use crate::network::Devnet;
use crate::plan::Plan;
use crate::wallets::Wallet;

/// Tells both stories on one network and returns it, still running.
///
/// # Errors
/// The step that failed.
pub async fn all(plan: Plan) -> Result<Devnet> {
    let mut story = Story::default();
    let mut devnet = chain::start(&mut story, plan).await?;
    let (alice, bob) = wallets(&devnet).await?;
    chain::deposit(&mut story, &devnet, &alice).await?;
    chain::pay_and_rebuild(&mut story, &mut devnet, &alice, &bob).await?;
    proving::tell(&mut story, &mut devnet, &alice).await?;
    Ok(devnet)
}

/// Tells the story of the chain and returns the devnet, still running. Nobody proves.
///
/// # Errors
/// The step that failed.
pub async fn chain(plan: Plan) -> Result<Devnet> {
    let mut story = Story::default();
    let mut devnet = chain::start(&mut story, Plan { provers: 0, ..plan }).await?;
    let (alice, bob) = wallets(&devnet).await?;
    chain::deposit(&mut story, &devnet, &alice).await?;
    chain::pay_and_rebuild(&mut story, &mut devnet, &alice, &bob).await?;
    Ok(devnet)
}

/// Tells the story of an epoch proof and returns the devnet, still running.
///
/// # Errors
/// The step that failed.
pub async fn proving(plan: Plan) -> Result<Devnet> {
    let mut story = Story::default();
    let mut devnet = chain::start(&mut story, plan).await?;
    let (alice, _) = wallets(&devnet).await?;
    chain::deposit(&mut story, &devnet, &alice).await?;
    proving::tell(&mut story, &mut devnet, &alice).await?;
    Ok(devnet)
}

/// Tells the story of an upgrade to version 2 and returns the devnet, still running.
///
/// # Errors
/// The step that failed.
pub async fn upgrade(plan: Plan) -> Result<Devnet> {
    let (devnet, _) = upgraded(plan, upgrade::Trial::None).await?;
    Ok(devnet)
}

/// The same while L1 takes the execution back once. The wallet is alice's, who has a note on both instances.
///
/// # Errors
/// The step that failed.
pub async fn upgrade_through_a_reorg(plan: Plan) -> Result<(Devnet, Wallet)> {
    upgraded(plan, upgrade::Trial::Reorg).await
}

async fn upgraded(plan: Plan, trial: upgrade::Trial) -> Result<(Devnet, Wallet)> {
    let mut story = Story::default();
    let mut devnet = chain::start(&mut story, plan).await?;
    let (alice, _) = wallets(&devnet).await?;
    chain::deposit(&mut story, &devnet, &alice).await?;
    upgrade::tell(&mut story, &mut devnet, &alice, trial).await?;
    Ok((devnet, alice))
}

async fn wallets(devnet: &Devnet) -> Result<(Wallet, Wallet)> {
    let node = chain::first_node(devnet)?;
    Ok((
        Wallet::create(devnet, 0, &node).await?,
        Wallet::create(devnet, 1, &node).await?,
    ))
}

/// Lines for the person who watches, on stderr.
#[derive(Default)]
struct Story {
    steps: u32,
}

impl Story {
    fn tell(&self, text: &str) {
        eprintln!("   {text}");
    }

    fn checked(&mut self, text: &str) {
        self.steps = self.steps.saturating_add(1);
        eprintln!("{:>2}. {text}", self.steps);
    }
}
