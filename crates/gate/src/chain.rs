//! Append-only files of JSON lines, each line holding the hash of the one before.
//!
//! A line is `{"prev":"<64 hex digits>","body":{...}}`; `prev` is SHA-256 of the bytes of the line before, without its newline, and zero in
//! the first line of a chain. Whoever changes, drops or moves a line breaks the link of the next one, and the reader names it. The last
//! line has no successor: what is decided therefore signs the [`Head`], the hash of the last line it was decided on.
//!
//! A line is written with one call and synced before it counts. What a crash leaves behind is a last line without a newline: the writer
//! cuts it, a reader ignores it. Anything else that does not parse was not written by this program and is refused.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Bytes of a line; a record of a thousand nodes stays below.
const LINE_BYTES_MAX: u64 = 4 << 20;

/// Hash of the last line: what the next line must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Head([u8; 32]);

impl Head {
    fn of(line: &[u8]) -> Self {
        Self(Sha256::digest(line).into())
    }

    /// The bytes, for what is signed.
    pub(crate) const fn bytes(self) -> [u8; 32] {
        self.0
    }
}

impl core::fmt::Display for Head {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// Where a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// File name, without its directory.
    pub(crate) file: String,
    /// Line, from 1.
    pub(crate) line: u64,
}

impl core::fmt::Display for Place {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// Why a file is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChainError {
    /// The system refused.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's word.
        #[source]
        source: std::io::Error,
    },
    /// A whole line is not a record.
    #[error("{}: line {line} is no record: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// Why.
        reason: String,
    },
    /// The link is broken.
    #[error(
        "{}: line {line} does not follow from the line before it: one of the two was changed, or lines are missing",
        path.display()
    )]
    Broken {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
    },
}

impl ChainError {
    /// Makes an error of the system's word about a path.
    pub(crate) fn io(path: &Path) -> impl Fn(std::io::Error) -> Self {
        move |source| Self::Io {
            path: path.to_owned(),
            source,
        }
    }
}

#[derive(Deserialize)]
struct Line<T> {
    prev: String,
    body: T,
}

#[derive(Serialize)]
struct LineRef<'a, T> {
    prev: String,
    body: &'a T,
}

/// Reads a file whose first line must follow `head`, gives every record to `each` with its line number, and returns the new head. A torn
/// last line is ignored.
///
/// # Errors
/// [`ChainError`]; nothing after the first bad line is given to `each`.
pub(crate) fn read<T: DeserializeOwned>(
    path: &Path,
    head: Head,
    each: impl FnMut(u64, T),
) -> Result<Head, ChainError> {
    scan(path, head, each).map(|scan| scan.head)
}

/// What the first line of a file says that it follows, to read a file of a longer chain alone.
///
/// # Errors
/// [`ChainError`].
pub(crate) fn first_link(path: &Path) -> Result<Head, ChainError> {
    let io = ChainError::io(path);
    let mut bytes = Vec::new();
    BufReader::new(File::open(path).map_err(&io)?)
        .take(LINE_BYTES_MAX)
        .read_until(b'\n', &mut bytes)
        .map_err(&io)?;
    let malformed = |reason: String| ChainError::Malformed {
        path: path.to_owned(),
        line: 1,
        reason,
    };
    let line: Line<serde_json::Value> =
        serde_json::from_slice(&bytes).map_err(|error| malformed(error.to_string()))?;
    let mut head = Head::default();
    hex::decode_to_slice(&line.prev, &mut head.0).map_err(|error| malformed(format!("prev: {error}")))?;
    Ok(head)
}

struct Scan {
    head: Head,
    /// Bytes up to the end of the last whole line.
    whole_bytes: u64,
    is_torn: bool,
}

fn scan<T: DeserializeOwned>(
    path: &Path,
    mut head: Head,
    mut each: impl FnMut(u64, T),
) -> Result<Scan, ChainError> {
    let io = ChainError::io(path);
    let mut reader = BufReader::new(File::open(path).map_err(&io)?);
    let (mut line, mut whole_bytes) = (0_u64, 0_u64);
    loop {
        let mut bytes = Vec::new();
        let read = (&mut reader)
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', &mut bytes)
            .map_err(&io)?;
        let read = u64::try_from(read).unwrap_or(u64::MAX);
        line = line.saturating_add(1);
        let malformed = |reason: String| ChainError::Malformed {
            path: path.to_owned(),
            line,
            reason,
        };
        if bytes.pop_if(|last| *last == b'\n').is_none() {
            if read >= LINE_BYTES_MAX {
                return Err(malformed(format!("it has more than {LINE_BYTES_MAX} bytes")));
            }
            let is_torn = read > 0;
            return Ok(Scan {
                head,
                whole_bytes,
                is_torn,
            });
        }
        let parsed: Line<T> = serde_json::from_slice(&bytes).map_err(|error| malformed(error.to_string()))?;
        if parsed.prev != head.to_string() {
            return Err(ChainError::Broken {
                path: path.to_owned(),
                line,
            });
        }
        each(line, parsed.body);
        head = Head::of(&bytes);
        whole_bytes = whole_bytes.saturating_add(read);
    }
}

/// A chain's file, open at its end.
#[derive(Debug)]
pub(crate) struct Appender {
    path: PathBuf,
    file: File,
    head: Head,
    /// Bytes of whole lines: an append that failed half-way is cut back to here.
    length: u64,
}

