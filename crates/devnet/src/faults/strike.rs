//! Carrying a schedule out, and the record of how it went.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::PoisonError;
use std::time::Duration;

use agoge_protocol::{Slot, Timing};
use eyre::{Result, bail, eyre};
use futures::future::{join_all, try_join_all};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use super::now_ms;
use super::outage::Outages;
use super::proxy::{Behaviour, L1Proxy};
use super::schedule::{Fault, What};
use crate::anvil::Anvil;
use crate::node_process::NodeProcess;
use crate::prover_process::ProverProcess;

/// How long a node may take until it is ready again; what is asked of it is one of the report's limits.
const READY: Duration = Duration::from_secs(120);
/// Between two looks at a node that is not ready.
const POLL: Duration = Duration::from_millis(100);

/// A line of `faults.jsonl`: a fault, and how it went once it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The fault.
    #[serde(flatten)]
    pub fault: Fault,
    /// Unix milliseconds.
    #[serde(default)]
    pub began_unix_ms: Option<u64>,
    /// When all whom it had struck were ready again, Unix milliseconds.
    #[serde(default)]
    pub ended_unix_ms: Option<u64>,
    /// Milliseconds from the start of each killed process until it was ready.
    #[serde(default)]
    pub ready_ms: BTreeMap<usize, u64>,
    /// Why it could not be carried out to its end.
    #[serde(default)]
    pub error: Option<String>,
}

/// The records of a run, kept in a file as they are now.
#[derive(Debug)]
pub(super) struct Records {
    file: PathBuf,
    all: std::sync::Mutex<Vec<Record>>,
}

impl Records {
    /// Writes the schedule down before anything of it happens.
    pub(super) fn new(file: PathBuf, schedule: &[Fault]) -> std::io::Result<Self> {
        let all = schedule
            .iter()
            .map(|fault| Record {
                fault: fault.clone(),
                began_unix_ms: None,
                ended_unix_ms: None,
                ready_ms: BTreeMap::new(),
                error: None,
            })
            .collect();
        let records = Self {
            file,
            all: std::sync::Mutex::new(all),
        };
        records.change(|_| ())?;
        Ok(records)
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Record>)) -> std::io::Result<()> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut all);
        let mut text = String::new();
        for record in all.iter() {
            text.push_str(&serde_json::to_string(record)?);
            text.push('\n');
        }
        // Whole at any time, so that a run that dies can be replayed.
        let new = self.file.with_extension("new");
        std::fs::write(&new, text)?;
        std::fs::rename(&new, &self.file)
    }

    /// All of them.
    pub(super) fn into_all(self) -> Vec<Record> {
        self.all.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whom faults strike.
pub(super) struct Field<'a> {
    pub(super) nodes: Vec<Mutex<&'a mut NodeProcess>>,
    pub(super) provers: Vec<Mutex<&'a mut ProverProcess>>,
    pub(super) proxies: &'a [L1Proxy],
    pub(super) anvil: &'a Anvil,
    pub(super) timing: Timing,
    pub(super) outages: &'a Outages,
    pub(super) records: &'a Records,
    /// L1 is reorganised by one fault at a time.
    pub(super) l1: Mutex<()>,
}

impl<'a> Field<'a> {
    /// Carries all faults out, each at its time.
    ///
    /// # Errors
    /// A record that cannot be written.
    pub(super) async fn strike_all(&self, schedule: &[Fault], first: Slot) -> Result<()> {
        let faults = schedule.iter().enumerate().map(async |(index, fault)| {
            let slot = Slot::new(first.get().saturating_add(fault.at_slot));
            let at = self
                .timing
                .slot_start(slot)
                .saturating_mul(1_000)
                .saturating_add(fault.offset_ms);
            sleep(Duration::from_millis(at.saturating_sub(now_ms()))).await;
            tracing::info!(slot = slot.get(), what = ?fault.what, slots = fault.slots, "fault");
            let set = |change: fn(&mut Record, u64)| {
                self.records.change(|all| {
                    if let Some(record) = all.get_mut(index) {
                        change(record, now_ms());
                    }
                })
            };
            set(|record, now| record.began_unix_ms = Some(now))?;
            let struck = self.strike(fault).await;
            set(|record, now| record.ended_unix_ms = Some(now))?;
            self.records.change(|all| match (all.get_mut(index), struck) {
                (Some(record), Ok(ready)) => record.ready_ms = ready,
                (Some(record), Err(error)) => {
                    tracing::warn!(what = ?fault.what, "{error:#}");
                    record.error = Some(format!("{error:#}"));
                }
                (None, _) => {}
            })?;
            Ok::<_, eyre::Report>(())
        });
        join_all(faults).await.into_iter().collect()
    }

