//! The door to L1: one [`L1Client`] per process hands out the follower, the blob source, views and senders.

use std::sync::Arc;
use std::time::Duration;

use agoge_protocol::deployment::MissingContract;
use agoge_protocol::{Address, B256, L1Block, U256};
use agoge_supervisor::Clock;
use alloy::primitives::Bytes;
use serde_json::json;

use crate::blob::BlobSource;
use crate::call::{At, CallError};
use crate::config::{Contracts, ENDPOINTS_MAX, L1Config};
use crate::follower::{ChainStream, FollowerConfig, L1Follower};
use crate::l1_json::HeaderJson;
use crate::reader::RollupReader;
use crate::revert::RevertReason;
use crate::rpc::{Rpc, RpcError};
use crate::sender::TxRequest;

/// Why a client cannot be made or gives no part.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No endpoint, or too many.
    #[error("1 to {ENDPOINTS_MAX} L1 RPC URLs are needed, found {found}; hint: set ETH_RPC_URL")]
    Endpoints {
        /// URLs given.
        found: usize,
    },
    /// The HTTP client cannot be made (TLS roots).
    #[error("cannot set up HTTP: {0}")]
    Http(String),
    /// No endpoint answers, or one serves another chain (see [`ClientError::is_wrong_chain`]).
    #[error("{0}; hint: {hint}", hint = .0.cause.hint())]
    Rpc(#[from] RpcError),
    /// A part needs a deployment and there is none.
    #[error("this needs a deployment file")]
    NoDeployment,
    /// The deployment lacks a contract.
    #[error(transparent)]
    MissingContract(#[from] MissingContract),
}

impl ClientError {
    /// Whether the cause is an endpoint of another network (exit code 4).
    pub fn is_wrong_chain(&self) -> bool {
        matches!(self, Self::Rpc(error) if error.is_wrong_chain())
    }
}

/// All of L1. Cheap to clone.
#[derive(Clone)]
pub struct L1Client {
    pub(crate) config: Arc<L1Config>,
    pub(crate) rpc: Rpc,
    pub(crate) clock: Arc<dyn Clock>,
    http: reqwest::Client,
}

impl std::fmt::Debug for L1Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("L1Client")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl L1Client {
    /// Makes a client and checks the chain id of every endpoint that answers. `clock` is the process's clock.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn connect(config: L1Config, clock: Arc<dyn Clock>) -> Result<Self, ClientError> {
        let found = config.rpc_urls.len();
        if !(1..=ENDPOINTS_MAX).contains(&found) || config.beacon_urls.len() > ENDPOINTS_MAX {
            return Err(ClientError::Endpoints { found });
        }
        let http = reqwest::Client::builder()
            .connect_timeout(config.call_timeout.min(Duration::from_secs(5)))
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("agoge/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| ClientError::Http(e.to_string()))?;
        let rpc = Rpc::new(
            http.clone(),
            &config.rpc_urls,
            config.network.network.chain_id,
            config.call_timeout,
        );
        let client = Self {
            config: Arc::new(config),
            rpc,
            clock,
            http,
        };
        client.rpc.check_chain().await?;
        Ok(client)
    }

    /// What it was made from.
    pub fn config(&self) -> &L1Config {
        &self.config
    }

    /// Contracts of the deployment.
    ///
    /// # Errors
    /// [`ClientError::NoDeployment`], [`ClientError::MissingContract`].
    pub fn contracts(&self) -> Result<Contracts, ClientError> {
        let deployment = self.config.deployment.as_ref().ok_or(ClientError::NoDeployment)?;
        Ok(Contracts::of(deployment)?)
    }

    /// A follower that starts after `cursor`: the last blocks that its user has, oldest first, newest last, at most the newest 65 are used.
    /// An empty cursor starts before the deployment.
    ///
    /// # Errors
    /// [`ClientError::NoDeployment`], [`ClientError::MissingContract`].
    pub fn follower(&self, cursor: Vec<L1Block>) -> Result<(L1Follower, ChainStream), ClientError> {
        self.follower_of(self.contracts()?, cursor)
    }

    /// As [`Self::follower`], of another instance of the same network. It starts at the network's deployment, too: when a Rollup was created
    /// is not known, and deposits may be older than its entry in the Registry.
    ///
    /// # Errors
    /// [`ClientError::NoDeployment`].
    pub fn follower_of(
        &self,
        contracts: Contracts,
        cursor: Vec<L1Block>,
    ) -> Result<(L1Follower, ChainStream), ClientError> {
        let deployment = self.config.deployment.as_ref().ok_or(ClientError::NoDeployment)?;
        let network = &self.config.network;
        let config = FollowerConfig {
            contracts,
            first_block: deployment.deploy_block,
            poll_interval: Duration::from_millis(network.l1.poll_interval_ms),
            reorg_depth_max: network.l1.reorg_depth_max,
            log_range_max: network.l1.log_range_max,
            head_age_max_seconds: network.l1.head_age_max_seconds,
            finality_interval: Duration::from_secs(network.network.l1_slot_seconds.saturating_mul(16)),
        };
        Ok(L1Follower::new(
            self.rpc.clone(),
            self.clock.clone(),
            config,
            cursor,
        ))
    }

    /// Views of the deployment's contracts.
    ///
    /// # Errors
    /// [`ClientError::NoDeployment`], [`ClientError::MissingContract`].
    pub fn reader(&self) -> Result<RollupReader, ClientError> {
        self.reader_of(self.contracts()?)
    }

    /// As [`Self::reader`], of another instance of the same network.
    ///
    /// # Errors
    /// [`ClientError::NoDeployment`].
    pub fn reader_of(&self, contracts: Contracts) -> Result<RollupReader, ClientError> {
        let deployment = self.config.deployment.clone().ok_or(ClientError::NoDeployment)?;
        Ok(RollupReader::new(
            self.rpc.clone(),
            contracts,
            Arc::new(deployment),
            &self.config.network,
        ))
    }

    /// Blob sources of the configuration.
    pub fn blobs(&self) -> BlobSource {
        BlobSource::new(
            self.http.clone(),
            &self.config.network,
            self.config.beacon_urls.clone(),
            self.config.blob_archive.clone(),
            self.config.call_timeout,
        )
    }

    /// The endpoint's head.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn head(&self) -> Result<L1Block, RpcError> {
        let header: HeaderJson = self
            .rpc
            .read("eth_getBlockByNumber", json!(["latest", false]))
            .await?;
        Ok(header.block())
    }

    /// Balance of an account after the head, wei.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn balance(&self, account: Address) -> Result<U256, RpcError> {
        self.rpc.read("eth_getBalance", json!([account, "latest"])).await
    }

    /// Transactions that an account has sent, as of the head: the nonce of its next.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn nonce(&self, account: Address) -> Result<u64, RpcError> {
        let nonce: alloy::primitives::U64 = self
            .rpc
            .read("eth_getTransactionCount", json!([account, "latest"]))
            .await?;
        Ok(nonce.to())
    }

    /// As [`Self::nonce`], with what waits in the endpoint's pool: more than that means that something was sent and is in no block yet.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn pending_nonce(&self, account: Address) -> Result<u64, RpcError> {
        let nonce: alloy::primitives::U64 = self
            .rpc
            .read("eth_getTransactionCount", json!([account, "pending"]))
            .await?;
        Ok(nonce.to())
    }

    /// Price of a unit of blob gas, wei; refused by an L1 without blobs.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn blob_base_fee(&self) -> Result<U256, RpcError> {
        self.rpc.read("eth_blobBaseFee", json!([])).await
    }

    /// Runtime code of an account after the head.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn code(&self, account: Address) -> Result<Bytes, RpcError> {
        self.rpc.read("eth_getCode", json!([account, "latest"])).await
    }

    /// A slot of an account's storage after the head.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn storage(&self, account: Address, slot: B256) -> Result<B256, RpcError> {
        self.rpc
            .read("eth_getStorageAt", json!([account, slot, "latest"]))
            .await
    }

    /// Whether the endpoint answers a log query over the newest `blocks` blocks, as a first sync asks; for preflight checks.
    ///
    /// # Errors
    /// [`RpcError`], whose cause says whether fewer blocks would do.
    pub async fn probe_log_range(&self, blocks: u64) -> Result<(), RpcError> {
        let head = self.head().await?.number.get();
        let first = alloy::primitives::U64::from(head.saturating_sub(blocks.saturating_sub(1)));
        let last = alloy::primitives::U64::from(head);
        // Nobody logs at the zero address, so the answer is short whatever the range.
        let filter = json!([{ "fromBlock": first, "toBlock": last, "address": Address::ZERO }]);
        let _logs: Vec<serde_json::Value> = self.rpc.read("eth_getLogs", filter).await?;
        Ok(())
    }

    /// Gas that a request would take on top of the head if `from` sent it, or why it would revert: a look before a decision. A sender looks
    /// again by itself before it sends.
    ///
    /// # Errors
    /// [`CallError::Rpc`], [`CallError::Reverted`].
    pub async fn estimate_gas(&self, from: Address, request: &TxRequest) -> Result<u64, CallError> {
        let call =
            json!([{ "from": from, "to": request.to, "data": request.calldata, "value": request.value }]);
        let estimate: Result<alloy::primitives::U64, _> = self.rpc.read("eth_estimateGas", call).await;
        match estimate {
            Ok(estimate) => Ok(estimate.to()),
            Err(error) => Err(match RevertReason::of(&error) {
                Some(reason) => CallError::Reverted {
                    function: "eth_estimateGas",
                    reason,
                },
                None => CallError::Rpc(error),
            }),
        }
    }

    /// A view call with plain bytes.
    ///
    /// # Errors
    /// [`CallError::Rpc`], [`CallError::Reverted`].
    pub async fn call(&self, to: Address, calldata: Bytes, at: At) -> Result<Bytes, CallError> {
        let request = json!([{ "to": to, "data": calldata }, at.to_param()]);
        self.rpc
            .read("eth_call", request)
            .await
            .map_err(|error| match RevertReason::of(&error) {
                Some(reason) => CallError::Reverted {
                    function: "eth_call",
                    reason,
                },
                None => CallError::Rpc(error),
            })
    }
}
