//! Doing the work: which job is next, who does it, whether its result is good.

mod queue;

pub use queue::{Fault, JOBS_MAX, JobCounts, JobKind, JobQueue, STRIKES_MAX, WantedJob, WorkerId};
