//! `agoge-gate decide`: the check's result, or a person's reason against it, signed.

use agoge_host::keys::AccountFlags;
use agoge_host::report::CliError;

use super::check::{CheckArgs, Judged, judged};
use super::{Output, journal, now};
use crate::failure;
use crate::judge::{Report, Verdict};
use crate::train::{Decision, Event, Journal};

/// What to decide.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("decision").required(true).args(["go", "no_go"]))]
pub(crate) struct DecideArgs {
    /// The train goes on; only if the check says go, or with --override.
    #[arg(long)]
    go: bool,
    /// The train ends.
    #[arg(long)]
    no_go: bool,
    /// Go against the check, for this reason, which is signed and announced.
    #[arg(long = "override", value_name = "REASON", requires = "go")]
    reason: Option<String>,
    #[command(flatten)]
    check: CheckArgs,
    #[command(flatten)]
    account: AccountFlags,
}

/// Why a report carries no go; `None` if it does.
fn obstacle(report: &Report) -> Option<(agoge_protocol::exit::ExitCode, String)> {
    if report.compress != 1 {
        let words = format!("durations were divided by {}", report.compress);
        return Some((agoge_protocol::exit::ExitCode::NotEnoughData, words));
    }
    let words = format!("the check says {}", report.verdict.words());
    (report.verdict != Verdict::Go).then_some((report.verdict.exit(), words))
}

/// Decides.
///
/// # Errors
/// The check's; a go that nothing carries (10 or 11); a train that is not soaking; a key that may not decide.
pub(crate) fn run(args: &DecideArgs) -> Result<Output, CliError> {
    if args
        .reason
        .as_deref()
        .is_some_and(|reason| reason.trim().is_empty())
    {
        return Err(failure::usage(
            "--override without a reason",
            "say why: --override \"...\"",
        ));
    }
    let Judged {
        checked,
        report,
        train,
    } = judged(&args.check)?;
    let book = Journal::open(&args.check.dir.dir).map_err(journal)?;
    let train = train.unwrap_or_else(|| book.train().clone());
    let soaking = train.soaking().filter(|stage| *stage == report.stage);
    let Some(manifest) = soaking.and_then(|stage| train.manifest(stage)) else {
        return Err(failure::precondition(
            format!(
                "the train is {}: its {} gate does not run",
                train.state, report.stage
            ),
            "`agoge-gate advance` brings it to its soak; then decide about that stage",
        ));
    };
    let obstacle = obstacle(&report);
    let reason = match (args.go, obstacle, &args.reason) {
        (true, Some((exit, words)), None) => {
            return Err(failure::refused(
                exit,
                format!("no go: {words}"),
                "`agoge-gate check` says why; a go against it needs --override REASON",
            ));
        }
        (true, Some(_), Some(reason)) => Some(reason.clone()),
        _ => None,
    };
    let key = args.account.open(manifest.network.network.chain_id)?;
    if !manifest.signers.contains(&key.address()) {
        return Err(failure::precondition(
            format!("{} is no signer of the manifest", key.address()),
            "decide with the account of a signer",
        ));
    }
    let head = checked.head.bytes();
    let decision = Decision::sign(
        (train.week, manifest),
        (report, &checked.header, head),
        (args.go, reason),
        now(),
        &key,
    )
    .map_err(|error| failure::precondition(error, "use a key file with a secp256k1 key"))?;
    let event = Event::Decided {
        decision: Box::new(decision.clone()),
    };
    let train = book.step(&event).map_err(journal)?;
    let text = format!(
        "{}: {} signed by {} over report {}\n",
        train.week, train.state, decision.signer, decision.report_sha256
    );
    let data = serde_json::json!({ "train": train.week, "state": train.state, "decision": decision });
    Ok(Output::new("decide", data, text))
}
