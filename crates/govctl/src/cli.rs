//! The command line of `govctl`.

use std::process::ExitCode;

use agoge_host::report::{self, CliError};
use agoge_protocol::exit::ExitCode as Exit;
use clap::{CommandFactory as _, Parser, Subcommand};

use crate::commands::{self, Output};
use crate::flags::Flags;

const AFTER_HELP: &str = "\
Examples:
  govctl deploy network --network phase4 --account deployer --password-file password
  govctl verify --network phase4
  govctl stake --attester-keystore attester.json --network phase4 --account withdrawer
  govctl payload verify 0x... --network phase4
  govctl vote 0x... for --expect-hash 0x... --network phase4 --account withdrawer
  govctl status --network phase4

Exit codes: 0 ok, 1 failed, 2 usage, 3 precondition not met, 4 wrong network or not what was expected, 5 mined and reverted, \
6 would revert, nothing sent, 7 timed out, 8 declined";

/// Deploys and governs an Agoge network: contracts, validators, payloads, votes, upgrades.
#[derive(Debug, Parser)]
#[command(name = "govctl", version, after_help = AFTER_HELP, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Create the contracts of a network, or of one more Rollup.
    #[command(subcommand)]
    Deploy(commands::deploy::DeployCommand),
    /// Compare every contract on L1 with this build, the network file and the deployment file.
    Verify,
    /// Who may stake while the allow-list is on.
    #[command(subcommand)]
    AllowList(commands::allow_list::AllowListCommand),
    /// Stake validators.
    Stake(commands::stake::StakeArgs),
    /// Start a validator's exit.
    Exit(commands::validators::OneAttester),
    /// End an exit whose delay is over: credits the stake to the withdrawer.
    Finalise(commands::validators::OneAttester),
    /// Pull all that the contracts owe the account.
    Withdraw(commands::withdraw::WithdrawArgs),
    /// Show validators: those given, or all that follow the canonical instance.
    Validators(commands::validators::ValidatorsArgs),
    /// Show an epoch's committee.
    Committee(commands::validators::CommitteeArgs),
    /// Deploy, show and verify payloads.
    #[command(subcommand)]
    Payload(commands::payload::PayloadCommand),
    /// Signal for a payload: through a node, or with attester keys.
    Signal(commands::signal::SignalArgs),
    /// Make a proposal of a round's winner.
    Nominate(commands::proposal::NominateArgs),
    /// Make a proposal of a payload against a lock, without signals.
    Propose(commands::proposal::ProposeArgs),
    /// Credit the lock of a proposal to its proposer once it is over.
    Unlock(commands::proposal::OneProposal),
    /// Vote on a proposal.
    Vote(commands::vote::VoteArgs),
    /// Give the account's voting power to another address.
    Delegate(commands::vote::DelegateArgs),
    /// Queue a proposal that passed.
    Queue(commands::proposal::OneProposal),
    /// Execute a proposal whose timelock is over.
    Execute(commands::proposal::OneProposal),
    /// Let a validator follow the Registry, or pin it to an instance.
    Migrate(commands::validators::MigrateArgs),
    /// Deposit, show and take back a prover's bond.
    #[command(subcommand)]
    Bond(commands::bond::BondCommand),
    /// Show the quotes that a node keeps.
    Quotes(commands::signal::QuotesArgs),
    /// Show where the network and its upgrade stand, and what happens next.
    Status,
    /// Check that this machine can do all of it: endpoint, chain, deployment, account, clock.
    Doctor,
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
    let json = cli.flags.json;
    if let Command::Completions { shell } = cli.command {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "govctl", &mut script);
        report::print(&String::from_utf8_lossy(&script));
        return Exit::Ok.into();
    }
    let result = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::new(Exit::Failed, "AGOGE-RUN-001", error))
        .and_then(|runtime| runtime.block_on(Box::pin(run(&cli.flags, cli.command))));
    match result {
        Ok(output) => {
            report::data(json, &format!("govctl.{}", output.schema), &output.data, || {
                output.text
            });
            Exit::Ok.into()
        }
        Err(error) => report::fail(json, error).into(),
    }
}

async fn run(flags: &Flags, command: Command) -> Result<Output, CliError> {
    match command {
        Command::Deploy(command) => commands::deploy::run(flags, &command).await,
        Command::Verify => commands::verify::run(flags).await,
        Command::AllowList(command) => commands::allow_list::run(flags, &command).await,
        Command::Stake(args) => commands::stake::run(flags, &args).await,
        Command::Exit(args) => commands::validators::exit(flags, &args).await,
        Command::Finalise(args) => commands::validators::finalise(flags, &args).await,
        Command::Withdraw(args) => commands::withdraw::run(flags, &args).await,
        Command::Validators(args) => commands::validators::list(flags, &args).await,
        Command::Committee(args) => commands::validators::committee(flags, &args).await,
        Command::Payload(command) => commands::payload::run(flags, &command).await,
        Command::Signal(args) => commands::signal::run(flags, &args).await,
        Command::Nominate(args) => commands::proposal::nominate(flags, &args).await,
        Command::Propose(args) => commands::proposal::propose(flags, &args).await,
        Command::Unlock(args) => commands::proposal::unlock(flags, &args).await,
        Command::Vote(args) => commands::vote::vote(flags, &args).await,
        Command::Delegate(args) => commands::vote::delegate(flags, &args).await,
        Command::Queue(args) => commands::proposal::queue(flags, &args).await,
        Command::Execute(args) => commands::proposal::execute(flags, &args).await,
        Command::Migrate(args) => commands::validators::migrate(flags, &args).await,
        Command::Bond(command) => commands::bond::run(flags, &command).await,
        Command::Quotes(args) => commands::signal::quotes(&args).await,
        Command::Status => commands::status::run(flags).await,
        Command::Doctor => commands::doctor::run(flags).await,
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
