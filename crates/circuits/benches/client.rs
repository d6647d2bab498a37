//! Proving and verifying a client transaction: `cargo bench -p agoge-circuits`.
//!
//! `RAYON_NUM_THREADS=1` in the environment gives the figures of one core.

#[path = "../tests/support/mod.rs"]
mod support;

use std::error::Error;
use std::hint::black_box;
use std::time::Duration;

use agoge_circuits::ClientProver;
use agoge_protocol::network::ClientProfile;
use criterion::Criterion;
use rand::SeedableRng;

fn main() -> Result<(), Box<dyn Error>> {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("client");
    group.sample_size(10).warm_up_time(Duration::from_millis(500));
    let witness = support::witness(&mut rand_chacha::ChaCha8Rng::seed_from_u64(1));
    for (profile, name) in [
        (ClientProfile::Default, "default"),
        (ClientProfile::Testing, "testing"),
    ] {
        let prover = ClientProver::new(profile)?;
        let (public_inputs, proof) = prover.prove(&witness)?;
        group.bench_function(format!("prove {name}"), |b| {
            b.iter(|| prover.prove(black_box(&witness)))
        });
        group.bench_function(format!("verify {name}"), |b| {
            b.iter(|| {
                prover
                    .verifier()
                    .verify(black_box(&public_inputs), black_box(&proof))
            });
        });
    }
    group.finish();
    criterion.final_summary();
    Ok(())
}
