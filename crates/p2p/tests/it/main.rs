//! Real nodes over loopback TCP, and a hostile one. Every wait is for an event.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests, which fail by panicking"
)]

mod discovery;
mod gossip;
mod hostile;
mod refusals;
mod requests;
mod start;
mod support;
