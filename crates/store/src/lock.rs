//! Exclusive use of a directory or file by one process, by `flock` on a file beside it.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The exclusive right; given back when dropped or when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Lock(File);

impl Lock {
    /// Takes the lock file at `path`, making it where there is none. `None` when another holds it.
    pub(crate) fn take(path: &Path) -> std::io::Result<Option<Self>> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing alone would leave the lock with a child process that is just being started. When unlocking fails, closing does it later.
        if let Err(error) = self.0.unlock() {
            tracing::debug!(%error, "lock is released by closing its file");
        }
    }
}
