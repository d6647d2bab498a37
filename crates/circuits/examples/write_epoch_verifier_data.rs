//! Builds every circuit of an epoch proof in a folder, writes the verifier data of the last one into `data/` and prints the
//! digests to pin in `src/epoch/verifier.rs`.
//!
//! `cargo run --release -p agoge-circuits --example write_epoch_verifier_data -- FOLDER [default|testing]`

use std::error::Error;
use std::path::{Path, PathBuf};

use agoge_circuits::EpochProver;
use agoge_protocol::keccak256;
use agoge_protocol::network::ClientProfile;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let circuits = PathBuf::from(arguments.next().ok_or("hint: name a folder for the circuits")?);
    let only = arguments.next();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    for (profile, name) in [
        (ClientProfile::Default, "default"),
        (ClientProfile::Testing, "testing"),
    ] {
        if only.as_deref().is_some_and(|only| only != name) {
            continue;
        }
        let bytes = EpochProver::build_verifier_data(&circuits, profile)?;
        let name = format!("epoch-{name}.bin");
        std::fs::write(data.join(&name), &bytes)?;
        if profile == ClientProfile::Default && std::env::var_os("ONE_OFF").is_some() {
            let newest = std::fs::read_dir(&circuits)?
                .filter_map(Result::ok)
                .filter(|entry| entry.file_type().is_ok_and(|t| t.is_dir()))
                .filter(|entry| entry.path().join("verifiers.bin").exists())
                .max_by_key(|entry| entry.metadata().and_then(|m| m.modified()).ok())
                .ok_or("no folder")?;
            std::os::unix::fs::symlink(newest.path(), circuits.join("uncommitted-default"))?;
            let prover = EpochProver::open_uncommitted(&circuits, profile)?;
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
            for source in agoge_circuits::solidity_sources(prover.epoch_verifier())? {
                if source.path.to_string().contains("EpochProofVerifier") {
                    std::fs::write(root.join(&source.path), &source.text)?;
                }
            }
        }
        println!("{name}  {} bytes  {}", bytes.len(), keccak256(&bytes));
    }
    Ok(())
}
