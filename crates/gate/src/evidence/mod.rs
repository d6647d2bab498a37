//! Evidence: one record a slot, in one chained file a day, in one directory.
//!
//! `evidence-2026-11-26.jsonl` begins with a header and, once the day is over, ends with its summary; the next file goes on with the chain.

mod record;
mod recorder;
mod summary;

use std::path::{Path, PathBuf};

use crate::chain::{self, ChainError, Head, Place};

pub(crate) use record::{
    CommitteeReading, Entry, Header, L1Reading, MetricsReading, NodeReading, RpcReading, SCHEMA, SlotRecord,
    TipReading, code_hashes, network_digest,
};
pub(crate) use recorder::{Recorder, Started};
pub(crate) use summary::DaySummary;

/// Why evidence is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EvidenceError {
    /// A file is not a whole chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// There is nothing to read.
    #[error("{} holds no evidence", path.display())]
    Missing {
        /// File or directory.
        path: PathBuf,
    },
    /// A file does not begin with a header that is known.
    #[error("{} does not begin with a header of schema {SCHEMA}", path.display())]
    NoHeader {
        /// The file.
        path: PathBuf,
    },
    /// A file is about something else.
    #[error("{} is evidence of another network or of other nodes", path.display())]
    OtherSubject {
        /// The file.
        path: PathBuf,
    },
    /// Slots go backwards.
    #[error("{}: slot {slot} does not come after slot {last}", path.display())]
    Order {
        /// The file.
        path: PathBuf,
        /// The slot.
        slot: u64,
        /// The one before.
        last: u64,
    },
    /// Another watcher writes here.
    #[error("another `agoge-gate watch` writes to {}", path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
    },
}

/// What a whole, checked chain of files is about.
#[derive(Clone, Debug)]
pub(crate) struct Checked {
    /// Its network.
    pub(crate) header: Header,
    /// Hash of the last line.
    pub(crate) head: Head,
    /// File names, oldest first.
    pub(crate) files: Vec<String>,
}

/// Files of a directory, oldest first; a path of a file stands for itself.
fn files(path: &Path) -> Result<Vec<PathBuf>, EvidenceError> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let missing = || EvidenceError::Missing {
        path: path.to_owned(),
    };
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(missing()),
        Err(error) => return Err(ChainError::io(path)(error).into()),
    };
    let mut files: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| day_of(path).is_some())
        .collect();
    // Days of the calendar sort as text.
    files.sort();
    if files.is_empty() {
        Err(missing())
    } else {
        Ok(files)
    }
}

/// The day in an evidence file's name.
fn day_of(path: &Path) -> Option<jiff::civil::Date> {
    let name = path.file_name()?.to_str()?;
    name.strip_prefix("evidence-")?
        .strip_suffix(".jsonl")?
        .parse()
        .ok()
}

fn name_of(file: &Path) -> String {
    file.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Reads and checks evidence, a directory or one file of it, and gives every slot to `each`, in order. A single file is read from its own
/// first line on: what came before is then not checked.
///
/// # Errors
/// [`EvidenceError`].
pub(crate) fn read(
    path: &Path,
    mut each: impl FnMut(&Header, Place, SlotRecord),
) -> Result<Checked, EvidenceError> {
    let files = files(path)?;
    let mut head = match (path.is_file(), files.first()) {
        (true, Some(file)) => chain::first_link(file)?,
        _ => Head::default(),
    };
    let mut fold = Fold::default();
    for file in &files {
        head = fold.file(file, head, &mut each)?;
    }
    let header = fold.header.ok_or_else(|| EvidenceError::Missing {
        path: path.to_owned(),
    })?;
    let files = files.iter().map(|file| name_of(file)).collect();
    Ok(Checked { header, head, files })
}

/// What the files read so far have said.
#[derive(Default)]
struct Fold {
    header: Option<Header>,
    last_slot: Option<u64>,
}

impl Fold {
    fn file(
        &mut self,
        file: &Path,
        head: Head,
        each: &mut impl FnMut(&Header, Place, SlotRecord),
    ) -> Result<Head, EvidenceError> {
        let mut refused = None;
        let mut has_header = false;
        // A file without any line is a day that a crash cut off before its header.
        let head = chain::read::<Entry>(file, head, |line, entry| {
            if refused.is_none() {
                refused = self.entry(file, line, entry, &mut has_header, each).err();
            }
        })?;
        refused.map_or(Ok(head), Err)
    }

    fn entry(
        &mut self,
        file: &Path,
        line: u64,
        entry: Entry,
        has_header: &mut bool,
        each: &mut impl FnMut(&Header, Place, SlotRecord),
    ) -> Result<(), EvidenceError> {
        let path = || file.to_owned();
        match entry {
            Entry::Header(header) if line == 1 && header.schema == SCHEMA => {
                *has_header = true;
                if self
                    .header
                    .as_ref()
                    .is_some_and(|known| !known.is_continued_by(&header))
                {
                    return Err(EvidenceError::OtherSubject { path: path() });
                }
                self.header = Some(*header);
            }
            Entry::Slot(record) if *has_header => {
                let slot = record.slot;
                if let Some(last) = self.last_slot.filter(|last| *last >= slot) {
                    return Err(EvidenceError::Order {
                        path: path(),
                        slot,
                        last,
                    });
                }
                self.last_slot = Some(slot);
                if let Some(header) = &self.header {
                    let file = name_of(file);
                    each(header, Place { file, line }, *record);
                }
            }
            Entry::Resumed { .. } | Entry::Day(_) if *has_header => {}
            _ => return Err(EvidenceError::NoHeader { path: path() }),
        }
        Ok(())
    }
}
