//! A devnet under load and under faults: what happens is drawn from a seed, recorded, and judged slot by slot (`docs/fault-testing.md`).

pub mod args;
mod equivocation;
pub mod load;
pub mod manifest;
pub mod outage;
pub mod proxy;
pub mod report;
pub mod run;
pub mod schedule;
mod slots;
mod strike;

use std::time::{SystemTime, UNIX_EPOCH};

/// Unix milliseconds.
fn now_ms() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}
