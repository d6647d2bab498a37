//! The watch: a look in every slot, written down before the next. It ends by a signal, after a number of slots, or when the disk refuses.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use agoge_host::report::{CliError, print, tell};
use agoge_l1_client::{L1Client, L1Config, SecretUrl};
use agoge_protocol::{Deployment, NetworkConfig, Slot};
use agoge_supervisor::{Clock, SystemClock};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::evidence::{Header, Recorder, SCHEMA, SlotRecord, Started, network_digest};
use crate::failure;
use crate::scrape::{L1Source, NodeSource, Sources};

/// Longest wait for a source; a quarter of a slot if that is less.
const TIMEOUT_MAX: Duration = Duration::from_secs(10);
/// Nodes that one watcher looks at.
const NODES_MAX: usize = 256;

/// What is watched.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) network: NetworkConfig,
    pub(crate) deployment: Deployment,
    pub(crate) rpc: Vec<String>,
    pub(crate) metrics: Vec<String>,
    pub(crate) l1: Vec<SecretUrl>,
    /// Directory of the evidence.
    pub(crate) dir: PathBuf,
    /// Records to write before it ends.
    pub(crate) slots: Option<u64>,
}

/// What a watch did.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Watched {
    /// Records written.
    pub(crate) recorded: u64,
    /// Hash of the last line.
    pub(crate) head: String,
}

impl Watch {
    /// Connects, checks that the contracts are the files', and watches.
    ///
    /// # Errors
    /// Wrong input, another network, evidence that cannot be continued, or a disk that refuses.
    pub(crate) async fn run(self) -> Result<Watched, CliError> {
        let clock = SystemClock;
        let timing = self.network.timing(self.deployment.genesis_time);
        let slot_ms = timing.slot_seconds.saturating_mul(1_000);
        let timeout = TIMEOUT_MAX.min(Duration::from_millis(slot_ms / 4));
        let sources = self.sources(timeout).await?;
        let header = self.header(&sources)?;
        let (mut recorder, started) =
            Recorder::open(&self.dir, header, now(&clock)).map_err(failure::evidence)?;
        self.say_start(started);
        let mut signals = Signals::new()?;
        let mut recorded = 0_u64;
        let mut last = started.last_slot;
        while self.slots.is_none_or(|slots| recorded < slots) {
            // The middle of the slot that runs, if it is still to come and not recorded; else of the next.
            let running = timing.slot_at(now(&clock)).unwrap_or(Slot::new(0));
            let middle = |slot: Slot| {
                timing
                    .slot_start(slot)
                    .saturating_mul(1_000)
                    .saturating_add(slot_ms / 2)
            };
            let is_late = middle(running) < clock.now_unix_ms() || last >= Some(running.get());
            let slot = if is_late { running.next() } else { running };
            tokio::select! {
                () = clock.sleep_until_unix_ms(middle(slot)) => {}
                () = signals.any() => break,
            }
            // A machine that slept wakes up in a later slot, which is what is recorded then.
            let slot = timing.slot_at(now(&clock)).unwrap_or(slot).max(slot);
            let record = tokio::select! {
                record = sources.look(slot, now(&clock)) => record,
                () = signals.any() => break,
            };
            if let Some(summary) = recorder.append(&record).map_err(failure::evidence)? {
                print(&format!(
                    "{}; evidence head {}\n",
                    summary.line(),
                    recorder.head()
                ));
            }
            last = Some(record.slot);
            recorded = recorded.saturating_add(1);
            if timing.slot_in_epoch(slot) == 0 || recorded == 1 {
                tell(&line(&record));
            }
        }
        let head = recorder.head().to_string();
        Ok(Watched { recorded, head })
    }

    async fn sources(&self, timeout: Duration) -> Result<Sources, CliError> {
        if self.rpc.is_empty() || self.rpc.len() > NODES_MAX {
            return Err(failure::usage(
                format!("{} nodes to watch", self.rpc.len()),
                format!("give --rpc URL for each node, 1 to {NODES_MAX}"),
            ));
        }
        if !self.metrics.is_empty() && self.metrics.len() != self.rpc.len() {
            return Err(failure::usage(
                format!("{} metrics URLs for {} nodes", self.metrics.len(), self.rpc.len()),
                "give --metrics for every --rpc, in the same order, or not at all",
            ));
        }
        let mut config = L1Config::new(
            self.network.clone(),
            Some(self.deployment.clone()),
            self.l1.clone(),
            Vec::new(),
        );
        config.call_timeout = timeout;
        let client = L1Client::connect(config, Arc::new(SystemClock))
            .await
            .map_err(failure::client)?;
        let contracts = client.contracts().map_err(failure::client)?;
        let reader = client.reader().map_err(failure::client)?;
        reader
            .verify_deployment(&self.network)
            .await
            .map_err(failure::verify)?;
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(timeout)
            .build()
            .map_err(|error| failure::usage(error, "check the system's TLS setup"))?;
        let metrics = |index: usize| self.metrics.get(index).map(String::as_str);
        let nodes = self.rpc.iter().enumerate().map(|(index, url)| {
            NodeSource::new(url, metrics(index), http.clone(), timeout)
                .map_err(|error| failure::usage(error, "write http://HOST:PORT"))
        });
        Ok(Sources {
            l1: L1Source::new(client, contracts),
            nodes: nodes.collect::<Result<_, _>>()?,
            timing: self.network.timing(self.deployment.genesis_time),
            timeout,
        })
    }

    fn header(&self, sources: &Sources) -> Result<Header, CliError> {
        let deployment = &self.deployment;
        let registry = deployment.address("Registry").map_err(|error| {
            failure::precondition(
                error,
                "use the whole deployment file, as `govctl deploy` wrote it",
            )
        })?;
        Ok(Header {
            schema: SCHEMA.to_owned(),
            watcher: env!("CARGO_PKG_VERSION").to_owned(),
            network_sha256: network_digest(&self.network),
            network: self.network.clone(),
            genesis_time: deployment.genesis_time,
            genesis_ids: deployment.genesis_ids.clone(),
            registry,
            verifier_circuit_digest: deployment.verifier_circuit_digest,
            code_hashes: crate::evidence::code_hashes(deployment),
            nodes: sources.nodes.iter().map(|node| node.name().to_owned()).collect(),
            has_metrics: !self.metrics.is_empty(),
        })
    }

    fn say_start(&self, started: Started) {
        let dir = self.dir.display();
        match started.last_slot {
            Some(slot) => tell(&format!("goes on in {dir} after slot {slot}")),
            None => tell(&format!("records to {dir}")),
        }
        if started.was_torn {
            tell("the last line was torn and was cut: its slot is unknown");
        }
    }
}

/// A slot in a line, for a log.
fn line(record: &SlotRecord) -> String {
    let answered = record.nodes.iter().filter(|node| node.rpc.is_some()).count();
    let l1 = match (&record.l1, &record.l1_problem) {
        (Some(l1), _) => format!("block {}, proven {}", l1.pending, l1.proven),
        (None, Some(problem)) => format!("L1 does not answer: {problem}"),
        (None, None) => "L1 does not answer".to_owned(),
    };
    format!(
        "slot {}: {l1}; {answered} of {} nodes answer",
        record.slot,
        record.nodes.len()
    )
}

fn now(clock: &SystemClock) -> u64 {
    clock.now_unix_ms() / 1_000
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> Result<Self, CliError> {
        let listen = |kind| {
            signal(kind).map_err(|error| {
                CliError::new(agoge_protocol::exit::ExitCode::Failed, "AGOGE-RUN-001", error)
            })
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    async fn any(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
