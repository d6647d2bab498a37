//! Results on the disk: one file each, whole or absent.
//!
//! ```text
//! <dir>/<64 hex digits>        "AGJ1" | keccak of the rest (32) | the bytes that were put
//! <dir>/<64 hex digits>.new    being written; removed at the next start
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use agoge_protocol::keccak256;

use super::JobId;

const MAGIC: [u8; 4] = *b"AGJ1";
const HEADER_BYTES: usize = MAGIC.len() + 32;
/// Files looked at when a shelf is opened.
const FILES_MAX: usize = 65_536;

/// Why a shelf cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The system's word.
        #[source]
        source: std::io::Error,
    },
    /// One result larger than any can be.
    #[error("a result has {found} bytes, at most {max} are kept")]
    TooLarge {
        /// Bytes offered.
        found: usize,
        /// The bound.
        max: usize,
    },
    /// All results together are larger than allowed.
    #[error("{} is full: {used} of {max} bytes", path.display())]
    Full {
        /// The directory.
        path: PathBuf,
        /// Bytes in use.
        used: u64,
        /// The bound.
        max: u64,
    },
    /// More files than this program ever makes.
    #[error("{} has more than {FILES_MAX} files", path.display())]
    TooMany {
        /// The directory.
        path: PathBuf,
    },
}

/// A directory of results by [`JobId`]. Every method blocks. Clones of an `Arc` share it; no two processes may.
#[derive(Debug)]
pub struct Shelf {
    dir: PathBuf,
    item_bytes_max: usize,
    bytes_max: u64,
    /// Sizes of the files that are there.
    sizes: Mutex<BTreeMap<JobId, u64>>,
}

impl Shelf {
    /// Opens a directory, or makes it. Files that were being written are removed; files of other names are left alone.
    ///
    /// # Errors
    /// [`ShelfError::Io`], [`ShelfError::TooMany`].
    pub fn open(dir: &Path, item_bytes_max: usize, bytes_max: u64) -> Result<Self, ShelfError> {
        let io = io_error(dir);
        std::fs::create_dir_all(dir).map_err(&io)?;
        let mut sizes = BTreeMap::new();
        for (count, entry) in std::fs::read_dir(dir).map_err(&io)?.enumerate() {
            if count >= FILES_MAX {
                return Err(ShelfError::TooMany { path: dir.to_owned() });
            }
            let entry = entry.map_err(&io)?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            if let Some(id) = JobId::from_hex(name) {
                sizes.insert(id, entry.metadata().map_err(io_error(&entry.path()))?.len());
            } else if name.strip_suffix(".new").and_then(JobId::from_hex).is_some() {
                std::fs::remove_file(entry.path()).map_err(io_error(&entry.path()))?;
            }
        }
        Ok(Self {
            dir: dir.to_owned(),
            item_bytes_max,
            bytes_max,
            sizes: Mutex::new(sizes),
        })
    }

    /// Whether a result is there. Its content is looked at by [`Self::get`].
    pub fn has(&self, id: JobId) -> bool {
        self.lock().contains_key(&id)
    }

    /// Names of all results.
    pub fn ids(&self) -> BTreeSet<JobId> {
        self.lock().keys().copied().collect()
    }

    /// Results and their bytes.
    pub fn size(&self) -> (usize, u64) {
        let sizes = self.lock();
        (sizes.len(), sizes.values().sum())
    }

