//! Small files of the node's own: replaced whole or not at all.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

/// Replaces a file's content; on the disk when this returns.
///
/// # Errors
/// Those of the file system; the file is as before then.
pub(crate) fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let draft = path.with_extension("new");
    let mut file = File::create(&draft)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&draft, path)
}
