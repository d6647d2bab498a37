//! Errors as JSON-RPC answers: a code of the Ethereum JSON-RPC, and `data.code` that never changes.

use agoge_protocol::Epoch;
use agoge_protocol::rpc::{ErrorData, QuoteRejection, TxRejection};
use jsonrpsee::types::ErrorObjectOwned;

use crate::mempool::RefuseReason;
use crate::query::{CommandError, CommitteeError, NotRunning, QueryError, SendError};
use crate::quotes::QuoteRefusal;

const INVALID_INPUT: i32 = -32_000;
const NOT_FOUND: i32 = -32_001;
const UNAVAILABLE: i32 = -32_002;
const TX_REJECTED: i32 = -32_003;
const UNSUPPORTED: i32 = -32_004;
const LIMIT_EXCEEDED: i32 = -32_005;
const INVALID_PARAMS: i32 = -32_602;
const INTERNAL: i32 = -32_603;

fn object(
    code: i32,
    stable: &str,
    message: impl Into<String>,
    hint: Option<&str>,
    max: Option<u64>,
) -> ErrorObjectOwned {
    let data = ErrorData {
        code: stable.to_owned(),
        hint: hint.map(str::to_owned),
        max,
    };
    ErrorObjectOwned::owned(code, message, Some(data))
}

/// A parameter is missing, too many or of the wrong form.
pub(super) fn bad_params(message: impl Into<String>) -> ErrorObjectOwned {
    object(INVALID_PARAMS, "AGOGE-RPC-002", message, None, None)
}

/// A range is longer than its cap.
pub(super) fn over_limit(what: &str, max: u64) -> ErrorObjectOwned {
    let message = format!("{what}: at most {max} are answered at once");
    object(
        LIMIT_EXCEEDED,
        "AGOGE-RPC-005",
        message,
        Some("ask again from where this answer would end"),
        Some(max),
    )
}

/// An epoch whose committee is not told.
pub(super) fn epoch_out_of_range(epoch: Epoch, first: u64, last: u64) -> ErrorObjectOwned {
    let message = format!("epoch {epoch}: only committees of epochs {first} to {last} are told now");
    object(
        LIMIT_EXCEEDED,
        "AGOGE-RPC-005",
        message,
        Some("read older committees from L1"),
        None,
    )
}

/// A path that names no instance.
pub(super) fn unknown_path() -> ErrorObjectOwned {
    object(
        NOT_FOUND,
        "AGOGE-RPC-010",
        "no such path",
        Some(
            "POST to / for the canonical instance, to /instances/0x<genesis id> for another; agoge_instances lists them",
        ),
        None,
    )
}

/// An instance that does not answer here.
pub(super) fn not_running(error: NotRunning) -> ErrorObjectOwned {
    match &error {
        NotRunning::Unknown { .. } => object(
            NOT_FOUND,
            "AGOGE-RPC-010",
            error.to_string(),
            Some("agoge_instances lists them"),
            None,
        ),
        NotRunning::Down { .. } => object(
            UNAVAILABLE,
            "AGOGE-RPC-011",
            error.to_string(),
            Some("agoge_instances lists those that run; POST to /instances/0x<genesis id> for one of them"),
            None,
        ),
    }
}

/// L1 does not tell how governance stands. Its words go to the log: they may name endpoints.
pub(super) fn governance(reason: String) -> ErrorObjectOwned {
    tracing::warn!(%reason, "L1 did not tell how governance stands");
    object(
        UNAVAILABLE,
        "AGOGE-RPC-003",
        "L1 did not tell how governance stands",
        Some("try again; the node's log says more"),
        None,
    )
}

/// A failure of ours. What failed goes to the log, not to the caller: it may name paths.
pub(super) fn internal(error: &dyn core::error::Error) -> ErrorObjectOwned {
    tracing::error!(%error, "RPC request failed");
    object(
        INTERNAL,
        "AGOGE-RPC-006",
        "internal error",
        Some("the node's log says more"),
        None,
    )
}

/// The operation is not possible as this node was started.
pub(super) fn unsupported(message: &'static str, hint: &'static str) -> ErrorObjectOwned {
    object(UNSUPPORTED, "AGOGE-RPC-009", message, Some(hint), None)
}

/// An admin request that cannot be carried out as it was made.
pub(super) fn refused(error: &dyn core::error::Error) -> ErrorObjectOwned {
    object(INVALID_INPUT, "AGOGE-RPC-008", error.to_string(), None, None)
}

