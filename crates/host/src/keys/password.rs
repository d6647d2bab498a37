//! The password of the key files: from a file, standard input, a systemd credential or the terminal; never from an argument.

use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::private_file::read_bounded;
use super::{PASSWORD_BYTES_MAX, PasswordError, read_private_file};

/// Name under which systemd hands the password over (`LoadCredential=keystore-password:...`).
const CREDENTIAL_NAME: &str = "keystore-password";

/// A password; not shown by `Debug` and wiped when dropped.
#[derive(Clone, Debug)]
pub struct Password(SecretString);

/// Where a password is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordSource {
    /// Standard input, up to its end.
    Stdin,
    /// A private file.
    File(PathBuf),
    /// A file in systemd's credential directory, which the manager protects.
    Credential(PathBuf),
    /// Asked for.
    Terminal,
}

impl PasswordSource {
    /// The configured file (`-` is standard input), else the systemd credential, else the terminal.
    pub fn choose(file: Option<&Path>) -> Self {
        match file {
            Some(path) if path == Path::new("-") => Self::Stdin,
            Some(path) => Self::File(path.to_owned()),
            None => std::env::var_os("CREDENTIALS_DIRECTORY")
                .map(|dir| PathBuf::from(dir).join(CREDENTIAL_NAME))
                .filter(|path| path.is_file())
                .map_or(Self::Terminal, Self::Credential),
        }
    }

    /// Whether it can be read a second time without a person.
    pub const fn is_repeatable(&self) -> bool {
        matches!(self, Self::File(_) | Self::Credential(_))
    }

    /// Reads the password; one line break at the end does not count.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub fn read(&self) -> Result<Password, PasswordError> {
        let limit = u64::try_from(PASSWORD_BYTES_MAX)
            .unwrap_or(u64::MAX)
            .saturating_add(2);
        let bytes = Zeroizing::new(match self {
            Self::Stdin => {
                let mut bytes = Vec::new();
                std::io::stdin()
                    .take(limit)
                    .read_to_end(&mut bytes)
                    .map_err(PasswordError::Stdin)?;
                bytes
            }
            Self::File(path) => read_private_file(path, limit)?,
            Self::Credential(path) => {
                let file = std::fs::File::open(path).map_err(|source| super::PermissionError::Io {
                    path: path.clone(),
                    source,
                })?;
                read_bounded(path, file, limit)?
            }
            Self::Terminal if std::io::stdin().is_terminal() => {
                rpassword::prompt_password("Password of the key files: ")
                    .map_err(PasswordError::Terminal)?
                    .into_bytes()
            }
            Self::Terminal => return Err(PasswordError::NoTerminal),
        });
        Password::parse(&bytes)
    }
}

impl Password {
    fn parse(bytes: &[u8]) -> Result<Self, PasswordError> {
        let text = core::str::from_utf8(bytes).map_err(|_| PasswordError::NotText)?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.len() > PASSWORD_BYTES_MAX {
            return Err(PasswordError::TooLong);
        }
        if text.is_empty() {
            return Err(PasswordError::Empty);
        }
        Ok(Self(SecretString::from(text)))
    }

    pub(super) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_break_is_dropped_and_nothing_else() {
        for (bytes, expected) in [
            (&b"a b \n"[..], "a b "),
            (b"a\r\n", "a"),
            (b"a\n\n", "a\n"),
            (b"a", "a"),
        ] {
            assert_eq!(Password::parse(bytes).unwrap().expose(), expected);
        }
        assert!(matches!(Password::parse(b"\n"), Err(PasswordError::Empty)));
        assert!(matches!(
            Password::parse(&[b'a'; PASSWORD_BYTES_MAX + 1]),
            Err(PasswordError::TooLong)
        ));
        assert!(matches!(Password::parse(&[0xff]), Err(PasswordError::NotText)));
        assert!(!format!("{:?}", Password::parse(b"canary").unwrap()).contains("canary"));
    }
}
