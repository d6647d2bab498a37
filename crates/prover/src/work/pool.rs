//! The workers: they take jobs, their results are looked at and kept, and the queue moves on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use agoge_protocol::Epoch;
use agoge_supervisor::{ActorError, CancellationToken, Clock, Lost, Severity, Spawner};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::library::{Library, LibraryError};
use super::recipes::{Recipe, Recipes, Stream, StreamBlock};
use super::task::{Circuits, Task, WorkError, Worker, accept};
use super::timings::Timings;
use super::turns::SharedWorker;
use super::{Fault, JobCounts, JobKind, JobQueue, WorkerId};
use crate::epochs::EpochBlocks;
use crate::jobs::{JobId, ShelfError};
use crate::plan::Track;
use crate::runtime::{Goal, GoalKey, Progress, ProofMaker};

/// Between two looks of an idle worker, for jobs whose pause is over.
const IDLE: Duration = Duration::from_millis(500);
/// Results that no goal wants are kept this long: a reorg brings most of them back.
const KEEP_MS: u64 = 30 * 60 * 1_000;

/// How the pool works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolConfig {
    /// Milliseconds after which a job is taken back from its worker.
    pub job_timeout_ms: u64,
}

/// Why the pool stops.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// Results cannot be kept.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
    /// Work was lost: the process is stopping.
    #[error(transparent)]
    Lost(#[from] Lost),
}

impl ActorError for PoolError {
    fn severity(&self) -> Severity {
        Severity::Fatal
    }
}

/// The pool. Clones are the same.
#[derive(Clone)]
pub struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    library: Library,
    circuits: Arc<dyn Circuits>,
    clock: Arc<dyn Clock>,
    config: PoolConfig,
    wake: Notify,
    replan: Notify,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    queue: JobQueue,
    goals: Vec<Goal>,
    plans: BTreeMap<GoalKey, Plan>,
    /// Goals with a block that has no witness.
    unprovable: BTreeSet<GoalKey>,
    proofs: BTreeMap<JobId, Arc<Vec<u8>>>,
    /// When a result was wanted last.
    wanted_at: BTreeMap<JobId, u64>,
    seconds: Timings,
    workers: usize,
}

/// The jobs of a goal, with what they are made from.
#[derive(Clone)]
struct Plan {
    stream: Arc<Stream>,
    blocks: Arc<EpochBlocks>,
    recipes: Arc<Recipes>,
}

impl core::fmt::Debug for Pool {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

impl Pool {
    /// Starts the pool with its workers, which other pools may use, too. Results that are kept already count as wanted now.
    pub fn start(
        library: Library,
        circuits: Arc<dyn Circuits>,
        workers: Vec<SharedWorker>,
        config: PoolConfig,
        clock: Arc<dyn Clock>,
        spawner: &Spawner,
    ) -> Self {
        let now = clock.now_unix_ms();
        let mut state = State {
            wanted_at: library.shelf().ids().into_iter().map(|id| (id, now)).collect(),
            workers: workers.len(),
            ..State::default()
        };
        for worker in 0..workers.len() {
            state.queue.add_worker(WorkerId(worker));
        }
        let shared = Arc::new(Shared {
            library,
            circuits,
            clock,
            config,
            wake: Notify::new(),
            replan: Notify::new(),
            state: Mutex::new(state),
        });
        for (number, worker) in workers.into_iter().enumerate() {
            let actor = WorkerActor {
                shared: Arc::clone(&shared),
                id: WorkerId(number),
                worker,
                spawner: spawner.clone(),
            };
            spawner.spawn("prover-worker", actor.run(spawner.token()));
        }
        let planner = Planner {
            shared: Arc::clone(&shared),
            spawner: spawner.clone(),
        };
        spawner.spawn("planner", planner.run(spawner.token()));
        Self { shared }
    }

