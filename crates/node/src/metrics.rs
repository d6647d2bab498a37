//! The node's metrics.

use agoge_protocol::{L1BlockNumber, L2BlockNumber};
use agoge_store::Tips;
use agoge_supervisor::{describe_counter, describe_gauge, describe_histogram};

pub(crate) const L1_REORGS: &str = "agoge_node_l1_reorgs_total";
pub(crate) const DUTIES_DONE: &str = "agoge_node_duties_done_total";
pub(crate) const DUTIES_MISSED: &str = "agoge_node_duties_missed_total";
pub(crate) const SIGNATURES_REFUSED: &str = "agoge_node_signatures_refused_total";
pub(crate) const EQUIVOCATIONS: &str = "agoge_node_equivocations_total";
pub(crate) const OWN_KEYS_ELSEWHERE: &str = "agoge_node_own_key_equivocations_total";
pub(crate) const REPORTS: &str = "agoge_node_equivocation_reports_total";
pub(crate) const REPORTS_WAITING: &str = "agoge_node_equivocation_reports_waiting";
pub(crate) const BUILD_SECONDS: &str = "agoge_node_block_build_seconds";
pub(crate) const REEXECUTE_SECONDS: &str = "agoge_node_block_reexecute_seconds";
pub(crate) const POOL_TXS: &str = "agoge_node_mempool_transactions";
pub(crate) const POOL_BYTES: &str = "agoge_node_mempool_bytes";
pub(crate) const ATTESTATION_SET_SECONDS: &str = "agoge_attestation_set_seconds";
const L1_BLOCK: &str = "agoge_node_l1_block";
const TIP: &str = "agoge_node_tip_block";
const PROVEN: &str = "agoge_node_proven_block";
const FINALIZED: &str = "agoge_node_finalized_block";

/// Describes every metric and sets it to zero. Called once, after the recorder is installed.
pub(crate) fn describe() {
    describe_counter(L1_REORGS, "L1 reorganisations followed.");
    describe_counter(DUTIES_DONE, "Duties done by this node's keys.");
    describe_counter(DUTIES_MISSED, "Duties missed by this node's keys.");
    describe_counter(SIGNATURES_REFUSED, "Signatures that the guard refused.");
    describe_counter(EQUIVOCATIONS, "Equivocations of other validators seen.");
    describe_counter(
        OWN_KEYS_ELSEWHERE,
        "Equivocations of own keys seen: another node signs with them.",
    );
    metrics::describe_counter!(
        REPORTS,
        "Reports of equivocations by outcome: slashed (by this node), settled (nothing is left to do), given_up."
    );
    describe_gauge(
        REPORTS_WAITING,
        "Equivocations waiting to be reported or settled.",
    );
    describe_histogram(BUILD_SECONDS, "Time to build a block.");
    describe_histogram(REEXECUTE_SECONDS, "Time to fetch, verify and execute a proposal.");
    describe_gauge(POOL_TXS, "Transactions queued.");
    describe_gauge(POOL_BYTES, "Bytes queued.");
    describe_histogram(
        ATTESTATION_SET_SECONDS,
        "Time from an own proposal to its signed set of attestations.",
    );
    describe_gauge(L1_BLOCK, "Last L1 block applied.");
    describe_gauge(TIP, "Pending tip.");
    describe_gauge(PROVEN, "Proven tip.");
    describe_gauge(FINALIZED, "Last proven block whose L1 block is final.");
}

pub(crate) fn set_chain(l1: L1BlockNumber, tip: L2BlockNumber, tips: Tips) {
    metrics::gauge!(L1_BLOCK).set(approximate(l1.get()));
    metrics::gauge!(TIP).set(approximate(tip.get()));
    metrics::gauge!(PROVEN).set(approximate(tips.proven.get()));
    metrics::gauge!(FINALIZED).set(approximate(tips.finalized.get()));
}

/// As a gauge shows it.
pub(crate) fn approximate(number: u64) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}
