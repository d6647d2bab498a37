//! An L1 in this process: a chain that tests write, served as JSON-RPC with faults on demand.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use agoge_contract_bindings::rollup::Rollup;
use agoge_l1_client::{L1Client, L1Config, SecretUrl};
use agoge_protocol::deployment::DeployedContract;
use agoge_protocol::{Address, B256, Deployment, NetworkConfig, U256, keccak256};
use agoge_supervisor::SystemClock;
use alloy::primitives::{Bloom, Bytes, Log};
use alloy::sol_types::{SolCall, SolEvent};
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};

pub(crate) const ROLLUP: Address = Address::repeat_byte(0xa1);
pub(crate) const REGISTRY: Address = Address::repeat_byte(0xa2);
pub(crate) const STAKING: Address = Address::repeat_byte(0xa3);
pub(crate) const PROVER_BONDS: Address = Address::repeat_byte(0xa4);
/// First block with a contract.
pub(crate) const DEPLOY_BLOCK: u64 = 3;

/// What is done to one HTTP request instead of answering it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    RateLimited,
    ServerError,
    Html,
    HalfJson,
    HugeBody,
    WrongId,
}

#[derive(Clone, Debug)]
pub(crate) struct FakeBlock {
    pub(crate) number: u64,
    pub(crate) hash: B256,
    pub(crate) parent: B256,
    pub(crate) time: u64,
    pub(crate) events: Vec<(Address, Vec<B256>, Bytes)>,
}

#[derive(Debug, Default)]
pub(crate) struct Chain {
    pub(crate) blocks: Vec<FakeBlock>,
    pub(crate) chain_id: u64,
    /// Used up, one for each HTTP request.
    pub(crate) faults: VecDeque<Fault>,
    /// Largest range of `eth_getLogs` and what is said to more.
    pub(crate) range_limit: Option<(u64, i64, &'static str)>,
    /// Log requests that are answered with nothing although there is something.
    pub(crate) omissions: u32,
    /// Log requests that are answered without the last log.
    pub(crate) partial: u32,
    /// Whether the contracts' state can be read.
    pub(crate) has_state: bool,
    /// Logs claim to be of another block.
    pub(crate) is_forging: bool,
    /// Whether `safe` and `finalized` are known.
    pub(crate) has_finality: bool,
    /// Answer to `eth_getBlockByHash` for one hash.
    pub(crate) header: Option<(B256, Value)>,
    pub(crate) calls: BTreeMap<String, u32>,
}

impl Chain {
    /// Adds blocks; `branch` makes their hashes and events differ from those of another branch.
    pub(crate) fn grow(&mut self, count: u64, branch: u8) {
        for _ in 0..count {
            let number = u64::try_from(self.blocks.len()).unwrap();
            let parent = self.blocks.last().map(|block| block.hash).unwrap_or_default();
            let hash = keccak256([parent.as_slice(), &number.to_be_bytes(), &[branch]].concat());
            let mut events = Vec::new();
            if number >= DEPLOY_BLOCK && number.is_multiple_of(3) {
                let event = Rollup::EpochSetUp {
                    epoch: U256::from(number),
                    seed: B256::repeat_byte(branch),
                    commitment: B256::repeat_byte(branch),
                };
                let data = event.encode_log_data();
                events.push((ROLLUP, data.topics().to_vec(), data.data));
            }
            self.blocks.push(FakeBlock {
                number,
                hash,
                parent,
                time: 1_000 + 12 * number,
                events,
            });
        }
    }

    /// Adds a block with `count` deposits; the first of them has this index.
    pub(crate) fn grow_deposits(&mut self, first: u64, count: u64) {
        self.grow(1, 0);
        let block = self.blocks.last_mut().unwrap();
        for index in first..first + count {
            let event = Rollup::Deposited {
                index: U256::from(index),
                partialCommitment: B256::ZERO,
                valueGwei: U256::from(1),
                ciphertext: Bytes::from(vec![0; 91]),
                time: U256::from(block.time),
                rollingHash: U256::from(index),
            };
            let data = event.encode_log_data();
            block.events.push((ROLLUP, data.topics().to_vec(), data.data));
        }
    }

