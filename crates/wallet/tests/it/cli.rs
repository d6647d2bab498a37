//! The program itself, as scripts run it.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use agoge_protocol::network::ClientProfile;
use agoge_protocol::rpc::TxRejection;
use agoge_wallet::dir::DirLock;
use serde_json::Value;

use crate::support::{Chain, FakeNode, address, rich, seed};

/// Port 9 answers nobody.
pub(crate) const NOBODY: &str = "http://127.0.0.1:9";

pub(crate) struct Home {
    dir: tempfile::TempDir,
    node: String,
}

pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// The one JSON document on stdout.
    fn json(&self) -> Value {
        assert_eq!(self.stdout.lines().count(), 1, "{}", self.stdout);
        serde_json::from_str(&self.stdout).unwrap()
    }

    pub(crate) fn data(&self) -> Value {
        assert_eq!(self.code, 0, "{}", self.stderr);
        let json = self.json();
        assert_eq!(json["ok"], true);
        json["data"].clone()
    }

    pub(crate) fn error(&self, code: i32) -> Value {
        assert_eq!(self.code, code, "{} {}", self.stdout, self.stderr);
        let json = self.json();
        assert_eq!(
            (&json["schema"], &json["ok"]),
            (&"agoge.error/1".into(), &false.into())
        );
        json["error"].clone()
    }
}

impl Home {
    pub(crate) fn new(node: &str) -> Self {
        let home = Self {
            dir: tempfile::tempdir().unwrap(),
            node: node.to_owned(),
        };
        home.write_password("correct horse");
        home
    }

    fn password_file(&self) -> PathBuf {
        self.dir.path().join("password")
    }

    fn write_password(&self, password: &str) {
        std::fs::write(self.password_file(), password).unwrap();
        std::fs::set_permissions(self.password_file(), std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn wallet_dir(&self) -> PathBuf {
        self.dir.path().join("wallet")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_agoge-wallet"));
        command
            .env_clear()
            .args(args)
            .arg("--dir")
            .arg(self.wallet_dir())
            .arg("--password-file")
            .arg(self.password_file())
            .args(["--node", &self.node])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .stdin(Stdio::piped());
        command
    }

    /// Runs with `--json`; the node of the test answers meanwhile.
    pub(crate) async fn run(&self, args: &[&str]) -> Run {
        self.run_with(args, "").await
    }

    async fn run_with(&self, args: &[&str], stdin: &str) -> Run {
        let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
        run(self.command(&args), stdin).await
    }

    /// Stores seed 1.
    pub(crate) async fn restore(&self) -> Run {
        self.run_with(&["restore", "--seed", "-"], &hex::encode([1; 32]))
            .await
    }
}

async fn run(mut command: Command, stdin: &str) -> Run {
    let stdin = stdin.to_owned();
    tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        Run {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    })
    .await
    .unwrap()
}

fn files(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn wrong_usage_ends_with_2_before_anything_is_touched() {
    let home = Home::new(NOBODY);
    let to = address(2).to_string();
    let wrong_address = to.replace("agoge1", "agogo1");
    let cases: [&[&str]; 12] = [
        &[],
        &["nonsense"],
        &["send", "--to", &to],
        &["send", "--to", &to, "--amount", "5"],
        &["send", "--to", &to, "--amount", "0.5gwei"],
        &["send", "--to", &to, "--amount", "0ether"],
        &["send", "--to", &wrong_address, "--amount", "1ether"],
        &[
            "send",
            "--to",
            &to,
            "--amount",
            "1ether",
            "--timeout",
            "18446744073709551615",
        ],
        &["status", "0x12"],
        &["address", "--seed", "0707"],
        &["restore"],
        &["new", "--seed", "-"],
    ];
    for args in cases {
        let run = home.run(args).await;
        assert_eq!(run.code, 2, "{args:?}: {}", run.stderr);
    }
    for text in ["", "0x", "0xzz", "0x00", &"f".repeat(300_000)] {
        assert_eq!(home.run_with(&["submit", "-"], text).await.code, 2);
    }
    assert!(!home.wallet_dir().exists());
}

#[tokio::test]
async fn a_wallet_is_made_once_and_opens_with_its_password_only() {
    let home = Home::new(NOBODY);
    let missing = home.run(&["address"]).await.error(3);
    assert!(
        missing["hint"].as_str().unwrap().contains("agoge-wallet new"),
        "{missing}"
    );
    assert!(!home.wallet_dir().exists(), "a look makes no directory");

    let data = home.run(&["new"]).await.data();
    let made = data["address"].as_str().unwrap().to_owned();
    assert!(data.get("seed").is_none());
    assert_eq!(home.run(&["address"]).await.data()["address"], made.as_str());
    assert_eq!(files(&home.wallet_dir()), ["lock", "seed.json"]);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&home.wallet_dir()), 0o700);
    assert_eq!(mode(&home.wallet_dir().join("seed.json")), 0o600);

