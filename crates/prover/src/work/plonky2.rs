//! The real circuits, and a worker that proves in this process on threads of its own.

use std::path::Path;
use std::sync::Arc;

use agoge_circuits::{
    CircuitsError, EpochProver, Job, JobError, JobOutput, MergeInput, ParentHeader, ProvenTransaction,
    RootInput, RootProof, SegmentProof, SettlementBoundary, SettlementChallenges, SettlementInput,
    SettlementStep, StateInput, TransactionsInput,
};
use agoge_protocol::network::ClientProfile;
use agoge_protocol::{B256, EpochPublicInputs};

use super::task::{Circuits, SettlementUnit, Task, WorkError, Worker};
use crate::plan::{PlanShape, Track, TrackShape};

/// Why the circuits are not ready.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// They cannot be loaded or built.
    #[error(transparent)]
    Circuits(#[from] CircuitsError),
    /// The threads cannot be started.
    #[error("cannot start the proving threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

/// Why bytes are not a result.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("not a result: {0}")]
    Encoding(#[from] std::io::Error),
    #[error("a result of another kind")]
    Kind,
    #[error("a proof of another statement")]
    Statement,
}

/// The circuits of an epoch proof with the threads that prove.
pub struct Plonky2 {
    prover: EpochProver,
    threads: rayon::ThreadPool,
}

impl core::fmt::Debug for Plonky2 {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Plonky2")
            .field("circuits", &self.prover.circuits_digest())
            .field("threads", &self.threads.current_num_threads())
            .finish_non_exhaustive()
    }
}

impl Plonky2 {
    /// Loads the circuits from a directory, or builds them once: minutes and more than a gigabyte. `threads` 0 is as many as processors;
    /// `nice` is added to the niceness of each.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(dir: &Path, profile: ClientProfile, threads: u16, nice: u8) -> Result<Arc<Self>, OpenError> {
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(usize::from(threads))
            .thread_name(|number| format!("prover-{number}"))
            .start_handler(move |_| {
                // A proof that fails by a panic is tried again; it must not stop the process.
                agoge_supervisor::contain_thread();
                if let Err(error) = rustix::process::nice(i32::from(nice)) {
                    tracing::warn!(%error, "a proving thread keeps its priority");
                }
            })
            .build()?;
        let prover = threads.install(|| EpochProver::open(dir, profile))?;
        Ok(Arc::new(Self { prover, threads }))
    }

    /// The circuits.
    pub const fn prover(&self) -> &EpochProver {
        &self.prover
    }

    /// Threads of one job.
    pub fn threads(&self) -> usize {
        self.threads.current_num_threads()
    }

    /// Runs work on the proving threads.
    pub fn install<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.threads.install(work)
    }
}

impl Worker for Plonky2 {
    fn work(&self, task: &Task) -> Result<Vec<u8>, WorkError> {
        let failed = |error: Box<dyn core::error::Error + Send + Sync>| WorkError::Failed(error);
        let job = job(task).map_err(|error| failed(error.into()))?;
        let output = self.install(|| self.prover.run(&job));
        let output = output.map_err(work_error)?;
        borsh::to_vec(&output).map_err(|error| failed(error.into()))
    }
}

/// An error of the input is the same whoever tries, and whenever.
fn work_error(error: JobError) -> WorkError {
    if error.is_input() {
        WorkError::Impossible(error.into())
    } else {
        WorkError::Failed(error.into())
    }
}

impl Circuits for Plonky2 {
    fn digest(&self) -> B256 {
        self.prover.circuits_digest()
    }

    fn shape(&self) -> PlanShape {
        shape()
    }

    fn check(&self, task: &Task, result: &[u8]) -> Result<(), WorkError> {
        let wrong = |error: Box<dyn core::error::Error + Send + Sync>| WorkError::Wrong(error);
        let output: JobOutput = borsh::from_slice(result).map_err(|error| wrong(error.into()))?;
        let stated = match &output {
            JobOutput::Segment(_) => None,
            JobOutput::Root(root) => Some(root.public_inputs),
            JobOutput::Epoch(proof) => Some(proof.public_inputs),
        };
        if let (Some(expected), Some(found)) = (statement(task), stated)
            && expected != found
        {
            return Err(wrong(Refused::Statement.into()));
        }
        let job = job(task).map_err(|error| wrong(error.into()))?;
        let checked = self.install(|| self.prover.check(&job, &output));
        checked.map_err(|error| wrong(error.into()))
    }

