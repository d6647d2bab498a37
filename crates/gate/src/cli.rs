//! The command line of `agoge-gate`.

use std::process::ExitCode;

use agoge_host::report::{self, CliError};
use agoge_protocol::exit::ExitCode as Exit;
use clap::{CommandFactory as _, Parser, Subcommand};

use crate::commands::{self, Output};

const AFTER_HELP: &str = "\
Examples:
  agoge-gate watch --network phase1 --deployment deployments/phase1.json --rpc http://10.0.0.1:8700 --metrics http://10.0.0.1:8702 \
--l1 https://... --dir trains/2026-W48
  agoge-gate check --dir trains/2026-W48
  agoge-gate decide --go --dir trains/2026-W48 --account release-manager
  agoge-gate announce --dir trains/2026-W48 --format discord

Exit codes: 0 ok, check says go; 1 failed, 2 usage, 3 precondition not met, 4 wrong network, 10 no-go, 11 not enough data";

/// The release train: evidence from a running network, go or no-go, words for participants.
#[derive(Debug, Parser)]
#[command(name = "agoge-gate", version, after_help = AFTER_HELP, arg_required_else_help = true)]
struct Cli {
    /// One JSON document on stdout.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write down what L1 and the nodes say, in every slot, until a signal.
    Watch(commands::watch::WatchArgs),
    /// Judge every requirement of a phase: 0 go, 10 no-go, 11 not enough data.
    Check(commands::check::CheckArgs),
    /// Judge evidence that somebody else recorded: a directory or one file.
    Replay(commands::check::ReplayArgs),
    /// Write a report as a page.
    Report(commands::check::ReportArgs),
    /// Sign a statement: an excuse for a planned restart, or that a requirement is met or not.
    State(commands::state::StateArgs),
    /// Print the manifest of a release on a network.
    Manifest(commands::manifest::ManifestArgs),
    /// Compare the manifests of the internal and the public network; 10 if they differ in something unlisted.
    Diff(commands::manifest::DiffArgs),
    /// Begin a train.
    New(commands::train::NewArgs),
    /// Show a train and its dates.
    Show(commands::train::ShowArgs),
    /// Bring a train to its next state.
    Advance(commands::train::AdvanceArgs),
    /// Decide about the gate that is running, and sign it.
    Decide(commands::decide::DecideArgs),
    /// Print the words for participants.
    Announce(commands::train::AnnounceArgs),
    /// Print a completion script.
    Completions {
        /// For which shell.
        shell: clap_complete::Shell,
    },
}

/// Parses the command line, runs the command and reports.
pub fn main() -> ExitCode {
    // Key material in a core file would outlive the process. Failing to say so changes nothing else.
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable).ok();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nobody is left to tell.
            error.print().ok();
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Ok };
            return exit.into();
        }
    };
    if let Command::Completions { shell } = cli.command {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "agoge-gate", &mut script);
        report::print(&String::from_utf8_lossy(&script));
        return Exit::Ok.into();
    }
    match run(cli.command) {
        Ok(output) => {
            report::data(cli.json, &format!("gate.{}", output.schema), &output.data, || {
                output.text
            });
            output.exit.into()
        }
        Err(error) => report::fail(cli.json, error).into(),
    }
}

fn run(command: Command) -> Result<Output, CliError> {
    match command {
        Command::Watch(args) => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| CliError::new(Exit::Failed, "AGOGE-RUN-001", error))
            .and_then(|runtime| runtime.block_on(Box::pin(commands::watch::run(args)))),
        Command::Check(args) => commands::check::check(&args),
        Command::Replay(args) => commands::check::replay(&args),
        Command::Report(args) => commands::check::report(&args),
        Command::State(args) => commands::state::run(args),
        Command::Manifest(args) => commands::manifest::run(&args),
        Command::Diff(args) => commands::manifest::diff(&args),
        Command::New(args) => commands::train::new(&args),
        Command::Show(args) => commands::train::show(&args),
        Command::Advance(args) => commands::train::advance(&args),
        Command::Decide(args) => commands::decide::run(&args),
        Command::Announce(args) => commands::train::announce(&args),
        Command::Completions { .. } => Ok(Output::nothing("completions")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
