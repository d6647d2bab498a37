//! A node as the wallet sees it: typed calls over its JSON-RPC. The wallet checks what it is told.

use std::time::Duration;

use agoge_protocol::rpc::{EFFECTS_RANGE_MAX, ErrorData, NodeInfo, RpcBlock, RpcEffects, Tips, TransactionStatus};
use agoge_protocol::{L2BlockNumber, Transaction, TxId};
use jsonrpsee::core::ClientError;
use jsonrpsee::core::client::ClientT;
use jsonrpsee::http_client::{HttpClient, HttpClientBuilder};
use jsonrpsee::rpc_params;

const TIMEOUT: Duration = Duration::from_secs(20);
const RESPONSE_BYTES_MAX: u32 = 32 << 20;

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
    #[error("the node does not answer {method}: {source}; hint: is agoge-node running, and is --node its RPC address?")]
    NoAnswer {
        /// JSON-RPC method.
        method: &'static str,
        /// Why.
        #[source]
        source: ClientError,
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

/// A connection to one node.
#[derive(Clone, Debug)]
pub struct Node {
    client: HttpClient,
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
            .map_err(|source| NodeError::Url { url: url.to_owned(), source })?;
        Ok(Self { client })
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

    /// Effects of at most [`EFFECTS_RANGE_MAX`] blocks from `from` on, as far as there are blocks.
    ///
    /// # Errors
    /// [`NodeError`].
    pub async fn effects(&self, from: L2BlockNumber, to: L2BlockNumber) -> Result<Vec<RpcEffects>, NodeError> {
        let last = from.get().saturating_add(EFFECTS_RANGE_MAX.saturating_sub(1)).min(to.get());
        self.call("agoge_getEffectsRange", rpc_params![from, L2BlockNumber::new(last)]).await
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
        self.client.request(method, params).await.map_err(|source| match source {
            ClientError::Call(error) => {
                let data = error.data().and_then(|raw| serde_json::from_str::<ErrorData>(raw.get()).ok());
                let code = data.as_ref().map_or_else(|| format!("JSON-RPC {}", error.code()), |data| data.code.clone());
                NodeError::Refused { code, message: error.message().to_owned(), hint: data.and_then(|data| data.hint) }
            }
            source => NodeError::NoAnswer { method, source },
        })
    }
}
