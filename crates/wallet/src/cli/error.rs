//! What can go wrong in a command, and the exit code that says so.

use std::io::Write;
use std::path::PathBuf;

use agoge_protocol::exit::ExitCode;
use agoge_protocol::{Address, L2BlockNumber, TxId};
use serde_json::{Value, json};

use crate::book::{BookFileError, TooManyUnderWay};
use crate::deposit::DepositError;
use crate::dir::DirError;
use crate::exit::ProverError;
use crate::keyfile::KeyfileError;
use crate::l1::L1Error;
use crate::node::NodeError;
use crate::scan::ScanError;
use crate::seed::NotASeed;
use crate::transfer::TransferError;
use crate::withdrawal::ClaimError;

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
    /// More than a file of its kind holds.
    #[error("{path} is longer than {max} bytes")]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The limit.
        max: u64,
    },
    /// Others could read the password.
    #[error("{path} has mode {mode:o}; hint: chmod 600 {path}")]
    PasswordFileTooOpen {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A new wallet needs a password.
    #[error("the password is empty")]
    EmptyPassword,
    /// The password was typed differently the second time.
    #[error("the two passwords differ")]
    PasswordsDiffer,
    /// `submit` of something else.
    #[error("not the 0x hex of a transaction; hint: agoge-wallet send --print-raw makes one")]
    NotATransaction,
    /// No password file and no terminal.
    #[error("no password: {source}; hint: --password-file FILE")]
    Password {
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The wallet's directory.
    #[error(transparent)]
    Dir(#[from] DirError),
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
    /// L1.
    #[error(transparent)]
    L1(#[from] L1Error),
    /// The deposit.
    #[error(transparent)]
    Deposit(#[from] DepositError),
    /// The pull of a credit.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// The fee is below the network's least.
    #[error("the fee is {given} gwei, the network asks for at least {least} gwei")]
    FeeTooLow {
        /// As given.
        given: u64,
        /// The network's.
        least: u64,
    },
    /// The node asks for an unusual fee.
    #[error(
        "the node asks for a fee of at least {least} gwei, more than {max} gwei is only paid when you say so; hint: --fee {least}gwei"
    )]
    FeeTooHigh {
        /// The node's.
        least: u64,
        /// Without `--fee`.
        max: u64,
    },
    /// A distant node asks for proofs that hide nothing.
    #[error(
        "the node asks for proofs of the testing profile, which hide nothing; they are made only for a devnet on this machine"
    )]
    TestingProfile,
    /// Too many transactions wait for a block.
    #[error(transparent)]
    TooManyUnderWay(#[from] TooManyUnderWay),
    /// The task that made the proof was stopped.
    #[error("the proof was not made: {0}")]
    Task(#[from] tokio::task::JoinError),
    /// The transaction may have reached the node or not.
    #[error(
        "transaction {id} may have arrived: {source}; do not pay again: the wallet keeps it and hands it over with the next command; \
         hint: agoge-wallet balance"
    )]
    HandOver {
        /// The transaction.
        id: TxId,
        /// Why that is not known.
        #[source]
        source: NodeError,
    },
    /// The seed is stored; its notes were not looked for.
    #[error(
        "the seed is stored in {dir}, and agoge-wallet balance reads the chain later; it was not read now: {source}"
    )]
    RestoredUnread {
        /// The wallet's directory.
        dir: PathBuf,
        /// Why.
        #[source]
        source: Box<WalletError>,
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
    #[error(
        "deposit {index} is on L1 but in no {where_to} after {seconds} s; it is not lost: a block must consume it"
    )]
    DepositTimedOut {
        /// Inbox index.
        index: u64,
        /// "block" or "proven block".
        where_to: &'static str,
        /// Seconds waited.
        seconds: u64,
    },
    /// The instance has a committee.
    #[error(
        "the instance of {rollup} is not open to all: it makes blocks, or did until lately; hint: use withdraw while it does;          agoge-prover append --rollup {rollup} says from when on it is open, --wait SECONDS waits for it"
    )]
    NotOpen {
        /// Its Rollup.
        rollup: Address,
    },
    /// The notes do not hold what is to be withdrawn.
    #[error(
        "proven notes are {uncovered} gwei short, fees included; the rest would be {found} gwei; hint: agoge-wallet balance, or exit without --amount"
    )]
    NotEnoughToLeave {
        /// Gwei that no note covers.
        uncovered: u64,
        /// Gwei that notes cover.
        found: u64,
    },
    /// There is nothing to withdraw.
    #[error(
        "no proven note of this instance is worth its fee of {fee} gwei; hint: --node URL/instances/GENESIS_ID names the old instance,          agoge_instances of a node lists them"
    )]
    NothingToLeave {
        /// Gwei.
        fee: u64,
    },
    /// The file for the prover cannot be written.
    #[error(transparent)]
    File(#[from] agoge_host::keys::PermissionError),
    /// The prover appended nothing.
    #[error(transparent)]
    Append(#[from] ProverError),
    /// The node is behind L1.
    #[error(
        "block {last} is appended and proven on L1, the node did not have it after {seconds} s; hint: agoge-wallet claim pulls the money,          agoge-wallet balance reads the block later"
    )]
    NotRead {
        /// The last block appended.
        last: L2BlockNumber,
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
            Self::Seed(_) | Self::SeedNeeded | Self::SeedGiven | Self::Node(NodeError::Url { .. }) => {
                ExitCode::Usage
            }
            Self::Read { .. } | Self::TooLong { .. } | Self::Password { .. } | Self::NotATransaction => {
                ExitCode::Usage
            }
            Self::PasswordFileTooOpen { .. } | Self::EmptyPassword | Self::PasswordsDiffer => ExitCode::Usage,
            Self::Transfer(
                TransferError::ZeroAmount | TransferError::ZeroRecipient | TransferError::TooMuch { .. },
            ) => ExitCode::Usage,
            Self::FeeTooLow { .. } | Self::FeeTooHigh { .. } | Self::TooManyUnderWay(_) => {
                ExitCode::Precondition
            }
            Self::Keyfile(KeyfileError::Io { .. } | KeyfileError::Encrypt { .. }) => ExitCode::Failed,
            Self::Keyfile(_) | Self::Dir(DirError::Busy { .. }) => ExitCode::Precondition,
            Self::Transfer(TransferError::NotEnough { .. } | TransferError::TooManyNotes { .. }) => {
                ExitCode::Precondition
            }
            Self::Book(BookFileError::OtherInstance { .. }) | Self::TestingProfile => ExitCode::WrongNetwork,
            Self::TimedOut { .. } | Self::DepositTimedOut { .. } | Self::NotRead { .. } => ExitCode::TimedOut,
            Self::NotOpen { .. } | Self::NotEnoughToLeave { .. } | Self::NothingToLeave { .. } => {
                ExitCode::Precondition
            }
            Self::Append(error) => error.exit_code(),
            Self::L1(error) => error.exit_code(),
            Self::Deposit(error) => error.exit_code(),
            Self::Claim(error) => error.exit_code(),
            Self::RestoredUnread { source, .. } => source.exit_code(),
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
        // Parts of it may be a node's words, which shall not steer the terminal.
        let text: String = self
            .to_string()
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let (message, hint) = text
            .split_once("; hint: ")
            .map_or((text.as_str(), None), |(text, hint)| (text, Some(hint)));
        if is_json {
            let error = json!({"code": self.code(), "message": message, "hint": hint});
            print_line(&json!({"schema": "agoge.error/1", "ok": false, "error": error}).to_string());
        }
        let hint = hint.map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
        // Nothing is left to do when stderr is closed.
        drop(writeln!(
            std::io::stderr(),
            "error[{}]: {message}{hint}",
            self.code()
        ));
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
