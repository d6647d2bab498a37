//! `agoge-gate manifest` and `diff`: what is released, and whether the public network is what was tried.

use std::collections::BTreeMap;
use std::path::PathBuf;

use agoge_host::config::{load_deployment, load_network};
use agoge_host::report::CliError;
use agoge_protocol::Address;
use agoge_protocol::exit::ExitCode as Exit;
use sha2::{Digest as _, Sha256};

use super::{Output, read_file, read_json};
use crate::evidence::{code_hashes, network_digest};
use crate::failure;
use crate::train::{Difference, MANIFEST_SCHEMA, Manifest};

/// What is released.
#[derive(Debug, clap::Args)]
pub(crate) struct ManifestArgs {
    /// Network name or file.
    #[arg(long, env = "AGOGE_NETWORK", value_name = "NAME|FILE")]
    network: String,
    /// Where the network lives on L1.
    #[arg(long, env = "AGOGE_DEPLOYMENT", value_name = "FILE")]
    deployment: PathBuf,
    /// A released program.
    #[arg(long, value_name = "FILE")]
    binary: Vec<PathBuf>,
    /// Whose statements and decisions count.
    #[arg(long, value_name = "ADDRESS", required = true)]
    signer: Vec<Address>,
}

/// What to compare.
#[derive(Debug, clap::Args)]
pub(crate) struct DiffArgs {
    /// Manifest of the internal network.
    #[arg(long, value_name = "FILE")]
    internal: PathBuf,
    /// Manifest of the public network.
    #[arg(long, value_name = "FILE")]
    public: PathBuf,
    /// A JSON pointer below which they may differ.
    #[arg(long, value_name = "POINTER")]
    allow: Vec<String>,
}

/// `manifest`: prints the manifest itself, without an envelope, to be kept as a file.
///
/// # Errors
/// A file that cannot be used.
pub(crate) fn run(args: &ManifestArgs) -> Result<Output, CliError> {
    let network = load_network(&args.network)?;
    let deployment = load_deployment(&args.deployment, &network)?;
    let mut binaries = BTreeMap::new();
    for path in &args.binary {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let digest = hex::encode(Sha256::digest(read_file(path)?));
        if binaries.insert(name.clone(), digest).is_some() {
            return Err(failure::usage(
                format!("two programs are called {name}"),
                "give each program once",
            ));
        }
    }
    let manifest = Manifest {
        schema: MANIFEST_SCHEMA.to_owned(),
        network_sha256: network_digest(&network),
        network,
        genesis_time: deployment.genesis_time,
        genesis_ids: deployment.genesis_ids.clone(),
        verifier_circuit_digest: deployment.verifier_circuit_digest,
        code_hashes: code_hashes(&deployment),
        binaries,
        signers: args.signer.clone(),
    };
    // Plain data: serialization does not fail.
    let text = serde_json::to_string_pretty(&manifest).unwrap_or_default() + "\n";
    Ok(Output::new("manifest", manifest, text))
}

/// Reads a manifest and checks that it is one.
///
/// # Errors
/// A file that cannot be used.
pub(crate) fn load(path: &std::path::Path) -> Result<Manifest, CliError> {
    let hint =
        "make it with `agoge-gate manifest --network ... --deployment ... --signer ... > release.json`";
    let manifest: Manifest = read_json(path).map_err(|error| error.with_hint(hint))?;
    if manifest.schema != MANIFEST_SCHEMA || manifest.network_sha256 != network_digest(&manifest.network) {
        let words = format!("no manifest of schema {MANIFEST_SCHEMA}, or its network was edited");
        return Err(failure::file(path, words).with_hint(hint));
    }
    if manifest.signers.is_empty() {
        return Err(failure::file(path, "it names no signer").with_hint(hint));
    }
    Ok(manifest)
}

/// Compares two manifests; the values that differ and may not are an error's words.
///
/// # Errors
/// 10 with the first of them.
pub(crate) fn must_be_identical(
    internal: &Manifest,
    public: &Manifest,
    allow: &[String],
) -> Result<Vec<Difference>, CliError> {
    let differences = internal.differences(public, allow);
    let unlisted: Vec<&str> = differences
        .iter()
        .filter(|difference| !difference.is_allowed)
        .map(|difference| difference.path.as_str())
        .collect();
    if unlisted.is_empty() {
        return Ok(differences);
    }
    Err(failure::refused(
        Exit::NoGo,
        format!(
            "the public network is not the one that was tried: {}",
            unlisted.join(", ")
        ),
        "deploy what was tried; a difference that must be is listed with --allow POINTER",
    ))
}

/// `diff`.
///
/// # Errors
/// As [`must_be_identical`].
pub(crate) fn diff(args: &DiffArgs) -> Result<Output, CliError> {
    let (internal, public) = (load(&args.internal)?, load(&args.public)?);
    let differences = must_be_identical(&internal, &public, &args.allow)?;
    let mut text = String::new();
    for difference in &differences {
        text.push_str(&format!(
            "allowed {}: {} / {}\n",
            difference.path, difference.internal, difference.public
        ));
    }
    text.push_str("the public network is the one that was tried, but for what is listed\n");
    Ok(Output::new("diff", differences, text))
}
