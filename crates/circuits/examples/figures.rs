//! Prints what a client proof of a profile costs: `cargo run --release -p agoge-circuits --example figures -- [testing]`.
//!
//! `RAYON_NUM_THREADS=1` in the environment gives the figures of one core. Peak memory is the process's (`VmHWM`), so each
//! profile needs its own run.

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::Instant;

use agoge_circuits::{ClientProver, ClientVerifier};
use agoge_protocol::network::ClientProfile;
use rand::SeedableRng;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let is_testing = std::env::args().any(|argument| argument == "testing");
    let profile = if is_testing {
        ClientProfile::Testing
    } else {
        ClientProfile::Default
    };
    let witness = support::witness(&mut rand_chacha::ChaCha8Rng::seed_from_u64(1));

    let started = Instant::now();
    let prover = ClientProver::new(profile)?;
    println!("profile              {profile:?}");
    println!("degree               2^{}", prover.degree_bits());
    println!("build prover         {:?}", started.elapsed());

    let started = Instant::now();
    let (public_inputs, proof) = prover.prove(&witness)?;
    println!("prove                {:?}", started.elapsed());
    println!("proof bytes          {}", proof.len());

    let started = Instant::now();
    let verifier = ClientVerifier::new(profile)?;
    println!("load verifier        {:?}", started.elapsed());
    let started = Instant::now();
    verifier.verify(&public_inputs, &proof)?;
    println!("verify               {:?}", started.elapsed());

    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap_or(" unknown");
    println!("peak memory          {}", peak.trim());
    Ok(())
}
