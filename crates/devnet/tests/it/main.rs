//! Tests from outside: the layering of the workspace, and a whole network end to end.

#![expect(
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it should do"
)]

mod chain;
#[cfg(test)]
mod dependencies;
mod faults;
mod layering;
mod proving;
mod upgrade;

/// Two networks at once would share two cores: the scenarios take turns.
static ONE_NETWORK: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
