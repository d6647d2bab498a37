//! `append`: blocks together with their proof, to an instance that has no committee any more.

mod instance;
mod words;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use agoge_circuits::ClientVerifier;
use agoge_host::config::Origin;
use agoge_host::report::{self, CliError};
use agoge_l1_client::{At, InstanceFacts, Openness, RollupReader};
use agoge_protocol::Transaction;
use agoge_protocol::exit::ExitCode as Exit;
use agoge_state_transition::BlockLimits;
use agoge_supervisor::{
    Clock, LogFormat, Spawner, Supervisor, SystemClock, init_logging, install_panic_hook,
};
use clap::Args;

use self::instance::instance;
use self::words::{append_error, preview, tell};
use super::Invocation;
use super::l1::connect;
use super::run::{RunArgs, proving, start_error};
use super::transactions;
use crate::append::{Appended, Appender, Catching, Draft, DraftRules, NotNow, Patience, state};
use crate::chain::ChainRules;
use crate::config::{Config, Resolved};
use crate::epochs::Claimant;
use crate::runtime::{ProofMaker, TestProofs, foreign_verifier, open_store};

/// Time that tasks have to end.
const GRACE: Duration = Duration::from_secs(10);

/// What is appended, and where.
#[derive(Clone, Debug, Args)]
pub(super) struct AppendArgs {
    /// The instance, by its Rollup or its genesis id [default: the newest that was superseded, else the canonical one].
    #[arg(long, value_name = "ROLLUP|GENESIS_ID")]
    rollup: Option<String>,
    /// Files with raw transactions (0x hex or JSON as the wallet prints them; - is standard input). Without any, deposits that are due are
    /// appended.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    transactions: Vec<PathBuf>,
    /// Seconds to wait for the moment when an append is possible, if it is not yet.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    wait: u64,
    /// Seconds to wait for the next L1 block, or its blobs, while the instance is followed.
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
    /// Say what would be appended; prove and send nothing.
    #[arg(long)]
    dry_run: bool,
    /// Send without asking.
    #[arg(long)]
    yes: bool,
}

pub(super) fn append(invocation: &Invocation, run: &RunArgs, args: &AppendArgs) -> Result<Exit, CliError> {
    let resolved = invocation.resolve()?;
    let is_test = run.is_test(&resolved.config)?;
    let txs = transactions::read(&args.transactions)?;
    start_logging(&resolved)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    let result = runtime.block_on(async {
        let supervisor = Supervisor::new();
        let spawner = supervisor.spawner();
        install_panic_hook(&spawner);
        let appended = Box::pin(run_all(&resolved.config, is_test, args, &txs, &spawner)).await;
        spawner.stop();
        // What does not end in time is cut off: it has nothing to save.
        supervisor.run(GRACE).await.ok();
        appended
    });
    runtime.shutdown_background();
    let (facts, appended) = result?;
    tell(invocation, &facts, &appended);
    Ok(Exit::Ok)
}

fn failed(error: impl core::fmt::Display) -> CliError {
    CliError::new(Exit::Failed, "AGOGE-RUN-001", error)
}

/// Warnings only, unless asked for more: the command tells its own way.
fn start_logging(resolved: &Resolved) -> Result<(), CliError> {
    let usage = |error| CliError::new(Exit::Usage, "AGOGE-CFG-002", error);
    let format: LogFormat = resolved.log_format.parse().map_err(usage)?;
    let is_default =
        |entry: &crate::config::Entry| entry.key == "log.filter" && entry.origin == Origin::Default;
    let filter = if resolved.entries.iter().any(is_default) {
        "warn"
    } else {
        &resolved.log_filter
    };
    // The filter is not changed while the command runs.
    let _control = init_logging(format, filter).map_err(usage)?;
    Ok(())
}

