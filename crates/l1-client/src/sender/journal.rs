//! What a key has signed, on disk before it is broadcast.
//!
//! One file for each key, exclusively locked. Records are appended and synced: length (u32 LE), checksum (first 4 bytes of keccak of the
//! body), borsh body. A torn record at the end is what a crash leaves and is cut off; damage before it is an error. The file is rewritten
//! without what is settled when it is opened and when it has grown past 32 MiB.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use agoge_protocol::{Address, B256, keccak256};
use borsh::{BorshDeserialize, BorshSerialize};

use super::lane::FINISHED_MAX;
use super::lane_io::{Attempt, Closing};
use super::request::Purpose;

const MAGIC: &[u8; 20] = b"AGOGE_L1_JOURNAL_V1\n";
/// Bytes of one record: a transaction with six blobs is below 1 MiB.
const RECORD_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes after which the file is rewritten.
const FILE_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Attempts without a closing that are kept.
const OPEN_MAX: usize = 32;

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file cannot be read or written.
    #[error("cannot use the transaction journal {path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Another process has it open.
    #[error("the transaction journal {path} is in use; hint: another process sends with this key", path = path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// It belongs to another key or chain.
    #[error("the transaction journal {path} belongs to another key or chain", path = path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A record before the end is damaged.
    #[error("the transaction journal {path} is damaged at byte {offset}; hint: move it away if the key has no transaction in flight", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        offset: u64,
    },
}

#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
enum Record {
    Issued(Attempt),
    Closed {
        purpose: Purpose,
        #[borsh(
            serialize_with = "agoge_protocol::signature::write_b256",
            deserialize_with = "agoge_protocol::signature::read_b256"
        )]
        digest: B256,
        nonce: u64,
        closing: Closing,
    },
}

/// An open journal and what it knows.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    identity: Vec<u8>,
    /// A file of its own, because the journal's is replaced when it is rewritten.
    _lock: File,
    file: File,
    length: u64,
    open: Vec<Attempt>,
    closed: Vec<(Purpose, B256, u64, Closing)>,
}

