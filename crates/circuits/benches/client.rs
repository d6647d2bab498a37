//! Proving and verifying a client transaction: `cargo bench -p agoge-circuits`.
//!
//! `RAYON_NUM_THREADS=1` in the environment gives the figures of one core.

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;
use std::time::Duration;

use agoge_circuits::{ClientProver, ClientVerifier};
use agoge_protocol::network::ClientProfile;
use criterion::{Criterion, criterion_group, criterion_main};
use rand::SeedableRng;

fn client(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("client");
    group.sample_size(10).warm_up_time(Duration::from_millis(500));
    let witness = support::witness(&mut rand_chacha::ChaCha8Rng::seed_from_u64(1));
    for (profile, name) in [
        (ClientProfile::Default, "default"),
        (ClientProfile::Testing, "testing"),
    ] {
        let (Ok(prover), Ok(verifier)) = (ClientProver::new(profile), ClientVerifier::new(profile)) else {
            panic!("the {name} profile's verifier data do not fit its circuit");
        };
        group.bench_function(format!("prove {name}"), |b| {
            b.iter(|| prover.prove(black_box(&witness)))
        });
        match prover.prove(&witness) {
            Ok((public_inputs, proof)) => {
                group.bench_function(format!("verify {name}"), |b| {
                    b.iter(|| verifier.verify(black_box(&public_inputs), black_box(&proof)));
                });
            }
            Err(error) => panic!("the {name} profile does not prove: {error}"),
        }
    }
    group.finish();
}

criterion_group!(benches, client);
criterion_main!(benches);
