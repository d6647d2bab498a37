//! One `agoge-node` process of a devnet: its keys, its flags, its RPC.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use agoge_protocol::Address;
use agoge_wallet::node::Node;
use alloy::signers::local::PrivateKeySigner;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::anvil::{free_port, free_port_pair};
use crate::process::{Process, ProcessError, Shared, private_dir, program, write_keystore};

/// A node: the process may be running or stopped, its ports and its data stay.
#[derive(Debug)]
pub struct NodeProcess {
    process: Process,
    data_dir: PathBuf,
    ports: Ports,
    attesters: Vec<Address>,
    shared: Shared,
    bootnodes: Vec<String>,
    wire: Option<PathBuf>,
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
    /// [`ProcessError`].
    pub fn prepare(
        shared: &Shared,
        name: &str,
        attesters: &[PrivateKeySigner],
        publisher: Option<&PrivateKeySigner>,
        bootnodes: Vec<String>,
    ) -> Result<Self, ProcessError> {
        let io = |what: &Path| {
            let what = what.display().to_string();
            move |source| ProcessError::Io { what, source }
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
            p2p: free_port_pair().map_err(io(&data_dir))?,
        };
        Ok(Self {
            process: Process::new(name, shared.dir.join(format!("{name}.log"))),
            data_dir,
            ports,
            attesters: attesters.iter().map(PrivateKeySigner::address).collect(),
            shared: shared.clone(),
            bootnodes,
            wire: None,
        })
    }

    /// Has every start of the process record its peer messages in a file beside its log.
    pub fn record_wire(&mut self) {
        let file = format!("{}.wire.jsonl", self.name());
        self.wire = Some(self.shared.dir.join(file));
    }

    /// Starts the process and waits until its RPC answers.
    ///
    /// # Errors
    /// [`ProcessError::Died`] with the end of its log.
    pub async fn start(&mut self) -> Result<(), ProcessError> {
        let program = program("agoge-node")?;
        let is_new = !self.process.log().exists();
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
        if let Some(wire) = &self.wire {
            command.arg("--record-wire").arg(wire);
        }
        self.process.start(command)?;
        let url = self.rpc_url();
        self.process
            .wait_until(async || match Node::new(&url) {
                Ok(node) => node.info().await.is_ok(),
                Err(_) => false,
            })
            .await
    }

    /// Ends the process as a power cut would: SIGKILL.
    pub async fn kill(&mut self) {
        self.process.kill().await;
    }

    /// Stops the process where it stands (SIGSTOP): its sockets stay open and nothing answers.
    ///
    /// # Errors
    /// [`ProcessError::Io`].
    pub async fn pause(&self) -> Result<(), ProcessError> {
        self.process.signal("STOP").await
    }

    /// Lets a paused process go on.
    ///
    /// # Errors
    /// [`ProcessError::Io`].
    pub async fn resume(&self) -> Result<(), ProcessError> {
        self.process.signal("CONT").await
    }

    /// Asks the process to end (SIGTERM) and waits; kills it after `limit`.
    pub async fn stop(&mut self, limit: Duration) {
        self.process.stop(limit).await;
    }

    /// Fails if the process has ended by itself.
    ///
    /// # Errors
    /// [`ProcessError::Died`].
    pub fn check_alive(&mut self) -> Result<(), ProcessError> {
        self.process.check_alive()
    }

    /// Removes everything but keys: the node must rebuild its state from L1.
    ///
    /// # Errors
    /// [`ProcessError::Io`].
    pub fn wipe(&mut self) -> Result<(), ProcessError> {
        for entry in fs::read_dir(&self.data_dir).map_err(self.process.io())? {
            let entry = entry.map_err(self.process.io())?;
            if entry.file_name() == "keys" {
                continue;
            }
            let path = entry.path();
            let removed = if path.is_dir() {
                fs::remove_dir_all(&path)
            } else {
                fs::remove_file(&path)
            };
            removed.map_err(self.process.io())?;
        }
        // The next start is the first one again.
        fs::remove_file(self.process.log()).map_err(self.process.io())
    }

    /// Switches the duties of one of this node's validators.
    ///
    /// # Errors
    /// [`ProcessError::Call`].
    pub async fn set_duties(&self, attester: Address, is_on: bool) -> Result<(), ProcessError> {
        let state = if is_on { "on" } else { "off" };
        self.admin("agogeAdmin_setDuties", json!([attester, state]))
            .await
            .map(drop)
    }

    async fn admin(&self, method: &str, params: Value) -> Result<Value, ProcessError> {
        let token = fs::read_to_string(self.token_file()).map_err(self.process.io())?;
        self.process
            .call(self.ports.admin, Some(token.trim()), method, params)
            .await
    }

    /// Calls a method of the public RPC that the wallet's client does not have.
    ///
    /// # Errors
    /// [`ProcessError::Call`].
    pub async fn public_call(&self, method: &str, params: Value) -> Result<Value, ProcessError> {
        self.process.call(self.ports.rpc, None, method, params).await
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
        self.process.readiness(self.ports.metrics).await
    }

    /// Whether `/readyz` says that it is ready.
    pub async fn is_ready(&self) -> bool {
        // The node answers `{"ready":true...}` with 200, and the list of reasons with 503.
        serde_json::from_str::<Value>(&self.readiness().await)
            .is_ok_and(|value| value.get("ready").and_then(Value::as_bool) == Some(true))
    }

    /// Name, which is also that of its data directory.
    pub fn name(&self) -> &str {
        self.process.name()
    }
    /// Attesters of the node.
    pub fn attesters(&self) -> &[Address] {
        &self.attesters
    }
    /// JSON-RPC address.
    pub fn rpc_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.rpc)
    }
    /// Address of its admin RPC.
    pub fn admin_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.admin)
    }

    /// Where the token of its admin RPC is.
    pub fn token_file(&self) -> PathBuf {
        self.data_dir.join("admin.token")
    }

    /// Its log file.
    pub fn log(&self) -> &Path {
        self.process.log()
    }

    /// Where its keys and its data are.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Its record of peer messages, if it keeps one.
    pub fn wire(&self) -> Option<&Path> {
        self.wire.as_deref()
    }

    /// The multiaddress that others dial.
    pub fn multiaddress(&self, peer_id: &str) -> String {
        format!("/ip4/127.0.0.1/tcp/{}/p2p/{peer_id}", self.ports.p2p)
    }

    /// The element of the devnet's JSON line (`docs/interface.md`).
    pub fn describe(&self, peer_id: &str) -> Value {
        json!({
            "name": self.process.name(),
            "pid": self.process.pid(),
            "rpc_url": self.rpc_url(),
            "admin_url": format!("http://127.0.0.1:{}", self.ports.admin),
            "metrics_url": format!("http://127.0.0.1:{}/metrics", self.ports.metrics),
            "p2p": self.multiaddress(peer_id),
            "data_dir": self.data_dir,
            "attesters": self.attesters,
        })
    }
}
