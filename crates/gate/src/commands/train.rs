//! `agoge-gate new`, `show`, `advance` and `announce`.

use std::path::PathBuf;

use agoge_host::report::{CliError, tell};
use serde_json::json;

use super::manifest::{load, must_be_identical};
use super::{DirArgs, Output, journal, now};
use crate::failure;
use crate::train::{Event, Format, Journal, Schedule, State, Train, Week, utc};

/// A new train.
#[derive(Debug, clap::Args)]
pub(crate) struct NewArgs {
    /// Phase that is released.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=4))]
    phase: u8,
    /// ISO week of the internal deployment.
    #[arg(long, value_name = "WEEK")]
    train: Week,
    /// The release on the internal network, made with `agoge-gate manifest`.
    #[arg(long, value_name = "FILE")]
    manifest: PathBuf,
    #[command(flatten)]
    dir: DirArgs,
}

/// Which train.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    dir: DirArgs,
}

/// A step.
#[derive(Debug, clap::Args)]
pub(crate) struct AdvanceArgs {
    /// State that the train enters.
    #[arg(value_enum)]
    to: State,
    /// The release on the public network, with `public`; a new one on the internal network, with `built`.
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// A JSON pointer below which the public release may differ from the internal one.
    #[arg(long, value_name = "POINTER")]
    allow: Vec<String>,
    /// Words for the journal.
    #[arg(long)]
    note: Option<String>,
    #[command(flatten)]
    dir: DirArgs,
}

/// What to print.
#[derive(Debug, clap::Args)]
pub(crate) struct AnnounceArgs {
    /// Channel.
    #[arg(long, value_enum, default_value = "markdown")]
    format: Format,
    #[command(flatten)]
    dir: DirArgs,
}

/// `new`.
///
/// # Errors
/// A manifest that is none; a directory with a train.
pub(crate) fn new(args: &NewArgs) -> Result<Output, CliError> {
    let event = Event::New {
        train: args.train,
        phase: args.phase,
        manifest: Box::new(load(&args.manifest)?),
        time: now(),
    };
    let train = Journal::create(&args.dir.dir, &event).map_err(journal)?;
    shown("new", &train)
}

/// `show`.
///
/// # Errors
/// No train.
pub(crate) fn show(args: &ShowArgs) -> Result<Output, CliError> {
    shown("show", &args.dir.must_train()?)
}

/// `advance`.
///
/// # Errors
/// A step that is not legal; a public network that is not the one that was tried.
pub(crate) fn advance(args: &AdvanceArgs) -> Result<Output, CliError> {
    let book = Journal::open(&args.dir.dir).map_err(journal)?;
    let manifest = match (&args.manifest, args.to) {
        (None, _) => None,
        (Some(path), State::Public | State::Built) => Some(Box::new(load(path)?)),
        (Some(_), state) => {
            return Err(failure::usage(
                format!("{state} takes no manifest"),
                "leave --manifest out",
            ));
        }
    };
    if let (State::Public, Some(public)) = (args.to, &manifest) {
        must_be_identical(&book.train().internal, public, &args.allow)?;
    }
    let event = Event::Entered {
        state: args.to,
        note: args.note.clone(),
        manifest,
        time: now(),
    };
    let train = book.step(&event).map_err(journal)?;
    let is_late = |schedule: &Schedule| jiff::Timestamp::now() > schedule.deploy_latest;
    if args.to == State::InternalSoak && train.week.schedule().as_ref().is_some_and(is_late) {
        tell("warning: deployed after Thursday 20:30 UTC: 90 h are not over by Monday 14:30");
    }
    shown("advance", &train)
}

/// `announce`.
///
/// # Errors
/// No train, or no decision.
pub(crate) fn announce(args: &AnnounceArgs) -> Result<Output, CliError> {
    let train = args.dir.must_train()?;
    let text = crate::train::announce(&train, args.format).ok_or_else(|| {
        failure::precondition(
            format!("nothing is decided about {}", train.week),
            "decide first: `agoge-gate decide`",
        )
    })?;
    let data = json!({ "train": train.week, "text": text });
    Ok(Output::new("announce", data, text))
}

fn shown(schema: &'static str, train: &Train) -> Result<Output, CliError> {
    let schedule = train
        .week
        .schedule()
        .ok_or_else(|| failure::usage("the week is at the end of the calendar", "choose another"))?;
    let times = [
        ("internal deployment", schedule.deploy),
        ("at the latest", schedule.deploy_latest),
        ("decision", schedule.decide),
        ("announcement", schedule.announce),
        ("public deployment", schedule.public),
    ];
    let lines = times.map(|(what, time)| format!("  {what:<20} {}\n", utc(time)));
    let text = format!(
        "{}, phase {}: {}\n{}",
        train.week,
        train.phase,
        train.state,
        lines.concat()
    );
    let data = json!({
        "train": train.week,
        "phase": train.phase,
        "state": train.state,
        "history": train.history,
        "deploy": schedule.deploy.to_string(),
        "deploy_latest": schedule.deploy_latest.to_string(),
        "decide": schedule.decide.to_string(),
        "announce": schedule.announce.to_string(),
        "public": schedule.public.to_string(),
    });
    Ok(Output::new(schema, data, text))
}
