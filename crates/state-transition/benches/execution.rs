//! Blocks of 64 transfers on top of 6,400 earlier ones, proofs not checked:
//! `cargo bench -p agoge-state-transition --profile dev --bench execution -- --quick`.
#![expect(
    missing_docs,
    clippy::expect_used,
    reason = "criterion's macros; a benchmark stops at the first error"
)]

mod support;

use agoge_protocol::{Address, Digest, Slot, Transaction, TxPublicInputs};
use agoge_state_transition::{BlockContext, BlockLimits, MemoryState, execute_block, execute_txs, hash};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rand::SeedableRng;

const BLOCK: usize = 64;
const CONTEXT: BlockContext = BlockContext {
    genesis_id: Digest::ZERO,
    slot: Slot::new(1),
    timestamp: 1_700_000_000,
    fee_recipient: Address::ZERO,
    inbox_start: 0,
    limits: BlockLimits {
        txs_max: BLOCK,
        deposits_max: 16,
        withdrawals_max: 12,
        tx_fee_min: 1_000,
    },
};

fn execution(criterion: &mut Criterion) {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
    let mut state = MemoryState::new();
    let mut anchor = Digest::ZERO;
    for _ in 0..100 {
        let block: Vec<_> = (0..BLOCK).map(|_| support::effects(&mut rng)).collect();
        let executed = execute_block(&state, &CONTEXT, &[], &block).expect("fresh nullifiers");
        state.apply(&executed.diff);
        anchor = executed.header.note_root;
    }
    let block: Vec<_> = (0..BLOCK).map(|_| support::effects(&mut rng)).collect();
    let txs: Vec<_> = block
        .iter()
        .map(|effects| {
            let ciphertext_hash = hash::ciphertexts(&effects.ciphertexts);
            let (nullifiers, commitments) = (effects.nullifiers, effects.commitments);
            let inputs = TxPublicInputs::new(
                Digest::ZERO,
                anchor,
                nullifiers,
                commitments,
                effects.fee,
                effects.withdrawal,
                ciphertext_hash,
            );
            Transaction::new(inputs.expect("in range"), effects.ciphertexts, Vec::new()).expect("no proof")
        })
        .collect();
    let executed = execute_block(&state, &CONTEXT, &[], &block).expect("fresh nullifiers");

    let mut group = criterion.benchmark_group("execution");
    group.throughput(Throughput::Elements(64));
    group.bench_function("execute_block 64 tx", |b| {
        b.iter(|| execute_block(&state, &CONTEXT, &[], &block))
    });
    group.bench_function("execute_txs 64 tx", |b| {
        b.iter(|| execute_txs(&state, &CONTEXT, &[], &txs))
    });
    group.bench_function("apply in memory 64 tx", |b| {
        b.iter_batched_ref(
            || state.clone(),
            |state| state.apply(&executed.diff),
            BatchSize::LargeInput,
        );
    });
    group.finish();
    criterion.bench_function("hash/node", |b| b.iter(|| hash::node(anchor, anchor)));
}

criterion_group!(benches, execution);
criterion_main!(benches);
