//! Where L1 is and how it is read: endpoints (secret), network numbers, deployment.

use std::path::PathBuf;
use std::time::Duration;

use agoge_protocol::deployment::MissingContract;
use agoge_protocol::{Address, Deployment, NetworkConfig};

/// Endpoints of a kind that one process may use.
pub const ENDPOINTS_MAX: usize = 8;

/// An endpoint's URL. It often carries an API key, so only scheme, host and port are ever printed.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(reqwest::Url);

/// Why a text is not an endpoint. The text itself is left out: it may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Not a URL at all.
    #[error("not a URL; hint: quote it, `&` and `?` are special to the shell")]
    Malformed,
    /// Neither http nor https.
    #[error("endpoints are http or https URLs")]
    Scheme,
}

impl SecretUrl {
    /// Parses an http(s) URL.
    ///
    /// # Errors
    /// [`UrlError`].
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let url = reqwest::Url::parse(text.trim()).map_err(|_| UrlError::Malformed)?;
        match url.scheme() {
            "http" | "https" if url.has_host() => Ok(Self(url)),
            _ => Err(UrlError::Scheme),
        }
    }

    /// Scheme, host and port, safe to print.
    pub fn redacted(&self) -> String {
        let host = self.0.host_str().unwrap_or("?");
        let port = self.0.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}://{host}{port}", self.0.scheme())
    }

    pub(crate) fn url(&self) -> reqwest::Url {
        self.0.clone()
    }

    /// The URL with path segments appended to its own path.
    pub(crate) fn join(&self, segments: &[&str]) -> reqwest::Url {
        let mut url = self.0.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}

impl std::fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.redacted())
    }
}

impl std::fmt::Display for SecretUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.redacted())
    }
}

impl std::str::FromStr for SecretUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        Self::parse(text)
    }
}

/// All that is needed to talk to L1. `Debug` prints no secret.
#[derive(Clone, Debug)]
pub struct L1Config {
    /// The network file.
    pub network: NetworkConfig,
    /// Where the network lives; `None` only for tools that deploy it.
    pub deployment: Option<Deployment>,
    /// JSON-RPC endpoints, in order of preference; 1 to [`ENDPOINTS_MAX`].
    pub rpc_urls: Vec<SecretUrl>,
    /// Beacon APIs or compatible blob archives over HTTP, in order of preference.
    pub beacon_urls: Vec<SecretUrl>,
    /// Directory with one file per blob, read first and written to.
    pub blob_archive: Option<PathBuf>,
    /// Bound of one request, body included.
    pub call_timeout: Duration,
}

impl L1Config {
    /// A configuration with the usual time limit of 10 s for a request.
    pub fn new(
        network: NetworkConfig,
        deployment: Option<Deployment>,
        rpc_urls: Vec<SecretUrl>,
        beacon_urls: Vec<SecretUrl>,
    ) -> Self {
        Self {
            network,
            deployment,
            rpc_urls,
            beacon_urls,
            blob_archive: None,
            call_timeout: Duration::from_secs(10),
        }
    }
}

/// Addresses of the contracts that are followed and read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contracts {
    /// The Rollup (and its inbox) that this process serves.
    pub rollup: Address,
    /// The network's Registry.
    pub registry: Address,
    /// The network's Staking.
    pub staking: Address,
    /// The network's ProverBonds.
    pub prover_bonds: Address,
}

impl Contracts {
    /// Those whose logs are followed.
    pub(crate) const fn followed(&self) -> [Address; 3] {
        [self.rollup, self.registry, self.prover_bonds]
    }

    /// Takes the addresses from a deployment: its first Rollup.
    ///
    /// # Errors
    /// [`MissingContract`].
    pub fn of(deployment: &Deployment) -> Result<Self, MissingContract> {
        Ok(Self {
            rollup: deployment.address("Rollup")?,
            registry: deployment.address("Registry")?,
            staking: deployment.address("Staking")?,
            prover_bonds: deployment.address("ProverBonds")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_urls_are_never_printed() {
        let url = SecretUrl::parse("https://user:hunter2@rpc.example:8443/v3/secret?key=secret").unwrap();
        for text in [format!("{url}"), format!("{url:?}"), format!("{url:#?}")] {
            assert_eq!(text, "https://rpc.example:8443");
        }
        assert_eq!(SecretUrl::parse("ws://x").unwrap_err(), UrlError::Scheme);
        assert_eq!(SecretUrl::parse("secret").unwrap_err(), UrlError::Malformed);
        let joined = SecretUrl::parse("http://h/base/?key=1")
            .unwrap()
            .join(&["eth", "v1"]);
        assert_eq!(joined.as_str(), "http://h/base/eth/v1?key=1");
    }
}
