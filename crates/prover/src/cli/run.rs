//! `run`: from the configuration to a running prover.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use agoge_host::config::Origin;
use agoge_host::keys::{KeyError, PasswordSource, create_private_dir, open_key_file};
use agoge_host::report::CliError;
use agoge_l1_client::VerifyError;
use agoge_protocol::Deployment;
use agoge_protocol::exit::ExitCode as Exit;
use agoge_supervisor::{
    ActorError, Backoff, Clock, Health, LogFormat, Metrics, RunError, Severity, SlotClock, Spawner,
    Supervisor, SystemClock, Version, init_logging, install_panic_hook, notify_ready,
};
use alloy::signers::local::PrivateKeySigner;
use clap::Args;

use super::Invocation;
use super::l1::verify_error;
use crate::config::{CHAIN_ID_ANVIL, Config, Resolved};
use crate::runtime::{Board, ProverParts, Proving, StartError, serve_status, start};
use crate::work::plonky2::Plonky2;
use crate::work::{SharedWorker, Worker};

/// Name of the start in `/readyz`.
const STARTUP: &str = "startup";
/// Pauses while L1 cannot be reached.
const L1_PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// Time that tasks have to end after a signal.
const GRACE: Duration = Duration::from_secs(20);
const PORT_HINT: &str = "is another prover running here? --instance N shifts all ports by 10 * N";

/// Flags of `run`, never keys of the file.
#[derive(Clone, Debug, Args)]
pub(super) struct RunArgs {
    /// Prove nothing: send empty proofs to the test verifier of a devnet (chain 31337 only).
    #[arg(long, global = true)]
    test_verifier: bool,
}

impl RunArgs {
    /// Whether nothing is proven.
    pub(super) fn is_test(&self, config: &Config) -> Result<bool, CliError> {
        if self.test_verifier && config.network.network.chain_id != CHAIN_ID_ANVIL {
            return Err(CliError::new(
                Exit::Usage,
                "AGOGE-CFG-009",
                "--test-verifier: empty proofs are for chain 31337 only",
            ));
        }
        Ok(self.test_verifier)
    }
}

/// All that a prover starts from.
#[derive(Clone)]
struct Prepared {
    config: Config,
    deployment: Deployment,
    key: PrivateKeySigner,
    is_test: bool,
}

impl Prepared {
    const fn proofs(&self) -> &'static str {
        if self.is_test { "test" } else { "plonky2" }
    }
}

/// The start failed; what it failed with is kept for the exit code.
#[derive(Debug, thiserror::Error)]
#[error("{code}: {message}")]
struct Failed {
    code: &'static str,
    message: String,
}

impl ActorError for Failed {
    fn severity(&self) -> Severity {
        Severity::Fatal
    }
}

pub(super) fn run(invocation: &Invocation, args: &RunArgs) -> Result<Exit, CliError> {
    let resolved = invocation.resolve()?;
    let is_test = args.is_test(&resolved.config)?;
    start_logging(&resolved)?;
    announce(&resolved);
    let prepared = prepare(resolved.config, is_test)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::new(Exit::Failed, "AGOGE-RUN-001", error))?;
    let result = runtime.block_on(supervise(prepared));
    // Blocking work that did not stop in time must not keep the process.
    runtime.shutdown_background();
    result
}

fn start_logging(resolved: &Resolved) -> Result<(), CliError> {
    let usage = |error| CliError::new(Exit::Usage, "AGOGE-CFG-002", error);
    let format: LogFormat = resolved.log_format.parse().map_err(usage)?;
    // The filter is not changed while the prover runs.
    let _control = init_logging(format, &resolved.log_filter).map_err(usage)?;
    Ok(())
}

/// Says what decided every value that is not a default.
fn announce(resolved: &Resolved) {
    for entry in resolved
        .entries
        .iter()
        .filter(|entry| entry.origin != Origin::Default)
    {
        tracing::info!(key = entry.key, value = %entry.value, origin = %entry.origin, "configuration");
    }
}

