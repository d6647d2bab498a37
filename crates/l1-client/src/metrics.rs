//! Metrics of this crate.

use metrics::{counter, describe_counter, describe_gauge, gauge};

use crate::blob::SourceFailure;
use crate::rpc::RpcCause;

const RPC_CALLS: &str = "agoge_l1_rpc_calls_total";
const RPC_FAILURES: &str = "agoge_l1_rpc_failures_total";
const BLOB_FAILURES: &str = "agoge_l1_blob_source_failures_total";
const HEAD_NUMBER: &str = "agoge_l1_head_number";
const HEAD_TIME: &str = "agoge_l1_head_time_seconds";
const FINALIZED_NUMBER: &str = "agoge_l1_finalized_number";
const REORGS: &str = "agoge_l1_reorgs_total";
const REORG_DEPTH: &str = "agoge_l1_reorg_depth_blocks";
const TXS: &str = "agoge_l1_txs_total";
const BUMPS: &str = "agoge_l1_tx_replacements_total";
const BALANCE: &str = "agoge_l1_publisher_balance_ether";

/// Describes every metric and sets those without labels to zero. Call once at start.
pub fn describe() {
    describe_counter!(RPC_CALLS, "JSON-RPC requests sent to L1, by method");
    describe_counter!(RPC_FAILURES, "JSON-RPC requests that failed, by method and cause");
    describe_counter!(BLOB_FAILURES, "Blob requests that failed, by cause");
    describe_gauge!(HEAD_NUMBER, "Last L1 block followed");
    describe_gauge!(HEAD_TIME, "Time of the last L1 block followed, Unix seconds");
    describe_gauge!(
        FINALIZED_NUMBER,
        "Last finalized L1 block as the endpoint reports it"
    );
    describe_counter!(REORGS, "L1 reorgs followed");
    describe_gauge!(REORG_DEPTH, "Depth of the last L1 reorg, blocks");
    describe_counter!(TXS, "L1 transactions finished, by outcome");
    describe_counter!(BUMPS, "L1 transactions replaced with higher fees");
    describe_gauge!(BALANCE, "Balance of the publisher key, ether");
    counter!(REORGS).absolute(0);
    counter!(BUMPS).absolute(0);
    gauge!(REORG_DEPTH).set(0.0);
}

pub(crate) fn rpc_called(method: &'static str) {
    counter!(RPC_CALLS, "method" => method).increment(1);
}

pub(crate) fn rpc_failed(method: &'static str, cause: &RpcCause) {
    counter!(RPC_FAILURES, "method" => method, "cause" => label(cause)).increment(1);
}

pub(crate) fn blob_source_failed(failure: &SourceFailure) {
    let cause = match failure {
        SourceFailure::NotFound => "not_found",
        SourceFailure::TooFewColumns => "too_few_columns",
        SourceFailure::WrongBlob { .. } => "wrong_blob",
        SourceFailure::Request(cause) => label(cause),
        SourceFailure::Archive(_) => "archive",
    };
    counter!(BLOB_FAILURES, "cause" => cause).increment(1);
}

#[expect(
    clippy::cast_precision_loss,
    reason = "block numbers and Unix seconds are far below 2^53"
)]
pub(crate) fn head(number: u64, time: u64) {
    gauge!(HEAD_NUMBER).set(number as f64);
    gauge!(HEAD_TIME).set(time as f64);
}

#[expect(clippy::cast_precision_loss, reason = "block numbers are far below 2^53")]
pub(crate) fn finalized(number: u64) {
    gauge!(FINALIZED_NUMBER).set(number as f64);
}

#[expect(clippy::cast_precision_loss, reason = "at most 64")]
pub(crate) fn reorg(depth: u64) {
    counter!(REORGS).increment(1);
    gauge!(REORG_DEPTH).set(depth as f64);
}

pub(crate) fn tx_finished(outcome: &'static str) {
    counter!(TXS, "outcome" => outcome).increment(1);
}

pub(crate) fn tx_replaced() {
    counter!(BUMPS).increment(1);
}

pub(crate) fn balance(wei: alloy::primitives::U256) {
    gauge!(BALANCE).set(f64::from(wei) / 1e18);
}

fn label(cause: &RpcCause) -> &'static str {
    match cause {
        RpcCause::Unreachable(_) => "unreachable",
        RpcCause::TimedOut(_) => "timed_out",
        RpcCause::RateLimited { .. } => "rate_limited",
        RpcCause::Forbidden(_) => "forbidden",
        RpcCause::Status(_) => "status",
        RpcCause::Html => "html",
        RpcCause::Malformed(_) => "malformed",
        RpcCause::BodyTooLarge { .. } => "body_too_large",
        RpcCause::WrongChain { .. } => "wrong_chain",
        RpcCause::Refused { .. } => "refused",
    }
}
