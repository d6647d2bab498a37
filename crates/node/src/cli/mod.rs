//! The commands of `agoge-node`.

mod doctor;
mod init;
mod keys;
mod report;
mod run;
mod show;
mod signing;

use std::process::ExitCode;

use clap::{ArgMatches, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::config::{ConfigArgs, Resolved};

pub use agoge_protocol::exit::ExitCode as Exit;
pub use report::CliError;

const AFTER_HELP: &str = "\
Examples:
  agoge-node --network devnet --l1-rpc-urls http://127.0.0.1:8545
  agoge-node init --network phase4 --l1-rpc-urls https://rpc.example --l1-beacon-urls https://beacon.example

Exit codes: 0 ok, 1 failed, 2 usage or configuration, 3 precondition not met, 4 wrong network, 9 signing refused";

/// The Agoge validator and full node. Without a command it runs.
#[derive(Debug, Parser)]
#[command(name = "agoge-node", version, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// One JSON document on stdout instead of text.
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Clone, Debug, Args)]
struct RunArgs {
    /// Create a missing signing guard: only when these keys have never signed anywhere.
    #[arg(long, global = true)]
    init_guard: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the node (the default).
    Run,
    /// Write a commented node.toml into the data directory.
    Init(init::InitArgs),
    /// Check everything the node needs, and say what is wrong. Exit code 3 when something is.
    Doctor,
    /// Make, import and list key files.
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Move what the keys have signed between machines.
    #[command(subcommand)]
    Signing(signing::SigningCommand),
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
    init_guard: bool,
}

impl Invocation {
    fn resolve(&self) -> Result<Resolved, CliError> {
        Ok(Resolved::new(
            self.config.clone(),
            &self.matches,
            self.init_guard,
        )?)
    }

    /// For commands that work without L1.
    fn resolve_unchecked(&self) -> Result<Resolved, CliError> {
        Ok(Resolved::unchecked(
            self.config.clone(),
            &self.matches,
            self.init_guard,
        )?)
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
        init_guard: cli.run.init_guard,
    };
    let json = invocation.json;
    let result = match cli.command.unwrap_or(Command::Run) {
        Command::Run => run::run(&invocation),
        Command::Init(args) => init::init(&invocation, &args),
        Command::Doctor => doctor::doctor(&invocation),
        Command::Keys(command) => keys::keys(&invocation, command),
        Command::Signing(command) => signing::signing(&invocation, command),
        Command::Config(command) => show::config(&invocation, &command),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "agoge-node", &mut script);
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
            let env = if id == "l1_rpc_urls" {
                "ETH_RPC_URL".to_owned()
            } else {
                format!("AGOGE_{}", id.to_uppercase())
            };
            assert_eq!(arg.get_env().and_then(|env| env.to_str()), Some(env.as_str()));
        }
    }
}
