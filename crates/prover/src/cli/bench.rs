//! `bench`: what proving costs on this machine.

use agoge_host::report::{self, CliError};
use agoge_protocol::exit::ExitCode as Exit;
use agoge_protocol::limits::EPOCH_BLOCKS_MAX;
use agoge_protocol::network::ClientProfile;
use clap::{Args, ValueEnum};

use super::Invocation;
use crate::bench::{BenchConfig, BenchReport, run};
use crate::config::default_circuits_dir;
use crate::work::plonky2::Plonky2;

/// Client proofs that go in.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Profile {
    /// Zero-knowledge, conjectured 100 bits.
    Default,
    /// Fast and without zero-knowledge.
    Testing,
}

/// What is to be measured.
#[derive(Clone, Debug, Args)]
pub(super) struct BenchArgs {
    /// Transactions of the epoch.
    #[arg(long, value_name = "N")]
    txs: usize,
    /// Blocks of the epoch.
    #[arg(long, value_name = "N", default_value_t = EPOCH_BLOCKS_MAX)]
    blocks: usize,
    /// Client proofs that go in; making them is not counted.
    #[arg(long, value_enum, default_value_t = Profile::Default)]
    client_profile: Profile,
    /// Transactions that are really proven, at least one; the cost of the others is computed from the mean of each kind of job
    /// [default: all, at most 77].
    #[arg(long, value_name = "N")]
    sample: Option<usize>,
}

pub(super) fn bench(invocation: &Invocation, args: &BenchArgs) -> Result<Exit, CliError> {
    let config = BenchConfig::new(args.txs, args.blocks, args.sample)
        .map_err(|error| CliError::new(Exit::Usage, "AGOGE-CFG-002", error))?;
    let profile = match args.client_profile {
        Profile::Default => ClientProfile::Default,
        Profile::Testing => ClientProfile::Testing,
    };
    let failed = |error: &dyn core::error::Error| CliError::new(Exit::Failed, "AGOGE-PRV-008", error);
    let dir = invocation
        .config
        .circuits_dir
        .clone()
        .unwrap_or_else(default_circuits_dir);
    report::tell(&format!(
        "circuits in {}; they are built at the first start, which takes minutes",
        dir.display()
    ));
    let threads = invocation.config.proving_threads.unwrap_or(0);
    let circuits = Plonky2::open(&dir, profile, threads, 0).map_err(|error| failed(&error))?;
    let measured = run(&circuits, &config, &|text| report::tell(text)).map_err(|error| failed(&error))?;
    invocation.data("bench", &measured, || words(&measured));
    Ok(Exit::Ok)
}

fn words(report: &BenchReport) -> String {
    let mut text = format!(
        "{} transactions in {} blocks, {} of them really proven, client profile {}, {} threads\n",
        report.txs, report.blocks, report.sampled_txs, report.client_profile, report.threads
    );
    if report.is_extrapolated {
        text.push_str("EXTRAPOLATED: every other job is counted at the mean of its kind\n");
    }
    text.push_str(&format!(
        "total               {:.1} core-seconds\n",
        report.core_seconds_total
    ));
    if let (Some(per_tx), Some(references)) = (report.core_seconds_per_tx, report.references_per_tx) {
        text.push_str(&format!(
            "per transaction     {per_tx:.3} core-seconds, {references:.3} reference proofs\n"
        ));
    }
    text.push_str(&format!(
        "reference proof     {:.2} core-seconds\npeak memory         {:.0} MB\nproof for L1        {} bytes\n",
        report.reference_core_seconds,
        megabytes(report.peak_rss_bytes),
        report.proof_bytes
    ));
    for (kind, figures) in &report.kinds {
        text.push_str(&format!(
            "{kind:<20}{:>5} jobs, {:>5} measured, {:>7.2} core-seconds each, {:>6.1} s at most\n",
            figures.jobs, figures.measured, figures.core_seconds_per_job, figures.wall_seconds_max
        ));
    }
    text.push_str(&format!(
        "witness, statement  {:.2} core-seconds\n",
        report.witness_core_seconds
    ));
    text
}

fn megabytes(bytes: u64) -> f64 {
    crate::metrics::approximate(bytes) / 1e6
}
