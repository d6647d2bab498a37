//! Circuits and workers that stand in for the real ones.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use agoge_protocol::{B256, Digest, Epoch, Transaction, TxPublicInputs, keccak256};
use agoge_prover::bench::SyntheticEpoch;
use agoge_prover::epochs::Statement;
use agoge_prover::jobs::Shelf;
use agoge_prover::plan::{PlanShape, TrackShape};
use agoge_prover::runtime::{Goal, GoalKey, Progress, ProofMaker};
use agoge_prover::work::{Circuits, JobCounts, Library, Task, WorkError, Worker};

/// Small circuits, so that few blocks need several levels.
pub(crate) const SHAPE: PlanShape = PlanShape {
    transactions: TrackShape::new(3, 2),
    state: TrackShape::new(4, 3),
    settlement: TrackShape::new(5, 3),
};

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Word(pub(crate) &'static str);

/// A result that only this task has.
pub(crate) fn good(task: &Task) -> Vec<u8> {
    keccak256(format!("{task:?}")).to_vec()
}

pub(crate) struct FakeCircuits;

impl Circuits for FakeCircuits {
    fn digest(&self) -> B256 {
        B256::repeat_byte(7)
    }

    fn shape(&self) -> PlanShape {
        SHAPE
    }

    fn check(&self, task: &Task, result: &[u8]) -> Result<(), WorkError> {
        if result == good(task) {
            Ok(())
        } else {
            Err(WorkError::Wrong(Word("another result").into()))
        }
    }

    fn proof_bytes(&self, result: &[u8]) -> Result<Vec<u8>, WorkError> {
        Ok(result.to_vec())
    }
}

/// What a worker does instead of its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conduct {
    Honest,
    /// Returns garbage.
    Garbage,
    /// Returns the result of the job it was given before.
    AnotherJobs,
    /// Returns nothing.
    Nothing,
    /// Returns far too much.
    TooMuch,
    /// Panics.
    Panics,
    /// Finds that no task can be done.
    Impossible,
}

pub(crate) struct FakeWorker {
    conduct: Conduct,
    pub(crate) tasks: AtomicUsize,
    last: Mutex<Vec<u8>>,
}

impl FakeWorker {
    pub(crate) fn new(conduct: Conduct) -> Arc<Self> {
        Arc::new(Self {
            conduct,
            tasks: AtomicUsize::new(0),
            last: Mutex::default(),
        })
    }

    pub(crate) fn count(&self) -> usize {
        self.tasks.load(Ordering::SeqCst)
    }
}

impl Worker for FakeWorker {
    fn work(&self, task: &Task) -> Result<Vec<u8>, WorkError> {
        self.tasks.fetch_add(1, Ordering::SeqCst);
        match self.conduct {
            Conduct::Honest => Ok(good(task)),
            Conduct::Garbage => Ok(b"garbage".to_vec()),
            Conduct::AnotherJobs => Ok(std::mem::replace(&mut *self.last.lock().unwrap(), good(task))),
            Conduct::Nothing => Err(WorkError::Failed(Word("no answer").into())),
            Conduct::Impossible => Err(WorkError::Impossible(Word("no such statement").into())),
            Conduct::TooMuch => Ok(vec![0; 1 << 22]),
            Conduct::Panics => Err(WorkError::Failed(Word("the proof system panicked").into())),
        }
    }
}

/// A maker of proofs that is said how far it is.
pub(crate) struct Planned {
    /// Seconds left on a goal that is planned whole.
    pub(crate) remaining: Mutex<Option<u64>>,
    pub(crate) is_impossible: AtomicBool,
    pub(crate) has_workers: AtomicBool,
}

impl ProofMaker for Planned {
    fn set_goals(&self, _goals: Vec<Goal>) {}

    fn proof(&self, _goal: &Goal) -> Option<Arc<Vec<u8>>> {
        None
    }

    /// All that is planned is done.
    fn progress(&self, _epoch: Epoch) -> Progress {
        Progress {
            jobs: JobCounts {
                done: 5,
                ..JobCounts::default()
            },
            eta_seconds: 0,
        }
    }

    fn remaining_seconds(&self, _goal: &Goal) -> Option<u64> {
        *self.remaining.lock().unwrap()
    }

    fn is_impossible(&self, _goal: &Goal) -> bool {
        self.is_impossible.load(Ordering::SeqCst)
    }

    fn has_workers(&self) -> bool {
        self.has_workers.load(Ordering::SeqCst)
    }

    fn estimate_seconds(&self, _blocks: usize, _txs: usize) -> u64 {
        1_000_000
    }
}

/// The same transaction but for its anchor, which no effect shows.
pub(crate) fn with_anchor(tx: &Transaction, anchor: Digest) -> Transaction {
    let inputs = &tx.public_inputs;
    let inputs = TxPublicInputs::new(
        inputs.genesis_id(),
        anchor,
        *inputs.nullifiers(),
        *inputs.commitments(),
        inputs.fee(),
        inputs.withdrawal(),
        inputs.ciphertext_hash(),
    );
    Transaction::new(inputs.unwrap(), tx.ciphertexts, Vec::new()).unwrap()
}

/// An epoch with its statement.
pub(crate) struct Finished {
    pub(crate) epoch: SyntheticEpoch,
    pub(crate) statement: Arc<Statement>,
}

impl Finished {
    pub(crate) fn new(blocks: usize, txs: usize) -> Self {
        let epoch = SyntheticEpoch::without_proofs(blocks, txs).unwrap();
        let statement =
            Statement::new(epoch.claimant(), epoch.timing(), epoch.blocks(), epoch.blobs()).unwrap();
        Self {
            epoch,
            statement: Arc::new(statement),
        }
    }

    /// The goal, with or without its statement.
    pub(crate) fn goal(&self, is_finished: bool) -> Goal {
        let blocks = self.epoch.blocks();
        let range = blocks.range().unwrap();
        Goal {
            key: GoalKey {
                epoch: blocks.epoch,
                first: *range.start(),
                last: *range.end(),
                end_archive: blocks.end_archive(),
            },
            blocks: Arc::new(blocks.clone()),
            statement: is_finished.then(|| Arc::clone(&self.statement)),
        }
    }

    /// What jobs are made from, with results in a directory.
    pub(crate) fn library(&self, dir: &Path) -> Library {
        let shelf = Arc::new(Shelf::open(dir, 16 << 20, 1 << 30).unwrap());
        Library::new(
            self.epoch.store(),
            shelf,
            self.epoch.genesis_id(),
            self.epoch.limits(),
        )
    }
}