    let before = std::fs::read(home.wallet_dir().join("seed.json")).unwrap();
    home.run(&["new"]).await.error(3);
    home.restore().await.error(3);
    assert_eq!(
        std::fs::read(home.wallet_dir().join("seed.json")).unwrap(),
        before
    );

    home.write_password("wrong");
    let error = home.run(&["address"]).await.error(3);
    assert!(
        error["message"].as_str().unwrap().contains("wrong password"),
        "{error}"
    );
    assert!(!error.to_string().contains("wrong horse"));
}

#[tokio::test]
async fn passwords_are_private_and_not_empty() {
    let home = Home::new(NOBODY);
    home.write_password("\n");
    home.run(&["new"]).await.error(2);
    home.write_password("correct horse");
    std::fs::set_permissions(home.password_file(), std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = home.run(&["new"]).await.error(2);
    assert!(error["hint"].as_str().unwrap().contains("chmod 600"), "{error}");
    std::fs::remove_file(home.password_file()).unwrap();
    home.run(&["new"]).await.error(2);
    assert!(!home.wallet_dir().exists());
}

#[tokio::test]
async fn the_seed_is_shown_on_demand_only() {
    let node = FakeNode::start(rich(&[&[10_000]])).await;
    let home = Home::new(&node.url());
    // A seed that would be noticed.
    let canary = "c0ffee11".repeat(8);
    let to = address(2).to_string();
    let runs = [
        home.run_with(&["restore", "--seed", "-"], &canary).await,
        home.run(&["address"]).await,
        home.run(&["balance"]).await,
        home.run(&["send", "--to", &to, "--amount", "1ether"]).await,
        home.run(&["address", "--seed", &canary]).await,
        home.run(&["address", "--seed", &canary, "--nonsense"]).await,
        home.run(&["address", "--seed", &canary[2..]]).await,
        home.run(&["new", "--seed", &canary]).await,
    ];
    for (number, run) in runs.iter().enumerate() {
        assert!(
            !run.stdout.contains("c0ffee11") && !run.stderr.contains("c0ffee11"),
            "run {number}"
        );
    }
    for name in files(&home.wallet_dir()) {
        let bytes = std::fs::read(home.wallet_dir().join(&name)).unwrap();
        let raw = hex::decode(&canary).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("c0ffee11"), "{name}");
        assert!(!bytes.windows(32).any(|window| window == raw), "{name}");
    }

    let shown = Home::new(NOBODY);
    let data = shown.run(&["new", "--show-seed"]).await.data();
    let text = data["seed"].as_str().unwrap();
    assert_eq!(
        agoge_wallet::seed::Seed::from_hex(text)
            .unwrap()
            .keys()
            .address()
            .to_string(),
        data["address"]
    );
}

