//! What a prover tells Prometheus.

use agoge_protocol::L1BlockNumber;
use agoge_store::Tips;
use agoge_supervisor::{describe_counter, describe_gauge, describe_histogram};

use crate::work::{JobCounts, JobKind};

/// L1 block followed.
const L1_BLOCK: &str = "agoge_prover_l1_block_number";
/// Pending and proven tip.
const TIP: &str = "agoge_prover_tip_number";
/// Jobs by state.
const JOBS: &str = "agoge_prover_jobs_count";
/// Seconds of work left.
const ETA: &str = "agoge_prover_eta_seconds";
/// Results kept.
const KEPT_BYTES: &str = "agoge_prover_results_bytes";
/// Time of a job, by kind.
pub(crate) const JOB_SECONDS: &str = "agoge_prover_job_seconds";
/// Results that were refused.
pub(crate) const WRONG_RESULTS: &str = "agoge_prover_wrong_results_total";
/// Jobs that failed.
pub(crate) const FAILED_JOBS: &str = "agoge_prover_failed_jobs_total";
/// Quotes offered.
pub(crate) const QUOTES: &str = "agoge_prover_quotes_total";
/// Proofs sent, by outcome.
pub(crate) const PROOFS: &str = "agoge_prover_proofs_total";
/// Client proofs that are not held.
pub(crate) const MISSING: &str = "agoge_prover_missing_client_proofs_count";

/// Describes all of them; gauges and counters start at zero.
pub(crate) fn describe() {
    for (name, help) in [
        (L1_BLOCK, "Newest L1 block followed"),
        (TIP, "L2 block number of each tip"),
        (JOBS, "Jobs of the epochs that are being proven, by state"),
        (ETA, "Seconds of proving work left, estimated"),
        (KEPT_BYTES, "Bytes of kept results"),
        (MISSING, "Client proofs of unproven blocks that are not held"),
    ] {
        describe_gauge(name, help);
    }
    for (name, help) in [
        (WRONG_RESULTS, "Results of workers that were refused"),
        (FAILED_JOBS, "Jobs that a worker could not do"),
        (QUOTES, "Quotes offered"),
        (PROOFS, "Epoch proofs sent to L1, by outcome"),
    ] {
        describe_counter(name, help);
    }
    describe_histogram(JOB_SECONDS, "Time that a job took its worker, by kind");
}

pub(crate) fn set_chain(l1_block: L1BlockNumber, tips: Tips) {
    metrics::gauge!(L1_BLOCK).set(approximate(l1_block.get()));
    metrics::gauge!(TIP, "tip" => "pending").set(approximate(tips.pending.get()));
    metrics::gauge!(TIP, "tip" => "proven").set(approximate(tips.proven.get()));
}

pub(crate) fn set_jobs(counts: &JobCounts, eta_seconds: u64) {
    for (state, count) in [
        ("waiting", counts.waiting),
        ("running", counts.running),
        ("pausing", counts.pausing),
        ("done", counts.done),
    ] {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        metrics::gauge!(JOBS, "state" => state).set(approximate(count));
    }
    metrics::gauge!(ETA).set(approximate(eta_seconds));
}

pub(crate) fn set_kept(bytes: u64) {
    metrics::gauge!(KEPT_BYTES).set(approximate(bytes));
}

pub(crate) fn job_done(kind: JobKind, seconds: f64) {
    metrics::histogram!(JOB_SECONDS, "kind" => kind.name()).record(seconds);
}

/// A gauge holds floats; what is lost above 2^53 nobody looks at.
#[expect(clippy::cast_precision_loss, reason = "a gauge is for people")]
pub(crate) const fn approximate(number: u64) -> f64 {
    number as f64
}