impl Appender {
    /// Makes a file that must not exist; its first line follows `head`.
    ///
    /// # Errors
    /// [`ChainError::Io`].
    pub(crate) fn create(path: &Path, head: Head) -> Result<Self, ChainError> {
        let io = ChainError::io(path);
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .open(path)
            .map_err(&io)?;
        let parent = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        File::open(parent).and_then(|dir| dir.sync_all()).map_err(&io)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            head,
            length: 0,
        })
    }

    /// Opens a file after checking all of it against `head`; a torn last line is cut, and told by `true`.
    ///
    /// # Errors
    /// [`ChainError`]; the file is not changed.
    pub(crate) fn resume<T: DeserializeOwned>(
        path: &Path,
        head: Head,
        each: impl FnMut(u64, T),
    ) -> Result<(Self, bool), ChainError> {
        let scan = scan(path, head, each)?;
        let io = ChainError::io(path);
        let file = OpenOptions::new().append(true).open(path).map_err(&io)?;
        if scan.is_torn {
            file.set_len(scan.whole_bytes).map_err(&io)?;
            file.sync_all().map_err(&io)?;
        }
        let appender = Self {
            path: path.to_owned(),
            file,
            head: scan.head,
            length: scan.whole_bytes,
        };
        Ok((appender, scan.is_torn))
    }

    /// Appends a record and waits until the disk has it.
    ///
    /// # Errors
    /// [`ChainError::Io`]; the file is as before.
    pub(crate) fn append<T: Serialize>(&mut self, body: &T) -> Result<(), ChainError> {
        let io = ChainError::io(&self.path);
        let line = LineRef {
            prev: self.head.to_string(),
            body,
        };
        let mut bytes = serde_json::to_vec(&line).map_err(|error| io(error.into()))?;
        let head = Head::of(&bytes);
        bytes.push(b'\n');
        let written = self.file.write_all(&bytes).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // A second failure leaves a torn line, which the next start cuts.
            self.file.set_len(self.length).ok();
            return Err(io(error));
        }
        self.head = head;
        self.length = self
            .length
            .saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Ok(())
    }

    /// Hash of the last line.
    pub(crate) const fn head(&self) -> Head {
        self.head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(dir: &Path, count: u64) -> PathBuf {
        let path = dir.join("a.jsonl");
        let mut file = Appender::create(&path, Head::default()).unwrap();
        for number in 0..count {
            file.append(&number).unwrap();
        }
        path
    }

    fn numbers(path: &Path) -> Result<Vec<u64>, ChainError> {
        let mut list = Vec::new();
        read::<u64>(path, Head::default(), |_, number| list.push(number)).map(|_| list)
    }

    #[test]
    fn lines_are_read_back_in_order_and_a_second_file_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = written(dir.path(), 3);
        assert_eq!(numbers(&path).unwrap(), [0, 1, 2]);
        let head = read::<u64>(&path, Head::default(), |_, _| ()).unwrap();
        let next = dir.path().join("b.jsonl");
        Appender::create(&next, head).unwrap().append(&7_u64).unwrap();
        assert!(read::<u64>(&next, head, |_, _| ()).is_ok());
        assert_eq!(first_link(&next).unwrap(), head);
        assert!(matches!(numbers(&next), Err(ChainError::Broken { line: 1, .. })));
        assert!(Appender::create(&next, head).is_err(), "nothing is overwritten");
    }

    #[test]
    fn a_changed_dropped_or_moved_line_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = written(dir.path(), 4);
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let changed = lines[1].replace("\"body\":1", "\"body\":9");
        for (lines, bad) in [
            (vec![lines[0], &changed, lines[2], lines[3]], 3),
            (vec![lines[0], lines[2], lines[3]], 2),
            (vec![lines[1], lines[0], lines[2], lines[3]], 1),
            (vec![lines[1], lines[2]], 1),
        ] {
            std::fs::write(&path, format!("{}\n", lines.join("\n"))).unwrap();
            let error = numbers(&path).unwrap_err();
            assert!(
                matches!(error, ChainError::Broken { line, .. } if line == bad),
                "{error}"
            );
            assert!(error.to_string().contains(&format!("line {bad}")), "{error}");
        }
        std::fs::write(&path, format!("{}\nnonsense\n", lines[0])).unwrap();
        assert!(matches!(
            numbers(&path),
            Err(ChainError::Malformed { line: 2, .. })
        ));
    }

    #[test]
    fn a_torn_last_line_is_ignored_by_readers_and_cut_by_the_writer() {
        let dir = tempfile::tempdir().unwrap();
        let path = written(dir.path(), 3);
        let whole = std::fs::read(&path).unwrap();
        for cut in 1..40 {
            std::fs::write(&path, &whole[..whole.len() - cut]).unwrap();
            assert_eq!(numbers(&path).unwrap(), [0, 1]);
            let (mut file, was_torn) = Appender::resume::<u64>(&path, Head::default(), |_, _| ()).unwrap();
            assert!(was_torn);
            file.append(&2_u64).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), whole, "cut by {cut}");
        }
    }

    #[test]
    fn resuming_a_broken_file_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = written(dir.path(), 2);
        let text = std::fs::read_to_string(&path)
            .unwrap()
            .replace("\"body\":0", "\"body\":5");
        std::fs::write(&path, &text).unwrap();
        assert!(Appender::resume::<u64>(&path, Head::default(), |_, _| ()).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
}