async fn run_all(
    config: &Config,
    is_test: bool,
    args: &AppendArgs,
    txs: &[Transaction],
    spawner: &Spawner,
) -> Result<(InstanceFacts, Appended), CliError> {
    let connected = connect(config).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let timing = config.network.timing(config.load_deployment()?.genesis_time);
    let now = clock.now_unix_ms() / 1_000;
    let wanted = args.rollup.as_deref();
    let facts = instance(&connected, config, &timing, now, wanted).await?;
    let rules = DraftRules {
        claimant: Claimant {
            chain_id: config.network.network.chain_id,
            rollup: facts.contracts.rollup,
            genesis_id: facts.genesis_id,
            prover: connected.key.address(),
        },
        timing,
        limits: BlockLimits::of(&config.network),
        inbox_lag_slots: config.network.protocol.inbox_lag_slots,
    };
    let reader = connected.l1.reader_of(facts.contracts).map_err(failed)?;
    let patience = Patience { seconds: args.wait };
    // Before circuits are loaded and L1 is followed.
    let first = state(&connected.l1, &reader, &rules, now)
        .await
        .map_err(append_error)?;
    if first.openness != Openness::Open && first.opens_at > now.saturating_add(args.wait) {
        return Err(append_error(NotNow(first).into()));
    }
    let (store, maker) = local(config, &facts, (&reader, is_test), args, &clock, spawner).await?;
    let verifier = ClientVerifier::new(config.network.proving.client_profile).map_err(failed)?;
    let appender = Appender {
        l1: connected.l1.clone(),
        reader,
        catching: Catching {
            l1: connected.l1.clone(),
            contracts: facts.contracts,
            store,
            rules: ChainRules {
                genesis_id: facts.genesis_id,
                timing,
                limits: rules.limits,
            },
            patience: Duration::from_secs(args.timeout),
            spawner: spawner.clone(),
        },
        rules,
        maker,
        verifier: Arc::new(verifier),
        clock,
        tell: Box::new(|text| report::tell(text)),
    };
    if args.dry_run {
        let appended = appender.dry_run(txs, patience).await.map_err(append_error)?;
        return Ok((facts, appended));
    }
    let refusal: Mutex<Option<CliError>> = Mutex::default();
    let agree = |draft: &Draft| {
        report::tell(&preview(&facts, draft));
        match report::confirm(args.yes, "AGOGE-PRV-014") {
            Ok(()) => true,
            Err(error) => {
                *refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                false
            }
        }
    };
    let mut wallet = connected.l1.wallet(connected.key);
    let appended = appender.append(&mut wallet, txs, patience, &agree).await;
    if let Some(error) = refusal.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return Err(error);
    }
    Ok((facts, appended.map_err(append_error)?))
}

/// The instance's store, and who proves.
async fn local(
    config: &Config,
    facts: &InstanceFacts,
    (reader, is_test): (&RollupReader, bool),
    args: &AppendArgs,
    clock: &Arc<dyn Clock>,
    spawner: &Spawner,
) -> Result<(Arc<agoge_store::Store>, Arc<dyn ProofMaker>), CliError> {
    let (opened, genesis_id) = (config.clone(), facts.genesis_id);
    let store = spawner
        .spawn_blocking("open-store", move || open_store(&opened, genesis_id))
        .await
        .map_err(failed)?
        .map_err(|error| {
            start_error(error).with_hint(
                "stop the agoge-prover that uses this data directory, or name another one with --data-dir",
            )
        })?;
    let store = Arc::new(store);
    if args.dry_run {
        return Ok((store, Arc::new(TestProofs)));
    }
    let proving = proving(config, is_test, spawner).await?;
    let expected = proving.verifier_code_hash();
    let foreign = foreign_verifier(reader, facts, At::Latest, expected).await;
    if let Some(foreign) = foreign.map_err(|error| CliError::new(Exit::Failed, "AGOGE-L1-002", error))? {
        return Err(CliError::new(Exit::Precondition, "AGOGE-PRV-016", foreign));
    }
    let (held, parts, clock, tasks) = (
        Arc::clone(&store),
        config.clone(),
        Arc::clone(clock),
        spawner.clone(),
    );
    let maker = spawner
        .spawn_blocking("open-results", move || {
            proving.maker(&parts, (held, genesis_id), clock, &tasks)
        })
        .await
        .map_err(failed)?
        .map_err(start_error)?;
    Ok((store, maker))
}
