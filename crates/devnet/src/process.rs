//! A program of this workspace as a process of the devnet: its files, its start, its end.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use agoge_protocol::Address;
use alloy::signers::local::{LocalSigner, PrivateKeySigner};
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::time::Instant;

/// Password of every key file of a devnet, in the file `password` of its directory.
pub const PASSWORD: &str = "agoge-devnet";
/// How long a process may take until it answers.
const START_SECONDS: u64 = 60;

/// Why a process does not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
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
        /// The process.
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
        /// The process.
        name: String,
        /// JSON-RPC method.
        method: String,
        /// Why.
        reason: String,
    },
}

/// What all processes of a devnet share.
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

/// A process that may be running or stopped; its name and its log stay.
#[derive(Debug)]
pub struct Process {
    name: String,
    log: PathBuf,
    child: Option<Child>,
}

impl Process {
    /// A process that is not started yet and logs to `log`.
    pub fn new(name: &str, log: PathBuf) -> Self {
        Self {
            name: name.to_owned(),
            log,
            child: None,
        }
    }

    /// Starts it. What it prints is appended to the log.
    ///
    /// # Errors
    /// [`ProcessError::Io`].
    pub fn start(&mut self, mut command: Command) -> Result<(), ProcessError> {
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .map_err(self.io())?;
        let child = command
            .env_remove("ETH_RPC_URL")
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(self.io())?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .map_err(self.io())?;
        self.child = Some(child);
        Ok(())
    }

    /// Waits until `is_up` says so.
    ///
    /// # Errors
    /// [`ProcessError::Died`] when it ended or took too long, with the end of its log.
    pub async fn wait_until(&mut self, is_up: impl AsyncFn() -> bool) -> Result<(), ProcessError> {
        let end = Instant::now() + Duration::from_secs(START_SECONDS);
        loop {
            self.check_alive()?;
            if is_up().await {
                return Ok(());
            }
            if Instant::now() >= end {
                return Err(self.died(format!("did not answer within {START_SECONDS} s")));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Ends it as a power cut would: SIGKILL.
    pub async fn kill(&mut self) {
        if let Some(mut child) = self.child.take()
            && let Err(error) = child.kill().await
        {
            tracing::warn!(process = self.name, %error, "the process had already ended");
        }
    }

    /// Sends it a signal by its name, as in `STOP`; nothing when it does not run.
    ///
    /// # Errors
    /// [`ProcessError::Io`] when it could not be sent.
    pub async fn signal(&self, name: &str) -> Result<(), ProcessError> {
        let Some(pid) = self.pid() else {
            return Ok(());
        };
        // `kill` is a program of every Debian; sending a signal by hand would need unsafe code.
        let sent = Command::new("kill")
            .args(["-s", name, &pid.to_string()])
            .status()
            .await;
        match sent {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(self.io()(std::io::Error::other(format!(
                "kill -s {name} {pid}: {status}"
            )))),
            Err(error) => Err(self.io()(error)),
        }
    }

    /// Asks it to end (SIGTERM) and waits; kills it after `limit`.
    pub async fn stop(&mut self, limit: Duration) {
        let asked = self.signal("TERM").await;
        let Some(mut child) = self.child.take() else {
            return;
        };
        if asked.is_ok() && tokio::time::timeout(limit, child.wait()).await.is_ok() {
            return;
        }
        if let Err(error) = child.kill().await {
            tracing::warn!(process = self.name, %error, "the process had already ended");
        }
    }

    /// Fails if it has ended by itself.
    ///
    /// # Errors
    /// [`ProcessError::Died`].
    pub fn check_alive(&mut self) -> Result<(), ProcessError> {
        match self.child.as_mut().map(Child::try_wait) {
            Some(Ok(Some(status))) => Err(self.died(format!("ended with {status}"))),
            _ => Ok(()),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// Its log file.
    pub fn log(&self) -> &Path {
        &self.log
    }
    /// Its process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// Calls a JSON-RPC method of it.
    pub(crate) async fn call(
        &self,
        port: u16,
        token: Option<&str>,
        method: &str,
        params: Value,
    ) -> Result<Value, ProcessError> {
        let failed = |reason: String| ProcessError::Call {
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

    /// What its `/readyz` says: the reasons why it is not ready, or nothing.
    pub(crate) async fn readiness(&self, port: u16) -> String {
        let answer = reqwest::Client::new()
            .get(format!("http://127.0.0.1:{port}/readyz"))
            .timeout(Duration::from_secs(5))
            .send()
            .await;
        match answer {
            Ok(response) => response.text().await.unwrap_or_else(|error| error.to_string()),
            Err(error) => error.to_string(),
        }
    }

    /// Names this process in an error of its files.
    pub(crate) fn io(&self) -> impl FnOnce(std::io::Error) -> ProcessError + use<> {
        let what = self.name.clone();
        move |source| ProcessError::Io { what, source }
    }

    fn died(&self, how: String) -> ProcessError {
        ProcessError::Died {
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
pub(crate) fn program(name: &str) -> Result<PathBuf, ProcessError> {
    let own = std::env::current_exe().map_err(|source| ProcessError::Io {
        what: name.to_owned(),
        source,
    })?;
    let mut candidates = own.ancestors().skip(1).take(2).map(|dir| dir.join(name));
    candidates
        .find(|path| path.is_file())
        .ok_or_else(|| ProcessError::NotBuilt {
            path: own.with_file_name(name),
        })
}

/// Where another program of this workspace is.
///
/// # Errors
/// [`ProcessError::NotBuilt`].
pub fn wallet_program() -> Result<PathBuf, ProcessError> {
    program("agoge-wallet")
}

pub(crate) fn private_dir(path: &Path) -> std::io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Writes a keystore (v3) with mode 0600.
///
/// # Errors
/// [`ProcessError`].
pub fn write_keystore(dir: &Path, file: &str, key: &PrivateKeySigner) -> Result<PathBuf, ProcessError> {
    let path = dir.join(file);
    let io = |source| ProcessError::Io {
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
        ProcessError::Key {
            address: key.address(),
            reason: e.to_string(),
        }
    })?;
    Ok(path)
}
