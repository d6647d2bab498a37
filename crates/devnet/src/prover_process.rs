//! One `agoge-prover` process of a devnet: its key, its flags, its status page.

use std::path::{Path, PathBuf};
use std::time::Duration;

use agoge_protocol::Address;
use alloy::signers::local::PrivateKeySigner;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::anvil::free_port;
use crate::plan::Verifier;
use crate::process::{Process, ProcessError, Shared, private_dir, program, write_keystore};

/// A prover: the process may be running or stopped, its ports and its data stay.
#[derive(Debug)]
pub struct ProverProcess {
    process: Process,
    data_dir: PathBuf,
    ports: Ports,
    address: Address,
    verifier: Verifier,
    fee_bps: u16,
    shared: Shared,
    bootnodes: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
struct Ports {
    status: u16,
    metrics: u16,
    p2p: u16,
}

/// What a prover is, beyond its name.
#[derive(Clone, Debug)]
pub struct ProverPlan {
    /// Signs its quotes, holds its bond, pays for its L1 transactions.
    pub key: PrivateKeySigner,
    /// Which contract checks its proofs.
    pub verifier: Verifier,
    /// The share of an epoch's fees that it asks for, basis points.
    pub fee_bps: u16,
    /// Nodes that it knows at its start.
    pub bootnodes: Vec<String>,
}

impl ProverProcess {
    /// Writes the key file of a prover that is not started yet.
    ///
    /// # Errors
    /// [`ProcessError`].
    pub fn prepare(shared: &Shared, name: &str, plan: ProverPlan) -> Result<Self, ProcessError> {
        let data_dir = shared.dir.join(name);
        let keys = data_dir.join("keys");
        let io = |what: &Path| {
            let what = what.display().to_string();
            move |source| ProcessError::Io { what, source }
        };
        private_dir(&keys).map_err(io(&keys))?;
        write_keystore(&keys, "prover.json", &plan.key)?;
        let port = || free_port().map_err(io(&data_dir));
        let ports = Ports {
            status: port()?,
            metrics: port()?,
            p2p: port()?,
        };
        Ok(Self {
            process: Process::new(name, shared.dir.join(format!("{name}.log"))),
            data_dir,
            ports,
            address: plan.key.address(),
            verifier: plan.verifier,
            fee_bps: plan.fee_bps,
            shared: shared.clone(),
            bootnodes: plan.bootnodes,
        })
    }

    /// Starts the process, at the lowest priority so that nodes keep their slots, and waits until its status page answers.
    ///
    /// # Errors
    /// [`ProcessError::Died`] with the end of its log.
    pub async fn start(&mut self) -> Result<(), ProcessError> {
        let program = program("agoge-prover")?;
        // `nice` becomes the program: the process id is the prover's.
        let mut command = Command::new("nice");
        command
            .args(["-n", "19"])
            .arg(program)
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
            .arg("--status-listen")
            .arg(format!("127.0.0.1:{}", self.ports.status))
            .arg("--metrics-listen")
            .arg(format!("127.0.0.1:{}", self.ports.metrics))
            .arg("--p2p-listen")
            .arg(format!("127.0.0.1:{}", self.ports.p2p))
            .arg("--quotes-fee-bps")
            .arg(self.fee_bps.to_string());
        if !self.bootnodes.is_empty() {
            command.arg("--p2p-bootnodes").arg(self.bootnodes.join(","));
        }
        if self.verifier == Verifier::Test {
            command.arg("--test-verifier");
        }
        self.process.start(command)?;
        let url = self.rpc_url();
        self.process
            .wait_until(async || status_of(&url).await.is_ok())
            .await
    }

    /// Ends the process as a power cut would: SIGKILL.
    pub async fn kill(&mut self) {
        self.process.kill().await;
    }

    /// Stops the process where it stands (SIGSTOP): it is silent, and keeps its claims.
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

    /// Its epochs and jobs, as its status page has them (`docs/interface.md`).
    ///
    /// # Errors
    /// [`ProcessError::Call`].
    pub async fn status(&self) -> Result<Value, ProcessError> {
        status_of(&self.rpc_url())
            .await
            .map_err(|error| ProcessError::Call {
                name: self.name().to_owned(),
                method: "status".to_owned(),
                reason: error.to_string(),
            })
    }

    /// Name, which is also that of its data directory.
    pub fn name(&self) -> &str {
        self.process.name()
    }
    /// L1 account.
    pub const fn address(&self) -> Address {
        self.address
    }
    /// Address of its status page.
    pub fn rpc_url(&self) -> String {
        format!("http://127.0.0.1:{}/status", self.ports.status)
    }
    /// Log file.
    pub fn log(&self) -> &Path {
        self.process.log()
    }

    /// The element of the devnet's JSON line (`docs/interface.md`).
    pub fn describe(&self) -> Value {
        json!({
            "name": self.process.name(),
            "pid": self.process.pid(),
            "rpc_url": self.rpc_url(),
            "metrics_url": format!("http://127.0.0.1:{}/metrics", self.ports.metrics),
            "address": self.address,
            "data_dir": self.data_dir,
        })
    }
}

async fn status_of(url: &str) -> Result<Value, reqwest::Error> {
    let request = reqwest::Client::new().get(url);
    let response = request.timeout(Duration::from_secs(5)).send().await?;
    response.error_for_status()?.json().await
}
