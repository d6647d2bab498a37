//! What every command takes.

use std::path::PathBuf;

use agoge_host::keys::{KeyError, PasswordError, PasswordSource, open_key_file};
use agoge_host::report::CliError;
use agoge_l1_client::SecretUrl;
use agoge_protocol::exit::ExitCode as Exit;
use alloy::signers::local::PrivateKeySigner;
use clap::Args;

/// Flags of all commands.
#[derive(Clone, Debug, Args)]
pub(crate) struct Flags {
    /// Network name or file [default: the name in the deployment file].
    #[arg(long, global = true, env = "AGOGE_NETWORK", value_name = "NAME|FILE")]
    pub(crate) network: Option<String>,
    /// Where the network lives on L1 [default: deployments/<network>.json].
    #[arg(long, global = true, env = "AGOGE_DEPLOYMENT", value_name = "FILE")]
    pub(crate) deployment: Option<PathBuf>,
    /// L1 JSON-RPC endpoints, best first, separated by commas.
    #[arg(
        long,
        global = true,
        env = "ETH_RPC_URL",
        value_name = "URL",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub(crate) rpc_url: Vec<SecretUrl>,
    #[command(flatten)]
    pub(crate) key: KeyFlags,
    /// Simulate and say what would be sent; send nothing.
    #[arg(long, global = true)]
    pub(crate) dry_run: bool,
    /// Send without asking.
    #[arg(long, global = true)]
    pub(crate) yes: bool,
    /// One JSON document on stdout.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// The account that sends. Keys and passwords are never arguments.
#[derive(Clone, Debug, Args)]
pub(crate) struct KeyFlags {
    /// Key file in Foundry's keystore directory.
    #[arg(long, global = true, value_name = "NAME", conflicts_with = "keystore")]
    pub(crate) account: Option<String>,
    /// Key file (keystore v3).
    #[arg(long, global = true, env = "ETH_KEYSTORE", value_name = "FILE")]
    pub(crate) keystore: Option<PathBuf>,
    /// File (mode 600) with the key files' password, - for standard input; without it the terminal is asked.
    #[arg(long, global = true, env = "ETH_PASSWORD", value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
}

impl KeyFlags {
    /// Opens the key of the account that sends.
    pub(crate) fn open(&self, chain_id: u64) -> Result<PrivateKeySigner, CliError> {
        let path = match (&self.account, &self.keystore) {
            (Some(name), _) => foundry_keystore(name)?,
            (None, Some(path)) => path.clone(),
            (None, None) => {
                return Err(
                    CliError::new(Exit::Usage, "AGOGE-GOV-001", "no account was named to send with")
                        .with_hint("give --account NAME (of ~/.foundry/keystores) or --keystore FILE"),
                );
            }
        };
        self.open_file(&path, chain_id)
    }

    /// Opens a key file with the same password.
    pub(crate) fn open_file(
        &self,
        path: &std::path::Path,
        chain_id: u64,
    ) -> Result<PrivateKeySigner, CliError> {
        let source = PasswordSource::choose(self.password_file.as_deref());
        let password = source.read().map_err(KeyError::from).map_err(key_error)?;
        open_key_file(path, chain_id, &password).map_err(key_error)
    }
}

/// A key's error with a hint for these flags: those of the library name the node's.
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

fn foundry_keystore(name: &str) -> Result<PathBuf, CliError> {
    let is_plain = !name.is_empty() && !name.contains('/') && name != ".." && name != ".";
    let home = std::env::var_os("FOUNDRY_DIR")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".foundry")));
    match home {
        Some(home) if is_plain => Ok(home.join("keystores").join(name)),
        _ => Err(CliError::new(
            Exit::Usage,
            "AGOGE-GOV-001",
            format!("--account {name:?} names no file of ~/.foundry/keystores"),
        )
        .with_hint("`cast wallet list` shows the names; a file elsewhere is given by --keystore FILE")),
    }
}
