//! `keys`: make the prover's key file.

use agoge_host::keys::{KeyError, PasswordSource, exists, new_key};
use agoge_host::report::CliError;
use agoge_protocol::exit::ExitCode as Exit;
use clap::Subcommand;
use serde_json::json;

use super::Invocation;

/// The prover's key file. `agoge-node keys import` copies an existing key.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// Make a key and print its address. An existing file is never overwritten.
    New,
}

pub(super) fn keys(invocation: &Invocation, command: &KeysCommand) -> Result<Exit, CliError> {
    let KeysCommand::New = command;
    let config = invocation.resolve_unchecked()?.config;
    let path = config.key_file;
    if exists(&path).map_err(KeyError::from)? {
        return Err(KeyError::Exists { path }.into());
    }
    let source = PasswordSource::choose(config.password_file.as_deref());
    let password = source.read().map_err(KeyError::from)?;
    let (address, path) = new_key(&path, &password)?;
    let document = json!({ "address": address, "file": path });
    invocation.data("keys", &document, || format!("{address} {}\n", path.display()));
    Ok(Exit::Ok)
}
