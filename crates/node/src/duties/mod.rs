//! What each of this node's validators owed in each past slot, what came of it and why: the answer to "why was my slot missed?".

mod record;

pub use record::{DutyKind, DutyOutcome, DutyRecord, MissReason};
