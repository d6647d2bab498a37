//! Writes the Solidity verifier of the epoch circuits of the default client profile from the committed verifier data
//! (`write_epoch_verifier_data`), and prints the digests of the files.
//!
//! `cargo run -p agoge-circuits --example write_epoch_verifier`, then `forge fmt --check`: a generated file is formatted.

use std::error::Error;
use std::path::Path;

use agoge_circuits::{EpochVerifier, solidity_sources};
use agoge_protocol::keccak256;
use agoge_protocol::network::ClientProfile;

fn main() -> Result<(), Box<dyn Error>> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for source in solidity_sources(&EpochVerifier::new(ClientProfile::Default)?)? {
        std::fs::write(repository.join(&source.path), &source.text)?;
        println!("{}  {}", source.path, keccak256(&source.text));
    }
    Ok(())
}
