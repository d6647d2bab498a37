//! The commands: files in, words and data out.

pub(crate) mod check;
pub(crate) mod decide;
pub(crate) mod manifest;
pub(crate) mod state;
pub(crate) mod train;
pub(crate) mod watch;

use std::path::{Path, PathBuf};

use agoge_host::report::CliError;
use agoge_protocol::exit::ExitCode as Exit;
use agoge_supervisor::{Clock as _, SystemClock};
use serde::de::DeserializeOwned;

use crate::failure;
use crate::requirement::Stage;
use crate::train::{Journal, JournalError, Train};

/// Bytes of a manifest or a document that is hashed.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// What a command has to say.
pub(crate) struct Output {
    /// Last word of the schema.
    pub(crate) schema: &'static str,
    /// For programs.
    pub(crate) data: serde_json::Value,
    /// For people.
    pub(crate) text: String,
    /// How the program ends.
    pub(crate) exit: Exit,
}

impl Output {
    /// Data and words of a command that went well.
    pub(crate) fn new(schema: &'static str, data: impl serde::Serialize, text: String) -> Self {
        Self {
            schema,
            // Plain data: serialization does not fail.
            data: serde_json::to_value(data).unwrap_or_default(),
            text,
            exit: Exit::Ok,
        }
    }

    /// Nothing to say.
    pub(crate) fn nothing(schema: &'static str) -> Self {
        Self::new(schema, serde_json::Value::Null, String::new())
    }
}

/// The directory of a train, or of evidence without one.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct DirArgs {
    /// Directory of the train and its evidence.
    #[arg(long, value_name = "DIR", env = "AGOGE_GATE_DIR")]
    pub(crate) dir: PathBuf,
}

impl DirArgs {
    /// Where a stage's evidence is.
    pub(crate) fn evidence(&self, stage: Stage) -> PathBuf {
        self.dir.join(stage.to_string())
    }

    /// The train, if there is one.
    pub(crate) fn train(&self) -> Result<Option<Train>, CliError> {
        Journal::read(&self.dir).map_err(journal)
    }

    /// The train, which must be there.
    pub(crate) fn must_train(&self) -> Result<Train, CliError> {
        let missing = || {
            journal(JournalError::Missing {
                dir: self.dir.clone(),
            })
        };
        self.train()?.ok_or_else(missing)
    }
}

/// Why a journal or a step is refused, with what to do.
pub(crate) fn journal(error: JournalError) -> CliError {
    let hint = match error {
        JournalError::Chain(error) => return failure::chain(error),
        JournalError::Missing { .. } => {
            "begin one: `agoge-gate new --phase N --train WEEK --manifest FILE --dir DIR`"
        }
        JournalError::Exists { .. } => "give the new train a directory of its own",
        JournalError::Step { .. } => "`agoge-gate show` says where the train is",
        JournalError::Beginning | JournalError::Unsigned => {
            "the decision's key must be one of the manifest's signers; if nothing was being decided, the journal was edited: restore it"
        }
        JournalError::NeedsDecision(_) => "run `agoge-gate decide --go` or `--no-go`",
        JournalError::NoManifest => {
            "give --manifest FILE, made with `agoge-gate manifest` for the public network"
        }
    };
    failure::precondition(error, hint)
}

/// Unix seconds.
pub(crate) fn now() -> u64 {
    SystemClock.now_unix_ms() / 1_000
}

/// Reads a file of bounded size.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, CliError> {
    use std::io::Read as _;
    let refused = |error: String| failure::file(path, error);
    let file = std::fs::File::open(path).map_err(|error| refused(error.to_string()))?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| refused(error.to_string()))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= FILE_BYTES_MAX) {
        Ok(bytes)
    } else {
        Err(refused(format!("has more than {FILE_BYTES_MAX} bytes")))
    }
}

/// Reads a JSON file.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, CliError> {
    serde_json::from_slice(&read_file(path)?).map_err(|error| failure::file(path, error))
}
