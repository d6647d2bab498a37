//! Leaving an old pool: which notes are withdrawn by which transactions, and the program that appends these to the instance.
//!
//! An instance that was superseded or that stalled has no committee to make blocks; whoever wants to leave makes one, with its proof
//! (`docs/protocol.md` 16.7). Every transaction spends one or two notes and pays the recipient at once, so all of them fit one append, as far
//! as a block has room: nothing waits for another's change.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use agoge_protocol::exit::ExitCode;
use agoge_protocol::{Address, B256, L2BlockNumber, TxId};
use serde::Deserialize;
use serde_json::Value;

use crate::book::{Book, OwnedNote};

/// The prover's program.
const PROGRAM: &str = "agoge-prover";
/// Bytes of the prover's answer: names of a thousand transactions.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Characters of the prover's words that are passed on.
const WORDS_MAX: usize = 4_000;

/// Notes that one transaction withdraws.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaving {
    /// One or two.
    pub notes: Vec<OwnedNote>,
    /// Gwei that the recipient gets.
    pub amount: u64,
}

/// What is withdrawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Every note that is worth its fee.
    All,
    /// So many gwei.
    Gwei(u64),
}

/// Chooses the transactions of an exit: the largest notes first, two at a time, each with a fee of `fee` gwei. Only notes among the first
/// `proven_count` leaves count, for what is not proven leaves with the next append. At most `transactions_max` are made.
///
/// Returns them with the gwei of an [`Extent::Gwei`] that they do not cover; with [`Extent::All`] that is 0.
pub fn plan(
    book: &Book,
    proven_count: u64,
    fee: u64,
    extent: Extent,
    transactions_max: usize,
) -> (Vec<Leaving>, u64) {
    let mut notes: Vec<&OwnedNote> = book
        .spendable()
        .filter(|note| note.index < proven_count)
        .collect();
    notes.sort_by_key(|note| (core::cmp::Reverse(note.value), note.index));
    let mut open = match extent {
        Extent::All => u64::MAX,
        Extent::Gwei(amount) => amount,
    };
    let mut leaving = Vec::new();
    for pair in notes.chunks(2).take(transactions_max) {
        let sum = pair
            .iter()
            .fold(0_u64, |sum, note| sum.saturating_add(note.value));
        let amount = sum.saturating_sub(fee).min(open);
        // The notes after these are smaller still.
        if amount == 0 {
            break;
        }
        open = open.saturating_sub(amount);
        leaving.push(Leaving {
            notes: pair.iter().map(|note| (*note).clone()).collect(),
            amount,
        });
    }
    let uncovered = match extent {
        Extent::All => 0,
        Extent::Gwei(_) => open,
    };
    (leaving, uncovered)
}

/// What was appended, as the prover says it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct AppendReport {
    /// First block.
    pub first: L2BlockNumber,
    /// Last block.
    pub last: L2BlockNumber,
    /// Transactions in them.
    pub transactions: Vec<TxId>,
    /// Transactions that can never be appended.
    pub refused: Vec<RefusedTx>,
    /// Transactions for which there was no room.
    pub left: Vec<TxId>,
    /// The L1 transaction.
    pub l1_tx: B256,
}

/// A transaction that the prover does not append.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RefusedTx {
    /// The transaction.
    pub id: TxId,
    /// Why, in its words.
    pub reason: String,
}

/// Why nothing was appended.
#[derive(Debug, thiserror::Error)]
pub enum ProverError {
    /// The program cannot be started.
    #[error("cannot run {path}: {source}; hint: name the agoge-prover program with --prover PATH")]
    Start {
        /// The program.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It ended with an error.
    #[error("agoge-prover append: {message}{}", hint.as_ref().map(|hint| format!("; hint: {hint}")).unwrap_or_default())]
    Refused {
        /// How it ended.
        exit: Option<i32>,
        /// In its words.
        message: String,
        /// What to do, in its words.
        hint: Option<String>,
    },
    /// It ended well and said something else than it should.
    #[error(
        "agoge-prover append answered what this wallet does not understand: {0}; hint: use programs of one release"
    )]
    Answer(serde_json::Error),
}

impl ProverError {
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Start { .. } => ExitCode::Precondition,
            Self::Answer(_) => ExitCode::Failed,
            Self::Refused { exit, .. } => match exit {
                Some(2) => ExitCode::Usage,
                Some(3) => ExitCode::Precondition,
                Some(4) => ExitCode::WrongNetwork,
                Some(5) => ExitCode::Reverted,
                Some(6) => ExitCode::SimulationReverts,
                Some(7) => ExitCode::TimedOut,
                Some(8) => ExitCode::Declined,
                _ => ExitCode::Failed,
            },
        }
    }
}

