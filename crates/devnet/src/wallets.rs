//! Wallets as a person uses them: `agoge-wallet` processes.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use agoge_protocol::Address;
use eyre::{Context, Result, bail};
use serde_json::Value;
use tokio::process::Command;

use crate::keys::{Role, key};
use crate::network::Devnet;
use crate::process::{wallet_program, write_keystore};

/// A wallet's directory and what it needs to act.
#[derive(Clone, Debug)]
pub struct Wallet {
    dir: PathBuf,
    password_file: PathBuf,
    keystore: PathBuf,
    network_file: PathBuf,
    deployment_file: PathBuf,
    l1_url: String,
    niceness: u8,
    /// Its shielded address.
    pub address: String,
    /// Its L1 account, which pays its deposits.
    pub account: Address,
}

impl Wallet {
    /// Creates wallet `number` with a seed of the devnet's.
    ///
    /// # Errors
    /// Those of the program.
    pub async fn create(devnet: &Devnet, number: usize, node_url: &str) -> Result<Self> {
        let dir = devnet.dir().join(format!("wallet-{number}"));
        std::fs::create_dir_all(&dir)?;
        let depositor = key(&devnet.plan.seed, Role::Depositor, number);
        let keystore = write_keystore(&dir, "l1.json", &depositor)?;
        let password_file = devnet.dir().join("password");
        let mut wallet = Self {
            dir,
            password_file,
            keystore,
            network_file: devnet.network_file().to_owned(),
            deployment_file: devnet.deployment_file().to_owned(),
            l1_url: devnet.anvil.url().to_owned(),
            niceness: 0,
            address: String::new(),
            account: depositor.address(),
        };
        let seed = agoge_protocol::keccak256(format!("agoge devnet wallet {:?} {number}", devnet.plan.seed));
        let seed = format!("{seed:x}");
        let restored = wallet
            .run(
                node_url,
                &["restore", "--seed", "-"],
                Some(seed.trim_start_matches("0x")),
            )
            .await;
        restored.wrap_err("agoge-wallet restore")?;
        let address = wallet.run(node_url, &["address"], None).await?;
        wallet.address = address
            .get("address")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        Ok(wallet)
    }

    /// The same wallet, whose programs leave the processors to everybody else.
    #[must_use]
    pub fn at_lowest_priority(self) -> Self {
        Self { niceness: 19, ..self }
    }

    /// Spendable gwei.
    ///
    /// # Errors
    /// Those of the program.
    pub async fn spendable(&self, node_url: &str) -> Result<u64> {
        let data = self.run(node_url, &["balance"], None).await?;
        data.get("spendable_gwei")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .parse()
            .wrap_err("spendable_gwei")
    }

    /// Deposits from L1 and waits until the note can be spent. Returns the inbox index.
    ///
    /// # Errors
    /// Those of the program.
    pub async fn deposit(&self, node_url: &str, amount: &str) -> Result<u64> {
        let args = ["deposit", "--amount", amount, "--timeout", "120"];
        let data = self.run_with_l1(node_url, &args).await?;
        data.get("index")
            .and_then(Value::as_u64)
            .ok_or_else(|| eyre::eyre!("the wallet names no inbox index"))
    }

    /// Pays another address; `extra` are further flags of `send`.
    ///
    /// # Errors
    /// Those of the program.
    pub async fn send(&self, node_url: &str, to: &str, amount: &str, extra: &[&str]) -> Result<Value> {
        let args: Vec<&str> = ["send", "--to", to, "--amount", amount, "--timeout", "120"]
            .into_iter()
            .chain(extra.iter().copied())
            .collect();
        self.run(node_url, &args, None).await
    }

    /// Withdraws to an L1 account and waits until a block holds it; `extra` are further flags of `withdraw`.
    ///
    /// # Errors
    /// Those of the program.
    pub async fn withdraw(&self, node_url: &str, to: Address, amount: &str, extra: &[&str]) -> Result<Value> {
        let to = to.to_string();
        let args: Vec<&str> = ["withdraw", "--to", &to, "--amount", amount, "--timeout", "120"]
            .into_iter()
            .chain(extra.iter().copied())
            .collect();
        self.run(node_url, &args, None).await
    }

    /// Its withdrawals, with what L1 says of them.
    ///
    /// # Errors
    /// Those of the program.
    pub async fn withdrawals(&self, node_url: &str) -> Result<Vec<Value>> {
        let network = self.network_file.display().to_string();
        let args = ["withdrawals", "--rpc-url", &self.l1_url, "--network", &network];
        let mut data = self.run(node_url, &args, None).await?;
        match data.get_mut("withdrawals").map(Value::take) {
            Some(Value::Array(all)) => Ok(all),
            other => bail!("the wallet lists no withdrawals: {other:?}"),
        }
    }

    /// Pulls all that the Rollup owes the wallet's L1 account to another one.
    ///
    /// # Errors
    /// Those of the program.
    pub async fn claim(&self, node_url: &str, to: Address) -> Result<Value> {
        self.run_with_l1(node_url, &["claim", "--to", &to.to_string()])
            .await
    }

    async fn run_with_l1(&self, node_url: &str, args: &[&str]) -> Result<Value> {
        let network = self.network_file.display().to_string();
        let deployment = self.deployment_file.display().to_string();
        let keystore = self.keystore.display().to_string();
        let password = self.password_file.display().to_string();
        let l1 = [
            "--rpc-url",
            &self.l1_url,
            "--network",
            &network,
            "--deployment",
            &deployment,
            "--keystore",
            &keystore,
            "--l1-password-file",
            &password,
        ];
        let args: Vec<&str> = args.iter().copied().chain(l1).collect();
        self.run(node_url, &args, None).await
    }

    /// Runs `agoge-wallet ARGS` and returns the `data` of its answer.
    ///
    /// # Errors
    /// What the program said, with its exit code.
    pub async fn run(&self, node_url: &str, args: &[&str], stdin: Option<&str>) -> Result<Value> {
        let program = wallet_program()?;
        // `nice` becomes the program.
        let mut command = Command::new("nice");
        command.args(["-n", &self.niceness.to_string()]).arg(program);
        run_wallet(command, (&self.dir, &self.password_file), node_url, args, stdin).await
    }
}

async fn run_wallet(
    mut command: Command,
    (dir, password): (&Path, &Path),
    node_url: &str,
    args: &[&str],
    stdin: Option<&str>,
) -> Result<Value> {
    const LIMIT: Duration = Duration::from_secs(240);
    command
        .args(args)
        .arg("--json")
        .arg("--dir")
        .arg(dir)
        .arg("--password-file")
        .arg(password)
        .args(["--node", node_url])
        .stdin(if stdin.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().wrap_err("agoge-wallet")?;
    if let (Some(text), Some(mut pipe)) = (stdin, child.stdin.take()) {
        use tokio::io::AsyncWriteExt;
        pipe.write_all(text.as_bytes()).await?;
    }
    let output = tokio::time::timeout(LIMIT, child.wait_with_output())
        .await
        .wrap_err_with(|| format!("agoge-wallet {} did not end within {LIMIT:?}", args.join(" ")))??;
    let mut answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    if !output.status.success() || answer.get("ok") != Some(&Value::Bool(true)) {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!(
            "agoge-wallet {}: {}: {}{stderr}",
            args.first().unwrap_or(&""),
            output.status,
            answer.pointer("/error/message").unwrap_or(&Value::Null)
        );
    }
    Ok(answer.get_mut("data").map(Value::take).unwrap_or_default())
}