    /// Workers whose results can be relied on, and all of them.
    pub fn trusted_workers(&self) -> (usize, usize) {
        let state = self.shared.lock();
        (state.queue.trusted_workers(), state.workers)
    }
}

impl ProofMaker for Pool {
    fn set_goals(&self, goals: Vec<Goal>) {
        let mut state = self.shared.lock();
        let is_same = |a: &Goal, b: &Goal| {
            a.key == b.key && a.statement.as_ref().map(|s| s.inputs) == b.statement.as_ref().map(|s| s.inputs)
        };
        let is_unchanged =
            state.goals.len() == goals.len() && state.goals.iter().zip(&goals).all(|(a, b)| is_same(a, b));
        // A goal may wait for client proofs that have come meanwhile.
        let is_complete = goals.iter().all(|goal| {
            let plan = state.plans.get(&goal.key);
            state.unprovable.contains(&goal.key)
                || plan.is_some_and(|plan| plan.stream.blocks.len() == goal.blocks.blocks.len())
        });
        if is_unchanged && is_complete {
            return;
        }
        state.goals = goals;
        drop(state);
        self.shared.replan.notify_one();
    }

    fn proof(&self, goal: &Goal) -> Option<Arc<Vec<u8>>> {
        let statement = goal.statement.as_ref()?;
        let mut state = self.shared.lock();
        let plan = state.plans.get(&goal.key)?;
        if plan.stream.statement != Some(statement.inputs) {
            return None;
        }
        let wrap = plan.recipes.wrap?;
        if let Some(proof) = state.proofs.get(&wrap) {
            return Some(Arc::clone(proof));
        }
        if !state.queue.is_done(wrap) {
            return None;
        }
        let result = match self.shared.library.shelf().get(wrap) {
            Ok(Some(result)) => result,
            Ok(None) | Err(_) => {
                state.queue.lost(wrap);
                self.shared.wake.notify_waiters();
                return None;
            }
        };
        match self.shared.circuits.proof_bytes(&result) {
            Ok(bytes) => {
                let proof = Arc::new(bytes);
                state.proofs.insert(wrap, Arc::clone(&proof));
                Some(proof)
            }
            Err(error) => {
                tracing::error!(%error, "a kept proof cannot be read");
                None
            }
        }
    }

    fn progress(&self, epoch: Epoch) -> Progress {
        let state = self.shared.lock();
        let jobs = state.queue.counts(Some(epoch.get()));
        let remaining = state.queue.remaining(Some(epoch.get()));
        Progress {
            jobs,
            eta_seconds: state.seconds.total(&remaining, state.queue.trusted_workers()),
        }
    }

    fn remaining_seconds(&self, goal: &Goal) -> Option<u64> {
        let state = self.shared.lock();
        let plan = state.plans.get(&goal.key)?;
        plan.stream.statement?;
        // The queue leaves out jobs beyond its bound.
        let mut jobs = plan.recipes.jobs.keys();
        if !jobs.all(|id| state.queue.job(*id).is_some()) {
            return None;
        }
        let remaining = state.queue.remaining(Some(goal.key.epoch.get()));
        Some(state.seconds.total(&remaining, state.queue.trusted_workers()))
    }

    fn is_impossible(&self, goal: &Goal) -> bool {
        let state = self.shared.lock();
        state.unprovable.contains(&goal.key) || state.queue.is_impossible(goal.key.epoch.get())
    }

    fn has_workers(&self) -> bool {
        self.shared.lock().queue.trusted_workers() > 0
    }

