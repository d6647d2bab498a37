//! The wallet's directory: made for its owner only, used by one command at a time.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// A command holds the lock while it reads the chain and makes a proof, not while it waits for blocks.
const WAIT: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(100);

/// The directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DirError {
    /// Making or locking it failed.
    #[error("{path}: {source}")]
    Io {
        /// The directory or its lock file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another command has used it all the time.
    #[error("another agoge-wallet has been using {dir} for {} s; hint: wait for it, or use another --dir", WAIT.as_secs())]
    Busy {
        /// The directory.
        dir: PathBuf,
    },
}

/// The exclusive right to a wallet's directory; given back when dropped or when the process ends, however it ends.
#[derive(Debug)]
pub struct DirLock(File);

impl DirLock {
    /// Makes the directory (0700) where there is none, and takes its lock, waiting for another command for a while.
    ///
    /// # Errors
    /// [`DirError`].
    pub async fn take(dir: &Path) -> Result<Self, DirError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| DirError::Io { path, source }
        };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(io(dir))?;
        let path = dir.join("lock");
        let file = fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(io(&path))?;
        let end = Instant::now() + WAIT;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self(file)),
                Err(TryLockError::Error(source)) => return Err(DirError::Io { path, source }),
                Err(TryLockError::WouldBlock) if Instant::now() >= end => {
                    return Err(DirError::Busy { dir: dir.to_owned() });
                }
                Err(TryLockError::WouldBlock) => sleep(POLL).await,
            }
        }
    }
}

impl Drop for DirLock {
    fn drop(&mut self) {
        // Closing alone would leave the lock with a process that is just being started. When unlocking fails, closing does it later.
        self.0.unlock().ok();
    }
}

/// Makes the name of a file durable.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}
