//! `agoge-node`: the validator and full node.

use std::process::ExitCode;

fn main() -> ExitCode {
    agoge_node::cli::main()
}