    fn proof_bytes(&self, result: &[u8]) -> Result<Vec<u8>, WorkError> {
        match borsh::from_slice(result) {
            Ok(JobOutput::Epoch(proof)) => Ok(proof.bytes),
            Ok(_) => Err(WorkError::Wrong(Refused::Kind.into())),
            Err(error) => Err(WorkError::Wrong(error.into())),
        }
    }
}

/// Sizes of the circuits.
pub fn shape() -> PlanShape {
    let track = |track: Track| {
        let track = circuit_track(track);
        TrackShape::new(track.leaf_units(), track.merge_children())
    };
    PlanShape {
        transactions: track(Track::Transactions),
        state: track(Track::State),
        settlement: track(Track::Settlement),
    }
}

const fn circuit_track(track: Track) -> agoge_circuits::Track {
    match track {
        Track::Transactions => agoge_circuits::Track::Transactions,
        Track::State => agoge_circuits::Track::State,
        Track::Settlement => agoge_circuits::Track::Settlement,
    }
}

/// What a root or wrap must say; segments are about a part of it.
fn statement(task: &Task) -> Option<EpochPublicInputs> {
    match task {
        Task::Root { statement, .. } | Task::Wrap { statement, .. } => Some(**statement),
        Task::Transactions { .. } | Task::State { .. } | Task::Settlement { .. } | Task::Merge { .. } => None,
    }
}

fn job(task: &Task) -> Result<Job, Refused> {
    Ok(match task {
        Task::Transactions { start, txs } => Job::Transactions(TransactionsInput {
            start: *start,
            transactions: txs
                .iter()
                .map(|tx| ProvenTransaction {
                    public_inputs: tx.public_inputs.clone(),
                    proof: tx.proof().to_vec(),
                })
                .collect(),
        }),
        Task::State {
            genesis_id,
            start,
            steps,
        } => Job::State(StateInput {
            genesis_id: *genesis_id,
            start: **start,
            steps: steps.clone(),
        }),
        Task::Settlement {
            statement,
            before,
            steps,
        } => {
            let challenges = SettlementChallenges {
                alpha: statement.alpha,
                z: statement.z,
            };
            let mut start = SettlementBoundary::START;
            for unit in before {
                start
                    .apply(&step(unit), &challenges)
                    .map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidData, error))?;
            }
            Job::Settlement(SettlementInput {
                start,
                challenges,
                steps: steps.iter().map(step).collect(),
            })
        }
        Task::Merge { track, children } => Job::Merge(MergeInput {
            track: circuit_track(*track),
            children: children
                .iter()
                .map(|child| segment(child))
                .collect::<Result<_, _>>()?,
        }),
        Task::Root { segments, parent, .. } => {
            let [transactions, state, settlement] = segments.as_ref();
            Job::Root(Box::new(RootInput {
                transactions: segment(transactions)?,
                state: segment(state)?,
                settlement: segment(settlement)?,
                parent: parent.as_deref().map(|(header, siblings)| ParentHeader {
                    header: header.clone(),
                    siblings: *siblings,
                }),
            }))
        }
        Task::Wrap { root, .. } => Job::Wrap(root_proof(root)?),
    })
}

fn segment(result: &[u8]) -> Result<SegmentProof, Refused> {
    match borsh::from_slice(result)? {
        JobOutput::Segment(segment) => Ok(segment),
        _ => Err(Refused::Kind),
    }
}

fn root_proof(result: &[u8]) -> Result<RootProof, Refused> {
    match borsh::from_slice(result)? {
        JobOutput::Root(root) => Ok(root),
        _ => Err(Refused::Kind),
    }
}

fn step(unit: &SettlementUnit) -> SettlementStep {
    match unit {
        SettlementUnit::Deposit(deposit) => SettlementStep::Deposit(*deposit),
        SettlementUnit::Transaction(effects) => SettlementStep::Transaction(effects.clone()),
        SettlementUnit::BlockEnd { header, archive } => SettlementStep::BlockEnd {
            header: header.clone(),
            archive: *archive,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_errors_of_the_input_are_final() {
        assert!(matches!(
            work_error(JobError::NothingToMerge),
            WorkError::Impossible(_)
        ));
        assert!(matches!(work_error(JobError::Unexpected), WorkError::Failed(_)));
    }
}
