//! Which job is done next and by whom. Pure: time and results come in as arguments.
//!
//! | state | means | leaves it by |
//! |---|---|---|
//! | waiting | a result it needs is missing, or no worker has taken it | [`JobQueue::take`] |
//! | running | a worker has it | [`JobQueue::finish`], [`JobQueue::fail`], [`JobQueue::expire`] |
//! | pausing | every worker failed at it; tried again after a growing pause | [`JobQueue::take`] |
//! | impossible | what it is made from can never give a result | never; the job is dropped with its epoch |
//! | done | its result is kept | never; the job is dropped with its epoch |
//!
//! A job that a worker failed at goes to another at once. The worker rests, longer after each failure in a row, so one that fails at
//! everything does not take the jobs away from the others; after three wrong results it gets nothing more, unless it is the last: that one
//! only rests, and is trusted again after a good result.

use std::collections::{BTreeMap, BTreeSet};

use crate::jobs::JobId;
use crate::plan::Track;

/// Jobs that a queue holds: all jobs of a few epochs of full blocks.
pub const JOBS_MAX: usize = 4_096;
/// Shortest pause after a failure, milliseconds; doubled with each further one.
const PAUSE_MS: u64 = 1_000;
/// Longest pause, milliseconds.
const PAUSE_MS_MAX: u64 = 60_000;
/// Wrong results after which a worker gets nothing more.
pub const STRIKES_MAX: u32 = 3;

/// What a job makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// A leaf of a track.
    Leaf(Track),
    /// A merge of a track.
    Merge(Track),
    /// The epoch root.
    Root,
    /// The proof for L1.
    Wrap,
}

impl JobKind {
    /// All kinds, in the order in which an epoch needs them.
    pub const ALL: [Self; 8] = [
        Self::Leaf(Track::Transactions),
        Self::Leaf(Track::State),
        Self::Leaf(Track::Settlement),
        Self::Merge(Track::Transactions),
        Self::Merge(Track::State),
        Self::Merge(Track::Settlement),
        Self::Root,
        Self::Wrap,
    ];

    /// Its word in logs, metrics and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Leaf(Track::Transactions) => "transactions_leaf",
            Self::Leaf(Track::State) => "state_leaf",
            Self::Leaf(Track::Settlement) => "settlement_leaf",
            Self::Merge(Track::Transactions) => "transactions_merge",
            Self::Merge(Track::State) => "state_merge",
            Self::Merge(Track::Settlement) => "settlement_merge",
            Self::Root => "root",
            Self::Wrap => "wrap",
        }
    }
}

/// A worker of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(pub usize);

/// A job that an epoch needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedJob {
    /// Its name.
    pub id: JobId,
    /// What it makes.
    pub kind: JobKind,
    /// Results that it is made from.
    pub needs: Vec<JobId>,
    /// The epoch that needs it; older epochs come first.
    pub epoch: u64,
}

/// How a try ended otherwise than with a good result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The worker could not do it: tried again, and nobody is blamed.
    Failed,
    /// What the worker returned is not the job's result.
    WrongResult,
    /// There is no result whoever tries, and nobody is blamed.
    Impossible,
}

#[derive(Clone, Debug)]
struct Entry {
    job: WantedJob,
    state: State,
    failures: u32,
    /// Workers that failed at this job.
    refused: BTreeSet<WorkerId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Running { worker: WorkerId, since_ms: u64 },
    Pausing { until_ms: u64 },
    Impossible,
    Done,
}

/// The jobs of all epochs that are being proven.
#[derive(Debug, Default)]
pub struct JobQueue {
    jobs: BTreeMap<JobId, Entry>,
    workers: BTreeMap<WorkerId, WorkerState>,
}

/// What is remembered of a worker.
#[derive(Clone, Copy, Debug, Default)]
struct WorkerState {
    /// Wrong results.
    strikes: u32,
    /// It gets nothing more.
    is_excluded: bool,
    /// Failures since the last good result.
    failures_in_row: u32,
    /// It gets nothing before.
    rest_until_ms: u64,
}

/// How many jobs are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct JobCounts {
    /// Not taken yet.
    pub waiting: usize,
    /// Being done.
    pub running: usize,
    /// Failed, to be tried again.
    pub pausing: usize,
    /// Never to be done.
    pub impossible: usize,
    /// Done.
    pub done: usize,
}

impl JobCounts {
    /// Adds another's counts.
    pub const fn add(&mut self, other: &Self) {
        self.waiting = self.waiting.saturating_add(other.waiting);
        self.running = self.running.saturating_add(other.running);
        self.pausing = self.pausing.saturating_add(other.pausing);
        self.impossible = self.impossible.saturating_add(other.impossible);
        self.done = self.done.saturating_add(other.done);
    }
}

