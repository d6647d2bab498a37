//! A running devnet: L1, contracts, validators, and the questions that the demo and the tests ask of them.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use agoge_l1_client::{L1Client, L1Config, RollupReader};
use agoge_protocol::rpc::Tip;
use agoge_protocol::{Deployment, L2BlockNumber, Slot, Timing};
use agoge_supervisor::SystemClock;
use eyre::{Context, Result, bail, eyre};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::anvil::Anvil;
use crate::deploy;
use crate::keys::{Role, key};
use crate::node_process::NodeProcess;
use crate::plan::Plan;
use crate::process::{PASSWORD, Shared};

/// What every publisher and depositor starts with, wei.
const ALLOWANCE: u128 = 100_000_000_000_000_000_000;
/// Between two looks while waiting.
const POLL: Duration = Duration::from_millis(200);

/// A running devnet. Dropping it kills every process.
pub struct Devnet {
    /// What was asked for.
    pub plan: Plan,
    /// L1.
    pub anvil: Anvil,
    /// Where the contracts are.
    pub deployment: Deployment,
    /// Validator processes, then followers.
    pub nodes: Vec<NodeProcess>,
    /// Views of L1, independent of every node.
    pub reader: RollupReader,
    shared: Shared,
    bootnode: Option<String>,
}

impl Devnet {
    /// Starts L1, deploys, stakes, starts all nodes and waits until they are ready.
    ///
    /// # Errors
    /// Whatever did not come up, with the end of its log.
    pub async fn start(plan: Plan) -> Result<Self> {
        let dir = fresh_dir(&plan.dir)?;
        write_private(&dir.join("password"), PASSWORD)?;
        let network_file = dir.join("network.toml");
        fs::write(&network_file, toml::to_string(&plan.network)?).wrap_err("network.toml")?;

        let anvil = Anvil::start(&dir.join("anvil.log")).await?;
        tracing::info!(url = anvil.url(), "L1 is up");
        for process in 0..plan.procs {
            anvil
                .set_balance(key(&plan.seed, Role::Publisher, process).address(), ALLOWANCE)
                .await?;
        }
        for wallet in 0..2 {
            anvil
                .set_balance(key(&plan.seed, Role::Depositor, wallet).address(), ALLOWANCE)
                .await?;
        }
        let deployment = deploy::deploy_and_stake(&plan, &anvil).await?;
        let deployment_file = dir
            .join("deployments")
            .join(format!("{}.json", plan.network.network.name));
        fs::create_dir_all(dir.join("deployments"))?;
        fs::write(&deployment_file, serde_json::to_string_pretty(&deployment)?)?;
        tracing::info!(
            validators = plan.keys,
            "contracts are deployed and validators staked"
        );

        let reader = l1(&plan, &anvil, Some(deployment.clone())).await?.reader()?;
        let shared = Shared {
            dir,
            network_file,
            deployment_file,
            l1_url: anvil.url().to_owned(),
        };
        let mut devnet = Self {
            plan,
            anvil,
            deployment,
            nodes: Vec::new(),
            reader,
            shared,
            bootnode: None,
        };
        for process in 0..devnet.plan.procs {
            devnet.add_validators(process).await?;
        }
        devnet.wait_ready(Duration::from_secs(60)).await?;
        Ok(devnet)
    }

    async fn add_validators(&mut self, process: usize) -> Result<()> {
        let seed = &self.plan.seed;
        let attesters: Vec<_> = self
            .plan
            .keys_of(process)
            .into_iter()
            .map(|number| key(seed, Role::Attester, number))
            .collect();
        let publisher = key(seed, Role::Publisher, process);
        self.add_node(&format!("node-{process}"), &attesters, Some(&publisher))
            .await
    }

    /// Starts a node without keys and returns its place in [`Self::nodes`].
    ///
    /// # Errors
    /// Those of its start.
    pub async fn add_follower(&mut self, name: &str) -> Result<usize> {
        self.add_node(name, &[], None).await?;
        Ok(self.nodes.len().saturating_sub(1))
    }

