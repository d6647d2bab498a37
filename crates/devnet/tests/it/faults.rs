//! A network under load while processes are killed and paused, L1 endpoints fail and L1 reorganises: what `agoge-devnet run` judges, in small.

use std::path::Path;

use agoge_devnet::faults::manifest::Manifest;
use agoge_devnet::faults::proxy::Behaviour;
use agoge_devnet::faults::report::Limits;
use agoge_devnet::faults::run::{Run, Source, run};
use agoge_devnet::faults::schedule::{Fault, Kind, What, Wishes as Faults};
use agoge_devnet::faults::strike::Record;
use agoge_devnet::plan::{Plan, Verifier, Wishes};
use eyre::{Result, ensure};

use crate::ONE_NETWORK;

/// Decides kills, pauses, endpoints and reorgs. A seed that has failed once is added as a test of its own.
const SEED: &str = "short-lane";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_under_load_survives_its_faults_slow() -> Result<()> {
    let _turn = ONE_NETWORK.lock().await;
    let home = tempfile::tempdir()?;
    let wanted = wanted(home.path())?;
    let schedule = wanted.schedule()?;
    let (manifest, report) = run(wanted).await?;

    ensure!(report.violations.is_empty(), "{report}");
    ensure!(report.kills >= 3, "{report}");
    let mined = report.load.as_ref().map_or(0, |load| load.mined);
    ensure!(mined > 0 && report.agreed_block.is_some(), "{report}");
    the_evidence_is_what_happened(&manifest, &schedule)
}

fn wanted(dir: &Path) -> Result<Run> {
    let plan = Plan::new(&Wishes {
        slot_ms: Some(3_000),
        epoch_slots: Some(8),
        dir: Some(dir.join("devnet")),
        seed: Some(SEED.to_owned()),
        verifier: Verifier::Test,
        ..Wishes::default()
    })?;
    Ok(Run {
        plan,
        epochs: 5,
        tps: 0.2,
        wallets: 3,
        faults: Source::Drawn(Faults {
            kinds: vec![Kind::Kill, Kind::Pause, Kind::L1, Kind::Reorg],
            rounds: 3,
            kill_percent: 25,
            reorg_depth_max: 8,
        }),
        limits: Limits {
            // Of 40 slots few are producible: two of the four processes may be out at once.
            produced_percent: 80.0,
            ready_seconds: 30,
            recovery_epochs: 2,
        },
    })
}

/// The record of a run is its schedule, so that it can be replayed, and every file that the manifest names is there.
fn the_evidence_is_what_happened(manifest: &Manifest, schedule: &[Fault]) -> Result<()> {
    let lines = std::fs::read_to_string(manifest.dir.join(&manifest.faults))?;
    let records: Vec<Record> = lines
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    let faults: Vec<&Fault> = records.iter().map(|record| &record.fault).collect();
    ensure!(faults == schedule.iter().collect::<Vec<_>>(), "{lines}");
    let is_there = |what: fn(&What) -> bool| faults.iter().any(|fault| what(&fault.what));
    ensure!(is_there(|what| matches!(what, What::Pause { .. })));
    ensure!(is_there(
        |what| matches!(what, What::Reorg { depth } if *depth <= 8)
    ));
    ensure!(is_there(
        |what| matches!(what, What::Endpoint { behaviour, .. } if *behaviour != Behaviour::Healthy)
    ));
    let files = manifest.nodes.iter().flat_map(|node| &node.wire);
    let logs = manifest.nodes.iter().map(|node| &node.log);
    for file in files.chain(logs) {
        ensure!(file.metadata()?.len() > 0, "{} is empty", file.display());
    }
    let written: Manifest = serde_json::from_slice(&std::fs::read(manifest.dir.join("run.json"))?)?;
    ensure!(written.report.is_some() && written.slots.len() == 40);
    Ok(())
}
