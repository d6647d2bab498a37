//! Writes the Solidity verifiers of the epoch circuits, one for each client profile, from the committed verifier data
//! (`write_epoch_verifier_data`), and prints their digests.
//!
//! `cargo run -p agoge-circuits --example write_epoch_verifier`, then `forge fmt --check`: a generated file is formatted.

use std::error::Error;
use std::path::Path;

use agoge_circuits::{EpochVerifier, solidity_sources};
use agoge_protocol::keccak256;
use agoge_protocol::network::ClientProfile;

fn main() -> Result<(), Box<dyn Error>> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for profile in [ClientProfile::Default, ClientProfile::Testing] {
        for source in solidity_sources(&EpochVerifier::new(profile)?)? {
            std::fs::write(repository.join(&source.path), &source.text)?;
            println!("{}  {}", source.path, keccak256(&source.text));
        }
    }
    Ok(())
}
