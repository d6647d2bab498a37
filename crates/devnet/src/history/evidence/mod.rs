//! Reading what a run leaves behind into typed facts. Nothing is judged here.

pub mod l1;
pub mod load;
pub mod logs;
pub mod nodes;
pub mod secrets;
pub mod signatures;
pub mod wire;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde::de::DeserializeOwned;

/// Lines of a file with one JSON object a line: those that are of the shape, by number from 1, go to `take`.
///
/// # Errors
/// Those of the file.
///
/// # Returns
/// How many lines are not of the shape. A killed process leaves its last line unfinished, and the next start writes on in it.
pub fn json_lines<T: DeserializeOwned>(path: &Path, mut take: impl FnMut(u64, T)) -> std::io::Result<u64> {
    let mut reader = BufReader::new(File::open(path)?);
    let (mut number, mut torn, mut line) = (0_u64, 0_u64, Vec::new());
    while reader.read_until(b'\n', &mut line)? > 0 {
        number = number.saturating_add(1);
        match serde_json::from_slice(&line) {
            Ok(value) => take(number, value),
            Err(_) => torn = torn.saturating_add(1),
        }
        line.clear();
    }
    Ok(torn)
}
