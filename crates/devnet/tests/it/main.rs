//! Tests from outside: the layering of the workspace, and a whole network end to end.

#![expect(
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it should do"
)]

mod chain;
mod layering;