    fn estimate_seconds(&self, blocks: usize, txs: usize) -> u64 {
        let shape = self.shared.circuits.shape();
        let units = blocks.saturating_add(txs);
        let mut remaining = BTreeMap::from([(JobKind::Root, 1), (JobKind::Wrap, 1)]);
        for (track, units) in [
            (Track::Transactions, txs),
            (Track::State, units),
            (Track::Settlement, units),
        ] {
            let tree = crate::plan::SegmentTree::new(shape.track(track), units, true);
            remaining.insert(JobKind::Leaf(track), tree.leaves());
            remaining.insert(JobKind::Merge(track), tree.merges());
        }
        let state = self.shared.lock();
        state.seconds.total(&remaining, state.queue.trusted_workers())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change leaves the queue whole; a panic elsewhere stops the process.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the plans of the goals; blocking: reads blocks, makes witnesses.
    fn plan(&self) -> Result<(), ShelfError> {
        let goals = self.lock().goals.clone();
        let mut plans = BTreeMap::new();
        let mut unprovable = BTreeSet::new();
        for goal in &goals {
            match self.plan_goal(goal) {
                Ok(plan) => {
                    plans.insert(goal.key.clone(), plan);
                }
                Err(LibraryError::Shelf(error)) => return Err(error),
                Err(error @ LibraryError::Witness { .. }) => {
                    tracing::error!(epoch = %goal.key.epoch, %error, "the epoch can never be proven");
                    unprovable.insert(goal.key.clone());
                }
                // Reorgs pass.
                Err(error) => {
                    tracing::warn!(epoch = %goal.key.epoch, %error, "the epoch cannot be planned now")
                }
            }
        }
        let shelf = self.library.shelf();
        let now = self.clock.now_unix_ms();
        let mut state = self.lock();
        let wanted: Vec<_> = plans
            .values()
            .flat_map(|plan| plan.recipes.wanted(plan.stream.epoch).collect::<Vec<_>>())
            .collect();
        let left_out = state.queue.set_wanted(wanted, |id| shelf.has(id));
        if left_out > 0 {
            tracing::warn!(left_out, "more jobs than the queue holds; they wait");
        }
        let mut live: BTreeSet<JobId> = state.queue.ids();
        for plan in plans.values() {
            live.extend(plan.stream.blocks.iter().map(StreamBlock::witness_id));
        }
        for id in live {
            state.wanted_at.insert(id, now);
        }
        state.wanted_at.retain(|_, at| now.saturating_sub(*at) < KEEP_MS);
        let kept: BTreeSet<JobId> = state.wanted_at.keys().copied().collect();
        state.proofs.retain(|id, _| kept.contains(id));
        state.plans = plans;
        state.unprovable = unprovable;
        drop(state);
        let swept = shelf.sweep(&kept)?;
        if swept > 0 {
            tracing::debug!(swept, "results that nobody wants are removed");
        }
        crate::metrics::set_kept(shelf.size().1);
        self.wake.notify_waiters();
        Ok(())
    }

    fn plan_goal(&self, goal: &Goal) -> Result<Plan, LibraryError> {
        let mut stream = self.library.stream(&goal.blocks)?;
        if stream.blocks.len() == goal.blocks.blocks.len() {
            stream.statement = goal.statement.as_ref().map(|statement| statement.inputs);
        }
        let recipes = Recipes::new(self.circuits.digest(), &self.circuits.shape(), &stream);
        Ok(Plan {
            stream: Arc::new(stream),
            blocks: Arc::clone(&goal.blocks),
            recipes: Arc::new(recipes),
        })
    }

    /// The epoch of a worker's next job.
    fn next_epoch(&self, worker: WorkerId) -> Option<u64> {
        let now = self.clock.now_unix_ms();
        let mut state = self.lock();
        for (id, from) in state.queue.expire(self.config.job_timeout_ms, now) {
            tracing::warn!(job = %id, worker = from.0, "a job took too long and is given to another worker");
        }
        state.queue.next(worker, now).map(|job| job.epoch)
    }

    /// The next job for a worker, with its recipe.
    fn take(&self, worker: WorkerId) -> Option<(JobId, Recipe, Plan)> {
        let mut state = self.lock();
        let id = state.queue.take(worker, self.clock.now_unix_ms())?;
        let plan = state
            .plans
            .values()
            .find(|plan| plan.recipes.jobs.contains_key(&id))?;
        let recipe = plan.recipes.jobs.get(&id)?.clone();
        Some((id, recipe, plan.clone()))
    }

    /// Does one job; blocking.
    fn work(&self, id: JobId, recipe: &Recipe, plan: &Plan, worker: &dyn Worker) -> Result<(), JobFailed> {
        let task = self.library.task(recipe, &plan.stream, &plan.blocks)?;
        let result = worker.work(&task)?;
        accept(self.circuits.as_ref(), &task, &result).map_err(JobFailed::Wrong)?;
        drop::<Task>(task);
        self.library.shelf().put(id, &result)?;
        Ok(())
    }

    fn finish(
        &self,
        id: JobId,
        worker: WorkerId,
        recipe: &Recipe,
        seconds: f64,
        result: Result<(), JobFailed>,
    ) {
        let kind = recipe.kind();
        let now = self.clock.now_unix_ms();
        let mut state = self.lock();
        match result {
            Ok(()) => {
                state.queue.finish(id, worker);
                // A proof of no transactions is a copy of one that is kept.
                if !recipe.is_empty_leaf() {
                    state.seconds.add(kind, seconds);
                }
                crate::metrics::job_done(kind, seconds);
                let JobCounts {
                    waiting,
                    running,
                    pausing,
                    ..
                } = state.queue.counts(None);
                let left = waiting.saturating_add(running).saturating_add(pausing);
                tracing::info!(job = %id, kind = kind.name(), seconds = format!("{seconds:.1}"), left, "job done");
            }
            Err(JobFailed::Library(LibraryError::Lost { id: lost })) => {
                tracing::warn!(job = %id, %lost, "a result was lost; it is made again");
                state.queue.put_back(id, now);
                state.queue.lost(lost);
                // A witness is no job: the next plan makes it again.
                self.replan.notify_one();
            }
            Err(error) => {
                let fault = error.fault();
                if fault == Fault::WrongResult {
                    metrics::counter!(crate::metrics::WRONG_RESULTS).increment(1);
                } else {
                    metrics::counter!(crate::metrics::FAILED_JOBS).increment(1);
                }
                state.queue.fail(id, worker, fault, now);
                if fault == Fault::Impossible {
                    tracing::error!(job = %id, kind = kind.name(), %error, "a job can never be done, nor its epoch be proven");
                }
                let (failures, is_trusted) = (state.queue.failures(id), state.queue.is_trusted(worker));
                tracing::warn!(job = %id, kind = kind.name(), worker = worker.0, failures, is_trusted, %error, "job failed");
            }
        }
        drop(state);
        self.wake.notify_waiters();
    }
}

/// Why a job has no result.
#[derive(Debug, thiserror::Error)]
enum JobFailed {
    #[error(transparent)]
    Library(#[from] LibraryError),
    #[error(transparent)]
    Worker(#[from] WorkError),
    #[error(transparent)]
    Wrong(WorkError),
    #[error(transparent)]
    Shelf(#[from] ShelfError),
    #[error(transparent)]
    Lost(#[from] Lost),
}

impl JobFailed {
    const fn fault(&self) -> Fault {
        match self {
            Self::Wrong(_) => Fault::WrongResult,
            Self::Worker(WorkError::Impossible(_)) => Fault::Impossible,
            Self::Library(_) | Self::Worker(_) | Self::Shelf(_) | Self::Lost(_) => Fault::Failed,
        }
    }
}

/// Makes plans when goals change.
struct Planner {
    shared: Arc<Shared>,
    spawner: Spawner,
}

impl Planner {
    async fn run(self, cancel: CancellationToken) -> Result<(), PoolError> {
        loop {
            tokio::select! {
                () = cancel.cancelled() => return Ok(()),
                () = self.shared.replan.notified() => {}
            }
            let shared = Arc::clone(&self.shared);
            self.spawner
                .spawn_blocking("plan", move || shared.plan())
                .await??;
        }
    }
}

/// One worker.
struct WorkerActor {
    shared: Arc<Shared>,
    id: WorkerId,
    worker: SharedWorker,
    spawner: Spawner,
}

impl WorkerActor {
    async fn run(self, cancel: CancellationToken) -> Result<(), PoolError> {
        loop {
            // Registered before the look, so that nothing is missed in between.
            let woken = self.shared.wake.notified();
            if cancel.is_cancelled() {
                return Ok(());
            }
            let Some(epoch) = self.shared.next_epoch(self.id) else {
                tokio::select! {
                    () = cancel.cancelled() => return Ok(()),
                    () = woken => {}
                    () = tokio::time::sleep(IDLE) => {}
                }
                continue;
            };
            let turn = tokio::select! {
                () = cancel.cancelled() => return Ok(()),
                // There may be an older epoch to work on now, or nothing.
                () = woken => continue,
                turn = self.worker.turn(epoch) => turn,
            };
            let Some((id, recipe, plan)) = self.shared.take(self.id) else {
                continue;
            };
            let (shared, worker) = (Arc::clone(&self.shared), self.worker.clone());
            let of_work = recipe.clone();
            let started = Instant::now();
            let work = self.spawner.spawn_blocking("prove", move || {
                // Also when nobody waits for the result any more, the worker is free only after it.
                let _turn = turn;
                agoge_supervisor::contained(|| shared.work(id, &of_work, &plan, worker.worker()))
            });
            let result = tokio::select! {
                () = cancel.cancelled() => return Ok(()),
                result = work => result.unwrap_or_else(|lost| Err(JobFailed::Lost(lost))),
            };
            let seconds = started.elapsed().as_secs_f64();
            self.shared.finish(id, self.id, &recipe, seconds, result);
        }
    }
}
