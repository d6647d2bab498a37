//! What went wrong, as code, exit code, words and a hint. The codes are listed in docs/gates.md.

use agoge_host::report::CliError;
use agoge_l1_client::{ClientError, RpcError, VerifyError};
use agoge_protocol::exit::ExitCode as Exit;

use crate::chain::ChainError;
use crate::evidence::EvidenceError;
use crate::requirement::RequirementError;

/// What was asked for cannot be meant.
pub(crate) fn usage(message: impl core::fmt::Display, hint: impl Into<String>) -> CliError {
    CliError::new(Exit::Usage, "AGOGE-GATE-001", message).with_hint(hint)
}

/// Something that must be so first is not.
pub(crate) fn precondition(message: impl core::fmt::Display, hint: impl Into<String>) -> CliError {
    CliError::new(Exit::Precondition, "AGOGE-GATE-003", message).with_hint(hint)
}

/// The gate says no.
pub(crate) fn refused(exit: Exit, message: impl core::fmt::Display, hint: impl Into<String>) -> CliError {
    CliError::new(exit, "AGOGE-GATE-004", message).with_hint(hint)
}

/// A file that cannot be used.
pub(crate) fn file(path: &std::path::Path, error: impl core::fmt::Display) -> CliError {
    CliError::new(
        Exit::Precondition,
        "AGOGE-GATE-002",
        format!("{}: {error}", path.display()),
    )
}

pub(crate) fn chain(error: ChainError) -> CliError {
    let hint = match &error {
        ChainError::Io { .. } => "check the path, its owner and the space on its disk",
        ChainError::Malformed { .. } | ChainError::Broken { .. } => {
            "the file was changed by something else: restore it from a copy, or begin a new directory"
        }
    };
    CliError::new(Exit::Precondition, "AGOGE-GATE-002", error).with_hint(hint)
}

pub(crate) fn evidence(error: EvidenceError) -> CliError {
    let hint = match error {
        EvidenceError::Chain(error) => return chain(error),
        EvidenceError::Missing { .. } => {
            "record some first: `agoge-gate watch --dir DIR --stage internal ...`"
        }
        EvidenceError::NoHeader { .. } | EvidenceError::Order { .. } => {
            "use files as `agoge-gate watch` wrote them, of one directory"
        }
        EvidenceError::OtherSubject { .. } => {
            "watch with the same network, deployment and node URLs, in the same order, or begin a new --dir"
        }
        EvidenceError::Locked { .. } => "stop that watcher, or give this one another --dir",
    };
    CliError::new(Exit::Precondition, "AGOGE-GATE-002", error).with_hint(hint)
}

pub(crate) fn requirement(error: RequirementError) -> CliError {
    usage(error, "give --phase 1, 2, 3 or 4")
}

pub(crate) fn rpc(error: RpcError) -> CliError {
    let (exit, code) = if error.is_wrong_chain() {
        (Exit::WrongNetwork, "AGOGE-L1-001")
    } else {
        (Exit::Failed, "AGOGE-L1-002")
    };
    let hint = error.cause.hint();
    CliError::new(exit, code, error).with_hint(hint)
}

pub(crate) fn client(error: ClientError) -> CliError {
    match error {
        ClientError::Rpc(error) => rpc(error),
        error => usage(
            error,
            "give --l1 URL, up to 8 of them, and the whole deployment file",
        ),
    }
}

pub(crate) fn verify(error: VerifyError) -> CliError {
    match error {
        VerifyError::Call(error) => CliError::new(Exit::Failed, "AGOGE-L1-002", error)
            .with_hint("is --l1 an execution RPC of the network's chain?"),
        error => CliError::new(Exit::WrongNetwork, "AGOGE-DEP-005", error)
            .with_hint("use the network's own files, unchanged"),
    }
}
