//! `govctl`: see `govctl --help` and docs/governance-guide.md.

fn main() -> std::process::ExitCode {
    agoge_govctl::main()
}