    /// What the contracts' views say after a block, of those that completeness is judged by.
    fn view(&self, block: &FakeBlock, data: &Value) -> Value {
        let is_deposit = |(_, topics, _): &&(Address, Vec<B256>, Bytes)| {
            topics.first() == Some(&Rollup::Deposited::SIGNATURE_HASH)
        };
        let until = self.blocks.iter().filter(|b| b.number <= block.number);
        let deposits = until.flat_map(|b| &b.events).filter(is_deposit).count();
        let inbox_call = Bytes::from(Rollup::inboxCountCall {}.abi_encode());
        let answer = if json!(inbox_call) == *data {
            Rollup::inboxCountCall::abi_encode_returns(&U256::from(deposits))
        } else {
            Rollup::tipsAtCall::abi_encode_returns(&Rollup::Tips::default())
        };
        json!(Bytes::from(answer))
    }

    pub(crate) fn cut(&mut self, count: usize) {
        self.blocks.truncate(self.blocks.len() - count);
    }

    fn header(&self, block: &FakeBlock) -> Value {
        let mut bloom = Bloom::default();
        for (address, topics, data) in &block.events {
            bloom.accrue_log(&Log::new_unchecked(*address, topics.clone(), data.clone()));
        }
        json!({
            "number": format!("{:#x}", block.number), "hash": block.hash, "parentHash": block.parent,
            "timestamp": format!("{:#x}", block.time), "mixHash": block.hash, "logsBloom": bloom,
            // Fields of Amsterdam and of a fork to come.
            "blockAccessListHash": B256::ZERO, "slotNumber": "0x1", "somethingNew": [1, 2],
        })
    }

    fn logs(&self, block: &FakeBlock) -> Vec<Value> {
        let hash = if self.is_forging {
            B256::repeat_byte(0xee)
        } else {
            block.hash
        };
        let log = |(index, (address, topics, data)): (usize, &(Address, Vec<B256>, Bytes))| {
            json!({
                "address": address, "topics": topics, "data": data, "blockHash": hash,
                "blockNumber": format!("{:#x}", block.number), "logIndex": format!("{index:#x}"), "removed": false,
                "transactionHash": B256::ZERO, "transactionIndex": "0x0",
            })
        };
        block.events.iter().enumerate().map(log).collect()
    }

    fn answer(&mut self, method: &str, params: &Value) -> Result<Value, (i64, String)> {
        *self.calls.entry(method.to_owned()).or_default() += 1;
        let number = |value: &Value| -> Option<usize> {
            let text = value.as_str()?;
            match text {
                "latest" => self.blocks.len().checked_sub(1),
                "safe" | "finalized" if !self.has_finality => None,
                "safe" => self.blocks.len().checked_sub(33),
                "finalized" => self.blocks.len().checked_sub(65),
                _ => usize::from_str_radix(text.strip_prefix("0x")?, 16).ok(),
            }
        };
        match method {
            "eth_chainId" => Ok(json!(format!("{:#x}", self.chain_id))),
            "eth_getBlockByNumber" => {
                let block = number(&params[0]).and_then(|number| self.blocks.get(number));
                Ok(block.map_or(Value::Null, |block| self.header(block)))
            }
            "eth_getBlockByHash" => {
                if let Some((_, header)) = self.header.as_ref().filter(|(hash, _)| json!(hash) == params[0]) {
                    return Ok(header.clone());
                }
                let block = self.blocks.iter().find(|block| json!(block.hash) == params[0]);
                Ok(block.map_or(Value::Null, |block| self.header(block)))
            }
            "eth_getLogs" => {
                let filter = &params[0];
                let blocks: Vec<&FakeBlock> = if let Some(hash) = filter.get("blockHash") {
                    let block = self.blocks.iter().find(|block| json!(block.hash) == *hash);
                    vec![block.ok_or((-32_000, "unknown block".to_owned()))?]
                } else {
                    let (first, last) = (
                        number(&filter["fromBlock"]).unwrap(),
                        number(&filter["toBlock"]).unwrap(),
                    );
                    if let Some((limit, code, text)) = self.range_limit
                        && u64::try_from(last - first + 1).unwrap() > limit
                    {
                        return Err((code, text.to_owned()));
                    }
                    self.blocks[first..=last].iter().collect()
                };
                let mut logs: Vec<Value> = blocks.iter().flat_map(|block| self.logs(block)).collect();
                if self.omissions > 0 && !logs.is_empty() {
                    self.omissions -= 1;
                    return Ok(json!([]));
                }
                if self.partial > 0 && logs.len() > 1 {
                    self.partial -= 1;
                    logs.pop();
                }
                Ok(json!(logs))
            }
            "eth_call" if self.has_state => {
                let hash = &params[1]["blockHash"];
                let block = self.blocks.iter().find(|block| json!(block.hash) == *hash);
                let block = block.ok_or((-32_000, "header not found".to_owned()))?;
                Ok(self.view(block, &params[0]["data"]))
            }
            _ => Err((-32_601, format!("the method {method} does not exist"))),
        }
    }