#[tokio::test]
async fn a_node_that_is_down_is_named_with_a_hint() {
    let home = Home::new(NOBODY);
    let restored = home.restore().await;
    let error = restored.error(1);
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("the seed is stored in"),
        "{error}"
    );
    assert!(error["hint"].as_str().unwrap().contains("agoge-node"), "{error}");
    // It is stored indeed.
    assert_eq!(
        home.run(&["address"]).await.data()["address"],
        address(1).to_string().as_str()
    );
    let run = home.run(&["balance"]).await;
    run.error(1);
    assert!(
        run.stderr.starts_with("error[AGOGE-WALLET-001]: "),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("\nhint: "), "{}", run.stderr);
    let nonsense = Home::new("nonsense");
    nonsense.restore().await.error(2);
}

#[tokio::test]
async fn money_is_found_sent_and_mined() {
    let node = FakeNode::start(rich(&[&[10_000, 20_000], &[]])).await;
    node.answers().mines = true;
    let home = Home::new(&node.url());
    let data = home.restore().await.data();
    assert_eq!(data["address"], address(1).to_string().as_str());
    assert_eq!(
        (&data["balance_gwei"], &data["spendable_gwei"]),
        (&"30000".into(), &"30000".into())
    );
    assert_eq!((&data["proven_gwei"], &data["block"]), (&"0".into(), &2.into()));
    assert_eq!(
        (&data["pending_gwei"], &data["proven_block"]),
        (&"30000".into(), &0.into())
    );

    let to = address(2).to_string();
    let sent = home.run(&["send", "--to", &to, "--amount", "15000gwei"]).await;
    let data = sent.data();
    assert_eq!((&data["block"], &data["fee_gwei"]), (&3.into(), &"1000".into()));
    assert!(sent.stderr.contains("in no proven block"), "{}", sent.stderr);
    let id = data["id"].as_str().unwrap();
    assert_eq!(
        home.run(&["status", id]).await.data()["status"],
        serde_json::json!({"status": "mined", "number": 3})
    );
    assert_eq!(home.run(&["balance"]).await.data()["balance_gwei"], "14000");

    // For people: text on stdout.
    let text = run(home.command(&["balance"]), "").await;
    assert!(
        text.stdout.starts_with("balance    0.000014 ether\n"),
        "{}",
        text.stdout
    );

    let other = home
        .run(&["balance", "--seed", &hex::encode(seed(2).expose())])
        .await
        .data();
    assert_eq!(other["balance_gwei"], "15000");
}

#[tokio::test]
async fn a_printed_transaction_is_the_same_each_time_and_is_sent_by_submit() {
    let node = FakeNode::start(rich(&[&[10_000]])).await;
    let home = Home::new(&node.url());
    home.restore().await.data();
    let to = address(2).to_string();
    let args = ["send", "--to", &to, "--amount", "5000gwei", "--print-raw"];
    let (once, again) = (home.run(&args).await.data(), home.run(&args).await.data());
    assert_eq!(once["id"], again["id"]);
    assert!(node.answers().taken.is_empty());

    let raw = once["raw"].as_str().unwrap();
    let file = home.dir.path().join("tx");
    std::fs::write(&file, raw).unwrap();
    assert_eq!(
        home.run(&["submit", file.to_str().unwrap()]).await.data()["id"],
        once["id"]
    );
    assert_eq!(node.answers().taken.len(), 1);
    node.answers().refusal = Some((TxRejection::AlreadyQueued, "queued already"));
    let error = home.run_with(&["submit", "-"], raw).await.error(1);
    assert_eq!(error["code"], TxRejection::AlreadyQueued.code());
}

