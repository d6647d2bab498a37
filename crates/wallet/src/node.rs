//! A node as the wallet sees it: typed calls over its JSON-RPC. The wallet checks what it is told.

use std::net::IpAddr;
use std::time::Duration;

use agoge_protocol::rpc::{
    EFFECTS_RANGE_MAX, ErrorData, NodeInfo, RESPONSE_BYTES_MAX, RpcBlock, RpcEffects, Tips,
    TransactionStatus, TxRejection,
};
use agoge_protocol::{L2BlockNumber, Transaction, TxId};
use alloy::transports::http::reqwest::Url;
use jsonrpsee::core::ClientError;
use jsonrpsee::core::client::ClientT;
use jsonrpsee::http_client::{HttpClient, HttpClientBuilder};
use jsonrpsee::rpc_params;

const TIMEOUT: Duration = Duration::from_secs(20);
/// Characters of a node's words that are passed on.
const WORDS_MAX: usize = 600;

/// Why a node did not answer or refused.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// Not a URL of a node.
    #[error("--node {url}: {source}; hint: a node's RPC is at http://127.0.0.1:8700 by default")]
    Url {
        /// As given.
        url: String,
        /// Why.
        #[source]
        source: ClientError,
    },
    /// No usable answer.
    #[error(
        "the node does not answer {method}: {source}; hint: is agoge-node running, and is --node its RPC address?"
    )]
    NoAnswer {
        /// JSON-RPC method.
        method: &'static str,
        /// Why.
        #[source]
        source: ClientError,
    },
    /// More blocks than were asked for.
    #[error("the node answered {found} blocks, {asked} were asked for")]
    TooManyBlocks {
        /// Asked for.
        asked: u64,
        /// Answered.
        found: usize,
    },
    /// The node refused.
    #[error("{code}: {message}{}", hint.as_ref().map(|h| format!("; hint: {h}")).unwrap_or_default())]
    Refused {
        /// Stable code, `AGOGE-...`.
        code: String,
        /// In words.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
}

impl NodeError {
    /// Why a transaction was not taken, when that is what happened.
    pub fn rejection(&self) -> Option<TxRejection> {
        match self {
            Self::Refused { code, .. } => TxRejection::from_code(code),
            _ => None,
        }
    }
}

/// A connection to one node.
#[derive(Clone, Debug)]
pub struct Node {
    client: HttpClient,
    is_local: bool,
}

impl Node {
    /// Prepares calls to a node's RPC.
    ///
    /// # Errors
    /// [`NodeError::Url`].
    pub fn new(url: &str) -> Result<Self, NodeError> {
        let client = HttpClientBuilder::default()
            .request_timeout(TIMEOUT)
            .max_response_size(RESPONSE_BYTES_MAX)
            .build(url)
            .map_err(|source| NodeError::Url {
                url: url.to_owned(),
                source,
            })?;
        Ok(Self {
            client,
            is_local: is_local(url),
        })
    }

    /// Whether the node is on this machine, as the nodes of a devnet are.
    pub const fn is_local(&self) -> bool {
        self.is_local
    }

    /// Which network and instance the node serves.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn info(&self) -> Result<NodeInfo, NodeError> {
        self.call("agoge_nodeInfo", rpc_params![]).await
    }

    /// Pending and proven tips.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn tips(&self) -> Result<Tips, NodeError> {
        self.call("agoge_tips", rpc_params![]).await
    }

    /// A block; `None` beyond the tip.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn block(&self, number: L2BlockNumber) -> Result<Option<RpcBlock>, NodeError> {
        self.call("agoge_getBlock", rpc_params![number]).await
    }

    /// Effects of the blocks from `from` to `to`, at most [`EFFECTS_RANGE_MAX`], as far as there are blocks.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn effects(
        &self,
        from: L2BlockNumber,
        to: L2BlockNumber,
    ) -> Result<Vec<RpcEffects>, NodeError> {
        let asked = to
            .get()
            .saturating_add(1)
            .saturating_sub(from.get())
            .min(EFFECTS_RANGE_MAX);
        let batch: Vec<RpcEffects> = self
            .call("agoge_getEffectsRange", rpc_params![from, asked])
            .await?;
        match batch.len() {
            found if found as u64 > asked => Err(NodeError::TooManyBlocks { asked, found }),
            _ => Ok(batch),
        }
    }

    /// Hands a transaction over.
    ///
    /// # Errors
    /// [`NodeError::Refused`] with the reason's code.
    pub async fn send(&self, tx: &Transaction) -> Result<TxId, NodeError> {
        self.send_raw(&crate::raw_transaction(tx)).await
    }

    /// Hands over the 0x hex of an encoded transaction.
    ///
    /// # Errors
    /// [`NodeError::Refused`] with the reason's code.
    pub async fn send_raw(&self, raw: &str) -> Result<TxId, NodeError> {
        self.call("agoge_sendTransaction", rpc_params![raw]).await
    }

    /// What became of a transaction.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn status(&self, id: TxId) -> Result<TransactionStatus, NodeError> {
        self.call("agoge_getTransactionStatus", rpc_params![id]).await
    }

    async fn call<T: serde::de::DeserializeOwned>(
        &self,
        method: &'static str,
        params: jsonrpsee::core::params::ArrayParams,
    ) -> Result<T, NodeError> {
        self.client
            .request(method, params)
            .await
            .map_err(|source| match source {
                ClientError::Call(error) => {
                    let data = error
                        .data()
                        .and_then(|raw| serde_json::from_str::<ErrorData>(raw.get()).ok());
                    let code = data
                        .as_ref()
                        .map_or_else(|| format!("JSON-RPC {}", error.code()), |data| words(&data.code));
                    let hint = data.and_then(|data| data.hint).map(|hint| words(&hint));
                    NodeError::Refused {
                        code,
                        message: words(error.message()),
                        hint,
                    }
                }
                source => NodeError::NoAnswer { method, source },
            })
    }
}

/// A node's words as they may be shown: bounded, and without characters that steer a terminal.
pub(crate) fn words(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(WORDS_MAX)
        .collect()
}

fn is_local(url: &str) -> bool {
    Url::parse(url).ok().is_some_and(|url| match url.host_str() {
        Some("localhost") => true,
        Some(host) => host
            .trim_matches(['[', ']'])
            .parse()
            .is_ok_and(|ip: IpAddr| ip.is_loopback()),
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_on_this_machine_is_told_by_its_address() {
        for (url, expected) in [
            ("http://127.0.0.1:8700", true),
            ("http://127.9.0.1", true),
            ("http://localhost:8700", true),
            ("http://[::1]:8700", true),
            ("http://10.0.0.1:8700", false),
            ("http://127.0.0.1.example.org", false),
            ("http://localhost.example.org", false),
            ("http://127.0.0.1@example.org", false),
            ("nonsense", false),
        ] {
            assert_eq!(is_local(url), expected, "{url}");
        }
    }

    #[test]
    fn words_of_a_node_cannot_steer_a_terminal_or_fill_it() {
        assert_eq!(words("a\u{1b}[31mb\n\u{9b}c"), "a [31mb  c");
        assert_eq!(words(&"x".repeat(WORDS_MAX * 2)).len(), WORDS_MAX);
    }
}
