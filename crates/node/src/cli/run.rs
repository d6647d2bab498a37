//! `run`: from the configuration to a running node and its RPC.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use agoge_protocol::Deployment;
use agoge_supervisor::{
    ActorError, Backoff, Clock, Health, LogFormat, Metrics, RunError, Severity, Spawner, Supervisor,
    SystemClock, Version, init_logging, install_panic_hook, notify_ready,
};

use super::{CliError, Exit, Invocation, report};
use crate::config::{Config, Origin, Resolved};
use crate::keys::{KeyError, KeyRing, PasswordSource, create_private_dir};
use crate::rpc::{self, AdminContext, AdminToken, KeyReload, RpcContext};
use crate::runtime::{NodeHandle, NodeParts, StartError, start};

/// Name of the start in `/readyz`.
const STARTUP: &str = "startup";
/// Pauses while L1 cannot be reached.
const L1_PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// Time that tasks have to end after a signal.
const GRACE: Duration = Duration::from_secs(20);

/// All that a node starts from.
#[derive(Clone)]
struct Prepared {
    config: Config,
    deployment: Deployment,
    keys: KeyRing,
    token: AdminToken,
    reload: Option<KeyReload>,
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

pub(super) fn run(invocation: &Invocation) -> Result<Exit, CliError> {
    let resolved = invocation.resolve()?;
    start_logging(&resolved)?;
    announce(&resolved);
    let prepared = prepare(resolved.config)?;
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
    // The filter is not changed while the node runs.
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

/// Everything local: directory, deployment, keys, token. Nothing has been sent yet.
fn prepare(config: Config) -> Result<Prepared, CliError> {
    let deployment = config.load_deployment()?;
    create_private_dir(&config.data_dir).map_err(KeyError::from)?;
    let chain_id = config.network.network.chain_id;
    let source = PasswordSource::choose(config.keys.password_file.as_deref());
    let keys = KeyRing::load(&config.keys, chain_id, &source)?;
    if keys.attesters.is_empty() {
        report::tell("no attester keys: this node only follows the chain");
    } else if keys.publisher.is_none() {
        report::tell("warning: no publisher key: this node attests, but its own slots stay empty");
    }
    let token = AdminToken::load_or_create(&config.admin.token_file)
        .map_err(|error| CliError::new(Exit::Precondition, "AGOGE-KEY-011", error))?;
    let publisher = keys.publisher.as_ref().map(|key| key.address());
    let keys_config = config.keys.clone();
    let reload = source.is_repeatable().then(|| -> KeyReload {
        Arc::new(move || KeyRing::reload_attesters(&keys_config, chain_id, &source, publisher))
    });
    Ok(Prepared {
        config,
        deployment,
        keys,
        token,
        reload,
    })
}

/// Serves health from the first moment, starts the node, and waits for the end.
async fn supervise(prepared: Prepared) -> Result<Exit, CliError> {
    let failed = |error: &dyn core::error::Error| CliError::new(Exit::Failed, "AGOGE-RUN-001", error);
    let supervisor = Supervisor::new();
    let spawner = supervisor.spawner();
    install_panic_hook(&spawner);
    let health = Health::new();
    health.register(STARTUP);
    let metrics = Metrics::install().map_err(|error| failed(&error))?;
    let version = Version {
        program: "agoge-node",
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

const PORT_HINT: &str = "is another node running here? --instance N shifts all ports by 10 * N";

/// Starts node and RPC, waiting for L1 as long as it takes.
async fn start_all(prepared: Prepared, spawner: Spawner, health: Health) -> Result<(), CliError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let node = start_node(&prepared, &spawner, &health, &clock).await?;
    let Prepared {
        config,
        deployment,
        token,
        reload,
        ..
    } = prepared;
    let context = RpcContext {
        node: node.clone(),
        timing: config.network.timing(deployment.genesis_time),
        network: config.network,
        clock,
    };
    let admin = AdminContext {
        node,
        spawner: spawner.clone(),
        reload,
    };
    let addresses = rpc::serve(&spawner, (&config.rpc, context), (&config.admin, token, admin))
        .await
        .map_err(|error| CliError::new(Exit::Precondition, "AGOGE-RUN-002", error).with_hint(PORT_HINT))?;
    health.set(STARTUP, Ok(()));
    tracing::info!(rpc = %addresses.rpc, admin = %addresses.admin, metrics = %config.metrics_listen, "serving");
    if let Err(error) = notify_ready() {
        tracing::warn!(%error, "systemd was not told that the node is ready");
    }
    Ok(())
}

async fn start_node(
    prepared: &Prepared,
    spawner: &Spawner,
    health: &Health,
    clock: &Arc<dyn Clock>,
) -> Result<NodeHandle, CliError> {
    let mut backoff = Backoff::new(L1_PAUSE.0, L1_PAUSE.1);
    loop {
        let Prepared {
            config,
            deployment,
            keys,
            ..
        } = prepared.clone();
        let parts = NodeParts {
            config,
            deployment,
            keys,
            spawner: spawner.clone(),
            health: health.clone(),
            clock: Arc::clone(clock),
        };
        match Box::pin(start(parts)).await {
            Ok(node) => return Ok(node),
            Err(error) if is_l1_away(&error) => {
                let pause = backoff.next_pause();
                health.set(STARTUP, Err(format!("waiting for L1: {error}")));
                tracing::warn!(%error, ?pause, "waiting for L1");
                tokio::time::sleep(pause).await;
            }
            Err(error) => return Err(start_error(error)),
        }
    }
}

/// Whether L1 did not answer, before anything of the node's was opened: the start is tried again.
fn is_l1_away(error: &StartError) -> bool {
    use agoge_l1_client::{CallError, ClientError, Unfit, VerifyError};
    match error {
        StartError::Instance(Unfit::Call(CallError::Rpc(cause)))
        | StartError::SignalPayload {
            source: CallError::Rpc(cause),
            ..
        } => cause.is_transient(),
        StartError::L1(ClientError::Rpc(cause)) => !cause.is_wrong_chain() && cause.is_transient(),
        StartError::Verify(VerifyError::Call(CallError::Rpc(cause))) => cause.is_transient(),
        _ => false,
    }
}

fn start_error(error: StartError) -> CliError {
    use agoge_l1_client::VerifyError;
    use agoge_store::OpenError;
    let message = error.to_string();
    let (exit, code) = match error {
        StartError::Guard(error) => return super::signing::guard_error(error),
        StartError::L1(error) if error.is_wrong_chain() => (Exit::WrongNetwork, "AGOGE-L1-001"),
        StartError::Verify(VerifyError::Call(_)) => (Exit::Failed, "AGOGE-L1-002"),
        StartError::Verify(_) => (Exit::WrongNetwork, "AGOGE-DEP-005"),
        StartError::Store(OpenError::OtherNetwork { .. }) => (Exit::WrongNetwork, "AGOGE-DB-001"),
        StartError::Store(_)
        | StartError::File { .. }
        | StartError::Directory(_)
        | StartError::Journal(_) => (Exit::Precondition, "AGOGE-DB-002"),
        StartError::Deployment(_) => (Exit::Precondition, "AGOGE-DEP-002"),
        StartError::Instance(_) | StartError::GenesisArchive { .. } => (Exit::WrongNetwork, "AGOGE-DEP-005"),
        StartError::SignalPayload { .. } => (Exit::Precondition, "AGOGE-GOV-001"),
        StartError::Address(_) | StartError::Port { .. } => (Exit::Usage, "AGOGE-CFG-002"),
        _ => (Exit::Failed, "AGOGE-RUN-001"),
    };
    CliError::new(exit, code, message)
}