    async fn strike(&self, fault: &Fault) -> Result<BTreeMap<usize, u64>> {
        let time = Duration::from_secs(self.timing.slot_seconds.saturating_mul(fault.slots));
        match &fault.what {
            What::Kill { nodes } => {
                let killed = nodes.iter().map(|node| self.kill(*node, time));
                Ok(try_join_all(killed).await?.into_iter().collect())
            }
            What::Pause { nodes } => {
                try_join_all(nodes.iter().map(|node| self.pause(*node, time))).await?;
                Ok(BTreeMap::new())
            }
            What::Endpoint { nodes, behaviour } => {
                let spoilt = nodes.iter().map(|node| self.endpoint(*node, *behaviour, time));
                try_join_all(spoilt).await?;
                Ok(BTreeMap::new())
            }
            What::Reorg { depth } => {
                self.reorg(*depth).await?;
                Ok(BTreeMap::new())
            }
            What::Prover { prover } => {
                let prover = self
                    .provers
                    .get(*prover)
                    .ok_or_else(|| eyre!("there is no prover {prover}"))?
                    .lock()
                    .await;
                prover.pause().await?;
                sleep(time).await;
                prover.resume().await?;
                Ok(BTreeMap::new())
            }
        }
    }

    fn node(&self, node: usize) -> Result<&Mutex<&'a mut NodeProcess>> {
        self.nodes
            .get(node)
            .ok_or_else(|| eyre!("there is no node {node}"))
    }

    async fn kill(&self, number: usize, time: Duration) -> Result<(usize, u64)> {
        let mut node = self.node(number)?.lock().await;
        let outage = self.outages.begin(number);
        node.kill().await;
        sleep(time).await;
        let start = Instant::now();
        node.start().await?;
        ready(&node, start).await?;
        self.outages.end(&outage);
        let took = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok((number, took))
    }

    async fn pause(&self, number: usize, time: Duration) -> Result<()> {
        let node = self.node(number)?.lock().await;
        let outage = self.outages.begin(number);
        node.pause().await?;
        sleep(time).await;
        node.resume().await?;
        ready(&node, Instant::now()).await?;
        self.outages.end(&outage);
        Ok(())
    }

    async fn endpoint(&self, number: usize, behaviour: Behaviour, time: Duration) -> Result<()> {
        let node = self.node(number)?.lock().await;
        let proxy = self
            .proxies
            .get(number)
            .ok_or_else(|| eyre!("there is no proxy in front of L1 for node {number}"))?;
        let outage = self.outages.begin(number);
        proxy.behave(behaviour);
        sleep(time).await;
        proxy.behave(Behaviour::Healthy);
        ready(&node, Instant::now()).await?;
        self.outages.end(&outage);
        Ok(())
    }

    async fn reorg(&self, depth: u64) -> Result<()> {
        let _alone = self.l1.lock().await;
        let (head, _) = self.anvil.head().await?;
        let Some(base) = head.checked_sub(depth) else {
            bail!("L1 has {head} blocks, {depth} cannot be replaced");
        };
        let from = self.anvil.block(base).await?.time.saturating_mul(1_000);
        self.anvil.reorg(depth).await?;
        self.outages.everybody(from, now_ms());
        Ok(())
    }
}

async fn ready(node: &NodeProcess, start: Instant) -> Result<()> {
    while !node.is_ready().await {
        if start.elapsed() > READY {
            bail!(
                "{} is not ready after {READY:?}: {}",
                node.name(),
                node.readiness().await
            );
        }
        sleep(POLL).await;
    }
    Ok(())
}