impl Journal {
    /// Opens or creates the journal of a key on a chain.
    pub(super) fn open(path: &Path, chain_id: u64, key: Address) -> Result<Self, JournalError> {
        let io = |source| JournalError::Io {
            path: path.to_owned(),
            source,
        };
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(io)?;
        }
        let options = || {
            OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .to_owned()
        };
        let lock = options().open(path.with_extension("lock")).map_err(io)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(JournalError::Locked {
                    path: path.to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        let file = options().open(path).map_err(io)?;
        let identity = [MAGIC.as_slice(), &chain_id.to_be_bytes(), key.as_slice()].concat();
        let mut journal = Self {
            path: path.to_owned(),
            identity,
            _lock: lock,
            file,
            length: 0,
            open: Vec::new(),
            closed: Vec::new(),
        };
        journal.load()?;
        Ok(journal)
    }

    /// Attempts without a final closing, oldest first.
    pub(super) fn open_attempts(&self) -> Vec<Attempt> {
        self.open.clone()
    }

    /// How purposes ended, oldest first.
    pub(super) fn closed(&self) -> Vec<(Purpose, B256, Closing)> {
        self.closed
            .iter()
            .map(|(purpose, digest, _, closing)| (purpose.clone(), *digest, *closing))
            .collect()
    }

    /// Stores a signed transaction durably.
    pub(super) fn issued(&mut self, attempt: &Attempt) -> Result<(), JournalError> {
        self.append(Record::Issued(attempt.clone()))
    }

    /// Stores how the transactions of a purpose at a nonce ended.
    pub(super) fn close(
        &mut self,
        purpose: Purpose,
        digest: B256,
        nonce: u64,
        closing: Closing,
    ) -> Result<(), JournalError> {
        self.append(Record::Closed {
            purpose,
            digest,
            nonce,
            closing,
        })?;
        if self.length > FILE_BYTES_MAX {
            self.rewrite()
        } else {
            Ok(())
        }
    }

    fn append(&mut self, record: Record) -> Result<(), JournalError> {
        let bytes = frame(&record).map_err(|e| self.io(e))?;
        let written = self.file.write_all(&bytes).and_then(|()| self.file.sync_data());
        if let Err(source) = written {
            // What was half written is cut off, so that a later record is not lost behind it.
            let end = self.length;
            self.file
                .set_len(end)
                .and_then(|()| self.file.seek(SeekFrom::Start(end)))
                .map_err(|e| self.io(e))?;
            return Err(self.io(source));
        }
        self.length = self
            .length
            .saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        self.apply(record);
        Ok(())
    }

    fn apply(&mut self, record: Record) {
        match record {
            Record::Issued(attempt) => {
                self.open.push(attempt);
                let surplus = self.open.len().saturating_sub(OPEN_MAX);
                self.open.drain(..surplus);
            }
            Record::Closed {
                purpose,
                digest,
                nonce,
                closing,
            } => {
                if closing != Closing::Expired {
                    self.open
                        .retain(|open| (open.nonce, open.digest, &open.purpose) != (nonce, digest, &purpose));
                }
                self.closed.push((purpose, digest, nonce, closing));
                let surplus = self.closed.len().saturating_sub(FINISHED_MAX);
                self.closed.drain(..surplus);
            }
        }
    }

    fn load(&mut self) -> Result<(), JournalError> {
        let mut bytes = Vec::new();
        let limit = FILE_BYTES_MAX.saturating_mul(4);
        (&self.file)
            .take(limit)
            .read_to_end(&mut bytes)
            .map_err(|e| self.io(e))?;
        if bytes.len() < self.identity.len() {
            // New, or torn in its first write: nothing can have been sent.
            return self.rewrite();
        }
        let Some(mut rest) = bytes.strip_prefix(self.identity.as_slice()) else {
            return Err(JournalError::Foreign {
                path: self.path.clone(),
            });
        };
        while !rest.is_empty() {
            match unframe(rest) {
                Frame::Whole(record, after) => {
                    self.apply(*record);
                    rest = after;
                }
                Frame::Torn => break,
                Frame::Damaged => {
                    let offset = u64::try_from(bytes.len().saturating_sub(rest.len())).unwrap_or(u64::MAX);
                    return Err(JournalError::Damaged {
                        path: self.path.clone(),
                        offset,
                    });
                }
            }
        }
        self.rewrite()
    }

    /// Writes what still matters to a new file and takes its place.
    fn rewrite(&mut self) -> Result<(), JournalError> {
        let mut bytes = self.identity.clone();
        // Closings first: they must not close what was issued after them.
        for (purpose, digest, nonce, closing) in &self.closed {
            let record = Record::Closed {
                purpose: purpose.clone(),
                digest: *digest,
                nonce: *nonce,
                closing: *closing,
            };
            bytes.extend(frame(&record).map_err(|e| self.io(e))?);
        }
        for attempt in &self.open {
            bytes.extend(frame(&Record::Issued(attempt.clone())).map_err(|e| self.io(e))?);
        }
        let aside = self.path.with_extension("tmp");
        let write = || -> std::io::Result<File> {
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(true)
                .open(&aside)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            fs::rename(&aside, &self.path)?;
            if let Some(directory) = self
                .path
                .parent()
                .filter(|directory| !directory.as_os_str().is_empty())
            {
                File::open(directory)?.sync_all()?;
            }
            Ok(file)
        };
        self.file = write().map_err(|e| self.io(e))?;
        self.length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Ok(())
    }

    fn io(&self, source: std::io::Error) -> JournalError {
        JournalError::Io {
            path: self.path.clone(),
            source,
        }
    }
}

fn checksum(body: &[u8]) -> [u8; 4] {
    let [a, b, c, d, ..] = keccak256(body).0;
    [a, b, c, d]
}

fn frame(record: &Record) -> std::io::Result<Vec<u8>> {
    let body = borsh::to_vec(record)?;
    let length = u32::try_from(body.len()).map_err(std::io::Error::other)?;
    Ok([length.to_le_bytes().as_slice(), &checksum(&body), &body].concat())
}

enum Frame<'a> {
    Whole(Box<Record>, &'a [u8]),
    /// Cut off by the end of the file.
    Torn,
    Damaged,
}

fn unframe(bytes: &[u8]) -> Frame<'_> {
    let Some((header, rest)) = bytes.split_first_chunk::<8>() else {
        return Frame::Torn;
    };
    let [a, b, c, d, sum @ ..] = *header;
    let length = usize::try_from(u32::from_le_bytes([a, b, c, d])).unwrap_or(usize::MAX);
    if length > RECORD_BYTES_MAX {
        return Frame::Damaged;
    }
    let Some((body, after)) = rest.split_at_checked(length) else {
        return Frame::Torn;
    };
    let record = (checksum(body) == sum)
        .then(|| borsh::from_slice(body).ok())
        .flatten();
    match record {
        Some(record) => Frame::Whole(Box::new(record), after),
        // A file that was extended but whose last pages did not reach the disk.
        None if after.is_empty() => Frame::Torn,
        None => Frame::Damaged,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sender::fees::Fees;
    use crate::sender::request::MinedTx;
    use agoge_protocol::Slot;

    fn attempt(slot: u64, nonce: u64) -> Attempt {
        Attempt {
            purpose: Purpose::propose(Slot::new(slot)),
            digest: B256::repeat_byte(1),
            deadline: Some(9),
            hash: B256::from(alloy::primitives::U256::from(slot)),
            nonce,
            fees: Fees {
                max_fee: 1,
                tip: 2,
                blob_fee: 3,
            },
            is_blob: true,
            is_cancel: false,
            raw: vec![7; 1_000].into(),
        }
    }

    fn mined() -> Closing {
        Closing::Mined(MinedTx {
            hash: B256::ZERO,
            block_number: 1,
            block_hash: B256::ZERO,
            gas_used: 2,
            cost_wei: 3,
            created: Some(Address::ZERO),
        })
    }

    fn open(path: &Path) -> Result<Journal, JournalError> {
        Journal::open(path, 31_337, Address::repeat_byte(5))
    }

    #[test]
    fn what_was_signed_survives_and_what_is_settled_does_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys/publisher.journal");
        let mut journal = open(&path).unwrap();
        for slot in 1..=3 {
            journal.issued(&attempt(slot, slot)).unwrap();
        }
        journal
            .close(Purpose::propose(Slot::new(1)), B256::repeat_byte(1), 1, mined())
            .unwrap();
        journal
            .close(
                Purpose::propose(Slot::new(2)),
                B256::repeat_byte(1),
                2,
                Closing::Expired,
            )
            .unwrap();
        assert!(matches!(open(&path), Err(JournalError::Locked { .. })));
        drop(journal);
        let journal = open(&path).unwrap();
        assert_eq!(
            journal.open_attempts(),
            [attempt(2, 2), attempt(3, 3)],
            "expired transactions may still be mined"
        );
        assert_eq!(journal.closed().len(), 2);
        drop(journal);
        let foreign = Journal::open(&path, 1, Address::repeat_byte(5));
        assert!(matches!(foreign, Err(JournalError::Foreign { .. })));
    }

    #[test]
    fn every_torn_end_is_cut_and_damage_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal");
        let mut journal = open(&path).unwrap();
        journal.issued(&attempt(1, 1)).unwrap();
        let before = journal.length;
        journal.issued(&attempt(2, 2)).unwrap();
        drop(journal);
        let whole = fs::read(&path).unwrap();
        let first_end = usize::try_from(before).unwrap();
        for end in (first_end..whole.len()).step_by(97).chain([whole.len() - 1]) {
            fs::write(&path, &whole[..end]).unwrap();
            let journal = open(&path).unwrap();
            assert_eq!(journal.open_attempts().len(), 1, "cut at {end}");
        }
        for end in [0, 10, 47] {
            fs::write(&path, &whole[..end]).unwrap();
            assert!(open(&path).unwrap().open_attempts().is_empty(), "cut at {end}");
        }
        let mut damaged = whole;
        damaged[first_end - 5] ^= 1;
        fs::write(&path, &damaged).unwrap();
        assert!(matches!(open(&path), Err(JournalError::Damaged { .. })));
    }
}
