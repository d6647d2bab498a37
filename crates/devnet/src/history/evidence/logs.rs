//! What processes logged.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use aho_corasick::{AhoCorasick, BuildError};
use serde_json::Value;

use super::secrets::Secret;

/// Characters of a line that are told.
const TOLD_MAX: usize = 160;

/// What a log holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogFacts {
    /// The process.
    pub name: String,
    /// Lines.
    pub lines: u64,
    /// Lines that tell of a panic.
    pub panics: Vec<(u64, String)>,
    /// Errors by minute of the log's own clock, `2026-12-01T02:41`.
    pub errors: BTreeMap<String, u64>,
    /// Lines with a secret, and the file that holds it.
    pub leaks: Vec<(u64, String)>,
}

/// Searches logs for secrets in all their forms, in one pass.
#[derive(Debug)]
pub struct Search {
    forms: Option<AhoCorasick>,
    files: Vec<String>,
    dir: Vec<u8>,
}

impl Search {
    /// Prepares the search. What is only part of the path of the run's directory, `dir`, is no secret.
    ///
    /// # Errors
    /// There are too many secrets.
    pub fn new(secrets: &[Secret], dir: &Path) -> Result<Self, BuildError> {
        let named = secrets.iter().flat_map(|secret| {
            let file = secret.file.display().to_string();
            secret.forms.iter().map(move |form| (form, file.clone()))
        });
        let (forms, files): (Vec<_>, Vec<_>) = named.unzip();
        // Without a pattern there is nothing to build.
        let forms = if forms.is_empty() {
            None
        } else {
            let mut builder = AhoCorasick::builder();
            Some(builder.ascii_case_insensitive(true).build(forms)?)
        };
        Ok(Self {
            forms,
            files,
            dir: dir.display().to_string().into_bytes(),
        })
    }

    /// The file of a secret in a line.
    fn leak(&self, line: &[u8]) -> Option<&str> {
        let forms = self.forms.as_ref()?;
        let found = forms
            .find_overlapping_iter(line)
            .find(|found| !is_within(line, &self.dir, found.start(), found.end()))?;
        self.files.get(found.pattern().as_usize()).map(String::as_str)
    }
}

/// Whether a range of a line is part of a place where `text` stands.
fn is_within(line: &[u8], text: &[u8], start: usize, end: usize) -> bool {
    if text.is_empty() {
        return false;
    }
    let first = end.saturating_sub(text.len());
    (first..=start).any(|from| line.get(from..).is_some_and(|rest| rest.starts_with(text)))
}

/// Reads a log.
///
/// # Errors
/// Those of the file.
pub fn read(name: &str, path: &Path, search: &Search) -> std::io::Result<LogFacts> {
    let mut reader = BufReader::new(File::open(path)?);
    let mut facts = LogFacts {
        name: name.to_owned(),
        ..LogFacts::default()
    };
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        facts.lines = facts.lines.saturating_add(1);
        facts.take(&line, search);
        line.clear();
    }
    Ok(facts)
}

impl LogFacts {
    fn take(&mut self, line: &[u8], search: &Search) {
        let leak = search.leak(line);
        if let Some(file) = leak {
            self.leaks.push((self.lines, file.to_owned()));
        }
        let text = String::from_utf8_lossy(line);
        if text.contains("panicked") {
            // A line with a secret is not told.
            let told = if leak.is_some() { "" } else { text.trim_end() };
            self.panics
                .push((self.lines, told.chars().take(TOLD_MAX).collect()));
        }
        if let Some(minute) = error_minute(&text) {
            let count = self.errors.entry(minute).or_default();
            *count = count.saturating_add(1);
        }
    }
}

/// The minute of a line of level ERROR, text or JSON.
fn error_minute(line: &str) -> Option<String> {
    let minute = |time: &str| time.chars().take("2026-12-01T02:41".len()).collect();
    if line.starts_with('{') {
        let json: Value = serde_json::from_str(line).ok()?;
        let is_error = json.get("level").and_then(Value::as_str) == Some("ERROR");
        return is_error.then(|| minute(json.get("timestamp").and_then(Value::as_str).unwrap_or_default()));
    }
    let mut words = line.split_whitespace();
    let time = words.next()?;
    (words.next()? == "ERROR").then(|| minute(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str, secrets: &[Secret]) -> LogFacts {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("node-0.log");
        std::fs::write(&file, text).unwrap();
        let search = Search::new(secrets, Path::new("/data/agoge-devnet/run")).unwrap();
        read("node-0", &file, &search).unwrap()
    }

    fn secret(text: &str) -> Secret {
        Secret {
            file: "keys/attester-0.json".into(),
            forms: vec![text.as_bytes().to_vec()],
        }
    }

    #[test]
    fn panics_and_errors_are_found_in_text_and_json() {
        let text = "2026-12-01T02:41:25.12Z ERROR agoge_node: it broke\n\
            2026-12-01T02:41:26.12Z  INFO agoge_node: an ERROR of others\n\
            {\"timestamp\":\"2026-12-01T02:42:26.12Z\",\"level\":\"ERROR\",\"message\":\"x\"}\n\
            thread 'main' panicked at src/main.rs:1:\n";
        let facts = read_text(text, &[]);
        assert_eq!(facts.lines, 4);
        assert_eq!(facts.errors.values().sum::<u64>(), 2);
        assert_eq!(facts.errors["2026-12-01T02:41"], 1);
        assert_eq!(facts.panics[0].0, 4);
    }

    #[test]
    fn a_secret_is_found_in_any_case_and_with_0x_and_is_not_told_again() {
        let hex = "0123456789abcdef0123456789abcdef";
        let text = format!(
            "key=0x{hex}\nkey={}\nnothing\npanicked at {hex}\n",
            hex.to_uppercase()
        );
        let facts = read_text(&text, &[secret(hex)]);
        let lines: Vec<u64> = facts.leaks.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [1, 2, 4]);
        assert_eq!(facts.leaks[0].1, "keys/attester-0.json");
        assert!(facts.panics[0].1.is_empty());
    }

    #[test]
    fn the_path_of_the_run_may_hold_the_words_of_a_password() {
        let text = "open /data/agoge-devnet/run/node-0\npassword agoge-devnet\n/data/agoge-devnet/run agoge-devnet\n";
        let facts = read_text(text, &[secret("agoge-devnet")]);
        let lines: Vec<u64> = facts.leaks.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [2, 3]);
    }
}
