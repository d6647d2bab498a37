//! `append`: blocks together with their proof, to an instance that has no committee any more.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use agoge_circuits::ClientVerifier;
use agoge_host::config::Origin;
use agoge_host::report::{self, CliError};
use agoge_l1_client::{At, InstanceFacts, Openness, RollupReader, SendOutcome};
use agoge_protocol::exit::ExitCode as Exit;
use agoge_protocol::{Address, B256, Epoch, Timing, Transaction};
use agoge_state_transition::{BlockLimits, tree};
use agoge_supervisor::{
    Clock, LogFormat, Spawner, Supervisor, SystemClock, init_logging, install_panic_hook,
};
use clap::Args;
use serde_json::json;

use super::Invocation;
use super::l1::{Connected, connect, l1_call, not_mined};
use super::run::{RunArgs, proving, start_error};
use super::transactions;
use crate::append::{
    AppendError, Appended, Appender, Catching, Draft, DraftError, DraftRules, FollowError, NotNow, Patience,
    state,
};
use crate::chain::ChainRules;
use crate::config::{Config, Resolved};
use crate::epochs::Claimant;
use crate::runtime::{ProofMaker, StartError, TestProofs, foreign_verifier, open_store};

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

/// The instance that is meant, looked at.
async fn instance(
    connected: &Connected,
    config: &Config,
    timing: &Timing,
    now: u64,
    wanted: Option<&str>,
) -> Result<InstanceFacts, CliError> {
    let listed = connected.reader.instances(At::Latest).await.map_err(l1_call)?;
    let unknown = |wanted: &str| {
        CliError::new(
            Exit::Usage,
            "AGOGE-CFG-002",
            format!("--rollup: the Registry lists no instance {wanted}"),
        )
        .with_hint("`agoge-prover status` of a running prover and `govctl status` list the instances")
    };
    let genesis_id = match wanted.map(|wanted| (wanted, wanted.parse::<Address>())) {
        None => {
            let epoch = timing
                .slot_at(now)
                .map_or(Epoch::new(0), |slot| timing.epoch_of(slot));
            let rollup = newest_superseded(&listed, epoch);
            let rollup = rollup.ok_or_else(|| unknown("at all"))?;
            return inspect(&connected.reader, rollup, config).await;
        }
        Some((wanted, Ok(rollup))) => {
            if !listed.iter().any(|(other, _)| *other == rollup) {
                return Err(unknown(wanted));
            }
            return inspect(&connected.reader, rollup, config).await;
        }
        Some((wanted, Err(_))) => wanted.parse::<B256>().map_err(|_| {
            CliError::new(
                Exit::Usage,
                "AGOGE-CFG-002",
                format!("--rollup: {wanted} is neither an address nor a genesis id"),
            )
        })?,
    };
    for (rollup, _) in listed {
        // One that this release does not know cannot be the one that it is asked for.
        if let Ok(facts) = inspect(&connected.reader, rollup, config).await
            && facts.genesis_id.to_b256() == genesis_id
        {
            return Ok(facts);
        }
    }
    Err(unknown(&genesis_id.to_string()))
}

/// The instance before the canonical one, or that one if it is the first. `listed` is the Registry's list, oldest first.
fn newest_superseded(listed: &[(Address, Epoch)], now: Epoch) -> Option<Address> {
    let mut active = listed.iter().filter(|(_, activation)| *activation <= now).rev();
    let canonical = active.next().or_else(|| listed.first())?;
    Some(active.next().unwrap_or(canonical).0)
}

async fn inspect(reader: &RollupReader, rollup: Address, config: &Config) -> Result<InstanceFacts, CliError> {
    let facts = reader
        .inspect(rollup, At::Latest, &config.network)
        .await
        .map_err(|error| start_error(StartError::from(error)))?;
    let expected = tree::empty_root().to_b256();
    if facts.genesis_archive == expected {
        Ok(facts)
    } else {
        Err(start_error(StartError::GenesisArchive {
            expected,
            found: facts.genesis_archive,
        }))
    }
}

