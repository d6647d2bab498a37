//! What can go wrong in a command, and the exit code that says so.

use std::io::Write;
use std::path::PathBuf;

use agoge_protocol::TxId;
use agoge_protocol::exit::ExitCode;
use serde_json::{Value, json};

use crate::book::BookFileError;
use crate::deposit::DepositError;
use crate::keyfile::KeyfileError;
use crate::node::NodeError;
use crate::scan::ScanError;
use crate::seed::NotASeed;
use crate::transfer::TransferError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum WalletError {
    /// `--seed` is no seed.
    #[error("--seed: {0}")]
    Seed(#[from] NotASeed),
    /// `restore` without a seed.
    #[error("restore needs --seed (64 hex digits, or - to read it from stdin)")]
    SeedNeeded,
    /// `new` with a seed.
    #[error("new makes a random seed; hint: agoge-wallet restore --seed ... for a known one")]
    SeedGiven,
    /// A file cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// No password file and no terminal.
    #[error("no password: {source}; hint: --password-file FILE")]
    Password {
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The stored seed.
    #[error(transparent)]
    Keyfile(#[from] KeyfileError),
    /// The wallet's file.
    #[error(transparent)]
    Book(#[from] BookFileError),
    /// The node.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// Reading the chain.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// Building a transaction.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// The client circuit could not be built.
    #[error(transparent)]
    Prover(#[from] agoge_circuits::ClientProverError),
    /// The deposit.
    #[error(transparent)]
    Deposit(#[from] DepositError),
    /// The fee is below the network's least.
    #[error("the fee is {given} gwei, the network asks for at least {least} gwei")]
    FeeTooLow {
        /// As given.
        given: u64,
        /// The network's.
        least: u64,
    },
    /// Waiting took too long.
    #[error("{what} did not happen within {seconds} s; hint: agoge-wallet status {id}")]
    TimedOut {
        /// What was waited for.
        what: &'static str,
        /// Seconds waited.
        seconds: u64,
        /// The transaction.
        id: TxId,
    },
    /// The deposit was not consumed in time.
    #[error("deposit {index} is on L1 but in no block after {seconds} s; it is not lost: a block must consume it")]
    DepositTimedOut {
        /// Inbox index.
        index: u64,
        /// Seconds waited.
        seconds: u64,
    },
    /// The node dropped the transaction.
    #[error("the node dropped transaction {id}: {reason}")]
    Dropped {
        /// The transaction.
        id: TxId,
        /// The node's word.
        reason: String,
    },
}

impl WalletError {
    /// How the program ends.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Seed(_) | Self::SeedNeeded | Self::SeedGiven | Self::Node(NodeError::Url { .. }) => ExitCode::Usage,
            Self::Read { .. } | Self::Password { .. } => ExitCode::Usage,
            Self::FeeTooLow { .. } | Self::Transfer(TransferError::ZeroAmount | TransferError::TooMuch { .. }) => ExitCode::Usage,
            Self::Keyfile(_) => ExitCode::Precondition,
            Self::Transfer(TransferError::NotEnough { .. } | TransferError::TooManyNotes { .. }) => ExitCode::Precondition,
            Self::Book(BookFileError::OtherInstance { .. }) => ExitCode::WrongNetwork,
            Self::TimedOut { .. } | Self::DepositTimedOut { .. } => ExitCode::TimedOut,
            Self::Deposit(error) => error.exit_code(),
            _ => ExitCode::Failed,
        }
    }

    /// Stable code: the node's own, or the wallet's by exit code.
    fn code(&self) -> String {
        match self {
            Self::Node(NodeError::Refused { code, .. }) => code.clone(),
            other => format!("AGOGE-WALLET-{:03}", other.exit_code() as u8),
        }
    }

    pub(super) fn print(&self, is_json: bool) {
        if is_json {
            let error = json!({"schema": "agoge.error/1", "ok": false, "error": {"code": self.code(), "message": self.to_string()}});
            print_line(&error.to_string());
        }
        // Nothing is left to do when stderr is closed.
        drop(writeln!(std::io::stderr(), "error[{}]: {}", self.code(), self.to_string().replace("; hint: ", "\nhint: ")));
    }
}

/// What a command prints: one JSON document, or lines for people.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) schema: &'static str,
    pub(crate) data: Value,
    pub(crate) lines: Vec<String>,
}

impl Output {
    pub(super) fn print(&self, is_json: bool) {
        if is_json {
            print_line(&json!({"schema": self.schema, "ok": true, "data": self.data}).to_string());
        } else {
            for line in &self.lines {
                print_line(line);
            }
        }
    }
}

/// A closed pipe ends the output quietly.
fn print_line(line: &str) {
    drop(writeln!(std::io::stdout(), "{line}"));
}
