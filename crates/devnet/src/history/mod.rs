//! The history checker: judges a run by what it left behind, and by what L1 and the nodes say while it lasts
//! (`docs/history-checker.md`).
//!
//! ```text
//! manifest -> evidence (files, L1, nodes) -> replay -> checks (pure) -> report
//! ```
//!
//! What is absent is unknown, never passed.

pub mod args;
mod check;
pub mod checks;
pub mod evidence;
pub mod finding;
pub mod manifest;
pub mod replay;
pub mod report;
pub mod sampler;

pub use check::{Limits, check};
pub use manifest::Manifest;
pub use report::Report;