impl JobQueue {
    /// Makes these the jobs, at most [`JOBS_MAX`] of them. What is known of jobs that stay is kept; jobs whose result is at hand
    /// (`is_done`) are done. Returns how many were left out because of the bound.
    pub fn set_wanted(
        &mut self,
        wanted: impl IntoIterator<Item = WantedJob>,
        is_done: impl Fn(JobId) -> bool,
    ) -> usize {
        let mut before = core::mem::take(&mut self.jobs);
        let mut left_out = 0_usize;
        for job in wanted {
            if self.jobs.len() >= JOBS_MAX && !self.jobs.contains_key(&job.id) {
                left_out = left_out.saturating_add(1);
                continue;
            }
            let id = job.id;
            let mut entry = before.remove(&id).unwrap_or_else(|| Entry {
                job: job.clone(),
                state: State::Waiting,
                failures: 0,
                refused: BTreeSet::new(),
            });
            entry.job = job;
            if is_done(id) {
                entry.state = State::Done;
            } else if entry.state == State::Done {
                // The result was lost: damaged on the disk.
                entry.state = State::Waiting;
            }
            self.jobs.entry(id).or_insert(entry);
        }
        left_out
    }

    /// Names of all jobs: what must be kept.
    pub fn ids(&self) -> BTreeSet<JobId> {
        self.jobs.keys().copied().collect()
    }

    /// A job.
    pub fn job(&self, id: JobId) -> Option<&WantedJob> {
        self.jobs.get(&id).map(|entry| &entry.job)
    }

    /// A worker's next job: of the oldest epoch, in the order of [`JobKind`]; `None` when there is nothing for it.
    pub fn next(&self, worker: WorkerId, now_ms: u64) -> Option<&WantedJob> {
        let is_resting = self
            .workers
            .get(&worker)
            .is_some_and(|state| now_ms < state.rest_until_ms);
        if is_resting || self.is_excluded(worker) {
            return None;
        }
        let is_ready = |entry: &Entry| {
            let is_free = match entry.state {
                State::Waiting => true,
                State::Pausing { until_ms } => now_ms >= until_ms,
                State::Running { .. } | State::Impossible | State::Done => false,
            };
            let may = !entry.refused.contains(&worker) || self.is_last_for(entry);
            is_free && may && entry.job.needs.iter().all(|need| self.is_done(*need))
        };
        let ready = self.jobs.values().filter(|entry| is_ready(entry));
        let next = ready.min_by_key(|entry| (entry.job.epoch, entry.job.kind, entry.job.id))?;
        Some(&next.job)
    }

    /// Gives a worker its next job.
    pub fn take(&mut self, worker: WorkerId, now_ms: u64) -> Option<JobId> {
        let id = self.next(worker, now_ms)?.id;
        if let Some(entry) = self.jobs.get_mut(&id) {
            entry.state = State::Running {
                worker,
                since_ms: now_ms,
            };
        }
        Some(id)
    }

    /// A worker's good result is kept, whoever has the job now.
    pub fn finish(&mut self, id: JobId, worker: WorkerId) {
        let state = self.workers.entry(worker).or_default();
        (state.failures_in_row, state.rest_until_ms) = (0, 0);
        if state.strikes >= STRIKES_MAX && !state.is_excluded {
            state.strikes = 0;
        }
        if let Some(entry) = self.jobs.get_mut(&id) {
            entry.state = State::Done;
        }
    }

    /// A job could not even be started, which is nobody's failure: it is tried again after a second.
    pub fn put_back(&mut self, id: JobId, now_ms: u64) {
        if let Some(entry) = self.jobs.get_mut(&id) {
            entry.state = State::Pausing {
                until_ms: now_ms.saturating_add(PAUSE_MS),
            };
        }
    }

    /// A result is missing or damaged although the job was done: it is made again.
    pub fn lost(&mut self, id: JobId) {
        if let Some(entry) = self.jobs.get_mut(&id) {
            entry.state = State::Waiting;
        }
    }

    /// A worker did not give a good result. A late word about a job that another has meanwhile changes nothing but what is thought of the
    /// worker.
    pub fn fail(&mut self, id: JobId, worker: WorkerId, fault: Fault, now_ms: u64) {
        if fault != Fault::Impossible {
            self.blame(worker, fault, now_ms);
        }
        let Some(entry) = self.jobs.get_mut(&id) else {
            return;
        };
        if !matches!(entry.state, State::Running { worker: owner, .. } if owner == worker) {
            return;
        }
        entry.failures = entry.failures.saturating_add(1);
        if fault == Fault::Impossible {
            entry.state = State::Impossible;
            return;
        }
        entry.refused.insert(worker);
        entry.state = State::Waiting;
        let until_ms = now_ms.saturating_add(pause_ms(entry.failures));
        let is_last = self.jobs.get(&id).is_some_and(|entry| self.is_last_for(entry));
        if let Some(entry) = self.jobs.get_mut(&id).filter(|_| is_last) {
            entry.state = State::Pausing { until_ms };
        }
    }

