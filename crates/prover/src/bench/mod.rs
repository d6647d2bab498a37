//! What proving an epoch costs on this machine: real jobs over a synthetic epoch.
//!
//! The epoch's blocks carry transactions between nobody: notes of value 0, with real client proofs of the profile asked for. Making these proofs
//! is the wallets' work and is not counted. Everything that a prover does for an epoch is: witnesses, leaves, merges, root, wrap, and
//! the check of each result.

mod epoch;
mod figures;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use agoge_circuits::{ReferenceError, ReferenceProof};

pub use epoch::{EpochError, SyntheticEpoch};
pub use figures::{core_seconds, forget_peak_rss, peak_rss_bytes};
use serde::Serialize;

use crate::epochs::{Statement, StatementError};
use crate::jobs::{Shelf, ShelfError};
use crate::plan::{SegmentTree, Track};
use crate::work::{
    Circuits as _, JobKind, JobQueue, Library, LibraryError, Recipes, WorkError, Worker as _, WorkerId,
    accept, plonky2::Plonky2,
};

/// Transactions that are really proven unless more are asked for: a run of minutes.
pub const SAMPLE_DEFAULT: usize = 77;
/// Reference proofs that are measured; the median counts.
const REFERENCES: usize = 3;
/// Bytes of one result, and of all.
const SHELF_BYTES_MAX: (usize, u64) = (64 << 20, 16 << 30);

/// What is to be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BenchConfig {
    /// Transactions of the epoch.
    pub txs: usize,
    /// Blocks of the epoch, 1 to 32.
    pub blocks: usize,
    /// Transactions that are really proven, at most `txs`.
    pub sample: usize,
}

impl BenchConfig {
    /// An epoch of `txs` transactions in `blocks` blocks, of which `sample` are really proven: [`SAMPLE_DEFAULT`] unless it says.
    ///
    /// # Errors
    /// [`BenchError::NoSample`].
    pub fn new(txs: usize, blocks: usize, sample: Option<usize>) -> Result<Self, BenchError> {
        let sample = sample.unwrap_or(SAMPLE_DEFAULT).min(txs);
        if sample == 0 && txs > 0 {
            return Err(BenchError::NoSample { txs });
        }
        Ok(Self { txs, blocks, sample })
    }
}

/// Why there is no measurement.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// Nothing would be measured to compute the rest from.
    #[error("a sample of 0 says nothing about {txs} transactions; at least one is really proven")]
    NoSample {
        /// Transactions of the epoch.
        txs: usize,
    },
    /// The epoch cannot be made.
    #[error(transparent)]
    Epoch(#[from] EpochError),
    /// Its statement cannot be made.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// A job cannot be started.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// Results cannot be kept.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
    /// A job failed.
    #[error("{kind}: {source}")]
    Work {
        /// Of which kind.
        kind: &'static str,
        /// Why.
        #[source]
        source: WorkError,
    },
    /// The reference proof failed.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// The system does not tell what the process used.
    #[error("the process's figures: {0}")]
    Figures(#[source] std::io::Error),
    /// The jobs need each other in a circle: a fault of the planner.
    #[error("{left} jobs were never ready")]
    Stuck {
        /// Jobs left.
        left: usize,
    },
}

/// The jobs of one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KindReport {
    /// Jobs that the epoch needs.
    pub jobs: usize,
    /// Jobs that were run.
    pub measured: usize,
    /// Mean core-seconds of a job.
    pub core_seconds_per_job: f64,
    /// Longest wall-clock time of a job, seconds.
    pub wall_seconds_max: f64,
}

/// A measurement.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BenchReport {
    /// Transactions of the epoch.
    pub txs: usize,
    /// Its blocks.
    pub blocks: usize,
    /// Transactions that were really proven. When fewer than `txs`, every figure is the measured mean of a kind of job times the number of such
    /// jobs in the plan of the whole epoch.
    pub sampled_txs: usize,
    /// Whether figures were multiplied so.
    pub is_extrapolated: bool,
    /// Client proofs that were verified: `default` or `testing`.
    pub client_profile: &'static str,
    /// Threads of the prover.
    pub threads: usize,
    /// All jobs of the epoch, core-seconds.
    pub core_seconds_total: f64,
    /// The same for each transaction; null for an empty epoch.
    pub core_seconds_per_tx: Option<f64>,
    /// Most memory that the process had at a time while it did the jobs; before that on systems that do not forget it.
    pub peak_rss_bytes: u64,
    /// One reference proof (2^12 rows verifying a proof of 2^12 rows), core-seconds: the median of three in this run, after a first.
    pub reference_core_seconds: f64,
    /// `core_seconds_per_tx / reference_core_seconds`.
    pub references_per_tx: Option<f64>,
    /// Witnesses of the state track and the statement, core-seconds; part of the total.
    pub witness_core_seconds: f64,
    /// Bytes of the proof for L1.
    pub proof_bytes: usize,
    /// By kind of job.
    pub kinds: BTreeMap<&'static str, KindReport>,
}

