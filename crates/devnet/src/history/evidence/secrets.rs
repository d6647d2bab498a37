//! The secrets of a devnet, so that logs can be searched for them. They are read, never shown.

use std::fs;
use std::path::{Path, PathBuf};

use alloy::signers::local::LocalSigner;
use serde_json::Value;

/// How deep key files lie in a devnet's directory.
const DEPTH_MAX: usize = 5;
/// Bytes of a file that may be a key, a token or a password.
const BYTES_MAX: u64 = 64 << 10;
/// Shorter secrets would be found everywhere by chance.
const LENGTH_MIN: usize = 8;

/// A secret in the forms in which it could be printed.
pub struct Secret {
    /// The file that holds it.
    pub file: PathBuf,
    /// What to search for.
    pub forms: Vec<Vec<u8>>,
}

/// Says whose it is and not what it is.
impl core::fmt::Debug for Secret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Secret")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

/// What was found in a directory.
#[derive(Debug, Default)]
pub struct Secrets {
    /// Passwords, tokens, keys, seeds.
    pub all: Vec<Secret>,
    /// Key files that could not be opened, and why.
    pub closed: Vec<String>,
}

/// Reads every password, token, network key, key file and wallet seed in a devnet's directory.
///
/// # Errors
/// The directory cannot be read.
pub fn read(dir: &Path) -> std::io::Result<Secrets> {
    let mut files = Vec::new();
    walk(dir, DEPTH_MAX, &mut files)?;
    let password = fs::read_to_string(dir.join("password")).unwrap_or_default();
    let mut secrets = Secrets::default();
    for file in files {
        let name = file
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let forms = match name.rsplit_once('.') {
            None if name == "password" => text(&file),
            Some((_, "token")) => text(&file),
            Some((_, "key")) => raw_key(&file),
            Some((_, "json")) => key_file(&file, password.trim_end()),
            _ => continue,
        };
        match forms {
            Ok(forms) if forms.iter().any(|form| form.len() >= LENGTH_MIN) => {
                secrets.all.push(Secret { file, forms });
            }
            Ok(_) => {}
            Err(why) => secrets.closed.push(format!("{}: {why}", file.display())),
        }
    }
    Ok(secrets)
}

fn walk(dir: &Path, depth: usize, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut entries: Vec<_> = fs::read_dir(dir)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        // Of the link itself: nothing outside the directory is read.
        let kind = entry.file_type()?;
        if kind.is_dir() && depth > 0 {
            walk(&entry.path(), depth.saturating_sub(1), files)?;
        } else if kind.is_file() && entry.metadata()?.len() <= BYTES_MAX {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn text(file: &Path) -> Result<Vec<Vec<u8>>, String> {
    let text = fs::read_to_string(file).map_err(|error| error.to_string())?;
    Ok(vec![text.trim().as_bytes().to_vec()])
}

/// 64 hex digits, as the network key of a node is kept.
fn raw_key(file: &Path) -> Result<Vec<Vec<u8>>, String> {
    let text = fs::read_to_string(file).map_err(|error| error.to_string())?;
    let bytes = hex::decode(text.trim()).map_err(|error| error.to_string())?;
    Ok(forms_of(&bytes))
}

/// A keystore's key; nothing for JSON that is no keystore.
fn key_file(file: &Path, password: &str) -> Result<Vec<Vec<u8>>, String> {
    let bytes = fs::read(file).map_err(|error| error.to_string())?;
    let is_keystore = serde_json::from_slice::<Value>(&bytes)
        .is_ok_and(|json| json.get("crypto").or_else(|| json.get("Crypto")).is_some());
    if !is_keystore {
        return Ok(Vec::new());
    }
    let key = LocalSigner::decrypt_keystore(file, password).map_err(|error| error.to_string())?;
    Ok(forms_of(key.to_bytes().as_slice()))
}

/// Raw and as hex, which is found with and without 0x.
fn forms_of(bytes: &[u8]) -> Vec<Vec<u8>> {
    vec![bytes.to_vec(), hex::encode(bytes).into_bytes()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{Role, key};
    use crate::process::{PASSWORD, write_keystore};

    #[test]
    fn passwords_tokens_keys_and_key_files_are_found_and_not_shown() {
        let dir = tempfile::tempdir().unwrap();
        let keys = dir.path().join("node-0/keys/attesters");
        fs::create_dir_all(&keys).unwrap();
        let attester = key("seed", Role::Attester, 0);
        write_keystore(&keys, "attester-0.json", &attester).unwrap();
        fs::write(keys.join("damaged.json"), r#"{"crypto":{}}"#).unwrap();
        fs::write(dir.path().join("password"), format!("{PASSWORD}\n")).unwrap();
        fs::write(dir.path().join("node-0/admin.token"), "0123456789abcdef\n").unwrap();
        fs::write(
            dir.path().join("node-0/p2p.key"),
            format!("{}\n", "ab".repeat(32)),
        )
        .unwrap();
        fs::write(dir.path().join("run.json"), "{}").unwrap();

        let secrets = read(dir.path()).unwrap();
        let forms: Vec<&[u8]> = secrets
            .all
            .iter()
            .flat_map(|secret| secret.forms.iter().map(Vec::as_slice))
            .collect();
        let hex = hex::encode(attester.to_bytes());
        for expected in [
            PASSWORD.as_bytes(),
            b"0123456789abcdef",
            &[0xab; 32],
            hex.as_bytes(),
            attester.to_bytes().as_slice(),
        ] {
            assert!(forms.contains(&expected));
        }
        assert_eq!(secrets.all.len(), 4);
        assert!(secrets.closed[0].contains("damaged.json"), "{:?}", secrets.closed);
        assert!(!format!("{secrets:?}").contains(&hex));
    }
}
