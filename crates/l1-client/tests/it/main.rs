//! The crate from outside: against recorded and faulty answers, and against a real anvil.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "tests"
)]

mod anvil;
mod blobs;
mod endpoints;
mod fake;
mod follower;
