//! `agoge-devnet check`.

use std::io::Write;
use std::path::PathBuf;

use agoge_protocol::exit::ExitCode;
use clap::Args as ClapArgs;

use super::checks::resources;
use super::{Limits, Manifest, check};

/// Flags of the command.
#[derive(Clone, Debug, ClapArgs)]
pub struct Args {
    /// A run's directory, or its run.json.
    #[arg(value_name = "DIR|run.json")]
    run: PathBuf,
    /// One JSON document on stdout instead of a table.
    #[arg(long)]
    json: bool,
    /// Lines of level ERROR that a process may log in a minute.
    #[arg(long, value_name = "N", default_value_t = Limits::default().errors_per_minute)]
    errors_per_minute: u64,
    /// Seconds of each process's life that do not count for its resources.
    #[arg(long, value_name = "S", default_value_t = resources::Limits::default().warm_up_seconds)]
    warm_up: u64,
    /// Seconds after them for which a process must have been watched.
    #[arg(long, value_name = "S", default_value_t = resources::Limits::default().least_seconds)]
    watched: u64,
    /// MiB of memory that a process may gain in an hour.
    #[arg(long, value_name = "MIB", default_value_t = resources::Limits::default().rss_mib_per_hour)]
    rss_per_hour: f64,
    /// File descriptors that a process may gain in an hour.
    #[arg(long, value_name = "N", default_value_t = resources::Limits::default().fds_per_hour)]
    fds_per_hour: f64,
}

impl Args {
    fn limits(&self) -> Limits {
        Limits {
            errors_per_minute: self.errors_per_minute,
            resources: resources::Limits {
                warm_up_seconds: self.warm_up,
                least_seconds: self.watched,
                rss_mib_per_hour: self.rss_per_hour,
                fds_per_hour: self.fds_per_hour,
            },
        }
    }
}

/// Checks a run and prints the report: 0 if all passed, 1 if something is violated, 11 if nothing is and something is unknown.
pub async fn command(args: Args) -> ExitCode {
    let manifest = match Manifest::open(&args.run) {
        Ok(manifest) => manifest,
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::Usage;
        }
    };
    let report = check(&manifest, args.limits()).await;
    let text = if args.json {
        // A report has no map whose keys are not text.
        serde_json::to_string_pretty(&report).unwrap_or_default()
    } else {
        report.to_string()
    };
    // A reader that has gone does not change the verdict.
    drop(writeln!(std::io::stdout(), "{text}"));
    report.exit_code()
}
