//! Files and directories that only this user may read.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use super::PermissionError;

/// Mode of private directories.
pub(super) const DIR_MODE: u32 = 0o700;
/// Mode of private files.
pub(super) const FILE_MODE: u32 = 0o600;
/// O_NOFOLLOW | O_NONBLOCK: a link is not followed and a pipe does not block.
const OPEN_FLAGS: i32 = 0o400_000 | 0o4_000;

fn io_error(path: &Path) -> impl Fn(std::io::Error) -> PermissionError {
    move |source| PermissionError::Io {
        path: path.to_owned(),
        source,
    }
}

/// Makes a directory with mode 0700, parents included; one that exists must be ours and closed to others.
///
/// # Errors
/// [`PermissionError`].
pub fn create_private_dir(path: &Path) -> Result<(), PermissionError> {
    DirBuilder::new()
        .recursive(true)
        .mode(DIR_MODE)
        .create(path)
        .map_err(io_error(path))?;
    check_private_dir(path)
}

/// Checks that a directory is ours and closed to others.
///
/// # Errors
/// [`PermissionError`].
pub fn check_private_dir(path: &Path) -> Result<(), PermissionError> {
    let metadata = std::fs::metadata(path).map_err(io_error(path))?;
    check_owner(path, metadata.uid())?;
    check_mode(path, metadata.mode(), DIR_MODE)
}

fn check_owner(path: &Path, found: u32) -> Result<(), PermissionError> {
    let expected = rustix::process::geteuid().as_raw();
    if found == expected {
        Ok(())
    } else {
        Err(PermissionError::Owner {
            path: path.to_owned(),
            expected,
            found,
        })
    }
}

fn check_mode(path: &Path, mode: u32, expected: u32) -> Result<(), PermissionError> {
    let found = mode & 0o7777;
    if found & 0o077 == 0 {
        Ok(())
    } else {
        Err(PermissionError::Mode {
            path: path.to_owned(),
            expected,
            found,
        })
    }
}

/// Reads a file of at most `max` bytes that is regular, ours and closed to others. Checks and reading are of one open file.
///
/// # Errors
/// [`PermissionError`].
pub fn read_private_file(path: &Path, max: u64) -> Result<Vec<u8>, PermissionError> {
    // Looked at first for a clear word about links, which the open below would refuse as "too many levels".
    if !std::fs::symlink_metadata(path).map_err(io_error(path))?.is_file() {
        return Err(PermissionError::NotRegular {
            path: path.to_owned(),
        });
    }
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(OPEN_FLAGS)
        .open(path)
        .map_err(io_error(path))?;
    let metadata = file.metadata().map_err(io_error(path))?;
    if !metadata.is_file() {
        return Err(PermissionError::NotRegular {
            path: path.to_owned(),
        });
    }
    check_owner(path, metadata.uid())?;
    check_mode(path, metadata.mode(), FILE_MODE)?;
    read_bounded(path, file, max)
}

/// Reads at most `max` bytes of an open file.
pub(super) fn read_bounded(path: &Path, file: File, max: u64) -> Result<Vec<u8>, PermissionError> {
    let mut bytes = Vec::new();
    file.take(max.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(io_error(path))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= max) {
        Ok(bytes)
    } else {
        Err(PermissionError::TooLarge {
            path: path.to_owned(),
            max,
        })
    }
}

/// Writes a new file with mode 0600: whole or not at all, and never over another.
///
/// # Errors
/// [`PermissionError::Io`], of kind `AlreadyExists` when the file is there.
pub fn write_private_file(path: &Path, bytes: &[u8]) -> Result<(), PermissionError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let draft = path.with_file_name(name);
    let written = write_draft(&draft, bytes).and_then(|()| std::fs::hard_link(&draft, path));
    // Only the draft's name is lost; an error here would hide the one that matters.
    std::fs::remove_file(&draft).ok();
    written.map_err(io_error(path))?;
    let parent = path
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    File::open(parent)
        .and_then(|dir| dir.sync_all())
        .map_err(io_error(parent))
}

fn write_draft(draft: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(draft)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn chmod(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn private_files_are_whole_closed_and_never_overwritten() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("a/b");
        create_private_dir(&dir).unwrap();
        assert_eq!(std::fs::metadata(&dir).unwrap().mode() & 0o777, 0o700);
        let file = dir.join("key");
        write_private_file(&file, b"one").unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
        assert!(matches!(
            write_private_file(&file, b"two"),
            Err(PermissionError::Io { .. })
        ));
        assert_eq!(read_private_file(&file, 3).unwrap(), b"one");
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1, "no draft is left");
        assert!(matches!(
            read_private_file(&file, 2),
            Err(PermissionError::TooLarge { .. })
        ));
    }

    #[test]
    fn looser_modes_links_and_directories_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key");
        write_private_file(&file, b"x").unwrap();
        for mode in [0o640, 0o604, 0o620, 0o644] {
            chmod(&file, mode);
            assert!(
                matches!(read_private_file(&file, 9), Err(PermissionError::Mode { .. })),
                "{mode:o}"
            );
        }
        chmod(&file, 0o400);
        assert!(read_private_file(&file, 9).is_ok());
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(matches!(
            read_private_file(&link, 9),
            Err(PermissionError::NotRegular { .. })
        ));
        assert!(matches!(
            read_private_file(dir.path(), 9),
            Err(PermissionError::NotRegular { .. })
        ));
        chmod(dir.path(), 0o750);
        assert!(matches!(
            create_private_dir(dir.path()),
            Err(PermissionError::Mode { .. })
        ));
    }
}
