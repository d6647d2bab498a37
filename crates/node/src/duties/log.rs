//! The duty log: the newest records in memory and in an append-only file.
//!
//! A record that a crash cut short is dropped at the next start. The log is information, not safety: it is not synced to the disk.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use agoge_protocol::Address;
use borsh::BorshDeserialize as _;

use super::record::DutyRecord;

/// Records kept: 16 keys in every committee for 1,900 slots. About 3 MB.
const RECORDS_MAX: usize = 32_768;
/// Bytes of the file at which it is written anew; a record has about 50.
const FILE_BYTES_MAX: u64 = 8 << 20;

/// The log.
#[derive(Debug)]
pub struct DutyLog {
    path: PathBuf,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Oldest first. Bound: [`RECORDS_MAX`].
    records: VecDeque<DutyRecord>,
    file: File,
    bytes: u64,
}

impl DutyLog {
    /// Opens or makes the log.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let mut text = Vec::new();
        match File::open(path) {
            // Twice the bound is never reached by this program.
            Ok(file) => drop(file.take(2 * FILE_BYTES_MAX).read_to_end(&mut text)?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut rest = text.as_slice();
        let mut records = VecDeque::new();
        while !rest.is_empty() {
            let Ok(record) = DutyRecord::deserialize(&mut rest) else {
                break;
            };
            push(&mut records, record);
        }
        let (file, bytes) = rewrite(path, &records)?;
        Ok(Self {
            path: path.to_owned(),
            inner: Mutex::new(Inner { records, file, bytes }),
        })
    }

    /// Adds a record. One that cannot be written stays in memory.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn add(&self, record: DutyRecord) -> std::io::Result<()> {
        let encoded = borsh::to_vec(&record)?;
        let mut inner = self.lock();
        push(&mut inner.records, record);
        if inner.bytes > FILE_BYTES_MAX {
            (inner.file, inner.bytes) = rewrite(&self.path, &inner.records)?;
            return Ok(());
        }
        inner.file.write_all(&encoded)?;
        inner.bytes = inner.bytes.saturating_add(length(&encoded));
        Ok(())
    }

    /// Records of one attester or of all, newest first.
    pub fn newest(&self, attester: Option<Address>, limit: usize) -> Vec<DutyRecord> {
        let inner = self.lock();
        let records = inner.records.iter().rev();
        records
            .filter(|r| attester.is_none_or(|a| a == r.attester))
            .take(limit)
            .cloned()
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic elsewhere can at most lose a record.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn push(records: &mut VecDeque<DutyRecord>, record: DutyRecord) {
    if records.len() >= RECORDS_MAX {
        records.pop_front();
    }
    records.push_back(record);
}

/// Writes the records to a new file, which takes the old one's place.
fn rewrite(path: &Path, records: &VecDeque<DutyRecord>) -> std::io::Result<(File, u64)> {
    let mut bytes = Vec::new();
    for record in records {
        borsh::to_writer(&mut bytes, record)?;
    }
    let draft = path.with_extension("new");
    std::fs::write(&draft, &bytes)?;
    std::fs::rename(&draft, path)?;
    Ok((OpenOptions::new().append(true).open(path)?, length(&bytes)))
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duties::{DutyKind, DutyOutcome, MissReason};
    use agoge_protocol::Slot;

    fn record(attester: u8, slot: u64) -> DutyRecord {
        DutyRecord {
            attester: Address::repeat_byte(attester),
            slot: Slot::new(slot),
            kind: DutyKind::Attest,
            outcome: DutyOutcome::Missed {
                reason: MissReason::StaleL1 { age_seconds: slot },
            },
        }
    }

    #[test]
    fn records_outlive_a_restart_and_a_torn_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("duties");
        let log = DutyLog::open(&path).unwrap();
        for (attester, slot) in [(1, 1), (2, 1), (1, 2)] {
            log.add(record(attester, slot)).unwrap();
        }
        drop(log);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.extend([1, 2, 3]);
        std::fs::write(&path, bytes).unwrap();
        let log = DutyLog::open(&path).unwrap();
        assert_eq!(log.newest(None, 2), [record(1, 2), record(2, 1)]);
        assert_eq!(
            log.newest(Some(Address::repeat_byte(1)), 9),
            [record(1, 2), record(1, 1)]
        );
        log.add(record(3, 3)).unwrap();
        drop(log);
        assert_eq!(DutyLog::open(&path).unwrap().newest(None, 9).len(), 4);
    }

    #[test]
    fn the_oldest_records_leave() {
        let mut records = VecDeque::new();
        for slot in 0..=RECORDS_MAX {
            push(&mut records, record(1, u64::try_from(slot).unwrap()));
        }
        assert_eq!(
            (records.len(), records.front().unwrap().slot),
            (RECORDS_MAX, Slot::new(1))
        );
    }
}
