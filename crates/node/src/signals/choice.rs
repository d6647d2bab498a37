//! The operator's choice on the disk.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use agoge_protocol::rpc::Signal;

use crate::files;

/// Bytes of the file at most.
const FILE_BYTES_MAX: u64 = 4 << 10;

/// What was chosen by the admin port: a payload, or expressly none. Without a file nothing was, and the configuration counts.
#[derive(Debug)]
pub struct Choice {
    path: PathBuf,
    chosen: Option<Option<Signal>>,
}

impl Choice {
    /// Reads the file, if there is one.
    ///
    /// # Errors
    /// Those of the file system; `InvalidData` when the file is none of ours.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let chosen = match File::open(path) {
            Ok(file) => {
                let mut text = String::new();
                file.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
                Some(serde_json::from_str(&text).map_err(std::io::Error::from)?)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok(Self {
            path: path.to_owned(),
            chosen,
        })
    }

    /// What counts, `configured` being what flag, environment or file say.
    pub fn resolve(&self, configured: Option<Signal>) -> Option<Signal> {
        self.chosen.unwrap_or(configured)
    }

    /// Whether the admin port has chosen, be it nothing.
    pub const fn is_made(&self) -> bool {
        self.chosen.is_some()
    }

    /// Chooses; on the disk when this returns. Blocks.
    ///
    /// # Errors
    /// Those of the file system; nothing is changed then.
    pub fn set(&mut self, signal: Option<Signal>) -> std::io::Result<()> {
        files::replace(&self.path, serde_json::to_string_pretty(&signal)?.as_bytes())?;
        self.chosen = Some(signal);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use agoge_protocol::{Address, B256};

    fn signal(byte: u8) -> Signal {
        Signal {
            payload: Address::repeat_byte(byte),
            actions_hash: B256::repeat_byte(byte),
        }
    }

    #[test]
    fn what_was_chosen_wins_over_the_configuration_across_a_restart_and_so_does_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("signal.json");
        let open = || Choice::open(&path).unwrap();
        assert!(!open().is_made());
        assert_eq!(open().resolve(Some(signal(1))), Some(signal(1)));
        open().set(Some(signal(2))).unwrap();
        assert_eq!(open().resolve(Some(signal(1))), Some(signal(2)));
        open().set(None).unwrap();
        assert!(open().is_made());
        assert_eq!(open().resolve(Some(signal(1))), None);
        for damaged in ["", "{}", "{\"payload\": 1}", "[]"] {
            std::fs::write(&path, damaged).unwrap();
            assert!(Choice::open(&path).is_err(), "{damaged}");
        }
    }
}
