//! `keys`: make, import, list.

use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use agoge_protocol::Address;
use clap::Subcommand;
use serde::Serialize;
use zeroize::Zeroizing;

use super::{CliError, Exit, Invocation, report};
use crate::config::{KeysConfig, Resolved};
use crate::keys::{
    ATTESTER_KEYS_MAX, ImportOutcome, KeyEntry, KeyRole, PasswordSource, import_key_file, import_raw_key,
    list_keys, new_key,
};

/// Make, import and list key files.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// Make keys and print their addresses.
    New {
        /// How many.
        #[arg(long, default_value_t = 1)]
        count: usize,
        /// What they are for.
        #[arg(long, value_enum, default_value_t = KeyRole::Attester)]
        role: KeyRole,
        /// Where the files go [default: where the node looks for keys of this role].
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Copy key files (keystore v3) to where the node looks for them; `-` reads one raw key in hex from standard input.
    Import {
        /// Key files. They are left as they are.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// What they are for.
        #[arg(long, value_enum, default_value_t = KeyRole::Attester)]
        role: KeyRole,
        /// Where the copies go [default: where the node looks for keys of this role].
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// List key files without opening them.
    List,
}

#[derive(Serialize)]
struct NewKey {
    role: KeyRole,
    address: Address,
    path: PathBuf,
}

#[derive(Serialize)]
struct Imported {
    source: PathBuf,
    result: &'static str,
    address: Option<Address>,
    error: Option<String>,
}

pub(super) fn keys(invocation: &Invocation, command: KeysCommand) -> Result<Exit, CliError> {
    let Resolved { config, .. } = invocation.resolve_unchecked()?;
    let target = |out: Option<PathBuf>, role| out.unwrap_or_else(|| default_target(&config.keys, role));
    let source = PasswordSource::choose(config.keys.password_file.as_deref());
    match command {
        KeysCommand::New { count, role, out } => {
            let is_one = role == KeyRole::Publisher && out.is_none();
            let max = if is_one { 1 } else { ATTESTER_KEYS_MAX };
            if !(1..=max).contains(&count) {
                return Err(CliError::new(
                    Exit::Usage,
                    "AGOGE-KEY-008",
                    format!("--count must be 1 to {max}"),
                ));
            }
            new(invocation, count, role, &target(out, role), &source)
        }
        KeysCommand::Import { files, role, out } => import(invocation, &files, &target(out, role), &source),
        KeysCommand::List => list(invocation, &config.keys),
    }
}

fn default_target(config: &KeysConfig, role: KeyRole) -> PathBuf {
    match role {
        KeyRole::Attester => config.attesters_dir.clone(),
        KeyRole::Publisher => config.publisher_file.clone(),
    }
}

fn new(
    invocation: &Invocation,
    count: usize,
    role: KeyRole,
    target: &Path,
    source: &PasswordSource,
) -> Result<Exit, CliError> {
    let password = source.read().map_err(crate::keys::KeyError::from)?;
    let made: Vec<NewKey> = (0..count)
        .map(|_| new_key(target, &password).map(|(address, path)| NewKey { role, address, path }))
        .collect::<Result<_, _>>()?;
    report::data(invocation.json, "keys.new", &made, || {
        made.iter()
            .map(|key| format!("{} {}\n", key.address, key.path.display()))
            .collect()
    });
    Ok(Exit::Ok)
}

fn import(
    invocation: &Invocation,
    files: &[PathBuf],
    target: &Path,
    source: &PasswordSource,
) -> Result<Exit, CliError> {
    let wants_stdin = files.iter().filter(|file| *file == Path::new("-")).count();
    if wants_stdin > 1 || (wants_stdin == 1 && *source == PasswordSource::Stdin) {
        return Err(CliError::new(
            Exit::Usage,
            "AGOGE-KEY-002",
            "standard input can be read once only",
        )
        .with_hint("name a file for the password: --keys-password-file FILE"));
    }
    let password = source.read().map_err(crate::keys::KeyError::from)?;
    let mut results = Vec::with_capacity(files.len());
    for file in files {
        let outcome = if file == Path::new("-") {
            import_stdin(target, &password)
        } else {
            import_key_file(file, target, &password).map_err(|error| error.to_string())
        };
        results.push(match outcome {
            Ok((address, ImportOutcome::Imported)) => Imported {
                source: file.clone(),
                result: "imported",
                address: Some(address),
                error: None,
            },
            Ok((address, ImportOutcome::Duplicate)) => Imported {
                source: file.clone(),
                result: "duplicate",
                address: Some(address),
                error: None,
            },
            Err(error) => Imported {
                source: file.clone(),
                result: "error",
                address: None,
                error: Some(error),
            },
        });
    }
    report::data(invocation.json, "keys.import", &results, || {
        let line = |result: &Imported| {
            let about = result
                .address
                .map(|a| a.to_string())
                .or_else(|| result.error.clone())
                .unwrap_or_default();
            format!("{} {} {about}\n", result.result, result.source.display())
        };
        results.iter().map(line).collect()
    });
    let has_errors = results.iter().any(|result| result.error.is_some());
    Ok(if has_errors { Exit::Failed } else { Exit::Ok })
}

fn import_stdin(target: &Path, password: &crate::keys::Password) -> Result<(Address, ImportOutcome), String> {
    if std::io::stdin().is_terminal() {
        return Err("a raw key is piped in, not typed".to_owned());
    }
    let mut text = Zeroizing::new(String::new());
    std::io::stdin()
        .take(128)
        .read_to_string(&mut text)
        .map_err(|error| error.to_string())?;
    match import_raw_key(&text, target, password) {
        Ok(Ok(imported)) => Ok(imported),
        Ok(Err(error)) => Err(error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

fn list(invocation: &Invocation, config: &KeysConfig) -> Result<Exit, CliError> {
    let entries = list_keys(config)?;
    report::data(invocation.json, "keys.list", &entries, || {
        let line = |entry: &KeyEntry| {
            let role = match entry.role {
                KeyRole::Attester => "attester",
                KeyRole::Publisher => "publisher",
            };
            let address = entry
                .address
                .map_or_else(|| "(unknown address)".to_owned(), |a| a.to_string());
            let problem = entry
                .problem
                .as_ref()
                .map(|p| format!("  PROBLEM: {p}"))
                .unwrap_or_default();
            format!("{role} {address} {}{problem}\n", entry.path.display())
        };
        entries.iter().map(line).collect()
    });
    Ok(Exit::Ok)
}
