//! Keys whose duties the operator has switched off, kept across restarts: a key that was moved to another machine must not start signing
//! here again because this one was restarted.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use agoge_protocol::Address;

use crate::files;

/// Keys remembered at most.
const SWITCHED_OFF_MAX: usize = 1_024;
/// Bytes of the file at most: an address and its punctuation have 46.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// The switches.
#[derive(Debug)]
pub struct Switches {
    path: PathBuf,
    off: BTreeSet<Address>,
}

impl Switches {
    /// Reads the file; none means that all are on.
    ///
    /// # Errors
    /// Those of the file system; `InvalidData` when the file is not a list of addresses. Then it is better not to start.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let off = match File::open(path) {
            Ok(file) => {
                let mut text = String::new();
                file.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
                serde_json::from_str(&text).map_err(std::io::Error::from)?
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeSet::new(),
            Err(error) => return Err(error),
        };
        Ok(Self {
            path: path.to_owned(),
            off,
        })
    }

    /// Whether a key's duties are on.
    pub fn is_on(&self, attester: Address) -> bool {
        !self.off.contains(&attester)
    }

    /// Switches a key; on the disk when this returns. Blocks.
    ///
    /// # Errors
    /// Those of the file system; nothing is changed then.
    pub fn set(&mut self, attester: Address, is_on: bool) -> std::io::Result<()> {
        let mut off = self.off.clone();
        let is_change = if is_on {
            off.remove(&attester)
        } else {
            off.insert(attester)
        };
        if !is_change {
            return Ok(());
        }
        if off.len() > SWITCHED_OFF_MAX {
            return Err(std::io::Error::other("too many keys are switched off"));
        }
        files::replace(&self.path, serde_json::to_string_pretty(&off)?.as_bytes())?;
        self.off = off;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_off_stays_off_across_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("duties-off.json");
        let [a, b] = [1, 2].map(Address::repeat_byte);
        let mut switches = Switches::open(&path).unwrap();
        switches.set(a, false).unwrap();
        switches.set(a, false).unwrap();
        switches.set(b, true).unwrap();
        let mut again = Switches::open(&path).unwrap();
        assert!(!again.is_on(a) && again.is_on(b));
        again.set(a, true).unwrap();
        assert!(Switches::open(&path).unwrap().is_on(a));
        std::fs::write(&path, "on").unwrap();
        assert!(
            Switches::open(&path).is_err(),
            "a damaged file must not switch a key on"
        );
    }
}
