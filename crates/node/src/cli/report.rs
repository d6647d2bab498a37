//! What people and programs read.

pub use agoge_host::report::CliError;
pub(super) use agoge_host::report::{fail, print, tell};
use serde::Serialize;

/// Writes a command's data: one JSON document, or the text for people.
pub(super) fn data<T: Serialize>(json: bool, schema: &str, data: &T, text: impl FnOnce() -> String) {
    agoge_host::report::data(json, &format!("node.{schema}"), data, text);
}