#[derive(Default)]
struct Measured {
    jobs: usize,
    core_seconds: f64,
    wall_seconds_max: f64,
}

/// Measures. `tell` is told of progress, for a person.
///
/// # Errors
/// [`BenchError`].
pub fn run(
    circuits: &Arc<Plonky2>,
    config: &BenchConfig,
    tell: &dyn Fn(&str),
) -> Result<BenchReport, BenchError> {
    let used = || core_seconds().map_err(BenchError::Figures);
    let profile = circuits.prover().profile();
    let sample = config.sample.min(config.txs);

    let reference = circuits.install(ReferenceProof::prepare)?;
    // The first warms caches and memory up.
    circuits.install(|| reference.prove())?;
    let mut references = [0.0_f64; REFERENCES];
    for seconds in &mut references {
        let before = used()?;
        circuits.install(|| reference.prove())?;
        *seconds = used()? - before;
    }
    drop(reference);
    let reference_core_seconds = median(references);
    tell(&format!(
        "reference proof: {reference_core_seconds:.2} core-seconds"
    ));

    tell(&format!("making {sample} client proofs, which are not counted"));
    let epoch = circuits.install(|| SyntheticEpoch::make(profile, config.blocks, sample))?;
    // What follows is a prover's memory, with the circuits that it has loaded.
    forget_peak_rss();

    let dir = Scratch::new().map_err(BenchError::Figures)?;
    let shelf = Arc::new(Shelf::open(&dir.0, SHELF_BYTES_MAX.0, SHELF_BYTES_MAX.1)?);
    let library = Library::new(
        epoch.store(),
        Arc::clone(&shelf),
        epoch.genesis_id(),
        epoch.limits(),
    );
    let before = used()?;
    let mut stream = library.stream(epoch.blocks())?;
    let statement = Statement::new(epoch.claimant(), epoch.timing(), epoch.blocks(), epoch.blobs())?;
    stream.statement = Some(statement.inputs);
    let witness_core_seconds = used()? - before;

    let recipes = Recipes::new(circuits.digest(), &circuits.shape(), &stream);
    let mut queue = JobQueue::default();
    let worker = WorkerId(0);
    queue.add_worker(worker);
    queue.set_wanted(recipes.wanted(0), |_| false);
    let mut measured: BTreeMap<JobKind, Measured> = BTreeMap::new();
    let mut proof_bytes = 0;
    let total = recipes.jobs.len();
    for done in 1..=total {
        let stuck = BenchError::Stuck {
            left: total.saturating_sub(done).saturating_add(1),
        };
        let Some(id) = queue.take(worker, 0) else {
            return Err(stuck);
        };
        let Some(recipe) = recipes.jobs.get(&id) else {
            return Err(stuck);
        };
        let kind = recipe.kind();
        let failed = |source| BenchError::Work {
            kind: kind.name(),
            source,
        };
        let (started, before) = (Instant::now(), used()?);
        let task = library.task(recipe, &stream, epoch.blocks())?;
        let result = circuits.work(&task).map_err(failed)?;
        accept(circuits.as_ref(), &task, &result).map_err(failed)?;
        let (cores, wall) = (used()? - before, started.elapsed().as_secs_f64());
        if Some(id) == recipes.wrap {
            proof_bytes = circuits.proof_bytes(&result).map_err(failed)?.len();
        }
        shelf.put(id, &result)?;
        queue.finish(id, worker);
        let entry = measured.entry(kind).or_default();
        entry.jobs = entry.jobs.saturating_add(1);
        entry.core_seconds += cores;
        entry.wall_seconds_max = entry.wall_seconds_max.max(wall);
        tell(&format!(
            "{done}/{total} {}: {cores:.2} core-seconds, {wall:.2} s",
            kind.name()
        ));
    }
    let counts = plan_counts(circuits, config, epoch.deposits());
    let report = Report {
        config,
        sample,
        witness_core_seconds,
        reference_core_seconds,
        proof_bytes,
    };
    report.of(circuits, &counts, &measured)
}

