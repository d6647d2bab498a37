//! The weekly release train: its dates, its states, what is decided and told.

mod announce;
mod decision;
mod html;
mod journal;
mod manifest;
mod week;

pub(crate) use announce::{Format, announce};
pub(crate) use decision::Decision;
pub(crate) use html::page;
pub(crate) use journal::{Event, Journal, JournalError, State, Train};
pub(crate) use manifest::{Difference, Manifest, SCHEMA as MANIFEST_SCHEMA};
pub(crate) use week::{Schedule, Week, utc};
