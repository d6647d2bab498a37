//! One `agoge-node` process of a devnet: its files, its start, its RPC, its end.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use agoge_protocol::Address;
use agoge_wallet::node::Node;
use alloy::signers::local::{LocalSigner, PrivateKeySigner};
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::anvil::free_port;

/// Password of every key file of a devnet, in the file `password` of its directory.
pub const PASSWORD: &str = "agoge-devnet";
/// How long a node may take until its RPC answers.
const START_SECONDS: u64 = 60;

/// Why a node does not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum NodeProcessError {
    /// The program is not built.
    #[error("{path} is not there; hint: script/devnet builds it, or cargo build --workspace")]
    NotBuilt {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A file could not be written or the process not started.
    #[error("{what}: {source}")]
    Io {
        /// File or program.
        what: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A key could not be encrypted.
    #[error("key file of {address}: {reason}")]
    Key {
        /// The key's address.
        address: Address,
        /// Why.
        reason: String,
    },
    /// The process ended by itself or never answered.
    #[error("{name} {how}; the end of its log {log}:\n{tail}")]
    Died {
        /// The node.
        name: String,
        /// What happened.
        how: String,
        /// Its log file.
        log: PathBuf,
        /// Last lines.
        tail: String,
    },
    /// The RPC refused or did not answer.
    #[error("{name}, {method}: {reason}")]
    Call {
        /// The node.
        name: String,
        /// JSON-RPC method.
        method: String,
        /// Why.
        reason: String,
    },
}

/// What all nodes of a devnet share.
#[derive(Clone, Debug)]
pub struct Shared {
    /// The devnet's directory.
    pub dir: PathBuf,
    /// Effective network file.
    pub network_file: PathBuf,
    /// Deployment file.
    pub deployment_file: PathBuf,
    /// L1 JSON-RPC; the beacon API is under the same address.
    pub l1_url: String,
}

/// A node: the process may be running or stopped, its ports and its data stay.
#[derive(Debug)]
pub struct NodeProcess {
    name: String,
    data_dir: PathBuf,
    log: PathBuf,
    ports: Ports,
    attesters: Vec<Address>,
    shared: Shared,
    bootnodes: Vec<String>,
    process: Option<Child>,
}

#[derive(Clone, Copy, Debug)]
struct Ports {
    rpc: u16,
    admin: u16,
    metrics: u16,
    p2p: u16,
}

impl NodeProcess {
    /// Writes the key files of a node that is not started yet. Without keys it is a follower.
    ///
    /// # Errors
    /// [`NodeProcessError`].
    pub fn prepare(
        shared: &Shared,
        name: &str,
        attesters: &[PrivateKeySigner],
        publisher: Option<&PrivateKeySigner>,
        bootnodes: Vec<String>,
    ) -> Result<Self, NodeProcessError> {
        let io = |what: &Path| {
            let what = what.display().to_string();
            move |source| NodeProcessError::Io { what, source }
        };
        let data_dir = shared.dir.join(name);
        let keys = data_dir.join("keys");
        private_dir(&keys.join("attesters")).map_err(io(&keys))?;
        for (number, attester) in attesters.iter().enumerate() {
            write_keystore(
                &keys.join("attesters"),
                &format!("attester-{number}.json"),
                attester,
            )?;
        }
        if let Some(publisher) = publisher {
            write_keystore(&keys, "publisher.json", publisher)?;
        }
        let port = || free_port().map_err(io(&data_dir));
        let ports = Ports {
            rpc: port()?,
            admin: port()?,
            metrics: port()?,
            p2p: port()?,
        };
        Ok(Self {
            name: name.to_owned(),
            log: shared.dir.join(format!("{name}.log")),
            data_dir,
            ports,
            attesters: attesters.iter().map(PrivateKeySigner::address).collect(),
            shared: shared.clone(),
            bootnodes,
            process: None,
        })
    }

    /// Starts the process and waits until its RPC answers.
    ///
    /// # Errors
    /// [`NodeProcessError::Died`] with the end of its log.
    pub async fn start(&mut self) -> Result<(), NodeProcessError> {
        let program = program("agoge-node")?;
        let is_new = !self.log.exists();
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .map_err(self.io())?;
        let mut command = Command::new(program);
        command
            .arg("run")
            .arg("--network")
            .arg(&self.shared.network_file)
            .arg("--deployment")
            .arg(&self.shared.deployment_file)
            .arg("--data-dir")
            .arg(&self.data_dir)
            .arg("--keys-password-file")
            .arg(self.shared.dir.join("password"))
            .arg("--l1-rpc-urls")
            .arg(&self.shared.l1_url)
            .arg("--l1-beacon-urls")
            .arg(&self.shared.l1_url)
            .arg("--rpc-listen")
            .arg(format!("127.0.0.1:{}", self.ports.rpc))
            .arg("--admin-listen")
            .arg(format!("127.0.0.1:{}", self.ports.admin))
            .arg("--metrics-listen")
            .arg(format!("127.0.0.1:{}", self.ports.metrics))
            .arg("--p2p-listen")
            .arg(format!("127.0.0.1:{}", self.ports.p2p));
        if !self.bootnodes.is_empty() {
            command.arg("--p2p-bootnodes").arg(self.bootnodes.join(","));
        }
        if is_new {
            command.arg("--init-guard");
        }
        let process = command
            .env_remove("ETH_RPC_URL")
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(self.io())?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .map_err(self.io())?;
        self.process = Some(process);
        self.wait_for_rpc().await
    }

    async fn wait_for_rpc(&mut self) -> Result<(), NodeProcessError> {
        let end = Instant::now() + Duration::from_secs(START_SECONDS);
        loop {
            if let Some(status) = self
                .process
                .as_mut()
                .and_then(|process| process.try_wait().ok().flatten())
            {
                return Err(self.died(format!("ended with {status}")));
            }
            if let Ok(node) = Node::new(&self.rpc_url())
                && node.info().await.is_ok()
            {
                return Ok(());
            }
            if Instant::now() >= end {
                return Err(self.died(format!("did not answer within {START_SECONDS} s")));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Ends the process as a power cut would: SIGKILL.
    pub async fn kill(&mut self) {
        if let Some(mut process) = self.process.take()
            && let Err(error) = process.kill().await
        {
            tracing::warn!(node = self.name, %error, "the process had already ended");
        }
    }

    /// Asks the process to end (SIGTERM) and waits; kills it after `limit`.
    pub async fn stop(&mut self, limit: Duration) {
        let Some(mut process) = self.process.take() else {
            return;
        };
        if let Some(pid) = process.id() {
            // `kill` is a program of every Debian; sending a signal by hand would need unsafe code.
            let sent = Command::new("kill").arg(pid.to_string()).status().await;
            if sent.is_ok_and(|status| status.success())
                && tokio::time::timeout(limit, process.wait()).await.is_ok()
            {
                return;
            }
        }
        if let Err(error) = process.kill().await {
            tracing::warn!(node = self.name, %error, "the process had already ended");
        }
    }

    /// Fails if the process has ended by itself.
    ///
    /// # Errors
    /// [`NodeProcessError::Died`].
    pub fn check_alive(&mut self) -> Result<(), NodeProcessError> {
        match self.process.as_mut().map(Child::try_wait) {
            Some(Ok(Some(status))) => Err(self.died(format!("ended with {status}"))),
            _ => Ok(()),
        }
    }

    /// Removes everything but keys: the node must rebuild its state from L1.
    ///
    /// # Errors
    /// [`NodeProcessError::Io`].
    pub fn wipe(&mut self) -> Result<(), NodeProcessError> {
        for entry in fs::read_dir(&self.data_dir).map_err(self.io())? {
            let entry = entry.map_err(self.io())?;
            if entry.file_name() == "keys" {
                continue;
            }
            let path = entry.path();
            let removed = if path.is_dir() {
                fs::remove_dir_all(&path)
            } else {
                fs::remove_file(&path)
            };
            removed.map_err(self.io())?;
        }
        // The next start is the first one again.
        fs::remove_file(&self.log).map_err(self.io())
    }

    /// Switches the duties of one of this node's validators.
    ///
    /// # Errors
    /// [`NodeProcessError::Call`].
    pub async fn set_duties(&self, attester: Address, is_on: bool) -> Result<(), NodeProcessError> {
        let state = if is_on { "on" } else { "off" };
        self.admin("agogeAdmin_setDuties", json!([attester, state]))
            .await
            .map(drop)
    }

    async fn admin(&self, method: &str, params: Value) -> Result<Value, NodeProcessError> {
        let token = fs::read_to_string(self.data_dir.join("admin.token")).map_err(self.io())?;
        self.call(self.ports.admin, Some(token.trim()), method, params)
            .await
    }

    /// Calls a method of the public RPC that the wallet's client does not have.
    ///
    /// # Errors
    /// [`NodeProcessError::Call`].
    pub async fn public_call(&self, method: &str, params: Value) -> Result<Value, NodeProcessError> {
        self.call(self.ports.rpc, None, method, params).await
    }

    async fn call(
        &self,
        port: u16,
        token: Option<&str>,
        method: &str,
        params: Value,
    ) -> Result<Value, NodeProcessError> {
        let failed = |reason: String| NodeProcessError::Call {
            name: self.name.clone(),
            method: method.to_owned(),
            reason,
        };
        let request = reqwest::Client::new()
            .post(format!("http://127.0.0.1:{port}"))
            .timeout(Duration::from_secs(10))
            .json(&json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}));
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let response = request.send().await.map_err(|e| failed(e.to_string()))?;
        let mut answer: Value = response.json().await.map_err(|e| failed(e.to_string()))?;
        match answer.get("error") {
            Some(error) => Err(failed(error.to_string())),
            None => Ok(answer.get_mut("result").map(Value::take).unwrap_or_default()),
        }
    }

    /// Its RPC as the wallet uses it.
    ///
    /// # Errors
    /// Never for the URL built here; the type is that of [`Node::new`].
    pub fn rpc(&self) -> Result<Node, agoge_wallet::node::NodeError> {
        Node::new(&self.rpc_url())
    }

    /// What `/readyz` says: the reasons why the node is not ready, or nothing.
    pub async fn readiness(&self) -> String {
        let url = format!("http://127.0.0.1:{}/readyz", self.ports.metrics);
        match reqwest::Client::new()
            .get(url)
            .timeout(Duration::from_secs(5))
            .send()
            .await
        {
            Ok(response) => response.text().await.unwrap_or_else(|error| error.to_string()),
            Err(error) => error.to_string(),
        }
    }

    /// Name, which is also that of its data directory.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// Attesters of the node.
    pub fn attesters(&self) -> &[Address] {
        &self.attesters
    }
    /// JSON-RPC address.
    pub fn rpc_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.rpc)
    }
    /// Log file.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The multiaddress that others dial.
    pub fn multiaddress(&self, peer_id: &str) -> String {
        format!("/ip4/127.0.0.1/tcp/{}/p2p/{peer_id}", self.ports.p2p)
    }

    /// The element of the devnet's JSON line (`docs/interface.md`).
    pub fn describe(&self, peer_id: &str) -> Value {
        json!({
            "name": self.name,
            "pid": self.process.as_ref().and_then(Child::id),
            "rpc_url": self.rpc_url(),
            "admin_url": format!("http://127.0.0.1:{}", self.ports.admin),
            "metrics_url": format!("http://127.0.0.1:{}/metrics", self.ports.metrics),
            "p2p": self.multiaddress(peer_id),
            "data_dir": self.data_dir,
            "attesters": self.attesters,
        })
    }

    fn io(&self) -> impl FnOnce(std::io::Error) -> NodeProcessError + use<> {
        let what = self.name.clone();
        move |source| NodeProcessError::Io { what, source }
    }

    fn died(&self, how: String) -> NodeProcessError {
        NodeProcessError::Died {
            name: self.name.clone(),
            how,
            log: self.log.clone(),
            tail: tail(&self.log),
        }
    }
}

