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
        println!("{name}  {} bytes  {}", bytes.len(), keccak256(&bytes));
    }
    Ok(())
}
