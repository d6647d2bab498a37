//! A full block to a blob and back: `cargo bench -p agoge-state-transition --profile dev --bench blob -- --quick`.
#![expect(
    missing_docs,
    clippy::expect_used,
    reason = "criterion's macros; a benchmark stops at the first error"
)]

mod support;

use agoge_state_transition::blob::{decode, encode};
use criterion::{Criterion, criterion_group, criterion_main};
use rand::SeedableRng;

fn blob(criterion: &mut Criterion) {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
    let block: Vec<_> = (0..64).map(|_| support::effects(&mut rng)).collect();
    let bytes = encode(&block).expect("effects in range");
    criterion.bench_function("blob/encode 64 tx", |bencher| bencher.iter(|| encode(&block)));
    criterion.bench_function("blob/decode 64 tx", |bencher| bencher.iter(|| decode(&bytes, 64)));
}

criterion_group!(benches, blob);
criterion_main!(benches);
