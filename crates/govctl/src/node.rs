//! A node's JSON-RPC and admin JSON-RPC, as far as commands use them.

use std::path::Path;
use std::time::Duration;

use agoge_host::keys::{KeyError, read_private_file};
use agoge_host::report::CliError;
use agoge_protocol::exit::ExitCode as Exit;
use agoge_protocol::rpc::{ErrorData, RESPONSE_BYTES_MAX};
use jsonrpsee::core::ClientError;
use jsonrpsee::core::client::ClientT as _;
use jsonrpsee::core::params::ArrayParams;
use jsonrpsee::http_client::{HeaderMap, HeaderValue, HttpClient, HttpClientBuilder};

use crate::failure;

const TIMEOUT: Duration = Duration::from_secs(20);
/// Bytes of a token file.
const TOKEN_BYTES_MAX: u64 = 1_024;
/// Characters of a node's words that are passed on.
const WORDS_MAX: usize = 600;

/// A connection to one node.
pub(crate) struct Node {
    client: HttpClient,
}

impl Node {
    /// Prepares calls; with a token file, to the admin RPC.
    pub(crate) fn new(url: &str, token: Option<&Path>) -> Result<Self, CliError> {
        let mut headers = HeaderMap::new();
        if let Some(path) = token {
            let bytes = read_private_file(path, TOKEN_BYTES_MAX).map_err(KeyError::from)?;
            let text = String::from_utf8_lossy(&bytes);
            let mut value = HeaderValue::from_str(&format!("Bearer {}", text.trim())).map_err(|_| {
                failure::precondition(
                    format!("{} holds no token", path.display()),
                    "name the node's admin.token in its data directory",
                )
            })?;
            value.set_sensitive(true);
            headers.insert("authorization", value);
        }
        let client = HttpClientBuilder::default()
            .request_timeout(TIMEOUT)
            .max_response_size(RESPONSE_BYTES_MAX)
            .set_headers(headers)
            .build(url)
            .map_err(|error| failure::usage(format!("--node {url}: {error}"), "write http://HOST:PORT"))?;
        Ok(Self { client })
    }

    pub(crate) async fn call<T: serde::de::DeserializeOwned>(
        &self,
        method: &'static str,
        params: ArrayParams,
    ) -> Result<T, CliError> {
        self.client.request(method, params).await.map_err(|error| match error {
            ClientError::Call(error) => {
                let data = error
                    .data()
                    .and_then(|raw| serde_json::from_str::<ErrorData>(raw.get()).ok());
                let hint = data.and_then(|data| data.hint);
                let message = format!("the node refuses {method}: {}", words(error.message()));
                let hint = hint.map_or_else(|| "the node's log says more".to_owned(), |hint| words(&hint));
                CliError::new(Exit::Failed, "AGOGE-GOV-011", message).with_hint(hint)
            }
            error => {
                let message = format!("the node does not answer {method}: {}", words(&error.to_string()));
                CliError::new(Exit::Failed, "AGOGE-GOV-011", message).with_hint(
                    "is agoge-node running, and is --node the right port (8700 JSON-RPC, 8701 admin with --token)?",
                )
            }
        })
    }
}

/// A node's words as they may be shown: bounded, and without characters that steer a terminal.
fn words(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(WORDS_MAX)
        .collect()
}
