//! Doing the work: which job is next, who does it, whether its result is good.

mod library;
pub mod plonky2;
mod pool;
mod queue;
mod recipes;
mod task;
mod timings;
mod turns;

pub use library::{BlockWitness, Library, LibraryError};
pub use pool::{Pool, PoolConfig, PoolError};
pub use queue::{Fault, JOBS_MAX, JobCounts, JobKind, JobQueue, STRIKES_MAX, WantedJob, WorkerId};
pub use recipes::{Recipe, Recipes, Stream, StreamBlock, Unit};
pub use task::{Circuits, RESULT_BYTES_MAX, SettlementUnit, Task, WorkError, Worker, accept};
pub use turns::SharedWorker;