/// A refused transaction.
pub(super) fn rejected(reason: TxRejection, message: impl Into<String>) -> ErrorObjectOwned {
    object(TX_REJECTED, reason.code(), message, None, None)
}

pub(super) fn query(error: QueryError) -> ErrorObjectOwned {
    internal(&error)
}

pub(super) fn send(error: SendError) -> ErrorObjectOwned {
    match error {
        SendError::Refused(reason) => rejected(rejection(&reason), reason.to_string()),
        SendError::Busy | SendError::Stopping => unavailable(&error),
    }
}

const fn rejection(reason: &RefuseReason) -> TxRejection {
    match reason {
        RefuseReason::WrongGenesis { .. } => TxRejection::WrongGenesis,
        RefuseReason::FeeTooLow { .. } => TxRejection::FeeTooLow,
        RefuseReason::CiphertextHash => TxRejection::CiphertextHash,
        RefuseReason::UnknownAnchor { .. } => TxRejection::UnknownAnchor,
        RefuseReason::Spent { .. } => TxRejection::Spent,
        RefuseReason::Conflict { .. } => TxRejection::Conflict,
        RefuseReason::PoolFull { .. } => TxRejection::PoolFull,
        RefuseReason::KnownInvalid | RefuseReason::InvalidProof => TxRejection::InvalidProof,
        RefuseReason::AlreadyQueued => TxRejection::AlreadyQueued,
    }
}

/// A refused quote.
pub(super) fn quote(refusal: &QuoteRefusal) -> ErrorObjectOwned {
    let reason = match refusal {
        QuoteRefusal::WrongInstance { .. } => QuoteRejection::WrongInstance,
        QuoteRefusal::Invalid(_) => QuoteRejection::Invalid,
        QuoteRefusal::BondTooSmall { .. } => QuoteRejection::BondTooSmall,
        QuoteRefusal::WrongEpoch { .. } | QuoteRefusal::Expired { .. } => QuoteRejection::NotClaimable,
        QuoteRefusal::WrongArchive { .. } => QuoteRejection::WrongArchive,
        QuoteRefusal::Known => QuoteRejection::Known,
        QuoteRefusal::NotCheaper { .. } => QuoteRejection::NotCheaper,
        QuoteRefusal::NoBond { .. } => QuoteRejection::NoBond,
        QuoteRefusal::Busy | QuoteRefusal::L1(_) | QuoteRefusal::NotReady => return unavailable(refusal),
        QuoteRefusal::Store(_) => return internal(refusal),
    };
    malformed_or_refused_quote(reason, refusal.to_string())
}

/// A quote that cannot be taken, for a reason with a code.
pub(super) fn malformed_or_refused_quote(
    reason: QuoteRejection,
    message: impl Into<String>,
) -> ErrorObjectOwned {
    object(TX_REJECTED, reason.code(), message, None, None)
}

fn unavailable(error: &dyn core::error::Error) -> ErrorObjectOwned {
    object(
        UNAVAILABLE,
        "AGOGE-RPC-003",
        error.to_string(),
        Some("try again"),
        None,
    )
}

pub(super) fn committee(error: CommitteeError) -> ErrorObjectOwned {
    match &error {
        CommitteeError::NotYetKnown { .. } => unavailable(&error),
        CommitteeError::SetTooSmall { .. } => {
            object(NOT_FOUND, "AGOGE-RPC-004", error.to_string(), None, None)
        }
        CommitteeError::L1 { epoch, source } => {
            tracing::warn!(%epoch, error = %source, "L1 did not tell a set");
            object(
                UNAVAILABLE,
                "AGOGE-RPC-003",
                format!("L1 did not tell the set of epoch {epoch}"),
                Some("try again"),
                None,
            )
        }
    }
}

pub(super) fn command(error: CommandError) -> ErrorObjectOwned {
    match &error {
        CommandError::UnknownAttester { .. } => {
            object(NOT_FOUND, "AGOGE-RPC-007", error.to_string(), None, None)
        }
        CommandError::Guard(source) => refused(source.as_ref()),
        CommandError::Payload { .. } => refused(&error),
        CommandError::L1(_) => unavailable(&error),
        CommandError::Storage(_) => internal(&error),
        CommandError::Stopping => unavailable(&error),
    }
}