    async fn add_node(
        &mut self,
        name: &str,
        attesters: &[alloy::signers::local::PrivateKeySigner],
        publisher: Option<&alloy::signers::local::PrivateKeySigner>,
    ) -> Result<()> {
        let bootnodes = self.bootnode.clone().into_iter().collect();
        let mut node = NodeProcess::prepare(&self.shared, name, attesters, publisher, bootnodes)?;
        node.start().await?;
        if self.bootnode.is_none() {
            self.bootnode = Some(node.multiaddress(&node.rpc()?.info().await?.peer_id));
        }
        self.nodes.push(node);
        Ok(())
    }

    /// Waits until every node says that it is ready.
    ///
    /// # Errors
    /// The reasons of those that are not.
    pub async fn wait_ready(&mut self, limit: Duration) -> Result<()> {
        let end = Instant::now() + limit;
        loop {
            let mut waiting = Vec::new();
            for node in &mut self.nodes {
                node.check_alive()?;
                let state = node.readiness().await;
                if !is_ready(&state) {
                    waiting.push(format!("{}: {state}", node.name()));
                }
            }
            if waiting.is_empty() {
                return Ok(());
            }
            if Instant::now() >= end {
                bail!("not ready after {limit:?}: {}", waiting.join("; "));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until L1's pending tip is at least `number`.
    ///
    /// # Errors
    /// When it is not within `limit`, or when a node died meanwhile.
    pub async fn wait_for_block(&mut self, number: u64, limit: Duration) -> Result<u64> {
        let end = Instant::now() + limit;
        loop {
            let tip = self.l1_tip().await?;
            if tip >= number {
                return Ok(tip);
            }
            for node in &mut self.nodes {
                node.check_alive()?;
            }
            if Instant::now() >= end {
                bail!("L1's tip is block {tip}, not {number}, after {limit:?}");
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Number of the last block on L1.
    ///
    /// # Errors
    /// Those of the call.
    pub async fn l1_tip(&self) -> Result<u64> {
        let (_, time) = self.anvil.head().await?;
        Ok(self
            .reader
            .tips_at(agoge_l1_client::At::Latest, time)
            .await?
            .pending
            .get())
    }

    /// Waits until all running nodes have the same pending tip, at block `number` or later, and returns it. What they agree on is
    /// compared with the archive on L1.
    ///
    /// # Errors
    /// What each node said last, when they do not agree within `limit`.
    pub async fn wait_agreed(&mut self, number: u64, limit: Duration) -> Result<Tip> {
        let end = Instant::now() + limit;
        loop {
            let mut tips = Vec::new();
            for node in &mut self.nodes {
                node.check_alive()?;
                tips.push((node.name().to_owned(), node.rpc()?.tips().await?.pending));
            }
            let (_, first) = tips.first().cloned().ok_or_else(|| eyre!("there are no nodes"))?;
            if first.number.get() >= number && tips.iter().all(|(_, tip)| *tip == first) {
                let record = self
                    .reader
                    .block_record(agoge_l1_client::At::Latest, first.number)
                    .await?;
                if record.is_some_and(|(archive, _)| archive == first.archive) {
                    return Ok(first);
                }
            }
            if Instant::now() >= end {
                let said: Vec<String> = tips
                    .iter()
                    .map(|(name, tip)| format!("{name}: block {} archive {}", tip.number, tip.archive))
                    .collect();
                bail!(
                    "the nodes do not agree on block {number} or later after {limit:?}: {}",
                    said.join("; ")
                );
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// How the network cuts time.
    pub fn timing(&self) -> Timing {
        self.plan.network.timing(self.deployment.genesis_time)
    }

    /// The slot of L1's latest block; `None` before genesis.
    ///
    /// # Errors
    /// Those of the call.
    pub async fn l1_slot(&self) -> Result<Option<Slot>> {
        let (_, time) = self.anvil.head().await?;
        Ok(self.timing().slot_at(time))
    }

    /// Waits until L1 has reached a slot.
    ///
    /// # Errors
    /// Those of the calls.
    pub async fn wait_for_slot(&self, slot: Slot) -> Result<()> {
        while self.l1_slot().await?.is_none_or(|now| now < slot) {
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// Seconds of a slot, as a limit that is easy to multiply.
    pub const fn slots(&self, count: u64) -> Duration {
        Duration::from_secs(self.plan.network.protocol.slot_seconds.saturating_mul(count))
    }

    /// The devnet's directory.
    pub fn dir(&self) -> &Path {
        &self.shared.dir
    }

    /// Network file that every process uses.
    pub fn network_file(&self) -> &Path {
        &self.shared.network_file
    }

    /// Where the contracts are, as every process reads it.
    pub fn deployment_file(&self) -> &Path {
        &self.shared.deployment_file
    }

    /// The line of `--serve --json` (`docs/interface.md`).
    ///
    /// # Errors
    /// A node that does not answer.
    pub async fn describe(&self) -> Result<Value> {
        let mut nodes = Vec::new();
        for node in &self.nodes {
            nodes.push(node.describe(&node.rpc()?.info().await?.peer_id));
        }
        Ok(json!({
            "l1_url": self.anvil.url(),
            "beacon_url": self.anvil.url(),
            "deployment": self.shared.deployment_file,
            "l1_pid": self.anvil.pid(),
            "bootnodes": self.bootnode.iter().collect::<Vec<_>>(),
            "nodes": nodes,
            "prover": Value::Null,
        }))
    }

    /// Stops everything, nodes first.
    pub async fn stop(mut self) {
        for node in self.nodes.iter_mut().rev() {
            node.stop(Duration::from_secs(10)).await;
        }
        self.anvil.stop().await;
    }

    /// Number of the last block of a node's pending chain.
    ///
    /// # Errors
    /// Those of the call.
    pub async fn node_tip(&self, node: usize) -> Result<L2BlockNumber> {
        let node = self
            .nodes
            .get(node)
            .ok_or_else(|| eyre!("there is no node {node}"))?;
        Ok(node.rpc()?.tips().await?.pending.number)
    }
}

/// A connection to the devnet's L1.
///
/// # Errors
/// Those of the connection.
pub async fn l1(plan: &Plan, anvil: &Anvil, deployment: Option<Deployment>) -> Result<L1Client> {
    let url: agoge_l1_client::SecretUrl = anvil.url().parse()?;
    let config = L1Config::new(plan.network.clone(), deployment, vec![url.clone()], vec![url]);
    Ok(L1Client::connect(config, Arc::new(SystemClock)).await?)
}

fn is_ready(state: &str) -> bool {
    // The node answers `{"status":"ready"...}` with 200, and the list of reasons with 503.
    serde_json::from_str::<Value>(state)
        .is_ok_and(|value| value.get("ready").and_then(Value::as_bool) == Some(true))
}

/// Makes the devnet's directory; one that holds a former devnet is emptied, any other is refused.
fn fresh_dir(dir: &Path) -> Result<PathBuf> {
    const MARK: &str = ".agoge-devnet";
    if dir.exists() && fs::read_dir(dir)?.next().is_some() {
        if !dir.join(MARK).exists() {
            bail!(
                "{} is not empty and no former devnet; hint: choose another --dir",
                dir.display()
            );
        }
        fs::remove_dir_all(dir).wrap_err_with(|| format!("emptying {}", dir.display()))?;
    }
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .wrap_err_with(|| dir.display().to_string())?;
    fs::write(
        dir.join(MARK),
        "made by agoge-devnet; removed by its next start\n",
    )?;
    dir.canonicalize().wrap_err_with(|| dir.display().to_string())
}

fn write_private(path: &Path, text: &str) -> Result<()> {
    use std::io::Write;
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())
        .wrap_err_with(|| path.display().to_string())
}