fn append_error(error: AppendError) -> CliError {
    let message = error.to_string();
    let (exit, code) = match &error {
        AppendError::NotNow(NotNow(state)) => {
            let hint = format!(
                "an append is possible from Unix time {} on; --wait SECONDS waits for it",
                state.opens_at
            );
            return CliError::new(Exit::Precondition, "AGOGE-PRV-011", message).with_hint(hint);
        }
        AppendError::Draft(DraftError::Nothing { .. } | DraftError::NoSlot { .. }) => {
            (Exit::Precondition, "AGOGE-PRV-012")
        }
        AppendError::Overtaken => (Exit::Precondition, "AGOGE-PRV-011"),
        AppendError::Declined => (Exit::Declined, "AGOGE-PRV-014"),
        AppendError::Follow(FollowError::Stuck { .. }) => {
            let hint = "L1 forgets blobs after about 18 days: name an archive with --l1-blob-archive-dir, or the data directory of a \
                        prover that has followed the instance";
            return CliError::new(Exit::TimedOut, "AGOGE-PRV-015", message).with_hint(hint);
        }
        AppendError::Prove(_) => (Exit::Failed, "AGOGE-PRV-008"),
        AppendError::Rpc(_) | AppendError::Call(_) | AppendError::Sender(_) => (Exit::Failed, "AGOGE-L1-002"),
        AppendError::Outcome(outcome) => return not_mined(outcome),
        AppendError::Draft(_)
        | AppendError::Follow(_)
        | AppendError::Store(_)
        | AppendError::TakeBack(_)
        | AppendError::Kzg(_)
        | AppendError::Lost(_) => (Exit::Failed, "AGOGE-RUN-001"),
    };
    match message.split_once("; hint: ") {
        Some((message, hint)) => CliError::new(exit, code, message).with_hint(hint),
        None => CliError::new(exit, code, message),
    }
}

fn preview(facts: &InstanceFacts, draft: &Draft) -> String {
    let Draft { key, slots, .. } = draft;
    let mut lines = vec![
        format!(
            "blocks {}..{} of epoch {} (slots {}) for {}",
            key.first,
            key.last,
            key.epoch,
            slots
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", "),
            facts.contracts.rollup
        ),
        format!(
            "  {} transactions, {} deposits",
            draft.included.len(),
            draft.deposits
        ),
    ];
    let refused = draft.refused.iter();
    lines.extend(refused.map(|refused| format!("  not {}: {}", refused.id, refused.reason)));
    if !draft.left.is_empty() {
        lines.push(format!(
            "  no room for {} more: append them in the next epoch",
            draft.left.len()
        ));
    }
    lines.join("\n")
}

fn tell(invocation: &Invocation, facts: &InstanceFacts, appended: &Appended) {
    let Appended { draft, tx } = appended;
    let refused: Vec<_> = draft
        .refused
        .iter()
        .map(|refused| json!({ "id": refused.id, "reason": refused.reason }))
        .collect();
    let document = json!({
        "rollup": facts.contracts.rollup,
        "genesis_id": facts.genesis_id,
        "first": draft.key.first,
        "last": draft.key.last,
        "epoch": draft.key.epoch,
        "slots": draft.slots,
        "transactions": draft.included,
        "deposits": draft.deposits,
        "refused": refused,
        "left": draft.left,
        "sent": tx.is_some(),
        "l1_tx": tx.map(|tx| tx.hash),
        "l1_block": tx.map(|tx| tx.block_number),
        "gas_used": tx.map(|tx| tx.gas_used),
        "cost_wei": tx.map(|tx| tx.cost_wei.to_string()),
    });
    invocation.data("append", &document, || {
        let end = match tx {
            Some(tx) => SendOutcome::Mined(*tx).to_string(),
            None => "dry run: nothing was proven or sent".to_owned(),
        };
        format!("{}\n{end}\n", preview(facts, draft))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_word_the_newest_superseded_instance_is_meant() {
        let [a, b, c] = [1, 2, 3].map(Address::repeat_byte);
        let listed = [(a, Epoch::new(0)), (b, Epoch::new(10)), (c, Epoch::new(20))];
        let meant = |count: usize, now| newest_superseded(&listed[..count], Epoch::new(now));
        assert_eq!(meant(1, 5), Some(a), "the only one may have stalled");
        assert_eq!(meant(2, 9), Some(a), "the second is not canonical yet");
        assert_eq!(meant(2, 10), Some(a));
        assert_eq!(meant(3, 19), Some(a));
        assert_eq!(meant(3, 20), Some(b));
        assert_eq!(meant(0, 20), None);
    }
}
