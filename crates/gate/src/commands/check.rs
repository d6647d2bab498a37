//! `agoge-gate check`, `replay` and `report`: evidence read, checked and judged.

use std::path::{Path, PathBuf};

use agoge_host::report::CliError;
use agoge_protocol::Address;
use agoge_supervisor::{Clock as _, SystemClock};
use jiff::Timestamp;

use super::{DirArgs, Output};
use crate::chain::Place;
use crate::evidence::{self, Checked, Header, SlotRecord};
use crate::failure;
use crate::judge::{Case, Folder, Report, judge};
use crate::requirement::{Phase, Stage};
use crate::statement::{self, Statement};
use crate::train::{Train, page};

/// Which gate.
#[derive(Debug, clap::Args)]
pub(crate) struct GateArgs {
    /// Phase [default: the train's, else that of the network's name].
    #[arg(long, value_name = "N")]
    phase: Option<u8>,
    /// Before or after the release [default: what the train soaks, else internal].
    #[arg(long, value_enum)]
    stage: Option<Stage>,
    /// Divide the durations, to try the gate out; such a result is no gate of a release.
    #[arg(long, value_name = "FACTOR", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    compress: u64,
    /// Whose statements count, without a train: its manifest names them.
    #[arg(long, value_name = "ADDRESS")]
    signer: Vec<Address>,
}

/// A time as RFC 3339, or Unix seconds.
fn time(text: &str) -> Result<Timestamp, String> {
    let seconds = text.parse::<i64>().ok();
    let parsed = match seconds {
        Some(seconds) => Timestamp::from_second(seconds),
        None => text.parse(),
    };
    parsed.map_err(|_| "not a time; write 2026-11-30T14:30Z, or Unix seconds".to_owned())
}

/// What to check.
#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) dir: DirArgs,
    #[command(flatten)]
    pub(crate) gate: GateArgs,
    /// End of the time that is judged; slots up to it without a record are unknown [default: now].
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) at: Option<Timestamp>,
}

/// What to judge again.
#[derive(Debug, clap::Args)]
pub(crate) struct ReplayArgs {
    /// Directory of evidence, or one of its files.
    evidence: PathBuf,
    #[command(flatten)]
    gate: GateArgs,
}

/// Which page to write.
#[derive(Debug, clap::Args)]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    check: CheckArgs,
    /// The page; replaced if it is there.
    #[arg(long, value_name = "FILE")]
    html: PathBuf,
}

/// What was judged, and the result.
pub(crate) struct Judged {
    pub(crate) checked: Checked,
    pub(crate) report: Report,
    pub(crate) train: Option<Train>,
}

/// Judges the evidence of a train's directory.
///
/// # Errors
/// Evidence, statements or journal that are not whole; a gate that cannot be named.
pub(crate) fn judged(args: &CheckArgs) -> Result<Judged, CliError> {
    let train = args.dir.train()?;
    let soaking = train.as_ref().and_then(Train::soaking);
    let stage = args.gate.stage.or(soaking).unwrap_or(Stage::Internal);
    let at = match args.at {
        Some(time) => u64::try_from(time.as_second())
            .map_err(|_| failure::usage("--at is before 1970", "write 2026-11-30T14:30Z"))?,
        None => SystemClock.now_unix_ms() / 1_000,
    };
    let path = args.dir.evidence(stage);
    let (checked, report) = judge_path(&path, &args.gate, stage, train.as_ref(), Some(at))?;
    if let Some(difference) = train
        .as_ref()
        .and_then(|train| train.manifest(stage)?.differs_from(&checked.header))
    {
        return Err(failure::precondition(
            format!("the evidence is not of the train's release: {difference}"),
            "watch the network that the manifest describes, in the train's directory",
        ));
    }
    Ok(Judged {
        checked,
        report,
        train,
    })
}

/// Reads evidence twice: its network says whose statements count, and these say which slots are excused.
fn judge_path(
    path: &Path,
    gate: &GateArgs,
    stage: Stage,
    train: Option<&Train>,
    at: Option<u64>,
) -> Result<(Checked, Report), CliError> {
    let nothing = |_: &Header, _: Place, _: SlotRecord| ();
    let header = evidence::read(path, nothing).map_err(failure::evidence)?.header;
    let number = gate
        .phase
        .or_else(|| train.map(|train| train.phase))
        .or_else(|| named_phase(&header.network.network.name))
        .ok_or_else(|| {
            let name = &header.network.network.name;
            failure::usage(
                format!("network {name:?} is no phase's"),
                "say which phase it is measured against: --phase 1",
            )
        })?;
    if train.is_some_and(|train| train.phase != number) {
        return Err(failure::usage(
            "the train is of another phase",
            "leave --phase out",
        ));
    }
    let phase = Phase::new(number, &header.network, gate.compress).map_err(failure::requirement)?;
    let manifest = train.and_then(|train| train.manifest(stage));
    let signers = manifest.map_or(&gate.signer, |manifest| &manifest.signers);
    let dir = if path.is_file() {
        path.parent().unwrap_or(Path::new("."))
    } else {
        path
    };
    let statements = statement::read(dir).map_err(failure::chain)?;
    let excuses: Vec<_> = statements
        .iter()
        .filter(|statement| statement.counts(&header, signers))
        .filter_map(Statement::excuse)
        .collect();
    let mut folder = Folder::new(&excuses);
    let checked = evidence::read(path, |header, place, record| folder.add(header, place, &record))
        .map_err(failure::evidence)?;
    let timing = header.network.timing(header.genesis_time);
    // The slot that runs is not over: it may still be recorded.
    let last_slot = at.map(|at| timing.slot_at(at).map_or(0, |slot| slot.get().saturating_sub(1)));
    let case = Case {
        checked: &checked,
        timeline: &folder.finish(),
        statements: &statements,
        signers,
        phase: &phase,
        stage,
        last_slot,
    };
    let report = judge(&case).map_err(failure::requirement)?;
    Ok((checked, report))
}

fn named_phase(network: &str) -> Option<u8> {
    network.strip_prefix("phase")?.parse().ok()
}

fn output(schema: &'static str, report: Report) -> Output {
    let (exit, text) = (report.verdict.exit(), report.text());
    Output {
        exit,
        ..Output::new(schema, report, text)
    }
}

/// `check`.
///
/// # Errors
/// As [`judged`].
pub(crate) fn check(args: &CheckArgs) -> Result<Output, CliError> {
    judged(args).map(|judged| output("check", judged.report))
}

/// `replay`.
///
/// # Errors
/// As [`judged`].
pub(crate) fn replay(args: &ReplayArgs) -> Result<Output, CliError> {
    let stage = args.gate.stage.unwrap_or(Stage::Internal);
    judge_path(&args.evidence, &args.gate, stage, None, None).map(|(_, report)| output("replay", report))
}

/// `report`.
///
/// # Errors
/// As [`judged`]; the page cannot be written.
pub(crate) fn report(args: &ReportArgs) -> Result<Output, CliError> {
    let judged = judged(&args.check)?;
    let html = page(&judged.report, judged.train.as_ref());
    std::fs::write(&args.html, html).map_err(|error| failure::file(&args.html, error))?;
    let text = format!("{}: {}\n", args.html.display(), judged.report.verdict.words());
    let data = serde_json::json!({ "html": args.html, "verdict": judged.report.verdict });
    Ok(Output::new("report", data, text))
}
