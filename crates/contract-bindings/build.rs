//! Compiles `contracts/src` with the pinned compiler and the settings of `foundry.toml`; the artifacts go to `OUT_DIR/artifacts`.

use std::{env, error::Error, fs, path::Path, path::PathBuf};

use foundry_compilers::{
    ConfigurableArtifacts, ProjectBuilder, ProjectPathsConfig,
    artifacts::{EvmVersion, Remapping, Settings, SettingsMetadata, output_selection::OutputSelection},
    solc::{Solc, SolcCompiler, SolcSettings},
};
use serde::Deserialize;

/// The part of `foundry.toml` that decides the bytecode.
#[derive(Deserialize)]
struct FoundryProfile {
    src: String,
    solc: String,
    remappings: Vec<String>,
    evm_version: String,
    optimizer: bool,
    optimizer_runs: usize,
    via_ir: bool,
    bytecode_hash: String,
    cbor_metadata: bool,
}

#[derive(Deserialize)]
struct FoundryProfiles {
    default: FoundryProfile,
}

#[derive(Deserialize)]
struct FoundryFile {
    profile: FoundryProfiles,
}

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?)
        .join("../..")
        .canonicalize()?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let foundry: FoundryFile = toml::from_str(&fs::read_to_string(root.join("foundry.toml"))?)?;
    let profile = foundry.profile.default;
    for path in [
        "foundry.toml",
        "lib/package-lock.json",
        &profile.src,
        &profile.solc,
    ] {
        println!("cargo:rerun-if-changed={}", root.join(path).display());
    }

    let compiler = SolcCompiler::Specific(Solc::new(root.join(&profile.solc))?);
    let project = ProjectBuilder::<SolcCompiler, ConfigurableArtifacts>::default()
        .paths(paths(&root, &out, &profile)?)
        .settings(settings(&profile)?)
        .offline()
        .build(compiler)?;
    let output = project.compile()?;
    if output.has_compiler_errors() {
        return Err(format!("contracts do not compile:\n{output}").into());
    }
    let verifier = root
        .join(&profile.src)
        .join("proving/verifier/EpochProofVerifier.sol");
    let digest = circuit_digest(&fs::read_to_string(verifier)?)
        .ok_or("EpochProofVerifier.sol has no constant PREFIX that ends with the circuit's digest")?;
    println!("cargo:rustc-env=EPOCH_CIRCUIT_DIGEST={digest}");
    Ok(())
}

/// The last 32 bytes, in hex, of the verifier's constant PREFIX: the digest of its circuit.
fn circuit_digest(source: &str) -> Option<String> {
    let (_, constant) = source.split_once("bytes internal constant PREFIX =")?;
    let (constant, _) = constant.split_once(';')?;
    let hex: String = constant.split('"').skip(1).step_by(2).collect();
    let digest = hex.get(hex.len().checked_sub(64)?..)?;
    digest
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit())
        .then(|| digest.to_owned())
}

fn paths(
    root: &Path,
    out: &Path,
    profile: &FoundryProfile,
) -> Result<ProjectPathsConfig<foundry_compilers::solc::SolcLanguage>, Box<dyn Error>> {
    let remappings = profile
        .remappings
        .iter()
        .map(|remapping| remapping.parse::<Remapping>())
        .collect::<Result<Vec<_>, _>>()?;
    Ok(ProjectPathsConfig::builder()
        .root(root)
        .sources(root.join(&profile.src))
        // Only the sources are wanted: tests and scripts need cheats that no deployment has.
        .tests(out.join("none"))
        .scripts(out.join("none"))
        .lib(root.join("lib/node_modules"))
        .remappings(remappings)
        .cache(out.join("cache.json"))
        .artifacts(out.join("artifacts"))
        .build_infos(out.join("build-info"))
        .build()?)
}

fn settings(profile: &FoundryProfile) -> Result<SolcSettings, Box<dyn Error>> {
    let mut settings = Settings::new(OutputSelection::default_output_selection());
    settings.optimizer.enabled = Some(profile.optimizer);
    settings.optimizer.runs = Some(profile.optimizer_runs);
    settings.via_ir = Some(profile.via_ir);
    settings.evm_version = Some(profile.evm_version.parse::<EvmVersion>()?);
    settings.metadata = Some(SettingsMetadata::new(
        profile.bytecode_hash.parse()?,
        profile.cbor_metadata,
    ));
    Ok(SolcSettings {
        settings,
        ..SolcSettings::default()
    })
}