/// Everything local: directory, deployment, key. Nothing has been sent yet.
fn prepare(config: Config, is_test: bool) -> Result<Prepared, CliError> {
    let deployment = config.load_deployment()?;
    create_private_dir(&config.data_dir).map_err(KeyError::from)?;
    let source = PasswordSource::choose(config.password_file.as_deref());
    let password = source.read().map_err(KeyError::from)?;
    let key = open_key_file(&config.key_file, config.network.network.chain_id, &password)?;
    Ok(Prepared {
        config,
        deployment,
        key,
        is_test,
    })
}

/// Serves health from the first moment, starts the prover, and waits for the end.
async fn supervise(prepared: Prepared) -> Result<Exit, CliError> {
    let failed = |error: &dyn core::error::Error| CliError::new(Exit::Failed, "AGOGE-RUN-001", error);
    let supervisor = Supervisor::new();
    let spawner = supervisor.spawner();
    install_panic_hook(&spawner);
    let health = Health::new();
    health.register(STARTUP);
    let metrics = Metrics::install().map_err(|error| failed(&error))?;
    let version = Version {
        program: "agoge-prover",
        version: env!("CARGO_PKG_VERSION"),
        network: prepared.config.network.network.name.clone(),
        rollup: prepared
            .deployment
            .address("Rollup")
            .map(|rollup| rollup.to_string())
            .unwrap_or_default(),
    };
    agoge_supervisor::serve(
        &spawner,
        prepared.config.metrics_listen,
        version,
        health.clone(),
        metrics,
    )
    .await
    .map_err(|error| CliError::new(Exit::Precondition, "AGOGE-RUN-002", error).with_hint(PORT_HINT))?;

    let why: Arc<Mutex<Option<CliError>>> = Arc::default();
    let reason = Arc::clone(&why);
    let cancel = spawner.token();
    let starting = start_all(prepared, spawner.clone(), health);
    spawner.spawn("startup", async move {
        let error = tokio::select! {
            () = cancel.cancelled() => return Ok(()),
            started = starting => match started {
                Ok(()) => return Ok(()),
                Err(error) => error,
            },
        };
        let failed = Failed {
            code: error.code,
            message: error.message.clone(),
        };
        *reason.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        Err(failed)
    });
    let ended = supervisor.run(GRACE).await;
    if let Some(error) = why.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return Err(error);
    }
    match ended {
        Ok(_) => Ok(Exit::Ok),
        // Everything that counts is on the disk at every moment; what did not end in time is cut off.
        Err(error @ RunError::Remaining { .. }) => {
            tracing::warn!(%error, "stopped without waiting further");
            Ok(Exit::Ok)
        }
        Err(error) => Err(failed(&error)),
    }
}

/// Starts the prover, waiting for L1 as long as it takes.
async fn start_all(prepared: Prepared, spawner: Spawner, health: Health) -> Result<(), CliError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let timing = prepared.config.network.timing(prepared.deployment.genesis_time);
    let slots = SlotClock::new(timing, Arc::clone(&clock));
    let board = Board::new(prepared.key.address(), prepared.proofs(), slots);
    let listen = prepared.config.status_listen;
    let listen = serve_status(&spawner, listen, board.clone())
        .await
        .map_err(|error| {
            CliError::new(
                Exit::Precondition,
                "AGOGE-RUN-002",
                format!("cannot listen on {listen}: {error}"),
            )
            .with_hint(PORT_HINT)
        })?;
    health.set(STARTUP, Err("loading the circuits".to_owned()));
    let proving = proving(&prepared.config, prepared.is_test, &spawner).await?;
    let mut backoff = Backoff::new(L1_PAUSE.0, L1_PAUSE.1);
    loop {
        let Prepared {
            config,
            deployment,
            key,
            ..
        } = prepared.clone();
        let parts = ProverParts {
            config,
            deployment,
            key,
            proving: proving.clone(),
            board: board.clone(),
            spawner: spawner.clone(),
            health: health.clone(),
            clock: Arc::clone(&clock),
        };
        match Box::pin(start(parts)).await {
            Ok(()) => break,
            Err(error) if is_l1_away(&error) => {
                let pause = backoff.next_pause();
                health.set(STARTUP, Err(format!("waiting for L1: {error}")));
                tracing::warn!(%error, ?pause, "waiting for L1");
                tokio::time::sleep(pause).await;
            }
            Err(error) => return Err(start_error(error)),
        }
    }
    health.set(STARTUP, Ok(()));
    tracing::info!(
        prover = %prepared.key.address(),
        status = %listen,
        metrics = %prepared.config.metrics_listen,
        proofs = prepared.proofs(),
        "serving"
    );
    if let Err(error) = notify_ready() {
        tracing::warn!(%error, "systemd was not told that the prover is ready");
    }
    Ok(())
}

