//! The account that a person names on the command line to sign or send with.

use std::path::{Path, PathBuf};

use agoge_protocol::exit::ExitCode as Exit;
use alloy::signers::local::PrivateKeySigner;
use clap::Args;

use super::{KeyError, PasswordError, PasswordSource, open_key_file};
use crate::report::CliError;

const CODE: &str = "AGOGE-KEY-012";

/// Flags that name an account. Keys and passwords are never arguments.
#[derive(Clone, Debug, Args)]
pub struct AccountFlags {
    /// Key file in Foundry's keystore directory.
    #[arg(long, global = true, value_name = "NAME", conflicts_with = "keystore")]
    pub account: Option<String>,
    /// Key file (keystore v3).
    #[arg(long, global = true, env = "ETH_KEYSTORE", value_name = "FILE")]
    pub keystore: Option<PathBuf>,
    /// File (mode 600) with the key files' password, - for standard input; without it the terminal is asked.
    #[arg(long, global = true, env = "ETH_PASSWORD", value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}

impl AccountFlags {
    /// Opens the account's key for a chain.
    ///
    /// # Errors
    /// No account was named, or its key file or password is refused.
    pub fn open(&self, chain_id: u64) -> Result<PrivateKeySigner, CliError> {
        let path = match (&self.account, &self.keystore) {
            (Some(name), _) => foundry_key_file(name)?,
            (None, Some(path)) => path.clone(),
            (None, None) => {
                return Err(
                    CliError::new(Exit::Usage, CODE, "no account was named to sign with")
                        .with_hint("give --account NAME (of ~/.foundry/keystores) or --keystore FILE"),
                );
            }
        };
        self.open_file(&path, chain_id)
    }

    /// Opens another key file with the same password.
    ///
    /// # Errors
    /// The key file or the password is refused.
    pub fn open_file(&self, path: &Path, chain_id: u64) -> Result<PrivateKeySigner, CliError> {
        let source = PasswordSource::choose(self.password_file.as_deref());
        let password = source.read().map_err(KeyError::from).map_err(key_error)?;
        open_key_file(path, chain_id, &password).map_err(key_error)
    }
}

/// A key's error with a hint for these flags: the error's own hints name those of a node.
fn key_error(error: KeyError) -> CliError {
    let hint = match &error {
        KeyError::Permission(reason) | KeyError::Password(PasswordError::File(reason)) => reason
            .hint()
            .unwrap_or_else(|| "name a file of yours, mode 600, that is no link".to_owned()),
        KeyError::Password(_) => {
            "name a file of mode 600: --password-file FILE, or `-` for standard input".to_owned()
        }
        KeyError::DevelopmentKey { .. } => "make a key of your own: `cast wallet new`".to_owned(),
        error => error
            .hint()
            .unwrap_or_else(|| "check the key file and the password that goes with it".to_owned()),
    };
    CliError::from(error).with_hint(hint)
}

/// A key file of Foundry's keystore directory: `$FOUNDRY_DIR`, else `~/.foundry`.
fn foundry_key_file(name: &str) -> Result<PathBuf, CliError> {
    let is_plain = !name.is_empty() && !name.contains('/') && name != ".." && name != ".";
    let home = std::env::var_os("FOUNDRY_DIR")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".foundry")));
    match home {
        Some(home) if is_plain => Ok(home.join("keystores").join(name)),
        _ => Err(CliError::new(
            Exit::Usage,
            CODE,
            format!("--account {name:?} names no file of ~/.foundry/keystores"),
        )
        .with_hint("`cast wallet list` shows the names; a file elsewhere is given by --keystore FILE")),
    }
}