/// Last 20 lines of a log.
fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines
        .get(lines.len().saturating_sub(20)..)
        .unwrap_or_default()
        .join("\n")
}

/// A program of this workspace: beside the running one, or one directory up when that is a test.
fn program(name: &str) -> Result<PathBuf, NodeProcessError> {
    let own = std::env::current_exe().map_err(|source| NodeProcessError::Io {
        what: name.to_owned(),
        source,
    })?;
    let mut candidates = own.ancestors().skip(1).take(2).map(|dir| dir.join(name));
    candidates
        .find(|path| path.is_file())
        .ok_or_else(|| NodeProcessError::NotBuilt {
            path: own.with_file_name(name),
        })
}

/// Where another program of this workspace is.
///
/// # Errors
/// [`NodeProcessError::NotBuilt`].
pub fn wallet_program() -> Result<PathBuf, NodeProcessError> {
    program("agoge-wallet")
}

fn private_dir(path: &Path) -> std::io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Writes a keystore (v3) with mode 0600.
///
/// # Errors
/// [`NodeProcessError`].
pub fn write_keystore(dir: &Path, file: &str, key: &PrivateKeySigner) -> Result<PathBuf, NodeProcessError> {
    let path = dir.join(file);
    let io = |source| NodeProcessError::Io {
        what: path.display().to_string(),
        source,
    };
    // Created first, so that it is never readable by others.
    fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)
        .map_err(io)?;
    let mut rng = rand::thread_rng();
    LocalSigner::encrypt_keystore(dir, &mut rng, key.to_bytes(), PASSWORD, Some(file)).map_err(|e| {
        NodeProcessError::Key {
            address: key.address(),
            reason: e.to_string(),
        }
    })?;
    Ok(path)
}