/// How proofs are made: not at all for the test verifier, else by one worker that uses all threads, for all instances.
pub(super) async fn proving(config: &Config, is_test: bool, spawner: &Spawner) -> Result<Proving, CliError> {
    if is_test {
        return Ok(Proving::Test);
    }
    let work = config.work.clone();
    let profile = config.network.proving.client_profile;
    tracing::info!(dir = %work.circuits_dir.display(), "circuits are loaded; the first start builds them, which takes minutes");
    let (dir, threads, nice) = (work.circuits_dir, work.threads, work.nice);
    let opened = spawner.spawn_blocking("open-circuits", move || {
        agoge_supervisor::contained(|| Plonky2::open(&dir, profile, threads, nice))
    });
    let failed = |error: &dyn core::error::Error| CliError::new(Exit::Failed, "AGOGE-PRV-007", error);
    let circuits = opened
        .await
        .map_err(|error| failed(&error))?
        .map_err(|error| failed(&error))?;
    let worker: Arc<dyn Worker> = Arc::clone(&circuits) as Arc<dyn Worker>;
    Ok(Proving::Pools {
        circuits,
        workers: vec![SharedWorker::new(worker)],
    })
}

/// Whether L1 did not answer, before anything of the prover's was opened: the start is tried again.
fn is_l1_away(error: &StartError) -> bool {
    use agoge_l1_client::{CallError, ClientError, Unfit};
    match error {
        StartError::Rpc(cause) | StartError::Instance(Unfit::Call(CallError::Rpc(cause))) => {
            cause.is_transient()
        }
        StartError::L1(ClientError::Rpc(cause)) => !cause.is_wrong_chain() && cause.is_transient(),
        StartError::Verify(VerifyError::Call(CallError::Rpc(cause))) => cause.is_transient(),
        _ => false,
    }
}

/// Why an instance is not served.
pub(super) fn start_error(error: StartError) -> CliError {
    use agoge_l1_client::{ClientError, Unfit};
    use agoge_store::OpenError;
    let message = error.to_string();
    let (exit, code) = match error {
        StartError::L1(error) if error.is_wrong_chain() => (Exit::WrongNetwork, "AGOGE-L1-001"),
        StartError::Verify(error) => return verify_error(error),
        StartError::Store(OpenError::OtherNetwork { .. }) => (Exit::WrongNetwork, "AGOGE-DB-001"),
        StartError::Store(_) | StartError::Shelf(_) | StartError::Directory(_) | StartError::Journal(_) => {
            (Exit::Precondition, "AGOGE-DB-002")
        }
        StartError::L1(ClientError::MissingContract(_)) => (Exit::Precondition, "AGOGE-DEP-002"),
        StartError::Instance(Unfit::Call(_)) => (Exit::Failed, "AGOGE-L1-002"),
        StartError::Instance(_) | StartError::GenesisArchive { .. } => (Exit::WrongNetwork, "AGOGE-DEP-005"),
        StartError::Address(_) | StartError::Port { .. } => (Exit::Usage, "AGOGE-CFG-002"),
        _ => (Exit::Failed, "AGOGE-RUN-001"),
    };
    CliError::new(exit, code, message)
}
