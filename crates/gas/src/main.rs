//! `agoge-gas`: what a recorded call costs under the rules of osaka and of Amsterdam.
//!
//! forge and anvil know osaka only, Sepolia runs Amsterdam. A forge test writes a call and the state that it reads; this program runs
//! it in revm under both.

mod call;
mod measure;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use eyre::{Result, WrapErr};

use crate::call::RecordedCall;
use crate::measure::{Fork, Measured};

/// Gas of recorded calls under osaka and Amsterdam rules.
#[derive(Debug, Parser)]
#[command(name = "agoge-gas", version)]
struct Args {
    /// Recorded calls: JSON files that a forge test wrote.
    #[arg(required = true, value_name = "FILE")]
    calls: Vec<PathBuf>,
    /// Fail if a call takes more regular gas than this under any rules.
    #[arg(long, value_name = "GAS")]
    limit: Option<u64>,
    /// One JSON object for each call and fork.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every call keeps the limit.
fn run(args: &Args) -> Result<bool> {
    let mut is_within = true;
    for path in &args.calls {
        let in_file = || path.display().to_string();
        let call = RecordedCall::read(path).wrap_err_with(in_file)?;
        for fork in Fork::ALL {
            let measured = measure::run(&call, fork).wrap_err_with(in_file)?;
            report(&call.name, fork, &measured, args.json);
            if let Some(limit) = args.limit.filter(|limit| measured.regular > *limit) {
                eprintln!(
                    "error: {} under {}: {} regular gas, the limit is {limit}",
                    call.name,
                    fork.name(),
                    measured.regular
                );
                is_within = false;
            }
        }
    }
    Ok(is_within)
}

fn report(name: &str, fork: Fork, measured: &Measured, json: bool) {
    let Measured {
        total,
        regular,
        state,
        floor,
        bytes,
    } = measured;
    let fork = fork.name();
    if json {
        println!(
            "{}",
            serde_json::json!({
                "call": name, "fork": fork, "total": total, "regular": regular, "state": state, "floor": floor, "calldata_bytes": bytes,
            })
        );
    } else {
        println!(
            "{name:<40} {fork:<10} {total:>11} gas = {regular:>11} regular + {state:>11} state (floor {floor}, {bytes} bytes of calldata)"
        );
    }
}
