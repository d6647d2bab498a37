//! The devnet's L1: an anvil process and the cheats that tests use on it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use agoge_protocol::{B256, L1Block, L1BlockNumber};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

/// First private key of anvil's well-known mnemonic; it pays for everything on a devnet.
pub const FUNDED_KEY: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

/// Why the L1 does not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum AnvilError {
    /// The binary is not there.
    #[error("anvil is not at {path}; hint: run script/setup")]
    NotInstalled {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The process could not be started or has ended.
    #[error("anvil: {0}")]
    Process(#[from] std::io::Error),
    /// It did not answer in time.
    #[error("anvil does not answer at {url} after {seconds} s; its log: {log}")]
    NoAnswer {
        /// JSON-RPC endpoint.
        url: String,
        /// How long it was given.
        seconds: u64,
        /// Log file.
        log: PathBuf,
    },
    /// A call failed.
    #[error("anvil, {method}: {reason}")]
    Call {
        /// JSON-RPC method.
        method: String,
        /// Why.
        reason: String,
    },
}

/// A running anvil. It is killed when dropped.
#[derive(Debug)]
pub struct Anvil {
    process: Child,
    url: String,
    http: reqwest::Client,
}

/// Where the native anvil binary is: `ANVIL`, or the one that `script/setup` installs.
pub fn binary() -> PathBuf {
    std::env::var_os("ANVIL").map_or_else(
        || {
            let root = std::env::var_os("AGOGE_ROOT").map_or_else(
                || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")),
                PathBuf::from,
            );
            root.join("lib/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil")
        },
        PathBuf::from,
    )
}

/// Since 1970.
pub(crate) fn unix_time() -> Duration {
    // A clock before 1970 is taken for 1970.
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// A TCP port of the loopback interface that is free now.
///
/// # Errors
/// Those of binding to port 0.
pub fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Ports below those that Linux hands out by itself, so that nobody takes one by chance before it is used.
const QUIET_PORTS: std::ops::Range<u16> = 10_000..30_000;

/// The first of two TCP ports in a row of the loopback interface that are free now: peers of a network's first and second instance.
///
/// # Errors
/// `AddrInUse` when a long row of ports is taken.
pub fn free_port_pair() -> std::io::Result<u16> {
    static PAIRS: AtomicU32 = AtomicU32::new(0);
    let (first, count) = (
        u32::from(QUIET_PORTS.start),
        u32::from(QUIET_PORTS.end - QUIET_PORTS.start),
    );
    for _ in 0..256 {
        // Networks that are started at the same time begin at different places.
        let pair = PAIRS
            .fetch_add(1, Ordering::Relaxed)
            .wrapping_add(std::process::id().wrapping_mul(64));
        let offset = pair.wrapping_mul(2) % count;
        let Ok(port) = u16::try_from(first.saturating_add(offset)) else {
            continue;
        };
        let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if is_free(port) && is_free(port.saturating_add(1)) {
            return Ok(port);
        }
    }
    Err(std::io::ErrorKind::AddrInUse.into())
}

impl Anvil {
    /// Starts anvil with 1 s blocks under osaka rules and waits until it answers.
    ///
    /// # Errors
    /// [`AnvilError`].
    pub async fn start(log: &Path) -> Result<Self, AnvilError> {
        let path = binary();
        if !path.is_file() {
            return Err(AnvilError::NotInstalled { path });
        }
        let port = free_port()?;
        let file = std::fs::File::create(log)?;
        let process = Command::new(path)
            .args([
                "--host",
                "127.0.0.1",
                "--port",
                &port.to_string(),
                "--chain-id",
                "31337",
            ])
            .args([
                "--hardfork",
                "osaka",
                "--block-time",
                "1",
                "--slots-in-an-epoch",
                "32",
            ])
            .args([
                "--enable-tx-gas-limit",
                "--gas-limit",
                "60000000",
                "--transaction-block-keeper",
                "20000",
            ])
            .stdin(std::process::Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .kill_on_drop(true)
            .spawn()?;
        let anvil = Self {
            process,
            url: format!("http://127.0.0.1:{port}"),
            http: reqwest::Client::new(),
        };
        const SECONDS: u64 = 30;
        for _ in 0..SECONDS.saturating_mul(10) {
            if anvil.call("eth_chainId", json!([])).await.is_ok() {
                return Ok(anvil);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(AnvilError::NoAnswer {
            url: anvil.url.clone(),
            seconds: SECONDS,
            log: log.to_owned(),
        })
    }

    /// JSON-RPC endpoint; the beacon API's blobs are under the same address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Process id.
    pub fn pid(&self) -> Option<u32> {
        self.process.id()
    }

    /// Calls a JSON-RPC method.
    ///
    /// # Errors
    /// [`AnvilError::Call`].
    pub async fn call(&self, method: &str, params: Value) -> Result<Value, AnvilError> {
        let failed = |reason: String| AnvilError::Call {
            method: method.to_owned(),
            reason,
        };
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let response = self
            .http
            .post(&self.url)
            .timeout(Duration::from_secs(20))
            .json(&request)
            .send()
            .await
            .map_err(|e| failed(e.to_string()))?;
        let mut answer: Value = response.json().await.map_err(|e| failed(e.to_string()))?;
        match answer.get("error") {
            Some(error) => Err(failed(error.to_string())),
            None => Ok(answer.get_mut("result").map(Value::take).unwrap_or_default()),
        }
    }

    /// Number and time of the latest block.
    ///
    /// # Errors
    /// [`AnvilError::Call`].
    pub async fn head(&self) -> Result<(u64, u64), AnvilError> {
        let block = self.block_at("latest").await?;
        Ok((block.number.get(), block.time))
    }

    /// A block by number.
    ///
    /// # Errors
    /// [`AnvilError::Call`].
    pub async fn block(&self, number: u64) -> Result<L1Block, AnvilError> {
        self.block_at(&format!("{number:#x}")).await
    }

    async fn block_at(&self, id: &str) -> Result<L1Block, AnvilError> {
        const METHOD: &str = "eth_getBlockByNumber";
        let block = self.call(METHOD, json!([id, false])).await?;
        let text = |name: &str| block.get(name).and_then(Value::as_str).unwrap_or_default();
        let failed = |name: &str, why: String| AnvilError::Call {
            method: METHOD.to_owned(),
            reason: format!("{name} of block {id} is {:?}: {why}", text(name)),
        };
        let number = |name: &str| {
            u64::from_str_radix(text(name).trim_start_matches("0x"), 16)
                .map_err(|e| failed(name, e.to_string()))
        };
        let hash = |name: &str| {
            text(name)
                .parse::<B256>()
                .map_err(|e| failed(name, e.to_string()))
        };
        Ok(L1Block {
            number: L1BlockNumber::new(number("number")?),
            hash: hash("hash")?,
            parent_hash: hash("parentHash")?,
            time: number("timestamp")?,
            prevrandao: hash("mixHash")?,
        })
    }

    /// Replaces the last `depth` blocks by `depth + 1` empty ones with the same times, as a real reorg would: the transactions in them are gone.
    /// Takes up to a second.
    ///
    /// # Errors
    /// [`AnvilError::Call`].
    pub async fn reorg(&self, depth: u64) -> Result<(), AnvilError> {
        // Interval mining is off meanwhile, so that no block comes between.
        self.call("evm_setIntervalMining", json!([0])).await?;
        let result = self.replace_blocks(depth).await;
        self.call("evm_setIntervalMining", json!([1])).await?;
        result
    }

    async fn replace_blocks(&self, depth: u64) -> Result<(), AnvilError> {
        let (_, head) = self.head().await?;
        // anvil's clock goes on from the time of a block that was asked for: the last one has the time that it is, at the start of a
        // second, or L1 would be ahead of everybody's clocks from now on.
        let mut now = unix_time();
        let start = now.as_secs().max(head).saturating_add(1);
        while now.as_secs() < start {
            tokio::time::sleep(Duration::from_secs(start).saturating_sub(now)).await;
            now = unix_time();
        }
        self.call("anvil_rollback", json!([depth])).await?;
        for back in (0..=depth).rev() {
            let time = start.saturating_sub(back);
            self.call("evm_mine", json!([{ "timestamp": time }])).await?;
        }
        Ok(())
    }

    /// Gives an address a balance.
    ///
    /// # Errors
    /// [`AnvilError::Call`].
    pub async fn set_balance(&self, address: agoge_protocol::Address, wei: u128) -> Result<(), AnvilError> {
        self.call("anvil_setBalance", json!([address, format!("{wei:#x}")]))
            .await
            .map(drop)
    }

    /// Stops the process.
    pub async fn stop(mut self) {
        if let Err(error) = self.process.kill().await {
            tracing::warn!(%error, "anvil had already ended");
        }
    }
}
