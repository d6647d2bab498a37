//! `config show`.

use agoge_host::report::CliError;
use agoge_protocol::exit::ExitCode as Exit;
use clap::Subcommand;

use super::Invocation;

/// Look at the configuration.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Print every value.
    Show {
        /// And which layer decided it.
        #[arg(long)]
        origin: bool,
    },
}

pub(super) fn config(invocation: &Invocation, command: &ConfigCommand) -> Result<Exit, CliError> {
    let ConfigCommand::Show { origin } = command;
    let entries = invocation.resolve_unchecked()?.entries;
    invocation.data("config", &entries, || {
        let line = |entry: &agoge_host::config::Entry| match origin {
            true => format!("{} = {}  ({})\n", entry.key, entry.value, entry.origin),
            false => format!("{} = {}\n", entry.key, entry.value),
        };
        entries.iter().map(line).collect()
    });
    Ok(Exit::Ok)
}
