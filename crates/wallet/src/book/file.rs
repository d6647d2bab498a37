//! The book on disk: one file, replaced atomically.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use agoge_protocol::Digest;
use borsh::{BorshDeserialize, BorshSerialize};

use super::{Book, MinedWithdrawal, OwnDeposit, OwnedNote, ReadBlock, SentTx};
use crate::tree::NoteTree;

/// Format of the file.
const VERSION: u8 = 2;

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BookFileError {
    /// Reading or writing failed.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Not a wallet's file, damaged, or of another version.
    #[error(
        "{path} is no wallet state of version {VERSION}; hint: remove it, the next command reads the chain again"
    )]
    Format {
        /// The file.
        path: PathBuf,
    },
    /// The file belongs to another instance.
    #[error(
        "{path} is for the instance {found}, the node is of {expected}; hint: use another --dir for each network"
    )]
    OtherInstance {
        /// The file.
        path: PathBuf,
        /// The node's genesis id.
        expected: Digest,
        /// The file's.
        found: Digest,
    },
}

#[derive(BorshSerialize, BorshDeserialize)]
struct BookFile {
    version: u8,
    genesis_id: Digest,
    blocks: Vec<ReadBlock>,
    leaves: Vec<Digest>,
    notes: Vec<OwnedNote>,
    sent: Vec<SentTx>,
    withdrawals: Vec<MinedWithdrawal>,
    deposits: Vec<OwnDeposit>,
}

impl BookFile {
    /// Whether the parts fit each other, so that a damaged file is found here and not in a payment.
    fn is_consistent(&self) -> bool {
        let count = self.leaves.len() as u64;
        self.version == VERSION
            && self.blocks.last().map_or(0, |block| block.note_count) == count
            && self.blocks.is_sorted_by_key(|block| block.number)
            && self.notes.iter().all(|note| note.index < count)
            && self.withdrawals.is_sorted_by_key(|mined| mined.block)
    }
}

impl Book {
    /// Opens the book at `path`, or an empty one when there is no file.
    ///
    /// # Errors
    /// [`BookFileError`].
    pub fn open(path: &Path, genesis_id: Digest) -> Result<Self, BookFileError> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::new(genesis_id)),
            Err(source) => {
                return Err(BookFileError::Io {
                    path: path.to_owned(),
                    source,
                });
            }
        };
        let format = || BookFileError::Format {
            path: path.to_owned(),
        };
        let file: BookFile = borsh::from_slice(&bytes).map_err(|_| format())?;
        if !file.is_consistent() {
            return Err(format());
        }
        if file.genesis_id != genesis_id {
            let found = file.genesis_id;
            return Err(BookFileError::OtherInstance {
                path: path.to_owned(),
                expected: genesis_id,
                found,
            });
        }
        Ok(Self {
            genesis_id,
            blocks: file.blocks.into(),
            tree: NoteTree::from_leaves(&file.leaves),
            notes: file.notes.into_iter().map(|note| (note.index, note)).collect(),
            sent: file.sent,
            withdrawals: file.withdrawals,
            deposits: file
                .deposits
                .into_iter()
                .map(|deposit| (deposit.index, deposit))
                .collect(),
        })
    }

    /// Replaces the file at `path`: written beside it, synced, renamed. The caller holds the directory's lock.
    ///
    /// # Errors
    /// [`BookFileError::Io`].
    pub fn save(&self, path: &Path) -> Result<(), BookFileError> {
        let io = |source| BookFileError::Io {
            path: path.to_owned(),
            source,
        };
        let file = BookFile {
            version: VERSION,
            genesis_id: self.genesis_id,
            blocks: self.blocks.iter().copied().collect(),
            leaves: self.tree.leaves().to_vec(),
            notes: self.notes.values().cloned().collect(),
            sent: self.sent.clone(),
            withdrawals: self.withdrawals.clone(),
            deposits: self.deposits.values().copied().collect(),
        };
        let bytes = borsh::to_vec(&file).map_err(io)?;
        let beside = path.with_extension("new");
        let mut out = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)
            .map_err(io)?;
        out.write_all(&bytes).and_then(|()| out.sync_all()).map_err(io)?;
        fs::rename(&beside, path)
            .and_then(|()| crate::dir::sync_parent(path))
            .map_err(io)
    }
}
