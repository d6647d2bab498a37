//! An anvil, a small network's file, key files, and the program.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use agoge_devnet::anvil::{Anvil, FUNDED_KEY};
use agoge_host::keys::{PasswordSource, import_raw_key, write_private_file};
use agoge_l1_client::{L1Client, L1Config};
use agoge_protocol::network::built_in;
use agoge_protocol::{Address, NetworkConfig, keccak256};
use agoge_supervisor::SystemClock;
use alloy::signers::local::PrivateKeySigner;
use eyre::{Result, ensure, eyre};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Wei that every account of a test has.
const ALLOWANCE: u128 = 1_000_000_000_000_000_000_000;

/// One L1 and all that a person has who governs a network on it.
pub(crate) struct World {
    pub(crate) anvil: Anvil,
    pub(crate) network: NetworkConfig,
    home: TempDir,
}

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// The document of `--json`.
    pub(crate) fn data(&self) -> Result<Value> {
        ensure!(self.code == 0, "{self:?}");
        let mut document: Value = serde_json::from_str(&self.stdout)?;
        ensure!(document["ok"] == json!(true), "{document}");
        Ok(document["data"].take())
    }
}

/// The key of a person of the test; the deployer's is anvil's first.
pub(crate) fn key(name: &str) -> PrivateKeySigner {
    let text = if name == "deployer" {
        FUNDED_KEY.to_owned()
    } else {
        format!("{:x}", keccak256(format!("agoge govctl test: {name}")))
    };
    text.parse().unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A directory in which key files may be.
pub(crate) fn private_dir() -> Result<TempDir> {
    let mode = std::fs::Permissions::from_mode(0o700);
    Ok(tempfile::Builder::new().permissions(mode).tempdir()?)
}

/// Runs the program in a directory, with nothing of this environment.
pub(crate) fn run(dir: &Path, args: &[&str]) -> Result<Ended> {
    let output = Command::new(env!("CARGO_BIN_EXE_govctl"))
        .args(args)
        .current_dir(dir)
        .env_clear()
        .env("HOME", dir)
        .stdin(std::process::Stdio::null())
        .output()?;
    Ok(Ended {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout)?,
        stderr: String::from_utf8(output.stderr)?,
    })
}

impl World {
    pub(crate) async fn start() -> Result<Self> {
        let home = private_dir()?;
        let anvil = Anvil::start(&home.path().join("anvil.log")).await?;
        let network = NetworkConfig::parse(built_in("devnet").ok_or_else(|| eyre!("no devnet file"))?)?;
        std::fs::write(home.path().join("network.toml"), toml::to_string(&network)?)?;
        write_private_file(&home.path().join("password"), b"a password\n")?;
        let world = Self { anvil, network, home };
        for name in ["deployer", "attester", "other attester", "voter", "poor"] {
            world.write_key(name)?;
            if name != "poor" {
                world.anvil.set_balance(key(name).address(), ALLOWANCE).await?;
            }
        }
        Ok(world)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// The path of a person's key file, as an argument.
    pub(crate) fn key_file(&self, name: &str) -> String {
        self.path(&format!("{name}.json")).display().to_string()
    }

    fn write_key(&self, name: &str) -> Result<()> {
        let password = PasswordSource::File(self.path("password")).read()?;
        let raw = format!("{:x}", key(name).to_bytes());
        import_raw_key(&raw, Path::new(&self.key_file(name)), &password)?.map_err(|_| eyre!("no key"))?;
        Ok(())
    }

    pub(crate) fn deployment_file(&self) -> PathBuf {
        self.path("deployments/devnet.json")
    }

    /// Runs the program with the flags of the network; `account` sends.
    pub(crate) fn govctl(&self, account: &str, args: &[&str]) -> Result<Ended> {
        let deployment = self.deployment_file().display().to_string();
        let network = self.path("network.toml").display().to_string();
        let (keystore, password) = (
            self.key_file(account),
            self.path("password").display().to_string(),
        );
        let mut all = vec![
            "--network",
            &network,
            "--deployment",
            &deployment,
            "--rpc-url",
            self.anvil.url(),
        ];
        all.extend(["--keystore", &keystore, "--password-file", &password]);
        all.extend(args);
        self.bare(&all)
    }

    /// As [`Self::govctl`], agreeing to everything, for programs.
    pub(crate) fn data(&self, account: &str, args: &[&str]) -> Result<Value> {
        let mut all = vec!["--yes", "--json"];
        all.extend(args);
        self.govctl(account, &all)?.data()
    }

    /// Runs the program with nothing but these arguments.
    pub(crate) fn bare(&self, args: &[&str]) -> Result<Ended> {
        run(self.home.path(), args)
    }

    pub(crate) async fn client(&self) -> Result<L1Client> {
        let url = self.anvil.url().parse()?;
        let config = L1Config::new(self.network.clone(), None, vec![url], Vec::new());
        Ok(L1Client::connect(config, Arc::new(SystemClock)).await?)
    }

    /// Transactions that the people of the test have sent.
    pub(crate) async fn transactions(&self) -> Result<u64> {
        let client = self.client().await?;
        let mut count = 0;
        for name in ["deployer", "attester", "other attester", "voter", "poor"] {
            count += client.pending_nonce(key(name).address()).await?;
        }
        Ok(count)
    }

    /// Lets L1's clock run ahead.
    pub(crate) async fn pass(&self, seconds: u64) -> Result<()> {
        self.anvil.call("evm_increaseTime", json!([seconds])).await?;
        self.anvil.call("evm_mine", json!([])).await?;
        Ok(())
    }

    pub(crate) async fn set_code(&self, address: Address, code: &str) -> Result<()> {
        self.anvil.call("anvil_setCode", json!([address, code])).await?;
        Ok(())
    }
}
