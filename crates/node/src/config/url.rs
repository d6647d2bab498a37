//! URLs that may hold an API key.

use axum::http::Uri;
use serde::Deserialize;

/// An http(s) URL. Shown without user, path and query, which may be secrets.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct SecretUrl {
    whole: String,
    shown: String,
}

/// A text is no http(s) URL. The text is not repeated: it may hold a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an http:// or https:// URL with a host")]
pub struct BadUrl;

impl SecretUrl {
    /// The whole URL, for the client that dials it.
    pub fn expose(&self) -> &str {
        &self.whole
    }
}

impl core::str::FromStr for SecretUrl {
    type Err = BadUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let uri: Uri = text.parse().map_err(|_| BadUrl)?;
        let scheme = uri.scheme_str().filter(|s| matches!(*s, "http" | "https")).ok_or(BadUrl)?;
        let host = uri.host().filter(|h| !h.is_empty()).ok_or(BadUrl)?;
        let port = uri.port_u16().map(|p| format!(":{p}")).unwrap_or_default();
        let is_bare = uri.path() == "/" && uri.query().is_none();
        let shown = format!("{scheme}://{host}{port}{}", if is_bare { "" } else { "/…" });
        Ok(Self { whole: text.to_owned(), shown })
    }
}

impl TryFrom<String> for SecretUrl {
    type Error = BadUrl;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl core::fmt::Display for SecretUrl {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.shown)
    }
}

impl core::fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        for (text, shown) in [
            ("http://127.0.0.1:8545", "http://127.0.0.1:8545"),
            ("https://user:canary@rpc.example/", "https://rpc.example"),
            ("https://rpc.example/v3/canary?x=canary", "https://rpc.example/…"),
            ("https://rpc.example?key=canary", "https://rpc.example/…"),
        ] {
            let url: SecretUrl = text.parse().unwrap();
            assert_eq!(url.to_string(), shown);
            assert!(!format!("{url:?}").contains("canary"));
            assert_eq!(url.expose(), text);
        }
        for bad in ["", "127.0.0.1:8545", "ws://x", "http://", "file:///etc/passwd", "canary"] {
            let error = bad.parse::<SecretUrl>().unwrap_err();
            assert!(!error.to_string().contains("canary"));
        }
    }
}
