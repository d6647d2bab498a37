//! What people and programs read: data on stdout, words on stderr, one JSON document with `--json`.

use std::io::{IsTerminal as _, Write as _};

use agoge_protocol::exit::ExitCode as Exit;
use serde::Serialize;
use serde_json::json;

use crate::config::{ConfigError, DeploymentError};
use crate::keys::KeyError;

/// Why a command ends with another code than 0.
#[derive(Debug)]
pub struct CliError {
    /// Exit code.
    pub exit: Exit,
    /// Stable code, `AGOGE-...`.
    pub code: &'static str,
    /// What happened; no secrets.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl CliError {
    /// An error without a hint.
    pub fn new(exit: Exit, code: &'static str, error: impl core::fmt::Display) -> Self {
        Self {
            exit,
            code,
            message: error.to_string(),
            hint: None,
        }
    }

    /// The same error with a hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        Self {
            exit: Exit::Usage,
            code: error.code(),
            message: error.to_string(),
            hint: error.hint(),
        }
    }
}

impl From<DeploymentError> for CliError {
    fn from(error: DeploymentError) -> Self {
        let exit = if error.is_wrong_network() {
            Exit::WrongNetwork
        } else {
            Exit::Precondition
        };
        let hint = "name the network's deployment file with --deployment FILE".to_owned();
        Self {
            exit,
            code: error.code(),
            message: error.to_string(),
            hint: Some(hint),
        }
    }
}

impl From<KeyError> for CliError {
    fn from(error: KeyError) -> Self {
        Self {
            exit: Exit::Precondition,
            code: error.code(),
            message: error.to_string(),
            hint: error.hint(),
        }
    }
}

/// Writes text to stdout. A reader that went away (`| head`) ends the output quietly.
pub fn print(text: &str) {
    // Nobody is left to tell.
    std::io::stdout().lock().write_all(text.as_bytes()).ok();
}

/// Tells a person something that is not the command's data.
pub fn tell(text: &str) {
    // Nobody is left to tell.
    writeln!(std::io::stderr().lock(), "{text}").ok();
}

/// Writes a command's data: one JSON document, or the text for people. `schema` is the program's word and the command's, `node.keys`.
pub fn data<T: Serialize>(json: bool, schema: &str, data: &T, text: impl FnOnce() -> String) {
    if json {
        let document = json!({ "schema": format!("agoge.{schema}/1"), "ok": true, "data": data });
        print(&format!("{document}\n"));
    } else {
        print(&text());
    }
}

/// Asks on the terminal before something is sent; `is_agreed` is `--yes`.
///
/// # Errors
/// [`CliError`] with [`Exit::Declined`] and `code`: the answer was no, or there is nobody to ask.
pub fn confirm(is_agreed: bool, code: &'static str) -> Result<(), CliError> {
    if is_agreed {
        return Ok(());
    }
    let declined =
        |message: &str, hint: &str| Err(CliError::new(Exit::Declined, code, message).with_hint(hint));
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return declined(
            "nothing was sent: there is no terminal to ask on",
            "read what would be sent, then give --yes",
        );
    }
    // A prompt that cannot be written is answered like one that cannot be read: with no.
    write!(std::io::stderr(), "Send it? [y/N] ").ok();
    let mut answer = String::new();
    match std::io::stdin().read_line(&mut answer) {
        Ok(_) if matches!(answer.trim(), "y" | "Y" | "yes") => Ok(()),
        _ => declined(
            "declined: nothing was sent",
            "run the command again when you want it sent",
        ),
    }
}

/// Reports why a command failed and gives its exit code.
pub fn fail(json: bool, error: CliError) -> Exit {
    let CliError {
        exit,
        code,
        message,
        hint,
    } = error;
    if json {
        let error = json!({ "code": code, "message": message, "hint": hint });
        print(&format!(
            "{}\n",
            json!({ "schema": "agoge.error/1", "ok": false, "error": error })
        ));
    } else {
        tell(&format!("error[{code}]: {message}"));
        if let Some(hint) = hint {
            tell(&format!("hint: {hint}"));
        }
    }
    exit
}