/// A call of `agoge-prover append`.
#[derive(Clone, Debug)]
pub struct AppendCall {
    /// The program; beside this one, else found by its name, without a path.
    pub program: Option<PathBuf>,
    /// The instance.
    pub rollup: Address,
    /// File with raw transactions.
    pub transactions: PathBuf,
    /// Further flags with their values, in order; one that `extra` has too is left out.
    pub flags: Vec<(&'static str, String)>,
    /// What a person adds.
    pub extra: Vec<String>,
}

impl AppendCall {
    /// The program and its arguments.
    pub fn command(&self) -> (PathBuf, Vec<String>) {
        let mut args = ["append", "--json", "--yes", "--rollup"]
            .map(str::to_owned)
            .to_vec();
        args.push(self.rollup.to_string());
        args.push("--transactions".to_owned());
        args.push(self.transactions.display().to_string());
        for (flag, value) in &self.flags {
            let assigned = format!("{flag}=");
            let is_given = |arg: &String| arg == flag || arg.starts_with(&assigned);
            if !self.extra.iter().any(is_given) {
                args.push((*flag).to_owned());
                args.push(value.clone());
            }
        }
        args.extend(self.extra.iter().cloned());
        let beside = || {
            let path = std::env::current_exe().ok()?.with_file_name(PROGRAM);
            path.is_file().then_some(path)
        };
        let program = self.program.clone().or_else(beside);
        (program.unwrap_or_else(|| Path::new(PROGRAM).to_owned()), args)
    }

    /// Runs it. What it tells people goes to this program's stderr; it may ask for a password on the terminal.
    ///
    /// # Errors
    /// [`ProverError`].
    pub async fn run(&self) -> Result<AppendReport, ProverError> {
        let (path, args) = self.command();
        let child = tokio::process::Command::new(&path)
            .args(args)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let output = match child {
            Ok(child) => child.wait_with_output().await,
            Err(error) => Err(error),
        };
        let output = output.map_err(|source| ProverError::Start { path, source })?;
        answer(output.status.code(), &output.stdout)
    }
}

/// What an exit code and a document mean.
fn answer(exit: Option<i32>, stdout: &[u8]) -> Result<AppendReport, ProverError> {
    let document = stdout
        .get(..stdout.len().min(ANSWER_BYTES_MAX))
        .unwrap_or_default();
    let document: Result<Value, _> = serde_json::from_slice(document);
    if exit == Some(0) {
        let mut document = document.map_err(ProverError::Answer)?;
        let data = document.get_mut("data").map(Value::take).unwrap_or_default();
        return serde_json::from_value(data).map_err(ProverError::Answer);
    }
    let document = document.unwrap_or_default();
    let text = |field| {
        let text = document.pointer(field).and_then(Value::as_str)?;
        Some(text.chars().take(WORDS_MAX).collect::<String>())
    };
    let unexplained = || match exit {
        Some(code) => format!("it ended with exit code {code}"),
        None => "it was killed".to_owned(),
    };
    Err(ProverError::Refused {
        exit,
        message: text("/error/message").unwrap_or_else(unexplained),
        hint: text("/error/hint"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(extra: &[&str]) -> Vec<String> {
        let call = AppendCall {
            program: None,
            rollup: Address::repeat_byte(1),
            transactions: PathBuf::from("txs"),
            flags: vec![("--network", "devnet".to_owned()), ("--wait", "0".to_owned())],
            extra: extra.iter().map(|arg| (*arg).to_owned()).collect(),
        };
        call.command().1
    }

    #[test]
    fn what_a_person_gives_goes_before_what_the_wallet_knows() {
        let rollup = Address::repeat_byte(1).to_string();
        let plain = [
            "append",
            "--json",
            "--yes",
            "--rollup",
            &rollup,
            "--transactions",
            "txs",
        ];
        let with = |rest: &[&'static str]| -> Vec<String> {
            plain.iter().chain(rest).map(|arg| (*arg).to_owned()).collect()
        };
        assert_eq!(call(&[]), with(&["--network", "devnet", "--wait", "0"]));
        assert_eq!(
            call(&["--network", "mine.toml", "--test-verifier"]),
            with(&["--wait", "0", "--network", "mine.toml", "--test-verifier"])
        );
        assert_eq!(call(&["--wait=9"]), with(&["--network", "devnet", "--wait=9"]));
    }

    #[test]
    fn answers_are_reports_or_the_provers_own_words() {
        let [one, two] = [1, 2].map(|byte| format!("0x{}", hex::encode([byte; 32])));
        let good = format!(
            r#"{{"ok":true,"data":{{"first":4,"last":5,"transactions":["{one}"],"refused":[{{"id":"{two}","reason":"spent"}}],"left":[],"l1_tx":"{one}","more":1}}}}"#
        );
        let report = answer(Some(0), good.as_bytes()).unwrap();
        assert_eq!((report.first.get(), report.last.get()), (4, 5));
        assert_eq!(report.transactions, [TxId(B256::repeat_byte(1))]);
        assert_eq!(report.refused[0].id, TxId(B256::repeat_byte(2)));
        for bad in ["", "{}", r#"{"ok":true,"data":{"first":4}}"#] {
            assert!(
                matches!(answer(Some(0), bad.as_bytes()), Err(ProverError::Answer(_))),
                "{bad}"
            );
        }
        let refusal = br#"{"ok":false,"error":{"code":"AGOGE-PRV-011","message":"not open","hint":"wait"}}"#;
        let error = answer(Some(3), refusal).unwrap_err();
        assert_eq!(error.to_string(), "agoge-prover append: not open; hint: wait");
        assert_eq!(error.exit_code(), ExitCode::Precondition);
        let error = answer(None, b"").unwrap_err();
        assert!(error.to_string().contains("killed"), "{error}");
        assert_eq!(error.exit_code(), ExitCode::Failed);
    }
}