#[tokio::test]
async fn what_cannot_be_paid_has_its_exit_code() {
    let node = FakeNode::start(rich(&[&[10_000, 20_000, 30_000]])).await;
    let home = Home::new(&node.url());
    home.restore().await.data();
    let to = address(2).to_string();
    let send = |amount: &'static str, more: &'static [&'static str]| {
        let (home, to) = (&home, &to);
        async move {
            let args: Vec<&str> = ["send", "--to", to, "--amount", amount]
                .into_iter()
                .chain(more.iter().copied())
                .collect();
            home.run(&args).await
        }
    };
    let error = send("1ether", &[]).await.error(3);
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("60000 gwei can be spent"),
        "{error}"
    );
    let error = send("55000gwei", &[]).await.error(3);
    assert!(
        error["hint"].as_str().unwrap().contains("send yourself"),
        "{error}"
    );
    send("1gwei", &["--fee", "999gwei"]).await.error(3);
    node.answers().refusal = Some((TxRejection::PoolFull, "the pool is \u{1b}[2Jfull"));
    let refused = send("5000gwei", &[]).await;
    assert_eq!(refused.error(1)["code"], TxRejection::PoolFull.code());
    assert!(!refused.stderr.contains('\u{1b}'));
    // A refused payment binds no note.
    assert_eq!(home.run(&["balance"]).await.data()["spendable_gwei"], "60000");
    node.answers().refusal = None;
    send("5000gwei", &["--timeout", "0"]).await.error(7);
    let data = home.run(&["balance"]).await.data();
    assert_eq!(
        (&data["spendable_gwei"], &data["transactions_under_way"]),
        (&"50000".into(), &1.into())
    );
}

#[tokio::test]
async fn a_greedy_or_weak_node_gets_nothing() {
    let node = FakeNode::start(rich(&[&[900_000_000]])).await;
    let home = Home::new(&node.url());
    home.restore().await.data();
    let to = address(2).to_string();
    node.answers().info.tx_fee_min_gwei = 500_000_000;
    let error = home
        .run(&["send", "--to", &to, "--amount", "5000gwei"])
        .await
        .error(3);
    assert!(
        error["hint"].as_str().unwrap().contains("--fee 500000000gwei"),
        "{error}"
    );
    node.answers().info.tx_fee_min_gwei = 1_000;
    // Proofs of the testing profile are for devnets.
    node.answers().info.chain_id = 1;
    assert_eq!(node.answers().info.client_profile, ClientProfile::Testing);
    home.run(&["send", "--to", &to, "--amount", "5000gwei"])
        .await
        .error(4);
    assert!(node.answers().taken.is_empty());
}

#[tokio::test]
async fn commands_on_one_directory_take_turns() {
    let node = FakeNode::start(rich(&[&[10_000]])).await;
    let home = Home::new(&node.url());
    home.restore().await.data();
    let lock = DirLock::take(&home.wallet_dir()).await.unwrap();
    let mut child = home.command(&["balance", "--json"]).spawn().unwrap();
    // It waits: the node has not been asked for blocks since.
    let asked = node.calls_of("agoge_getBlock");
    while node.calls_of("agoge_nodeInfo") < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        (node.calls_of("agoge_getBlock"), child.try_wait().unwrap()),
        (asked, None)
    );
    drop(lock);
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap())
        .await
        .unwrap();
    assert!(output.status.success());
}

#[tokio::test]
async fn wallets_of_two_seeds_share_a_directory_without_mixing() {
    let mut chain = Chain::new();
    let deposits = vec![
        chain.deposit(&address(1), 10_000),
        chain.deposit(&address(2), 20_000),
    ];
    chain.block(deposits, Vec::new());
    let node = FakeNode::start(chain).await;
    let home = Home::new(&node.url());
    for (number, expected) in [(1, "10000"), (2, "20000"), (1, "10000")] {
        let seed = hex::encode(seed(number).expose());
        assert_eq!(
            home.run_with(&["balance", "--seed", "-"], &seed).await.data()["balance_gwei"],
            expected
        );
    }
    let books = files(&home.wallet_dir())
        .iter()
        .filter(|name| name.ends_with(".book"))
        .count();
    assert_eq!(books, 2);
}

#[tokio::test]
async fn completions_and_help_need_no_wallet() {
    let home = Home::new(NOBODY);
    let script = run(home.command(&["completions", "bash"]), "").await;
    assert!(script.code == 0 && script.stdout.contains("agoge-wallet"));
    let help = run(home.command(&["--help"]), "").await;
    assert!(help.code == 0 && help.stdout.contains("Exit codes:"));
}
