//! Proves a small epoch from client proofs to the proof that L1 verifies, and prints what each circuit costs.
//!
//! ```text
//! RAYON_NUM_THREADS=1 cargo run --release -p agoge-circuits --example epoch -- FOLDER [default|testing] [uncommitted] [PROOF]
//! ```
//!
//! FOLDER keeps the circuits; the first run builds them, with `uncommitted` those of the source. PROOF is a file to write: the 24 public
//! inputs, 8 bytes each, big-endian, then the proof's bytes; contracts/test/vectors/epoch-proofs/epoch-default.bin was made so. Three blocks: two deposits, two transactions of which one withdraws,
//! nothing. Each track is cut in two and merged, so every circuit proves something.

mod meter;
mod world;

use std::error::Error;
use std::path::PathBuf;

use agoge_circuits::{
    EpochProof, EpochProver, Job, JobOutput, MergeInput, RootInput, SegmentProof, SettlementInput,
    StateInput, Track, TransactionsInput,
};
use agoge_protocol::Digest;
use agoge_protocol::network::ClientProfile;
use meter::Meter;
use world::World;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("hint: name a folder for the circuits")?);
    let profile = match arguments.next().as_deref() {
        None | Some("default") => ClientProfile::Default,
        Some("testing") => ClientProfile::Testing,
        Some(other) => return Err(format!("unknown profile {other}").into()),
    };
    let mut meter = Meter::start();
    let (prover, file) = match arguments.next() {
        Some(word) if word == "uncommitted" => {
            (EpochProver::open_uncommitted(&folder, profile)?, arguments.next())
        }
        file => (EpochProver::open(&folder, profile)?, file),
    };
    meter.lap("circuits opened", 0)?;
    let world = World::new(profile)?;
    meter.lap("client proofs made", 0)?;
    let proof = prove(&prover, &world, &mut meter)?;
    if let Some(file) = file {
        let inputs = proof.public_inputs.to_elements();
        let inputs = inputs.iter().flat_map(|element| element.get().to_be_bytes());
        std::fs::write(file, inputs.chain(proof.bytes).collect::<Vec<_>>())?;
    }
    Ok(())
}

fn prove(prover: &EpochProver, world: &World, meter: &mut Meter) -> Result<EpochProof, Box<dyn Error>> {
    let mut segment = |name: &str, job: Job| -> Result<SegmentProof, Box<dyn Error>> {
        let output = prover.run(&job)?;
        prover.check(&job, &output)?;
        match output {
            JobOutput::Segment(segment) => {
                meter.lap(name, segment.bytes.len())?;
                Ok(segment)
            }
            _ => Err("a leaf or merge makes a segment".into()),
        }
    };

    let mut start = Digest::ZERO;
    let mut batches = vec![];
    for transaction in &world.transactions {
        let input = TransactionsInput {
            start,
            transactions: vec![transaction.clone()],
        };
        start = input.end();
        batches.push(segment("transactions leaf", Job::Transactions(input))?);
    }
    let mut merge = |name: &str, track, children| segment(name, Job::Merge(MergeInput { track, children }));
    let transactions = merge("transactions merge", Track::Transactions, batches)?;

    let (first, rest) = world.state_steps.split_at(3);
    let mut boundary = world.state_start;
    let mut parts = vec![];
    for steps in [first, rest] {
        let input = StateInput {
            genesis_id: world.genesis_id,
            start: boundary,
            steps: steps.to_vec(),
        };
        for step in steps {
            boundary = boundary.apply(world.genesis_id, step)?;
        }
        parts.push(segment("state leaf", Job::State(input))?);
    }
    let mut merge = |name: &str, track, children| segment(name, Job::Merge(MergeInput { track, children }));
    let state = merge("state merge", Track::State, parts)?;

    let (first, rest) = world.settlement_steps.split_at(3);
    let mut boundary = agoge_circuits::SettlementBoundary::START;
    let mut parts = vec![];
    for steps in [first, rest] {
        let input = SettlementInput {
            start: boundary,
            challenges: world.challenges,
            steps: steps.to_vec(),
        };
        boundary = input.end()?;
        parts.push(segment("settlement leaf", Job::Settlement(input))?);
    }
    let mut merge = |name: &str, track, children| segment(name, Job::Merge(MergeInput { track, children }));
    let settlement = merge("settlement merge", Track::Settlement, parts)?;

    let job = Job::Root(Box::new(RootInput {
        transactions,
        state,
        settlement,
        parent: None,
    }));
    let JobOutput::Root(root) = prover.run(&job)? else {
        return Err("the root makes a root proof".into());
    };
    meter.lap("root", root.bytes.len())?;
    assert_eq!(root.public_inputs, world.expected()?, "the statement");
    let JobOutput::Epoch(proof) = prover.run(&Job::Wrap(root))? else {
        return Err("the wrap makes an epoch proof".into());
    };
    meter.lap("wrap", proof.bytes.len())?;
    prover.epoch_verifier().verify(&proof)?;
    println!("the epoch proof is valid");
    Ok(proof)
}
