//! Whole commands of `agoge-prover`: exit codes, files, and what is never printed.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking, as tests do"
)]

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Stands for every secret; no output may hold it.
const CANARY: &str = "c4n4ry";

/// What a command did.
struct Output {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Output {
    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("{}\n{}", self.stdout, self.stderr))
    }

    #[track_caller]
    fn expect(self, code: i32, part: &str) -> Self {
        assert_eq!(
            self.code, code,
            "stdout: {}\nstderr: {}",
            self.stdout, self.stderr
        );
        let all = format!("{}{}", self.stdout, self.stderr);
        assert!(all.contains(part), "{part:?} is not in: {all}");
        self
    }
}

/// A user's machine: a home, and nothing in the environment.
struct Home {
    dir: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A file that only we can read.
    fn private(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        options.open(&path).unwrap().write_all(text.as_bytes()).unwrap();
        path.display().to_string()
    }

    fn run(&self, args: &[&str]) -> Output {
        let output = Command::new(env!("CARGO_BIN_EXE_agoge-prover"))
            .args(args)
            .env_clear()
            .env("HOME", self.dir.path())
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let output = Output {
            code: output.status.code().expect("not killed by a signal"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        };
        let all = format!("{}{}", output.stdout, output.stderr);
        assert!(!all.contains(CANARY), "a secret was printed: {args:?}");
        assert!(!output.stderr.contains("panicked"), "{}", output.stderr);
        output
    }

    /// A devnet prover's flags, then these.
    fn devnet(&self, args: &[&str]) -> Output {
        let data = self.path("data").display().to_string();
        let password = self.private("password", &format!("{CANARY}-password\n"));
        let mut all = vec![
            "--network",
            "devnet",
            "--data-dir",
            &data,
            "--keys-password-file",
            &password,
        ];
        all.extend(args);
        self.run(&all)
    }
}

#[test]
fn help_names_every_command_and_ends_with_0() {
    let home = Home::new();
    let help = home.run(&["--help"]).expect(0, "Exit codes:");
    for command in [
        "run",
        "bond",
        "status",
        "bench",
        "verify",
        "keys",
        "config",
        "completions",
    ] {
        assert!(help.stdout.contains(command), "{command}");
    }
    home.run(&["nonsense"]).expect(2, "unrecognized subcommand");
    home.run(&["bench"]).expect(2, "--txs");
    home.run(&["bench", "--txs", "5", "--sample", "0"])
        .expect(2, "a sample of 0");
    home.run(&["completions", "bash"]).expect(0, "agoge-prover");
}

#[test]
fn what_is_missing_is_named_with_flag_variable_and_key() {
    let home = Home::new();
    home.run(&[]).expect(2, "AGOGE_NETWORK");
    home.devnet(&[]).expect(2, "ETH_RPC_URL");
    home.run(&["--network", "nowhere"]).expect(2, "AGOGE-CFG-005");
    let url = format!("http://user:{CANARY}@127.0.0.1:1/{CANARY}");
    home.devnet(&["--l1-rpc-urls", &url]).expect(3, "AGOGE-DEP-001");
    home.devnet(&["--l1-rpc-urls", &url, "--status-listen", "0.0.0.0:1"])
        .expect(2, "loopback only");
    home.devnet(&["--l1-rpc-urls", &url, "--quotes-bond-gwei", "1"])
        .expect(2, "bond_min_gwei");
    home.devnet(&["--quotes-fee-bps", "10001"]).expect(2, "10001");
}

#[test]
fn the_test_verifier_is_refused_off_the_devnet() {
    let home = Home::new();
    let password = home.private("password", "long enough\n");
    home.run(&[
        "--network",
        "phase4",
        "--test-verifier",
        "--l1-rpc-urls",
        "http://127.0.0.1:1",
        "--l1-beacon-urls",
        "http://127.0.0.1:1",
        "--keys-password-file",
        &password,
    ])
    .expect(2, "31337");
}

#[test]
fn layers_win_in_order_and_mistakes_name_the_line() {
    let home = Home::new();
    let file = home.private(
        "prover.toml",
        "network = \"devnet\"\n[quotes]\nfee_bps = 1500\n[proving]\neager = false\n",
    );
    let shown = home.run(&[
        "config",
        "show",
        "--origin",
        "--config",
        &file,
        "--quotes-fee-bps",
        "900",
        "--json",
    ]);
    let entries = shown.expect(0, "").json()["data"].as_array().unwrap().clone();
    let value = |key: &str| {
        let entry = entries.iter().find(|entry| entry["key"] == key).unwrap();
        (
            entry["value"].as_str().unwrap().to_owned(),
            entry["origin"]["layer"].as_str().unwrap().to_owned(),
        )
    };
    assert_eq!(value("quotes.fee_bps"), ("900".into(), "flag".into()));
    assert_eq!(value("proving.eager"), ("false".into(), "file".into()));
    assert_eq!(value("quotes.bond_gwei").1, "network");
    assert_eq!(value("proving.nice"), ("10".into(), "default".into()));
    assert_eq!(entries.len(), 28, "every key is shown");

    let misspelt = home.private("bad.toml", "network = \"devnet\"\n[quotes]\nfee_bp = 1\n");
    home.run(&["config", "show", "--config", &misspelt])
        .expect(2, "did you mean `quotes.fee_bps`?");
}

#[test]
fn a_key_is_made_once_and_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    let made = home.devnet(&["keys", "new", "--json"]).expect(0, "").json();
    assert_eq!(made["schema"], "agoge.prover.keys/1");
    let file = home.path("data/keys/prover.json");
    assert_eq!(made["data"]["file"], file.display().to_string());
    assert_eq!(
        std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let before = std::fs::read(&file).unwrap();
    home.devnet(&["keys", "new"]).expect(3, "AGOGE-KEY-010");
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

#[test]
fn status_says_that_no_prover_answers() {
    let home = Home::new();
    let failed = home
        .devnet(&["status", "--status-listen", "127.0.0.1:1", "--json"])
        .expect(3, "");
    let error = failed.json();
    assert_eq!(
        (error["ok"].as_bool(), error["error"]["code"].as_str()),
        (Some(false), Some("AGOGE-PRV-001"))
    );
}

#[test]
fn hostile_proofs_are_never_valid() {
    let home = Home::new();
    let public = home.private("public.json", &serde_json::to_string(&vec!["1"; 24]).unwrap());
    let mut proofs = vec![String::new(), "0x".into(), "garbage".into(), "0x00".into()];
    proofs.push(format!("0x{}", "00".repeat(50_000)));
    proofs.push("\u{0}".repeat(59_000));
    for (number, proof) in proofs.iter().enumerate() {
        let proof = home.private("proof", proof);
        home.run(&["verify", "--proof", &proof, "--public", &public])
            .expect(1, "error[AGOGE-PRV-009");
        let json = home.run(&["verify", "--proof", &proof, "--public", &public, "--json"]);
        assert_eq!(json.json()["ok"], false, "proof {number}");
    }
    let huge = home.private("huge", &"x".repeat(200_000));
    home.run(&["verify", "--proof", &huge, "--public", &public])
        .expect(2, "more than");
    let short = home.private("short.json", "[1,2,3]");
    let proof = home.private("proof", "0x00");
    home.run(&["verify", "--proof", &proof, "--public", &short])
        .expect(2, "3 public inputs");
    home.run(&["verify", "--proof", "/nonexistent", "--public", &public])
        .expect(2, "cannot read");
}

#[test]
fn a_prover_waits_for_l1_and_stops_on_a_signal() {
    use std::io::{BufRead as _, BufReader};
    let home = Home::new();
    home.devnet(&["keys", "new"]).expect(0, "");
    let deployment = serde_json::json!({
        "network": "devnet", "chain_id": 31337, "deploy_block": 1, "genesis_time": 1_700_000_000_u64,
        "genesis_ids": [format!("0x{}", "11".repeat(32))], "verifier_circuit_digest": format!("0x{}", "00".repeat(32)),
        "contracts": []
    });
    let deployment = home.private("deployment.json", &deployment.to_string());
    let mut child = Command::new(env!("CARGO_BIN_EXE_agoge-prover"))
        .args(["--network", "devnet", "--test-verifier", "--data-dir"])
        .arg(home.path("data"))
        .args([
            "--keys-password-file",
            &home.path("password").display().to_string(),
        ])
        .args(["--deployment", &deployment, "--l1-rpc-urls", "http://127.0.0.1:1"])
        .args([
            "--status-listen",
            "127.0.0.1:0",
            "--metrics-listen",
            "127.0.0.1:0",
            "--p2p-listen",
            "127.0.0.1:0",
        ])
        .env_clear()
        .env("HOME", home.dir.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let waits = lines
        .map_while(Result::ok)
        .find(|line| line.contains("waiting for L1"));
    assert!(waits.is_some(), "it says what it waits for");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