/// Jobs of each kind in the plan of the whole epoch.
fn plan_counts(circuits: &Plonky2, config: &BenchConfig, deposits: usize) -> BTreeMap<JobKind, usize> {
    let shape = circuits.shape();
    let units = config.txs.saturating_add(config.blocks).saturating_add(deposits);
    let mut counts = BTreeMap::from([(JobKind::Root, 1), (JobKind::Wrap, 1)]);
    for (track, units) in [
        (Track::Transactions, config.txs),
        (Track::State, units),
        (Track::Settlement, units),
    ] {
        let tree = SegmentTree::new(shape.track(track), units, true);
        counts.insert(JobKind::Leaf(track), tree.leaves());
        counts.insert(JobKind::Merge(track), tree.merges());
    }
    counts
}

struct Report<'a> {
    config: &'a BenchConfig,
    sample: usize,
    witness_core_seconds: f64,
    reference_core_seconds: f64,
    proof_bytes: usize,
}

impl Report<'_> {
    fn of(
        &self,
        circuits: &Plonky2,
        counts: &BTreeMap<JobKind, usize>,
        measured: &BTreeMap<JobKind, Measured>,
    ) -> Result<BenchReport, BenchError> {
        let (txs, sample) = (self.config.txs, self.sample);
        let is_extrapolated = sample < txs;
        let scale = if is_extrapolated && sample > 0 {
            number(txs) / number(sample)
        } else {
            1.0
        };
        let witness_core_seconds = self.witness_core_seconds * scale;
        let mut total = witness_core_seconds;
        let mut kinds = BTreeMap::new();
        for (kind, jobs) in counts {
            // A kind that the sample did not need costs what the like of it costs: a merge of another track, at least.
            let own = measured.get(kind).filter(|measured| measured.jobs > 0);
            let (mean, wall, count) = match own {
                Some(own) => (
                    own.core_seconds / number(own.jobs),
                    own.wall_seconds_max,
                    own.jobs,
                ),
                None => (like(*kind, measured), 0.0, 0),
            };
            total += mean * number(*jobs);
            kinds.insert(
                kind.name(),
                KindReport {
                    jobs: *jobs,
                    measured: count,
                    core_seconds_per_job: mean,
                    wall_seconds_max: wall,
                },
            );
        }
        let per_tx = (txs > 0).then(|| total / number(txs));
        Ok(BenchReport {
            txs,
            blocks: self.config.blocks,
            sampled_txs: sample,
            is_extrapolated,
            client_profile: match circuits.prover().profile() {
                agoge_protocol::network::ClientProfile::Default => "default",
                agoge_protocol::network::ClientProfile::Testing => "testing",
            },
            threads: circuits.threads(),
            core_seconds_total: total,
            core_seconds_per_tx: per_tx,
            peak_rss_bytes: peak_rss_bytes().map_err(BenchError::Figures)?,
            reference_core_seconds: self.reference_core_seconds,
            references_per_tx: per_tx.map(|per_tx| per_tx / self.reference_core_seconds),
            witness_core_seconds,
            proof_bytes: self.proof_bytes,
            kinds,
        })
    }
}

/// The mean of the leaves of the same track, whose circuits have the same rows, for a merge that the sample did not need.
fn like(kind: JobKind, measured: &BTreeMap<JobKind, Measured>) -> f64 {
    let JobKind::Merge(track) = kind else { return 0.0 };
    measured
        .get(&JobKind::Leaf(track))
        .filter(|leaves| leaves.jobs > 0)
        .map_or(0.0, |leaves| leaves.core_seconds / number(leaves.jobs))
}

/// The middle one.
fn median(mut values: [f64; REFERENCES]) -> f64 {
    values.sort_by(f64::total_cmp);
    let [_, middle, _] = values;
    middle
}

/// Counts are far below 2^32.
fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// A directory that is removed at the end.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new() -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("agoge-bench-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left is in the directory for temporary files.
        std::fs::remove_dir_all(&self.0).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_never_nothing_of_something() {
        let sample = |txs, sample| BenchConfig::new(txs, 32, sample).map(|config| config.sample);
        assert!(matches!(sample(9, Some(0)), Err(BenchError::NoSample { txs: 9 })));
        assert_eq!(sample(0, Some(0)).unwrap(), 0);
        assert_eq!(sample(0, None).unwrap(), 0);
        assert_eq!(sample(50, None).unwrap(), 50);
        assert_eq!(sample(1_152, None).unwrap(), 77);
        assert_eq!(sample(1_152, Some(1_152)).unwrap(), 1_152);
        assert_eq!(sample(5, Some(9)).unwrap(), 5);
    }

    #[test]
    fn one_slow_run_is_no_reference() {
        assert_eq!(median([9.0, 1.0, 2.0]).to_bits(), 2.0_f64.to_bits());
    }
}
