//! Writes the client circuit's verifier data into `data/` and prints the digests to pin in `src/client/verifier_data.rs`.
//!
//! `cargo run -p agoge-circuits --example write_verifier_data`

use std::path::Path;

use agoge_protocol::keccak256;
use agoge_protocol::network::ClientProfile;

fn main() -> Result<(), std::io::Error> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    for (profile, name) in [
        (ClientProfile::Default, "client-default.bin"),
        (ClientProfile::Testing, "client-testing.bin"),
    ] {
        let bytes = agoge_circuits::ClientProver::build_verifier_data(profile)
            .ok_or_else(|| std::io::Error::other("the circuit has a gate that the encoding does not know"))?;
        std::fs::write(folder.join(name), &bytes)?;
        println!("{name}  {} bytes  {}", bytes.len(), keccak256(&bytes));
    }
    Ok(())
}
