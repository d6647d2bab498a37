//! `config show`: every value and where it came from.

use clap::Subcommand;

use super::{CliError, Exit, Invocation, report};

/// Look at the configuration.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Print every value; URLs without what may be secret in them.
    Show {
        /// Say which layer decided each value.
        #[arg(long)]
        origin: bool,
    },
}

pub(super) fn config(invocation: &Invocation, command: &ConfigCommand) -> Result<Exit, CliError> {
    let ConfigCommand::Show { origin } = command;
    let resolved = invocation.resolve_unchecked()?;
    report::data(invocation.json, "config.show", &resolved.entries, || {
        let mut text = String::new();
        for entry in &resolved.entries {
            text.push_str(&format!("{} = {}", entry.key, entry.value));
            if *origin {
                text.push_str(&format!("    # {}", entry.origin));
            }
            text.push('\n');
        }
        text
    });
    Ok(Exit::Ok)
}
