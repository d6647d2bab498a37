//! Which job is done next and by whom. Pure: time and results come in as arguments.
//!
//! | state | means | leaves it by |
//! |---|---|---|
//! | waiting | a result it needs is missing, or no worker has taken it | [`JobQueue::take`] |
//! | running | a worker has it | [`JobQueue::finish`], [`JobQueue::fail`], [`JobQueue::expire`] |
//! | pausing | every worker failed at it; tried again after a growing pause | [`JobQueue::take`] |
//! | done | its result is kept | never; the job is dropped with its epoch |
//!
//! A job that a worker failed at goes to another at once. The worker rests, longer after each failure in a row, so one that fails at
//! everything does not take the jobs away from the others; after three wrong results it gets nothing more.

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
    /// Done.
    pub done: usize,
}

impl JobCounts {
    /// Adds another's counts.
    pub const fn add(&mut self, other: &Self) {
        self.waiting = self.waiting.saturating_add(other.waiting);
        self.running = self.running.saturating_add(other.running);
        self.pausing = self.pausing.saturating_add(other.pausing);
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

    /// Gives a worker the next job: of the oldest epoch, in the order of [`JobKind`]; `None` when there is nothing for it.
    pub fn take(&mut self, worker: WorkerId, now_ms: u64) -> Option<JobId> {
        let is_resting = self
            .workers
            .get(&worker)
            .is_some_and(|state| now_ms < state.rest_until_ms);
        if is_resting || !self.is_trusted(worker) {
            return None;
        }
        let is_ready = |entry: &Entry| {
            let is_free = match entry.state {
                State::Waiting => true,
                State::Pausing { until_ms } => now_ms >= until_ms,
                State::Running { .. } | State::Done => false,
            };
            let may = !entry.refused.contains(&worker) || self.is_last_for(entry);
            is_free && may && entry.job.needs.iter().all(|need| self.is_done(*need))
        };
        let next = self
            .jobs
            .values()
            .filter(|entry| is_ready(entry))
            .min_by_key(|entry| (entry.job.epoch, entry.job.kind, entry.job.id))?;
        let id = next.job.id;
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
        let state = self.workers.entry(worker).or_default();
        state.failures_in_row = state.failures_in_row.saturating_add(1);
        state.rest_until_ms = now_ms.saturating_add(pause_ms(state.failures_in_row));
        if fault == Fault::WrongResult {
            state.strikes = state.strikes.saturating_add(1);
        }
        let Some(entry) = self.jobs.get_mut(&id) else {
            return;
        };
        if !matches!(entry.state, State::Running { worker: owner, .. } if owner == worker) {
            return;
        }
        entry.failures = entry.failures.saturating_add(1);
        entry.refused.insert(worker);
        entry.state = State::Waiting;
        let until_ms = now_ms.saturating_add(pause_ms(entry.failures));
        let is_last = self.jobs.get(&id).is_some_and(|entry| self.is_last_for(entry));
        if let Some(entry) = self.jobs.get_mut(&id).filter(|_| is_last) {
            entry.state = State::Pausing { until_ms };
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

    /// Whether a worker still gets jobs.
    pub fn is_trusted(&self, worker: WorkerId) -> bool {
        self.workers
            .get(&worker)
            .is_none_or(|state| state.strikes < STRIKES_MAX)
    }

    /// Workers that get jobs.
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

    /// Whether every trusted worker has been refused this job: then any may try again, since a wrong result is always seen.
    fn is_last_for(&self, entry: &Entry) -> bool {
        self.workers
            .keys()
            .filter(|worker| self.is_trusted(**worker))
            .all(|worker| entry.refused.contains(worker))
    }
}

fn pause_ms(failures: u32) -> u64 {
    let doublings = failures.saturating_sub(1).min(16);
    PAUSE_MS.saturating_mul(1 << doublings).min(PAUSE_MS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use agoge_protocol::B256;

    const A: WorkerId = WorkerId(0);
    const B: WorkerId = WorkerId(1);

    fn id(number: u8) -> JobId {
        JobId::block(B256::repeat_byte(number))
    }

    fn job(number: u8, kind: JobKind, needs: &[u8], epoch: u64) -> WantedJob {
        WantedJob {
            id: id(number),
            kind,
            needs: needs.iter().map(|need| id(*need)).collect(),
            epoch,
        }
    }

    /// Two leaves, their merge, and the root of epoch 5; a leaf of epoch 4.
    fn jobs() -> Vec<WantedJob> {
        vec![
            job(9, JobKind::Root, &[3], 5),
            job(3, JobKind::Merge(Track::State), &[1, 2], 5),
            job(1, JobKind::Leaf(Track::State), &[], 5),
            job(2, JobKind::Leaf(Track::State), &[], 5),
            job(4, JobKind::Leaf(Track::Settlement), &[], 4),
        ]
    }

    fn queue() -> JobQueue {
        let mut queue = JobQueue::default();
        queue.add_worker(A);
        queue.add_worker(B);
        assert_eq!(queue.set_wanted(jobs(), |_| false), 0);
        queue
    }

    #[test]
    fn older_epochs_first_and_needs_before_what_needs_them() {
        let mut queue = queue();
        assert_eq!(queue.take(A, 0), Some(id(4)));
        let mut taken: Vec<_> = (0..3).filter_map(|_| queue.take(B, 0)).collect();
        taken.sort();
        let mut leaves = [id(1), id(2)];
        leaves.sort();
        assert_eq!(taken, leaves, "the merge waits for both");
        queue.finish(id(1), B);
        assert_eq!(queue.take(B, 0), None);
        queue.finish(id(2), B);
        assert_eq!(queue.take(B, 0), Some(id(3)));
        queue.finish(id(3), B);
        assert_eq!(queue.take(B, 0), Some(id(9)));
        let counts = queue.counts(None);
        assert_eq!((counts.running, counts.done), (2, 3));
        assert_eq!(queue.counts(Some(5)).running, 1);
        assert_eq!(queue.remaining(Some(5)), BTreeMap::from([(JobKind::Root, 1)]));
    }

    #[test]
    fn a_wrong_result_goes_to_another_worker_and_three_of_them_end_the_trust() {
        let mut queue = queue();
        let mut refused = Vec::new();
        for strike in 1..=3_u64 {
            let now = strike * 1_000_000;
            let job = queue.take(A, now).unwrap();
            assert!(!refused.contains(&job), "A does not get it again");
            refused.push(job);
            queue.fail(job, A, Fault::WrongResult, now);
            assert_eq!(queue.is_trusted(A), strike < 3);
        }
        assert_eq!(queue.take(A, 9_000_000), None);
        assert_eq!(queue.trusted_workers(), 1);
        let mut taken: Vec<_> = (0..4).filter_map(|_| queue.take(B, 9_000_000)).collect();
        taken.sort();
        let mut expected = [1, 2, 4].map(id);
        expected.sort();
        assert_eq!(taken, expected);
    }

    #[test]
    fn a_worker_that_fails_at_everything_rests_and_the_others_go_on_at_once() {
        let mut queue = queue();
        let job = queue.take(A, 0).unwrap();
        queue.fail(job, A, Fault::Failed, 0);
        assert_eq!(queue.take(A, 999), None, "A rests for a second");
        assert_eq!(queue.take(B, 0), Some(job), "B gets the job at once");
        queue.finish(job, B);
        let next = queue.take(A, 1_000).unwrap();
        queue.fail(next, A, Fault::Failed, 1_000);
        assert_eq!(queue.take(A, 2_999), None, "then for two");
        assert!(queue.is_trusted(A), "to fail is no fraud");
        let last = queue.take(A, 3_000).unwrap();
        assert_ne!(last, next);
        queue.finish(last, A);
        assert_eq!(queue.take(B, 3_000), Some(next));
        queue.fail(next, B, Fault::Failed, 3_000);
        assert_eq!(queue.counts(None).pausing, 1, "now both have failed at it");
    }

    #[test]
    fn when_every_worker_was_refused_any_may_try_again() {
        let mut queue = JobQueue::default();
        queue.add_worker(A);
        queue.set_wanted([job(1, JobKind::Wrap, &[], 1)], |_| false);
        assert_eq!(queue.take(A, 0), Some(id(1)));
        queue.fail(id(1), A, Fault::WrongResult, 0);
        assert_eq!(queue.take(A, 999), None, "it pauses");
        assert_eq!(queue.take(A, 1_000), Some(id(1)));
    }

    #[test]
    fn pauses_grow_and_have_a_bound() {
        let pauses = [1, 2, 3, 6, 7, 8, 200].map(pause_ms);
        assert_eq!(pauses, [1_000, 2_000, 4_000, 32_000, 60_000, 60_000, 60_000]);
    }

    #[test]
    fn jobs_kept_too_long_are_given_to_another_and_a_late_result_still_counts() {
        let mut queue = queue();
        let job = queue.take(A, 0).unwrap();
        assert_eq!(queue.expire(1_000, 999), []);
        assert_eq!(queue.expire(1_000, 1_000), [(job, A)]);
        assert_ne!(queue.take(A, 1_000), Some(job));
        assert_eq!(queue.take(B, 1_000), Some(job));
        // A fails late: B keeps the job.
        queue.fail(job, A, Fault::Failed, 1_001);
        assert_eq!(queue.expire(1_000, 1_500), []);
        queue.finish(job, B);
        assert!(queue.is_done(job));
    }

    #[test]
    fn a_new_plan_keeps_what_is_known_of_jobs_that_stay() {
        let mut queue = queue();
        let running = queue.take(A, 0).unwrap();
        let kept: Vec<_> = jobs().into_iter().filter(|job| job.epoch == 4).collect();
        queue.set_wanted(kept, |_| false);
        assert_eq!(running, id(4));
        assert_eq!(queue.counts(None).running, 1);
        assert_eq!(queue.ids(), BTreeSet::from([id(4)]));
        // After a restart results that are at hand are not made again.
        queue.set_wanted(jobs(), |job| job == id(1));
        assert!(queue.is_done(id(1)) && !queue.is_done(id(2)));
        // A result that was lost is.
        queue.set_wanted(jobs(), |_| false);
        assert!(!queue.is_done(id(1)));
        queue.finish(id(77), A);
        queue.fail(id(77), A, Fault::Failed, 0);
        assert!(
            queue.job(id(77)).is_none(),
            "a result of a dropped job is nothing"
        );
    }

    #[test]
    fn the_number_of_jobs_is_bounded() {
        let mut queue = JobQueue::default();
        let many = (0..JOBS_MAX + 3).map(|number| WantedJob {
            id: JobId::block(B256::from(agoge_protocol::U256::from(number))),
            kind: JobKind::Root,
            needs: Vec::new(),
            epoch: 0,
        });
        assert_eq!(queue.set_wanted(many, |_| false), 3);
        assert_eq!(queue.counts(None).waiting, JOBS_MAX);
    }
}