    /// A failed worker rests; the third wrong result ends its work, while there is another to do it.
    fn blame(&mut self, worker: WorkerId, fault: Fault, now_ms: u64) {
        let is_last = !self
            .workers
            .iter()
            .any(|(other, state)| *other != worker && !state.is_excluded);
        let state = self.workers.entry(worker).or_default();
        state.failures_in_row = state.failures_in_row.saturating_add(1);
        state.rest_until_ms = now_ms.saturating_add(pause_ms(state.failures_in_row));
        if fault == Fault::WrongResult {
            state.strikes = state.strikes.saturating_add(1);
            state.is_excluded |= state.strikes >= STRIKES_MAX && !is_last;
        }
    }

    /// Takes jobs back from workers that have had them for `timeout_ms`; returns them. What such a worker still returns is looked at and
    /// used if it is good.
    pub fn expire(&mut self, timeout_ms: u64, now_ms: u64) -> Vec<(JobId, WorkerId)> {
        let mut expired = Vec::new();
        for (id, entry) in &mut self.jobs {
            if let State::Running { worker, since_ms } = entry.state
                && now_ms.saturating_sub(since_ms) >= timeout_ms
            {
                entry.failures = entry.failures.saturating_add(1);
                entry.refused.insert(worker);
                entry.state = State::Waiting;
                expired.push((*id, worker));
            }
        }
        expired
    }

    /// Registers a worker, so that jobs which others got wrong are kept for it.
    pub fn add_worker(&mut self, worker: WorkerId) {
        self.workers.entry(worker).or_default();
    }

    /// Whether a worker gets nothing more.
    fn is_excluded(&self, worker: WorkerId) -> bool {
        self.workers.get(&worker).is_some_and(|state| state.is_excluded)
    }

    /// Whether a worker's results can be relied on.
    pub fn is_trusted(&self, worker: WorkerId) -> bool {
        self.workers
            .get(&worker)
            .is_none_or(|state| state.strikes < STRIKES_MAX)
    }

    /// Workers whose results can be relied on; when there is none, the last of them is still given jobs.
    pub fn trusted_workers(&self) -> usize {
        self.workers
            .keys()
            .filter(|worker| self.is_trusted(**worker))
            .count()
    }

    /// Whether a job's result is kept.
    pub fn is_done(&self, id: JobId) -> bool {
        self.jobs.get(&id).is_some_and(|entry| entry.state == State::Done)
    }

    /// Whether an epoch has a job that can never be done.
    pub fn is_impossible(&self, epoch: u64) -> bool {
        self.of(Some(epoch)).any(|entry| entry.state == State::Impossible)
    }

    /// Failures of a job so far.
    pub fn failures(&self, id: JobId) -> u32 {
        self.jobs.get(&id).map_or(0, |entry| entry.failures)
    }

    /// Jobs of all epochs, or of one, by state.
    pub fn counts(&self, epoch: Option<u64>) -> JobCounts {
        let mut counts = JobCounts::default();
        for entry in self.of(epoch) {
            let count = match entry.state {
                State::Waiting => &mut counts.waiting,
                State::Running { .. } => &mut counts.running,
                State::Pausing { .. } => &mut counts.pausing,
                State::Impossible => &mut counts.impossible,
                State::Done => &mut counts.done,
            };
            *count = count.saturating_add(1);
        }
        counts
    }

    /// Jobs that are not done, by kind.
    pub fn remaining(&self, epoch: Option<u64>) -> BTreeMap<JobKind, usize> {
        let mut remaining = BTreeMap::new();
        for entry in self.of(epoch).filter(|entry| entry.state != State::Done) {
            let count: &mut usize = remaining.entry(entry.job.kind).or_default();
            *count = count.saturating_add(1);
        }
        remaining
    }

    fn of(&self, epoch: Option<u64>) -> impl Iterator<Item = &Entry> {
        self.jobs
            .values()
            .filter(move |entry| epoch.is_none_or(|epoch| entry.job.epoch == epoch))
    }

    /// Whether every worker that gets jobs has been refused this one: then any may try again, since a wrong result is always seen.
    fn is_last_for(&self, entry: &Entry) -> bool {
        self.workers
            .keys()
            .filter(|worker| !self.is_excluded(**worker))
            .all(|worker| entry.refused.contains(worker))
    }
}

fn pause_ms(failures: u32) -> u64 {
    let doublings = failures.saturating_sub(1).min(16);
    PAUSE_MS.saturating_mul(1 << doublings).min(PAUSE_MS_MAX)
}

#[cfg(test)]
mod tests;
