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
pub mod strike;

/// Unix milliseconds.
fn now_ms() -> u64 {
    u64::try_from(crate::anvil::unix_time().as_millis()).unwrap_or(u64::MAX)
}
