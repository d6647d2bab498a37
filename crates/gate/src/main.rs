//! `agoge-gate`: see `agoge-gate --help` and docs/gates.md.

fn main() -> std::process::ExitCode {
    agoge_gate::main()
}
