//! A run: a network, load and faults for a number of slots, then the judgement.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use agoge_protocol::Slot;
use eyre::{Context, Result, eyre};
use serde_json::json;
use tokio::sync::Mutex;

use super::load::{Load, LoadReport};
use super::manifest::{self, Manifest, SCHEMA};
use super::outage::Outages;
use super::report::{Evidence, Limits, Report};
use super::schedule::{self, Fault, Frame};
use super::strike::{Field, Record, Records};
use super::{equivocation, now_ms, slots};
use crate::network::Devnet;
use crate::plan::Plan;

/// Slots for whatever is under way at the end: transactions in the mempools, a fresh node's sync.
const SETTLE_SLOTS: u64 = 24;

/// What a run is.
#[derive(Clone, Debug)]
pub struct Run {
    /// The network.
    pub plan: Plan,
    /// Epochs that count.
    pub epochs: u64,
    /// Transactions a second; none at 0.
    pub tps: f64,
    /// Wallets that make them.
    pub wallets: usize,
    /// Where faults come from.
    pub faults: Source,
    /// What must be kept.
    pub limits: Limits,
}

/// Where faults come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// The plan's seed.
    Drawn(schedule::Wishes),
    /// `faults.jsonl` of another run.
    Recorded(PathBuf),
}

impl Run {
    /// The faults that the run has.
    ///
    /// # Errors
    /// They do not fit the run.
    pub fn schedule(&self) -> Result<Vec<Fault>> {
        let protocol = &self.plan.network.protocol;
        let frame = Frame {
            slots: self.epochs.saturating_mul(protocol.epoch_slots),
            epoch_slots: protocol.epoch_slots,
            slot_ms: protocol.slot_seconds.saturating_mul(1_000),
            nodes: self.plan.procs,
            provers: self.plan.provers,
        };
        match &self.faults {
            Source::Drawn(wishes) => schedule::draw(&self.plan.seed, wishes, frame),
            Source::Recorded(file) => schedule::read(file, frame),
        }
    }
}

/// Starts the network, lets load and faults happen, judges, and stops the network. The evidence stays in its directory.
///
/// # Errors
/// What did not come up. What went wrong later is in the report.
pub async fn run(run: Run) -> Result<(Manifest, Report)> {
    let schedule = run.schedule()?;
    let mut devnet = Devnet::start_under_faults(run.plan.clone()).await?;
    let judged = Box::pin(watch(&mut devnet, &run, &schedule)).await;
    devnet.stop().await;
    judged
}

async fn watch(devnet: &mut Devnet, run: &Run, schedule: &[Fault]) -> Result<(Manifest, Report)> {
    let dir = devnet.dir().to_owned();
    let outages = Outages::default();
    let records = Records::new(dir.join("faults.jsonl"), schedule).wrap_err("faults.jsonl")?;
    let load = if run.tps > 0.0 {
        devnet.wait_for_block(1, devnet.slots(20)).await?;
        tracing::info!(wallets = run.wallets, "wallets deposit");
        let file = dir.join("load.jsonl");
        Some(Load::fund(devnet, run.wallets, run.tps, &file, &outages).await?)
    } else {
        None
    };
    let mut manifest = begin(devnet, run).await?;
    manifest.write()?;
    happen(devnet, &manifest, schedule, &records, &outages, load.as_ref()).await?;

    tracing::info!("the last slot is over; a fresh node reads the chain");
    let limit = devnet.slots(SETTLE_SLOTS);
    let agreed = agree(devnet, limit).await.map_err(|error| format!("{error:#}"));
    let settled = match &load {
        Some(load) => Some(settle(devnet, load, limit).await?),
        None => None,
    };
    let (first, last) = (Slot::new(manifest.first_slot), Slot::new(manifest.last_slot));
    manifest.slots = slots::judge(devnet, &outages, first, last).await?;
    manifest.nodes = manifest::nodes(devnet);
    let files: Vec<PathBuf> = manifest.nodes.iter().flat_map(|node| node.wire.clone()).collect();
    let timing = devnet.timing();
    let all: Vec<Record> = records.into_all();
    let evidence = Evidence {
        facts: &manifest.slots,
        records: &all,
        signed: equivocation::read(&files)?,
        load: settled,
        agreed,
        genesis_ms: timing.genesis_time.saturating_mul(1_000),
        slot_ms: timing.slot_seconds.saturating_mul(1_000),
        epoch_slots: timing.epoch_slots,
    };
    let report = Report::new(evidence, run.limits);
    manifest.ended_unix = Some(now_ms().div_euclid(1_000));
    manifest.report = Some(serde_json::to_value(&report)?);
    manifest.write()?;
    Ok((manifest, report))
}

