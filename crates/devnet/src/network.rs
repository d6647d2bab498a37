//! A running devnet: L1, contracts, validators, provers.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use agoge_l1_client::{L1Client, L1Config, RollupReader};
use agoge_protocol::{Address, Deployment};
use agoge_supervisor::SystemClock;
use eyre::{Context, Result, bail, eyre};
use serde_json::{Value, json};

use crate::anvil::Anvil;
use crate::deploy;
use crate::faults::proxy::L1Proxy;
use crate::keys::{Role, key};
use crate::node_process::NodeProcess;
use crate::plan::Plan;
use crate::process::{PASSWORD, Shared};
use crate::prover_process::{ProverPlan, ProverProcess};

/// What every publisher, depositor and prover starts with, wei.
const ALLOWANCE: u128 = 100_000_000_000_000_000_000;
/// The share of fees that prover 0 asks for, basis points; each later one asks for [`FEE_STEP`] more.
const FEE_BPS: u16 = 2_000;
const FEE_STEP: u16 = 500;

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
    /// Provers; the first asks for the least.
    pub provers: Vec<ProverProcess>,
    /// L1, independent of every node.
    pub l1: L1Client,
    /// Views of L1, independent of every node.
    pub reader: RollupReader,
    /// With [`Devnet::start_under_faults`], what stands between validator process n and L1; else empty.
    pub proxies: Vec<L1Proxy>,
    shared: Shared,
    bootnode: Option<String>,
    is_observed: bool,
}

impl Devnet {
    /// Starts L1, deploys, stakes, starts all nodes and waits until they are ready.
    ///
    /// # Errors
    /// Whatever did not come up, with the end of its log.
    pub async fn start(plan: Plan) -> Result<Self> {
        Self::start_with(plan, false).await
    }

    /// The same with a proxy between each validator process and L1, and with a record of every node's peer messages.
    ///
    /// # Errors
    /// Whatever did not come up, with the end of its log.
    pub async fn start_under_faults(plan: Plan) -> Result<Self> {
        Self::start_with(plan, true).await
    }

    async fn start_with(plan: Plan, is_observed: bool) -> Result<Self> {
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
        let depositors = (0..2).map(|number| (Role::Depositor, number));
        let provers = (0..plan.provers).map(|number| (Role::Prover, number));
        for (role, number) in depositors.chain(provers) {
            anvil
                .set_balance(key(&plan.seed, role, number).address(), ALLOWANCE)
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

        let l1 = l1(&plan, &anvil, Some(deployment.clone())).await?;
        let reader = l1.reader()?;
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
            provers: Vec::new(),
            l1,
            reader,
            proxies: Vec::new(),
            shared,
            bootnode: None,
            is_observed,
        };
        for process in 0..devnet.plan.procs {
            devnet.add_validators(process).await?;
        }
        devnet.wait_ready(Duration::from_secs(60)).await?;
        for number in 0..devnet.plan.provers {
            devnet.add_prover(number).await?;
        }
        Ok(devnet)
    }

    async fn add_prover(&mut self, number: usize) -> Result<()> {
        let step = u16::try_from(number).unwrap_or(u16::MAX);
        let plan = ProverPlan {
            key: key(&self.plan.seed, Role::Prover, number),
            verifier: self.plan.verifier,
            fee_bps: FEE_BPS.saturating_add(FEE_STEP.saturating_mul(step)),
            bootnodes: self.bootnode.clone().into_iter().collect(),
        };
        let mut prover = ProverProcess::prepare(&self.shared, &format!("prover-{number}"), plan)?;
        prover.start().await?;
        self.provers.push(prover);
        Ok(())
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
        let mut shared = self.shared.clone();
        if self.is_observed && publisher.is_some() {
            let proxy = L1Proxy::start(&shared.l1_url).await?;
            proxy.url().clone_into(&mut shared.l1_url);
            self.proxies.push(proxy);
        }
        let mut node = NodeProcess::prepare(&shared, name, attesters, publisher, bootnodes)?;
        if self.is_observed {
            node.record_wire();
        }
        node.start().await?;
        if self.bootnode.is_none() {
            self.bootnode = Some(node.multiaddress(&node.rpc()?.info().await?.peer_id));
        }
        self.nodes.push(node);
        Ok(())
    }

    /// Judges the network by another of its Rollups from now on, one of the deployment file's.
    ///
    /// # Errors
    /// Those of the file and of L1; the file does not name it.
    pub async fn move_to(&mut self, rollup: Address) -> Result<()> {
        let mut deployment: Deployment = serde_json::from_slice(&fs::read(self.deployment_file())?)?;
        let instance = deployment
            .contracts
            .iter()
            .find(|contract| contract.name == "Rollup" && contract.address == rollup)
            .map(|contract| contract.instance)
            .ok_or_else(|| eyre!("the deployment file names no Rollup {rollup}"))?;
        deployment
            .contracts
            .retain(|contract| contract.instance.is_none() || contract.instance == instance);
        self.l1 = l1(&self.plan, &self.anvil, Some(deployment.clone())).await?;
        self.reader = self.l1.reader()?;
        self.deployment = deployment;
        Ok(())
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
            "prover": self.provers.first().map(ProverProcess::describe),
            "provers": self.provers.iter().map(ProverProcess::describe).collect::<Vec<_>>(),
        }))
    }

    /// Stops everything, provers first and L1 last.
    pub async fn stop(mut self) {
        for prover in &mut self.provers {
            prover.stop(Duration::from_secs(10)).await;
        }
        for node in self.nodes.iter_mut().rev() {
            node.stop(Duration::from_secs(10)).await;
        }
        self.anvil.stop().await;
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
