//! A configuration file: strict, bounded, and wrong with a line number.

use std::io::Read as _;
use std::path::Path;

use serde::de::DeserializeOwned;

use super::{CONFIG_BYTES_MAX, ConfigError};

/// Reads and parses a TOML file. `keys` are the keys it may have, `section.name`, for a word about misspelt ones.
///
/// # Errors
/// [`ConfigError::Read`], [`ConfigError::UnknownKey`], [`ConfigError::BadValue`], with line and column.
pub fn read_config_file<T: DeserializeOwned>(path: &Path, keys: &[&'static str]) -> Result<T, ConfigError> {
    let text = read_bounded(path).map_err(|source| ConfigError::Read {
        path: path.to_owned(),
        source,
    })?;
    toml::from_str(&text).map_err(|error| explain(path, &text, &error, keys))
}

/// Reads a text file of at most [`CONFIG_BYTES_MAX`].
pub(super) fn read_bounded(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?
        .take(CONFIG_BYTES_MAX.saturating_add(1))
        .read_to_string(&mut text)?;
    if u64::try_from(text.len()).is_ok_and(|length| length <= CONFIG_BYTES_MAX) {
        Ok(text)
    } else {
        Err(std::io::Error::new(
            std::io::ErrorKind::FileTooLarge,
            format!("more than {CONFIG_BYTES_MAX} bytes"),
        ))
    }
}

fn explain(path: &Path, text: &str, error: &toml::de::Error, keys: &[&'static str]) -> ConfigError {
    let span = error.span().unwrap_or_default();
    let before = text.get(..span.start).unwrap_or_default();
    let line = before.matches('\n').count().saturating_add(1);
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        .saturating_add(1);
    let path = path.to_owned();
    if error.message().starts_with("unknown field") {
        let key = text.get(span).unwrap_or_default().to_owned();
        let suggestion = nearest(&key, keys);
        return ConfigError::UnknownKey {
            path,
            line,
            column,
            key,
            suggestion,
        };
    }
    // Serde's text may quote the value, which may be a URL with an API key.
    let reason = match error.message().split_once(": string \"") {
        Some((kind, rest)) => match rest.rsplit_once("\", expected ") {
            Some((_, expected)) => format!("{kind}: a string, expected {expected}"),
            None => kind.to_owned(),
        },
        None => error.message().lines().next().unwrap_or_default().to_owned(),
    };
    ConfigError::BadValue {
        path,
        line,
        column,
        reason,
    }
}

/// The known key whose last part differs least, if by at most two letters.
fn nearest(key: &str, keys: &[&'static str]) -> Option<&'static str> {
    keys.iter()
        .copied()
        .map(|known| {
            (
                edit_distance(key, known.rsplit('.').next().unwrap_or(known)),
                known,
            )
        })
        .filter(|(distance, _)| *distance <= 2)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Levenshtein's distance, one row at a time. Long texts are far from every key.
fn edit_distance(left: &str, right: &str) -> usize {
    if left.len() > 64 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = i;
        let mut previous = i.saturating_add(1);
        let mut next = vec![previous];
        for (b, above) in right.chars().zip(row.iter().skip(1)) {
            let replaced = diagonal.saturating_add(usize::from(a != b));
            previous = replaced
                .min(above.saturating_add(1))
                .min(previous.saturating_add(1));
            diagonal = *above;
            next.push(previous);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 2] = ["network", "l1.rpc_urls"];

    #[test]
    fn distances() {
        for (a, b, distance) in [
            ("", "", 0),
            ("rpc_url", "rpc_urls", 1),
            ("lsiten", "listen", 2),
            ("abc", "xyz", 3),
        ] {
            assert_eq!(edit_distance(a, b), distance, "{a} {b}");
        }
        assert_eq!(nearest("rpc_url", &KEYS), Some("l1.rpc_urls"));
        assert_eq!(nearest("nonsense_key", &KEYS), None);
    }
}