/// The manifest of a run that begins with the next whole slot.
async fn begin(devnet: &Devnet, run: &Run) -> Result<Manifest> {
    let now = devnet
        .l1_slot()
        .await?
        .ok_or_else(|| eyre!("L1 is before the network's genesis"))?;
    let protocol = &run.plan.network.protocol;
    let (first, count) = (now.next().next(), run.epochs.saturating_mul(protocol.epoch_slots));
    Ok(Manifest {
        schema: SCHEMA.to_owned(),
        seed: run.plan.seed.clone(),
        dir: devnet.dir().to_owned(),
        l1_url: devnet.anvil.url().to_owned(),
        deployment: devnet.deployment_file().to_owned(),
        nodes: manifest::nodes(devnet),
        provers: manifest::provers(devnet),
        faults: "faults.jsonl".into(),
        load: "load.jsonl".into(),
        flags: json!({
            "keys": run.plan.keys, "procs": run.plan.procs, "provers": run.plan.provers,
            "slot_ms": protocol.slot_seconds.saturating_mul(1_000), "epoch_slots": protocol.epoch_slots,
            "committee": protocol.committee_size, "epochs": run.epochs, "tps": run.tps, "wallets": run.wallets,
        }),
        started_unix: now_ms().div_euclid(1_000),
        ended_unix: None,
        first_slot: first.get(),
        last_slot: first.get().saturating_add(count).saturating_sub(1),
        slots: Vec::new(),
        report: None,
    })
}

/// Load and faults, until the last slot is over and every fault, too.
async fn happen(
    devnet: &mut Devnet,
    manifest: &Manifest,
    schedule: &[Fault],
    records: &Records,
    outages: &Outages,
    load: Option<&Load<'_>>,
) -> Result<()> {
    let timing = devnet.timing();
    let (first, last) = (Slot::new(manifest.first_slot), Slot::new(manifest.last_slot));
    let Devnet {
        nodes,
        provers,
        proxies,
        anvil,
        reader,
        ..
    } = devnet;
    let field = Field {
        nodes: nodes.iter_mut().map(Mutex::new).collect(),
        provers: provers.iter_mut().map(Mutex::new).collect(),
        proxies,
        anvil,
        timing,
        outages,
        records,
        l1: Mutex::new(()),
    };
    let over = async {
        let mut slot = first;
        while slot <= last {
            slot = timing.first_slot(timing.epoch_of(slot).next());
            let until = slot.min(last.next());
            let end = timing.slot_start(until).saturating_mul(1_000);
            tokio::time::sleep(Duration::from_millis(end.saturating_sub(now_ms()))).await;
            let tip = match anvil.head().await {
                Ok((_, time)) => reader.tips_at(agoge_l1_client::At::Latest, time).await.ok(),
                Err(_) => None,
            };
            let tip = tip.map(|tips| (tips.pending.get(), tips.proven.get()));
            tracing::info!(slot = until.get(), last = last.get(), pending_and_proven = ?tip, "an epoch is over");
        }
        if let Some(load) = load {
            load.is_over.store(true, Ordering::Relaxed);
        }
    };
    let load = async {
        if let Some(load) = load {
            load.run().await;
        }
    };
    let ((), (), struck) = tokio::join!(over, load, field.strike_all(schedule, first));
    struck
}

/// Adds a node that knows nothing and waits until all nodes and L1 agree; the number of the block that they agree on.
async fn agree(devnet: &mut Devnet, limit: Duration) -> Result<u64> {
    devnet.check_alive()?;
    devnet.add_follower("judge").await?;
    let tip = devnet.l1_tip().await?;
    Ok(devnet.wait_agreed(tip, limit).await?.number.get())
}

async fn settle(devnet: &Devnet, load: &Load<'_>, limit: Duration) -> Result<LoadReport> {
    let judge = devnet.nodes.last().ok_or_else(|| eyre!("there are no nodes"))?;
    load.settle(&judge.rpc()?, limit).await
}
