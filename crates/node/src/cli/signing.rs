//! `signing`: what the keys have signed, moved between machines.

use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;

use agoge_protocol::Digest;
use agoge_store::SigningGuard;
use agoge_store::guard::{GuardError, Interchange};
use agoge_supervisor::{SlotClock, SystemClock};
use clap::Subcommand;
use serde_json::json;

use super::{CliError, Exit, Invocation, report};
use crate::config::Config;
use crate::keys::{KeyError, create_private_dir, write_private_file};
use crate::runtime::guard_first_slot;

/// Bytes of an interchange file.
const INTERCHANGE_BYTES_MAX: u64 = 64 << 20;

/// Move what the keys have signed between machines. The node must be stopped; while it runs, use the admin RPC.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum SigningCommand {
    /// Write the interchange.
    Export {
        /// Where to [default: standard output]. An existing file is not overwritten.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Merge an interchange; nothing is ever loosened. Makes the guard if there is none.
    Import {
        /// The interchange.
        file: PathBuf,
    },
    /// Read the whole guard and say what it holds.
    Check,
}

pub(super) fn signing(invocation: &Invocation, command: SigningCommand) -> Result<Exit, CliError> {
    let config = invocation.resolve_unchecked()?.config;
    let chain_id = config.network.network.chain_id;
    let path = config.guard_file();
    match command {
        SigningCommand::Export { out } => {
            let text = SigningGuard::open(&path, chain_id)
                .map_err(guard_error)?
                .export()
                .to_json()
                .map_err(|error| CliError::new(Exit::Failed, "AGOGE-SIG-002", error))?;
            match out {
                Some(file) => write_private_file(&file, text.as_bytes()).map_err(KeyError::from)?,
                None => report::print(&format!("{text}\n")),
            }
            Ok(Exit::Ok)
        }
        SigningCommand::Import { file } => import(invocation, &config, &file),
        SigningCommand::Check => {
            let guard = SigningGuard::open(&path, chain_id).map_err(guard_error)?;
            let subjects = guard.export().data.len();
            let first_slot = guard.first_slot();
            let data = json!({ "path": path, "entries": subjects, "first_slot": first_slot });
            report::data(invocation.json, "signing.check", &data, || {
                format!(
                    "{}: whole; {subjects} keys and kinds; signs from slot {first_slot}\n",
                    path.display()
                )
            });
            Ok(Exit::Ok)
        }
    }
}

fn import(invocation: &Invocation, config: &Config, file: &std::path::Path) -> Result<Exit, CliError> {
    let deployment = config.load_deployment()?;
    let read_error = |error| {
        CliError::new(
            Exit::Failed,
            "AGOGE-SIG-002",
            format!("{}: {error}", file.display()),
        )
    };
    let mut text = String::new();
    std::fs::File::open(file)
        .and_then(|file| file.take(INTERCHANGE_BYTES_MAX).read_to_string(&mut text))
        .map_err(read_error)?;
    let refused = |error| CliError::new(Exit::Failed, "AGOGE-SIG-002", error);
    let interchange = Interchange::parse(&text).map_err(refused)?;
    let known = deployment
        .genesis_ids
        .iter()
        .filter_map(|id| Digest::from_b256(*id).ok());
    let instances: Vec<Digest> = known.chain(instances_on_disk(config)).collect();
    let timing = config.network.timing(deployment.genesis_time);
    let clock = SlotClock::new(timing, Arc::new(SystemClock));
    let first_slot = guard_first_slot(&clock, config.doppelganger_epochs);
    let path = config.guard_file();
    let chain_id = config.network.network.chain_id;
    create_private_dir(&config.data_dir).map_err(KeyError::from)?;
    let guard = match SigningGuard::open(&path, chain_id) {
        Err(GuardError::Missing { .. }) => SigningGuard::init(&path, chain_id, first_slot),
        opened => opened,
    };
    let summary = guard
        .map_err(guard_error)?
        .import(&interchange, &instances, first_slot)
        .map_err(refused)?;
    let data = json!({ "raised": summary.raised, "unchanged": summary.unchanged, "first_slot": first_slot });
    report::data(invocation.json, "signing.import", &data, || {
        format!(
            "raised {}, unchanged {}; signs from slot {first_slot}\n",
            summary.raised, summary.unchanged
        )
    });
    Ok(Exit::Ok)
}

/// Later instances than the deployment file's, which this node has run: their directories are named by genesis id.
fn instances_on_disk(config: &Config) -> Vec<Digest> {
    // No directory: none was run yet.
    let entries = std::fs::read_dir(config.instances_dir()).into_iter().flatten();
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names
        .filter_map(|name| Digest::from_b256(name.parse().ok()?).ok())
        .collect()
}

/// Why the guard cannot be used, as an exit code.
pub(super) fn guard_error(error: GuardError) -> CliError {
    let exit = match &error {
        GuardError::Locked { .. } => Exit::SigningRefused,
        GuardError::OtherChain { .. } => Exit::WrongNetwork,
        _ => Exit::Precondition,
    };
    CliError::new(exit, "AGOGE-SIG-001", error)
}
