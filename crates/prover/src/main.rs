//! `agoge-prover`: the prover.

use std::process::ExitCode;

fn main() -> ExitCode {
    agoge_prover::cli::main()
}
