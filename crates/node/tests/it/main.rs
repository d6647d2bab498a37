//! Tests of the node from outside.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking, as tests do"
)]

mod chain;
mod committees;
mod consensus;
mod mempool;
mod quotes;
mod support;