    /// A result; `None` when there is none. A file that is not what was put is removed and counts as none.
    ///
    /// # Errors
    /// [`ShelfError::Io`].
    pub fn get(&self, id: JobId) -> Result<Option<Vec<u8>>, ShelfError> {
        if !self.has(id) {
            return Ok(None);
        }
        let path = self.path(id);
        let bytes = match self.read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                self.lock().remove(&id);
                return Ok(None);
            }
            Err(source) => return Err(ShelfError::Io { path, source }),
        };
        match unwrap(&bytes) {
            Some(content) => Ok(Some(content.to_vec())),
            None => {
                tracing::warn!(path = %path.display(), "a damaged result is removed; it will be made again");
                self.remove(id)?;
                Ok(None)
            }
        }
    }

    /// Keeps a result. One that is there already stays as it is: results of one name are equally good.
    ///
    /// # Errors
    /// [`ShelfError`].
    pub fn put(&self, id: JobId, content: &[u8]) -> Result<(), ShelfError> {
        if self.has(id) {
            return Ok(());
        }
        if content.len() > self.item_bytes_max {
            return Err(ShelfError::TooLarge {
                found: content.len(),
                max: self.item_bytes_max,
            });
        }
        let (_, used) = self.size();
        let size = u64::try_from(content.len().saturating_add(HEADER_BYTES)).unwrap_or(u64::MAX);
        if used.saturating_add(size) > self.bytes_max {
            return Err(ShelfError::Full {
                path: self.dir.clone(),
                used,
                max: self.bytes_max,
            });
        }
        let path = self.path(id);
        let draft = path.with_extension("new");
        write(&draft, content)
            .and_then(|()| std::fs::rename(&draft, &path))
            .and_then(|()| File::open(&self.dir)?.sync_all())
            .map_err(io_error(&path))?;
        self.lock().insert(id, size);
        Ok(())
    }

    /// Removes a result.
    ///
    /// # Errors
    /// [`ShelfError::Io`].
    pub fn remove(&self, id: JobId) -> Result<(), ShelfError> {
        let path = self.path(id);
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(ShelfError::Io { path, source });
            }
            Ok(()) | Err(_) => {}
        }
        self.lock().remove(&id);
        Ok(())
    }

    /// Removes every result that is not in `live`; returns how many.
    ///
    /// # Errors
    /// [`ShelfError::Io`].
    pub fn sweep(&self, live: &BTreeSet<JobId>) -> Result<usize, ShelfError> {
        let dead: Vec<_> = self.ids().difference(live).copied().collect();
        dead.iter().try_for_each(|id| self.remove(*id))?;
        Ok(dead.len())
    }

    fn path(&self, id: JobId) -> PathBuf {
        self.dir.join(id.to_hex())
    }

    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        let limit = self.item_bytes_max.saturating_add(HEADER_BYTES).saturating_add(1);
        let mut bytes = Vec::new();
        File::open(path)?
            .take(u64::try_from(limit).unwrap_or(u64::MAX))
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<JobId, u64>> {
        // Every change of the map is one call.
        self.sizes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn io_error(path: &Path) -> impl Fn(std::io::Error) -> ShelfError {
    move |source| ShelfError::Io {
        path: path.to_owned(),
        source,
    }
}

fn write(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(&MAGIC)?;
    file.write_all(keccak256(content).as_slice())?;
    file.write_all(content)?;
    file.sync_all()
}

/// The content of a file, if it is whole.
fn unwrap(bytes: &[u8]) -> Option<&[u8]> {
    let rest = bytes.strip_prefix(&MAGIC)?;
    let (digest, content) = rest.split_first_chunk::<32>()?;
    (keccak256(content).0 == *digest).then_some(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use agoge_protocol::B256;

    fn id(number: u8) -> JobId {
        JobId::block(B256::repeat_byte(number), &[])
    }

    fn open(dir: &Path) -> Shelf {
        Shelf::open(dir, 1_000, 3_000).unwrap()
    }

    #[test]
    fn results_survive_a_restart_and_drafts_do_not() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = open(dir.path());
        shelf.put(id(1), b"one").unwrap();
        shelf.put(id(1), b"another").unwrap();
        // A crash in the middle of writing leaves a draft.
        let draft = dir.path().join(format!("{}.new", id(2).to_hex()));
        std::fs::write(&draft, b"AGJ1 half").unwrap();
        std::fs::write(dir.path().join("notes.txt"), b"somebody's").unwrap();
        let shelf = open(dir.path());
        assert_eq!(shelf.get(id(1)).unwrap().as_deref(), Some(&b"one"[..]));
        assert_eq!(shelf.get(id(2)).unwrap(), None);
        assert!(!draft.exists());
        assert!(dir.path().join("notes.txt").exists());
        assert_eq!(shelf.ids(), BTreeSet::from([id(1)]));
    }

    #[test]
    fn damaged_files_count_as_absent_and_can_be_made_again() {
        let dir = tempfile::tempdir().unwrap();
        open(dir.path()).put(id(1), b"result").unwrap();
        let path = dir.path().join(id(1).to_hex());
        let good = std::fs::read(&path).unwrap();
        let mut cases = vec![Vec::new(), b"garbage".to_vec(), vec![0; 5_000]];
        cases.extend((0..good.len()).map(|at| {
            let mut bad = good.clone();
            bad[at] ^= 1;
            bad
        }));
        cases.push(good[..good.len() - 1].to_vec());
        cases.push([&good[..], &[0]].concat());
        for bad in cases {
            std::fs::write(&path, &bad).unwrap();
            let shelf = open(dir.path());
            assert_eq!(shelf.get(id(1)).unwrap(), None, "{bad:?}");
            assert!(!path.exists() && !shelf.has(id(1)));
            shelf.put(id(1), b"result").unwrap();
            assert_eq!(shelf.get(id(1)).unwrap().as_deref(), Some(&b"result"[..]));
        }
        let shelf = open(dir.path());
        std::fs::remove_file(&path).unwrap();
        assert_eq!(shelf.get(id(1)).unwrap(), None, "removed by somebody else");
    }

    #[test]
    fn one_result_and_all_together_are_bounded_and_swept() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = open(dir.path());
        assert!(matches!(
            shelf.put(id(0), &[0; 1_001]),
            Err(ShelfError::TooLarge {
                found: 1_001,
                max: 1_000
            })
        ));
        for number in 1..=2 {
            shelf.put(id(number), &[number; 1_000]).unwrap();
        }
        let full = shelf.put(id(3), &[3; 1_000]);
        assert!(matches!(
            full,
            Err(ShelfError::Full {
                used: 2_072,
                max: 3_000,
                ..
            })
        ));
        assert_eq!(shelf.sweep(&BTreeSet::from([id(2), id(9)])).unwrap(), 1);
        shelf.put(id(3), &[3; 1_000]).unwrap();
        assert_eq!(shelf.ids(), BTreeSet::from([id(2), id(3)]));
        assert_eq!(shelf.size(), (2, 2_072));
    }
}
