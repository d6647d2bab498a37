//! The guard's file: locked, appended to, synced, rewritten whole when it has grown.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use agoge_protocol::B256;

use super::error::{Damage, GuardError};
use super::record::{self, Block, Entry, RECORD_BYTES};
use crate::lock::Lock;

/// A guard at its bounds is compacted long before this.
const FILE_BYTES_MAX: u64 = 128 << 20;
/// Records from which on a file may be worth compacting.
const COMPACT_RECORDS_MIN: usize = 1_024;
/// Compacted when it has this many times the records it needs.
const COMPACT_FACTOR: usize = 4;

/// The open file.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    file: File,
    chain_id: u64,
    records: usize,
    /// Checksum of the last record.
    last: B256,
    is_usable: bool,
    /// Held as long as the log: the file itself is replaced when it is rewritten.
    _lock: Lock,
}

impl Log {
    /// Makes a new file.
    pub(super) fn create(path: &Path, chain_id: u64, entries: &[Entry]) -> Result<Self, GuardError> {
        let io = |source| GuardError::Io {
            path: path.to_owned(),
            source,
        };
        let lock = lock(path)?;
        if path.try_exists().map_err(io)? {
            return Err(GuardError::Exists {
                path: path.to_owned(),
            });
        }
        let (file, last) = write_whole(path, chain_id, entries).map_err(io)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            chain_id,
            records: entries.len(),
            last,
            is_usable: true,
            _lock: lock,
        })
    }

    /// Opens a file and gives its entries to `insert`, in order.
    pub(super) fn open(
        path: &Path,
        chain_id: u64,
        mut insert: impl FnMut(Entry) -> Result<(), Damage>,
    ) -> Result<Self, GuardError> {
        let io = |source| GuardError::Io {
            path: path.to_owned(),
            source,
        };
        if !path.try_exists().map_err(io)? {
            return Err(GuardError::Missing {
                path: path.to_owned(),
            });
        }
        let lock = lock(path)?;
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .open(path)
            .map_err(io)?;
        let corrupt = |offset, damage| GuardError::Corrupt {
            path: path.to_owned(),
            offset,
            damage,
        };
        let mut bytes = Vec::new();
        Read::take(&file, FILE_BYTES_MAX)
            .read_to_end(&mut bytes)
            .map_err(io)?;
        if file.metadata().map_err(io)?.len() > FILE_BYTES_MAX {
            return Err(corrupt(
                0,
                Damage::Size {
                    limit: FILE_BYTES_MAX,
                },
            ));
        }
        let (blocks, rest) = bytes.as_chunks::<RECORD_BYTES>();
        let (header, blocks) = blocks.split_first().ok_or_else(|| corrupt(0, Damage::Header))?;
        let found = record::chain_id_of(header).ok_or_else(|| corrupt(0, Damage::Header))?;
        if found != chain_id {
            return Err(GuardError::OtherChain {
                path: path.to_owned(),
                expected: chain_id,
                found,
            });
        }

        let mut last = record::checksum_of(header);
        let mut end = length(RECORD_BYTES);
        let mut records = 0_usize;
        let mut blocks = blocks.iter().peekable();
        while let Some(block) = blocks.next() {
            let found = record::checksum_of(block);
            if found != record::checksum_after(last, block) {
                let is_unfinished = found.is_zero() && blocks.peek().is_none() && rest.is_empty();
                if is_unfinished {
                    break;
                }
                return Err(corrupt(end, Damage::Checksum));
            }
            let entry = Entry::decode(block).ok_or_else(|| corrupt(end, Damage::Malformed))?;
            insert(entry).map_err(|damage| corrupt(end, damage))?;
            last = found;
            end = end.saturating_add(length(RECORD_BYTES));
            records = records.saturating_add(1);
        }
        // Drops an append that was cut short, so that the next one starts at a record's boundary.
        if end < length(bytes.len()) {
            tracing::warn!(path = %path.display(), offset = end, "dropped an append that was cut short");
            file.set_len(end).and_then(|()| file.sync_all()).map_err(io)?;
        }
        Ok(Self {
            path: path.to_owned(),
            file,
            chain_id,
            records,
            last,
            is_usable: true,
            _lock: lock,
        })
    }

    /// Whether every earlier write succeeded.
    pub(super) const fn check_usable(&self) -> Result<(), GuardError> {
        if self.is_usable {
            Ok(())
        } else {
            Err(GuardError::Unusable)
        }
    }

    /// Appends an entry; it is on the disk when this returns.
    pub(super) fn append(&mut self, entry: &Entry) -> Result<(), GuardError> {
        self.check_usable()?;
        let block = entry.encode(self.last);
        if let Err(source) = self.file.write_all(&block).and_then(|()| self.file.sync_data()) {
            // After a failed sync nobody knows what is on the disk, and a second one would lie.
            self.is_usable = false;
            return Err(GuardError::Io {
                path: self.path.clone(),
                source,
            });
        }
        self.last = record::checksum_of(&block);
        self.records = self.records.saturating_add(1);
        Ok(())
    }

    /// Whether a rewrite to `needed` records would pay.
    pub(super) fn is_worth_compacting(&self, needed: usize) -> bool {
        self.records > COMPACT_RECORDS_MIN.max(needed.saturating_mul(COMPACT_FACTOR))
    }

    /// Replaces the file by one with these entries; a crash leaves the old or the new one.
    pub(super) fn rewrite(&mut self, entries: &[Entry]) -> Result<(), GuardError> {
        self.check_usable()?;
        match write_whole(&self.path, self.chain_id, entries) {
            Ok((file, last)) => {
                self.file = file;
                self.last = last;
                self.records = entries.len();
                Ok(())
            }
            Err(source) => {
                self.is_usable = false;
                Err(GuardError::Io {
                    path: self.path.clone(),
                    source,
                })
            }
        }
    }
}

/// Writes a whole file beside `path`, syncs it and puts it in its place.
fn write_whole(path: &Path, chain_id: u64, entries: &[Entry]) -> std::io::Result<(File, B256)> {
    let draft = beside(path, ".new");
    let mut out = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    let header = record::header(chain_id);
    let mut bytes = header.to_vec();
    let mut last = record::checksum_of(&header);
    for entry in entries {
        let block: Block = entry.encode(last);
        bytes.extend_from_slice(&block);
        last = record::checksum_of(&block);
    }
    out.write_all(&bytes)?;
    out.sync_all()?;
    std::fs::rename(&draft, path)?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()?;
    let file = OpenOptions::new().append(true).open(path)?;
    Ok((file, last))
}

fn lock(path: &Path) -> Result<Lock, GuardError> {
    let lock_path = beside(path, ".lock");
    let lock = Lock::take(&lock_path).map_err(|source| GuardError::Io {
        path: lock_path,
        source,
    })?;
    lock.ok_or_else(|| GuardError::Locked {
        path: path.to_owned(),
    })
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use agoge_protocol::Slot;

    use super::*;

    #[test]
    fn after_a_failed_write_nothing_is_allowed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("guard");
        let mut log = Log::create(&path, 1, &[]).unwrap();
        let good = std::mem::replace(&mut log.file, File::open(&path).unwrap());
        assert!(matches!(
            log.append(&Entry::Floor(Slot::new(1))),
            Err(GuardError::Io { .. })
        ));
        log.file = good;
        assert!(matches!(
            log.append(&Entry::Floor(Slot::new(1))),
            Err(GuardError::Unusable)
        ));
        assert!(matches!(log.rewrite(&[]), Err(GuardError::Unusable)));
        drop(log);
        Log::open(&path, 1, |_| Ok(())).unwrap();
    }
}
