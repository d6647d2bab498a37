//! What each of this node's validators owed in each past slot, what came of it and why: the answer to "why was my slot missed?"; and which
//! keys the operator has switched off.

mod log;
mod record;
mod switches;

pub use log::DutyLog;
pub use record::{DutyKind, DutyOutcome, DutyRecord, MissReason};
pub use switches::Switches;