    fn reply(&mut self, request: &Value) -> Value {
        let id = request["id"].clone();
        match self.answer(request["method"].as_str().unwrap(), &request["params"]) {
            Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
            Err((code, message)) => {
                json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } })
            }
        }
    }
}

/// A served chain.
#[derive(Clone)]
pub(crate) struct FakeL1 {
    pub(crate) url: SecretUrl,
    chain: Arc<Mutex<Chain>>,
}

impl FakeL1 {
    pub(crate) async fn start(blocks: u64) -> Self {
        let mut chain = Chain {
            chain_id: 31_337,
            ..Chain::default()
        };
        chain.grow(blocks, 0);
        let chain = Arc::new(Mutex::new(chain));
        let router = axum::Router::new()
            .route("/{*rest}", post(serve))
            .route("/", post(serve))
            .with_state(chain.clone());
        Self {
            url: listen(router, "/v3/secret-key").await,
            chain,
        }
    }

    pub(crate) fn edit<T>(&self, change: impl FnOnce(&mut Chain) -> T) -> T {
        change(&mut self.chain.lock().unwrap())
    }

    pub(crate) fn calls(&self, method: &str) -> u32 {
        self.edit(|chain| chain.calls.get(method).copied().unwrap_or_default())
    }
}

pub(crate) async fn listen(router: axum::Router, path: &str) -> SecretUrl {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}{path}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    SecretUrl::parse(&url).unwrap()
}

async fn serve(State(chain): State<Arc<Mutex<Chain>>>, body: axum::body::Bytes) -> Response {
    let request: Value = serde_json::from_slice(&body).unwrap();
    let mut chain = chain.lock().unwrap();
    let fault = chain.faults.pop_front();
    let answer = match &request {
        Value::Array(requests) => requests.iter().map(|request| chain.reply(request)).collect(),
        _ => chain.reply(&request),
    };
    match fault {
        None => axum::Json(answer).into_response(),
        Some(Fault::RateLimited) => (
            StatusCode::TOO_MANY_REQUESTS,
            [(header::RETRY_AFTER, "1")],
            "slow down",
        )
            .into_response(),
        Some(Fault::ServerError) => (StatusCode::BAD_GATEWAY, "upstream").into_response(),
        Some(Fault::Html) => (
            [(header::CONTENT_TYPE, "text/html")],
            "<html>please log in</html>",
        )
            .into_response(),
        Some(Fault::HalfJson) => {
            let text = answer.to_string();
            text[..text.len() / 2].to_owned().into_response()
        }
        Some(Fault::HugeBody) => Body::from(vec![b' '; 33 * 1024 * 1024]).into_response(),
        Some(Fault::WrongId) => {
            axum::Json(json!({ "jsonrpc": "2.0", "id": 999_999_999, "result": "0x1" })).into_response()
        }
    }
}

pub(crate) fn network() -> NetworkConfig {
    let mut network = NetworkConfig::parse(include_str!("../../../../script/networks/devnet.toml")).unwrap();
    network.l1.poll_interval_ms = 10;
    network
}

pub(crate) fn deployment(deploy_block: u64) -> Deployment {
    let contract = |name: &str, address| DeployedContract {
        name: name.to_owned(),
        address,
        code_hash: B256::ZERO,
        constructor_args: Bytes::new(),
        instance: None,
    };
    Deployment {
        network: "devnet".to_owned(),
        chain_id: 31_337,
        deploy_block,
        genesis_time: 1_000,
        genesis_ids: vec![B256::ZERO],
        verifier_circuit_digest: B256::ZERO,
        contracts: vec![
            contract("Rollup", ROLLUP),
            contract("Registry", REGISTRY),
            contract("Staking", STAKING),
            contract("ProverBonds", PROVER_BONDS),
        ],
    }
}

pub(crate) fn config(rpc: &[&SecretUrl], beacons: Vec<SecretUrl>) -> L1Config {
    let rpc = rpc.iter().map(|url| (*url).clone()).collect();
    L1Config::new(network(), Some(deployment(DEPLOY_BLOCK)), rpc, beacons)
}

pub(crate) async fn connect(rpc: &[&SecretUrl]) -> L1Client {
    L1Client::connect(config(rpc, Vec::new()), Arc::new(SystemClock))
        .await
        .unwrap()
}
