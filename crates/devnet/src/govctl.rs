//! `govctl` as a person uses it: the devnet's upgrade is done by the commands of the guide.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use alloy::signers::local::PrivateKeySigner;
use eyre::{Context, Result, bail};
use serde_json::Value;
use tokio::process::Command;

use crate::network::Devnet;
use crate::process::{program, write_keystore};

/// A command that waits for L1 takes a few seconds.
const LIMIT: Duration = Duration::from_secs(120);

/// What a command ended with: its exit code, and the document that it printed.
#[derive(Clone, Debug)]
pub struct Answer {
    /// 0 for success; `docs/interface.md` has the others.
    pub code: i32,
    /// `data` of a success, the error otherwise.
    pub data: Value,
    /// What it told people.
    pub told: String,
}

/// Who calls it: an account with a key file.
#[derive(Clone, Debug)]
pub struct Govctl {
    keystore: PathBuf,
    password_file: PathBuf,
    network_file: PathBuf,
    deployment_file: PathBuf,
    l1_url: String,
}

impl Govctl {
    /// Writes the key file of an account and says where the network is.
    ///
    /// # Errors
    /// Those of the file.
    pub fn create(devnet: &Devnet, name: &str, key: &PrivateKeySigner) -> Result<Self> {
        let dir = devnet.dir().join("govctl");
        crate::process::private_dir(&dir)?;
        Ok(Self {
            keystore: write_keystore(&dir, &format!("{name}.json"), key)?,
            password_file: devnet.dir().join("password"),
            network_file: devnet.network_file().to_owned(),
            deployment_file: devnet.deployment_file().to_owned(),
            l1_url: devnet.anvil.url().to_owned(),
        })
    }

    /// Runs `govctl ARGS`; any end of the program is an answer.
    ///
    /// # Errors
    /// The program is not there, or does not end.
    pub async fn ask(&self, args: &[&str]) -> Result<Answer> {
        let mut command = Command::new(program("govctl")?);
        command
            .args(args)
            .args(["--json", "--yes", "--rpc-url", &self.l1_url])
            .args([Path::new("--network"), &self.network_file])
            .args([Path::new("--deployment"), &self.deployment_file])
            .args([Path::new("--keystore"), &self.keystore])
            .args([Path::new("--password-file"), &self.password_file])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let child = command.spawn().wrap_err("govctl")?;
        let output = tokio::time::timeout(LIMIT, child.wait_with_output())
            .await
            .wrap_err_with(|| format!("govctl {} did not end within {LIMIT:?}", args.join(" ")))??;
        let mut document: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let part = if output.status.success() { "data" } else { "error" };
        Ok(Answer {
            code: output.status.code().unwrap_or(-1),
            data: document.get_mut(part).map(Value::take).unwrap_or_default(),
            told: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Runs `govctl ARGS`, which has to succeed, and returns its data.
    ///
    /// # Errors
    /// What the program said, with its exit code.
    pub async fn run(&self, args: &[&str]) -> Result<Value> {
        let Answer { code, data, told } = self.ask(args).await?;
        if code != 0 {
            bail!("govctl {}: exit code {code}: {data}\n{told}", args.join(" "));
        }
        Ok(data)
    }
}
