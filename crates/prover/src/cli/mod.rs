//! The commands of `agoge-prover`.

use std::process::ExitCode;

/// Parses the command line, runs the command and reports.
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
