//! The prover from outside: its pool with hostile workers, and its decisions over a real store.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking, as tests do"
)]

mod append;
mod chain;
mod coordinator;
mod library;
mod pool;
mod support;
