//! A directory of blobs, one file each, named by versioned hash. Files are complete or absent: written aside, synced, renamed.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use agoge_protocol::limits::BLOB_BYTES;
use alloy::primitives::B256;

use super::{Blob, SourceFailure};

/// The archive directory cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write blob archive {path}: {source}", path = path.display())]
pub struct ArchiveError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: std::io::Error,
}

fn path_of(directory: &Path, versioned_hash: B256) -> PathBuf {
    directory.join(format!("{versioned_hash}.blob"))
}

pub(super) async fn get(directory: PathBuf, versioned_hash: B256) -> Result<Blob, SourceFailure> {
    let read = move || -> Result<Blob, SourceFailure> {
        let file = match File::open(path_of(&directory, versioned_hash)) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(SourceFailure::NotFound),
            Err(error) => return Err(SourceFailure::Archive(error.to_string())),
        };
        let mut bytes = Vec::with_capacity(BLOB_BYTES);
        let limit = u64::try_from(BLOB_BYTES).unwrap_or(u64::MAX).saturating_add(1);
        file.take(limit)
            .read_to_end(&mut bytes)
            .map_err(|e| SourceFailure::Archive(e.to_string()))?;
        Blob::from_bytes(bytes).map_err(|e| SourceFailure::Archive(e.to_string()))
    };
    tokio::task::spawn_blocking(read)
        .await
        .unwrap_or(Err(SourceFailure::NotFound))
}

pub(super) async fn put(directory: PathBuf, versioned_hash: B256, blob: Blob) -> Result<(), ArchiveError> {
    let path = path_of(&directory, versioned_hash);
    let target = path.clone();
    let write = move || -> std::io::Result<()> {
        if target.exists() {
            return Ok(());
        }
        fs::create_dir_all(&directory)?;
        let aside = target.with_extension(format!("{}.tmp", std::process::id()));
        let mut file = File::create(&aside)?;
        file.write_all(blob.as_bytes())?;
        file.sync_all()?;
        fs::rename(&aside, &target)
    };
    let stopped = |_| Err(std::io::Error::from(ErrorKind::Interrupted));
    tokio::task::spawn_blocking(write)
        .await
        .unwrap_or_else(stopped)
        .map_err(|source| ArchiveError { path, source })
}
