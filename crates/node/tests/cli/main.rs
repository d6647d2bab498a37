//! Whole commands of `agoge-node`: exit codes, files, and what is never printed.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking, as tests do"
)]

mod configuration;
mod doctor;
mod init;
mod keys;
mod run;
mod signing;

use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Stands for every secret; no output may hold it.
const CANARY: &str = "c4n4ry";
/// First account of anvil.
const ANVIL_KEY: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const ANVIL_ADDRESS: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";

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
    fn expect(self, code: i32, part_of_stderr: &str) -> Self {
        assert_eq!(
            self.code, code,
            "stdout: {}\nstderr: {}",
            self.stdout, self.stderr
        );
        assert!(
            self.stderr.contains(part_of_stderr),
            "{part_of_stderr:?} is not in: {}",
            self.stderr
        );
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

    fn data(&self) -> String {
        self.path("data").display().to_string()
    }

    /// A file that only we can read.
    fn private(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        options.open(&path).unwrap().write_all(text.as_bytes()).unwrap();
        path
    }

    fn run(&self, args: &[&str]) -> Output {
        self.run_with(args, &[], "")
    }

    fn run_with(&self, args: &[&str], env: &[(&str, &str)], stdin: &str) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_agoge-node"))
            .args(args)
            .env_clear()
            .env("HOME", self.dir.path())
            .envs(env.iter().copied())
            .current_dir(self.dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that reads nothing may be gone already.
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).ok();
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let output = Output {
            code: output.status.code().expect("not killed by a signal"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        };
        assert!(
            !output.stdout.contains(CANARY) && !output.stderr.contains(CANARY),
            "a secret was printed: {args:?}"
        );
        assert!(!output.stderr.contains("panicked"), "{}", output.stderr);
        output
    }

    /// `keys` with a password file, on the network.
    fn keys(&self, network: &str, args: &[&str]) -> Output {
        let password = self.private("password", &format!("{CANARY}-password\n"));
        let data = self.data();
        let base = [
            "--json",
            "--network",
            network,
            "--data-dir",
            &data,
            "--keys-password-file",
            password.to_str().unwrap(),
        ];
        self.run(&[&base, args].concat())
    }

    /// A deployment file.
    fn deployment(&self, network: &str, chain_id: u64) -> PathBuf {
        let zero = format!("0x{}", "00".repeat(32));
        let contracts = ["Registry", "Staking", "ProverBonds", "Rollup"].map(|name| {
            serde_json::json!({ "name": name, "address": ANVIL_ADDRESS, "code_hash": zero, "constructor_args": "0x" })
        });
        let json = serde_json::json!({
            "network": network, "chain_id": chain_id, "deploy_block": 0, "genesis_time": 0,
            "genesis_ids": [zero], "verifier_circuit_digest": zero, "contracts": contracts
        });
        self.private("deployment.json", &json.to_string())
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn help_version_and_completions_are_data() {
    let home = Home::new();
    let help = home.run(&["--help"]).expect(0, "");
    for word in [
        "doctor",
        "keys",
        "signing",
        "completions",
        "Exit codes",
        "AGOGE_DATA_DIR",
    ] {
        assert!(help.stdout.contains(word), "{word}");
    }
    assert!(
        home.run(&["--version"])
            .expect(0, "")
            .stdout
            .starts_with("agoge-node ")
    );
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            home.run(&["completions", shell])
                .expect(0, "")
                .stdout
                .contains("agoge-node"),
            "{shell}"
        );
    }
}

#[test]
fn wrong_usage_is_exit_2_with_a_suggestion() {
    let home = Home::new();
    home.run(&["--netwrok", "devnet"]).expect(2, "--network");
    home.run(&["keys", "lits"]).expect(2, "list");
    home.run(&["--network", "devnet", "--rpc-listen", "here"])
        .expect(2, "rpc-listen");
    home.run(&["--network", "devnet", "--instance", "201"])
        .expect(2, "201");
    home.run(&["--network", "devnet", "keys", "new", "--password", "x"])
        .expect(2, "--password");
    home.run(&["keys", "new", "--keys-password", "x"])
        .expect(2, "keys-password");
}
