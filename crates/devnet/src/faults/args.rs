//! `agoge-devnet run`: its flags.

use std::io::Write;
use std::path::PathBuf;

use agoge_protocol::exit::ExitCode;
use clap::Args as ClapArgs;

use super::report::Limits;
use super::run::{Run, Source, run};
use super::schedule::{Kind, Wishes};
use crate::cli::Shape;
use crate::plan::{self, Plan, Verifier};

/// Least share of slots with a block, of a hundred: without faults, and with them.
const PRODUCED_PERCENT: (f64, f64) = (98.0, 95.0);

/// Flags of a run under load and faults.
#[derive(Debug, ClapArgs)]
pub struct Args {
    #[command(flatten)]
    shape: Shape,
    /// Epochs that are watched.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    epochs: u64,
    /// Transactions a second; 0 for none.
    #[arg(long, value_name = "T", default_value_t = 0.18, value_parser = rate)]
    tps: f64,
    /// Wallets that make them [default: 4, or 40 for each transaction a second].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=256))]
    wallets: Option<u64>,
    /// What goes wrong, separated by commas; each once a round.
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        value_name = "KINDS",
        conflicts_with = "replay"
    )]
    faults: Vec<Kind>,
    /// Rounds of faults, evenly over the run.
    #[arg(long, value_name = "N", default_value_t = 3, conflicts_with = "replay")]
    rounds: u64,
    /// Share of the processes that one kill strikes, of a hundred; at least one process.
    #[arg(long, value_name = "P", default_value_t = 25, value_parser = clap::value_parser!(u64).range(..=100), conflicts_with = "replay")]
    kill_percent: u64,
    /// Most L1 blocks that a reorg replaces.
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u64).range(1..=64), conflicts_with = "replay")]
    reorg_depth_max: u64,
    /// Faults of a former run: its faults.jsonl.
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
    /// Epoch proofs are real ones; otherwise they are empty, and client proofs use the testing profile.
    #[arg(long)]
    real_proofs: bool,
    /// Least share of the producible slots that have a block, of a hundred [default: 98 without faults, 95 with them].
    #[arg(long, value_name = "P", value_parser = percent)]
    produced_percent_min: Option<f64>,
    /// Most seconds from the start of a killed process until it is ready.
    #[arg(long, value_name = "S", default_value_t = 30)]
    ready_seconds_max: u64,
    /// Most epochs from the end of a fault until all is as before.
    #[arg(long, value_name = "N", default_value_t = 2)]
    recovery_epochs_max: u64,
    /// run.json on stdout.
    #[arg(long)]
    json: bool,
}

/// Runs, and says how the program ends: 0 when everything was kept, 1 when not.
pub async fn command(args: Args) -> ExitCode {
    let is_json = args.json;
    let checked = plan_of(args).and_then(|run| run.schedule().map(|schedule| (run, schedule)));
    let (wanted, schedule) = match checked {
        Ok(checked) => checked,
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::Usage;
        }
    };
    eprintln!("seed {:?}", wanted.plan.seed);
    for fault in &schedule {
        eprintln!(
            "slot {:>4} + {:>4} ms, {} slots: {:?}",
            fault.at_slot, fault.offset_ms, fault.slots, fault.what
        );
    }
    match Box::pin(run(wanted)).await {
        Ok((manifest, report)) => {
            eprint!("{report}");
            eprintln!("evidence        {}", manifest.dir.join("run.json").display());
            if is_json && let Ok(text) = serde_json::to_string(&manifest) {
                // A reader that has gone does not change the outcome.
                drop(writeln!(std::io::stdout(), "{text}"));
            }
            if report.violations.is_empty() {
                ExitCode::Ok
            } else {
                ExitCode::Failed
            }
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::Failed
        }
    }
}

fn plan_of(args: Args) -> eyre::Result<Run> {
    let verifier = if args.real_proofs {
        Verifier::Real
    } else {
        Verifier::Test
    };
    let plan = Plan::new(&plan::Wishes {
        verifier,
        ..args.shape.wishes()
    })?;
    let is_quiet = args.faults.is_empty() && args.replay.is_none();
    let least = if is_quiet {
        PRODUCED_PERCENT.0
    } else {
        PRODUCED_PERCENT.1
    };
    Ok(Run {
        plan,
        epochs: args.epochs,
        tps: args.tps,
        wallets: usize::try_from(args.wallets.unwrap_or_else(|| wallets_for(args.tps)))?,
        faults: match args.replay {
            Some(file) => Source::Recorded(file),
            None => Source::Drawn(Wishes {
                kinds: args.faults,
                rounds: args.rounds,
                kill_percent: args.kill_percent,
                reorg_depth_max: args.reorg_depth_max,
            }),
        },
        limits: Limits {
            produced_percent: args.produced_percent_min.unwrap_or(least),
            ready_seconds: args.ready_seconds_max,
            recovery_epochs: args.recovery_epochs_max,
        },
    })
}

/// A wallet has one transaction under way, which takes some ten seconds, and more under faults.
fn wallets_for(tps: f64) -> u64 {
    (4_u32..256)
        .find(|count| f64::from(*count) >= tps * 40.0)
        .map_or(256, u64::from)
}

fn rate(text: &str) -> Result<f64, String> {
    number(text, 50.0)
}

fn percent(text: &str) -> Result<f64, String> {
    number(text, 100.0)
}

fn number(text: &str, max: f64) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if (0.0..=max).contains(&number) => Ok(number),
        _ => Err(format!("must be a number from 0 to {max}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_numbers_in_their_range() {
        for (text, good) in [
            ("0", true),
            ("0.72", true),
            ("51", false),
            ("-1", false),
            ("NaN", false),
            ("x", false),
        ] {
            assert_eq!(rate(text).is_ok(), good, "{text}");
        }
        assert_eq!(
            (wallets_for(0.0), wallets_for(0.18), wallets_for(50.0)),
            (4, 8, 256)
        );
    }
}
