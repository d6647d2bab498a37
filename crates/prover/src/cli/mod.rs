//! The commands of `agoge-prover`.

mod append;
mod bench;
mod bond;
mod keys;
mod l1;
mod run;
mod show;
mod status;
mod transactions;
mod verify;

use std::process::ExitCode;

use agoge_host::report::{self, CliError};
use agoge_protocol::exit::ExitCode as Exit;
use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use serde::Serialize;

use crate::config::{ConfigArgs, Resolved};

const AFTER_HELP: &str = "\
Examples:
  agoge-prover keys new --network devnet --keys-password-file password
  agoge-prover bond deposit 2000000000 --network devnet --l1-rpc-urls http://127.0.0.1:8545
  agoge-prover --network devnet --l1-rpc-urls http://127.0.0.1:8545

Exit codes: 0 ok, 1 failed, 2 usage or configuration, 3 precondition not met, 4 wrong network, 5 mined and reverted, \
6 would revert, 7 timed out, 8 declined";

/// The Agoge prover: quotes for epochs, proves them, submits the proofs. Without a command it runs.
#[derive(Debug, Parser)]
#[command(name = "agoge-prover", version, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// One JSON document on stdout instead of text.
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    run: run::RunArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the prover (the default).
    Run,
    /// Deposit, look at and take back the bond.
    #[command(subcommand)]
    Bond(bond::BondCommand),
    /// Append transactions, and deposits that are due, to an instance that has no committee any more, together with their proof: how
    /// money leaves an old pool.
    Append(append::AppendArgs),
    /// Show what a running prover is doing.
    Status,
    /// Measure what proving costs on this machine: real jobs over a synthetic epoch.
    Bench(bench::BenchArgs),
    /// Verify an epoch proof offline.
    Verify(verify::VerifyArgs),
    /// Make the prover's key file.
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Look at the configuration.
    #[command(subcommand)]
    Config(show::ConfigCommand),
    /// Print a completion script.
    Completions {
        /// For which shell.
        shell: clap_complete::Shell,
    },
}

/// What every command is given.
struct Invocation {
    json: bool,
    config: ConfigArgs,
    matches: ArgMatches,
}

impl Invocation {
    fn resolve(&self) -> Result<Resolved, CliError> {
        Ok(Resolved::new(self.config.clone(), &self.matches)?)
    }

    /// For commands that work without L1.
    fn resolve_unchecked(&self) -> Result<Resolved, CliError> {
        Ok(Resolved::unchecked(self.config.clone(), &self.matches)?)
    }

    /// Writes a command's data: one JSON document, or the text for people.
    fn data<T: Serialize>(&self, schema: &str, data: &T, text: impl FnOnce() -> String) {
        report::data(self.json, &format!("prover.{schema}"), data, text);
    }
}

/// Parses the command line, runs the command and reports.
pub fn main() -> ExitCode {
    // Key material in a core file would outlive the process. Failing to say so changes nothing else.
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable).ok();
    let parsed = Cli::command()
        .try_get_matches()
        .and_then(|m| Cli::from_arg_matches(&m).map(|cli| (cli, m)));
    let (cli, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            let is_help = !error.use_stderr();
            // Nobody is left to tell.
            error.print().ok();
            return if is_help {
                Exit::Ok.into()
            } else {
                Exit::Usage.into()
            };
        }
    };
    let invocation = Invocation {
        json: cli.json,
        config: cli.config,
        matches,
    };
    let json = invocation.json;
    let result = match cli.command.unwrap_or(Command::Run) {
        Command::Run => run::run(&invocation, &cli.run),
        Command::Bond(command) => bond::bond(&invocation, &command),
        Command::Append(args) => append::append(&invocation, &cli.run, &args),
        Command::Status => status::status(&invocation),
        Command::Bench(args) => bench::bench(&invocation, &args),
        Command::Verify(args) => verify::verify(&invocation, &args),
        Command::Keys(command) => keys::keys(&invocation, &command),
        Command::Config(command) => show::config(&invocation, &command),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "agoge-prover", &mut script);
            report::print(&String::from_utf8_lossy(&script));
            Ok(Exit::Ok)
        }
    };
    result.unwrap_or_else(|error| report::fail(json, error)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_key_has_a_flag_and_a_variable_of_its_name() {
        let command = Cli::command();
        for key in crate::config::KEYS {
            let id = key.replace('.', "_");
            let arg = command
                .get_arguments()
                .find(|arg| arg.get_id() == id.as_str())
                .unwrap_or_else(|| panic!("{key}"));
            assert_eq!(arg.get_long(), Some(id.replace('_', "-").as_str()));
            let env = match id.as_str() {
                "l1_rpc_urls" => "ETH_RPC_URL".to_owned(),
                id => format!("AGOGE_{}", id.to_uppercase()),
            };
            assert_eq!(arg.get_env().and_then(|env| env.to_str()), Some(env.as_str()));
        }
    }
}
