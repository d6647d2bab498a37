use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::{ANVIL_KEY, CANARY, Home, Output, chmod};

/// `run` on a network whose L1 nobody serves: only what is checked before L1 can decide the exit code.
fn run(home: &Home, network: &str, extra: &[&str]) -> Output {
    let data = home.data();
    let password = home.private("password", &format!("{CANARY}-password\n"));
    let base = [
        "--network",
        network,
        "--data-dir",
        &data,
        "--l1-rpc-urls",
        "http://127.0.0.1:9",
        "--l1-beacon-urls",
        "http://127.0.0.1:9",
        "--deployment",
        "deployment.json",
        "--keys-password-file",
        password.to_str().unwrap(),
    ];
    home.run(&[&base[..], extra].concat())
}

fn only_key(home: &Home) -> PathBuf {
    std::fs::read_dir(home.path("data/keys/attesters"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path()
}

#[test]
fn deployment_must_be_there_and_of_this_network() {
    let home = Home::new();
    run(&home, "devnet", &[]).expect(3, "deployment file");
    home.deployment("devnet", 1);
    run(&home, "devnet", &[]).expect(4, "chain 1");
    home.deployment("phase1", 31_337);
    run(&home, "devnet", &[]).expect(4, "phase1");
    home.private("deployment.json", "{\"network\": 1}");
    run(&home, "devnet", &["run"]).expect(3, "line 1");
}

#[test]
fn keys_that_others_can_read_stop_the_start() {
    let home = Home::new();
    home.deployment("devnet", 31_337);
    home.keys("devnet", &["keys", "new"]).expect(0, "");
    let key = only_key(&home);
    chmod(&key, 0o640);
    let refused = run(&home, "devnet", &[]).expect(3, "mode 0640");
    assert!(refused.stderr.contains("chmod 600"), "{}", refused.stderr);
    chmod(&key, 0o600);
    symlink(&key, key.with_file_name("a.json")).unwrap();
    run(&home, "devnet", &[]).expect(3, "symbolic links are not followed");
    std::fs::remove_file(key.with_file_name("a.json")).unwrap();
    chmod(&home.path("password"), 0o644);
    let data = home.data();
    let args = [
        "--network",
        "devnet",
        "--data-dir",
        &data,
        "--l1-rpc-urls",
        "http://127.0.0.1:9",
        "--deployment",
        "deployment.json",
    ];
    home.run(&[&args[..], &["--keys-password-file", "password"]].concat())
        .expect(3, "mode 0644");
    home.run(&args).expect(3, "--keys-password-file");
    chmod(&home.path("password"), 0o600);
    std::fs::copy(&key, key.with_file_name("copy.json")).unwrap();
    run(&home, "devnet", &[]).expect(3, "two key files");
}

#[test]
fn forged_key_files_are_refused_before_anything_is_derived() {
    let home = Home::new();
    home.deployment("devnet", 31_337);
    home.keys("devnet", &["keys", "new"]).expect(0, "");
    let key = only_key(&home);
    let good = std::fs::read_to_string(&key).unwrap();
    for (from, to, expected) in [
        ("8192", "1073741824", "scrypt n"),
        ("8192", "8191", "power of two"),
        ("aes-128-ctr", "aes-256-cbc", "cipher"),
        ("\"version\": 3", "\"version\": 1", "version"),
        ("\"dklen\": 32", "\"dklen\": 1", "dklen"),
    ] {
        let forged = good.replace(from, to);
        assert_ne!(forged, good, "{from}");
        std::fs::write(&key, forged).unwrap();
        run(&home, "devnet", &[]).expect(3, expected);
    }
    std::fs::write(&key, &good[..good.len() / 2]).unwrap();
    run(&home, "devnet", &[]).expect(3, "not a keystore v3 file");
    std::fs::write(&key, &good).unwrap();
    let wrong = home.private("wrong", CANARY);
    let data = home.data();
    let args = [
        "--network",
        "devnet",
        "--data-dir",
        &data,
        "--l1-rpc-urls",
        "http://127.0.0.1:9",
        "--deployment",
        "deployment.json",
        "--keys-password-file",
        wrong.to_str().unwrap(),
    ];
    home.run(&args).expect(3, "wrong password");
}

#[test]
fn published_and_shared_keys_are_refused() {
    let home = Home::new();
    home.deployment("phase4", 11_155_111);
    let password = home.private("password", &format!("{CANARY}-password\n"));
    let data = home.data();
    let import = |role: &str| {
        let base = [
            "--network",
            "phase4",
            "--data-dir",
            &data,
            "--keys-password-file",
            password.to_str().unwrap(),
        ];
        let args = [&base[..], &["keys", "import", "-", "--role", role]].concat();
        home.run_with(&args, &[], ANVIL_KEY).expect(0, "");
    };
    import("attester");
    run(&home, "phase4", &[]).expect(3, "development keys");
    home.deployment("devnet", 31_337);
    import("publisher");
    let shared = run(&home, "devnet", &[]).expect(3, "attester and publisher at once");
    assert!(shared.stderr.contains("--keys-allow-shared"), "{}", shared.stderr);
}

/// A key-less node on devnet with ports of its own.
fn follower(home: &Home, l1: &str, metrics: &str) -> Command {
    home.deployment("devnet", 31_337);
    let mut command = Command::new(env!("CARGO_BIN_EXE_agoge-node"));
    command
        .args([
            "--network",
            "devnet",
            "--data-dir",
            &home.data(),
            "--deployment",
            "deployment.json",
            "--l1-rpc-urls",
            l1,
        ])
        .args([
            "--metrics-listen",
            metrics,
            "--rpc-listen",
            "127.0.0.1:0",
            "--admin-listen",
            "127.0.0.1:0",
            "--p2p-listen",
            "127.0.0.1:0",
        ])
        .env_clear()
        .env("HOME", home.path("."))
        .current_dir(home.path("."))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// A loopback address that was free a moment ago.
fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string()
}

#[test]
fn without_l1_the_node_waits_says_so_and_stops_when_told() {
    let home = Home::new();
    let metrics = free_address();
    let mut child = follower(&home, &format!("http://{}", free_address()), &metrics)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let waiting = lines
        .by_ref()
        .map(Result::unwrap)
        .find(|line| line.contains("waiting for L1"));
    assert!(waiting.is_some(), "the node ended");
    let mut stream = TcpStream::connect(&metrics).unwrap();
    stream
        .write_all(b"GET /readyz HTTP/1.0\r\nhost: localhost\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(
        answer.contains(" 503 ") && answer.contains("waiting for L1"),
        "{answer}"
    );
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let rest: Vec<_> = lines.map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{rest:?}");
}

#[test]
fn an_l1_of_another_chain_is_exit_4() {
    let home = Home::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut child = follower(&home, &url, &free_address()).spawn().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            answer_chain_id(stream.unwrap());
        }
    });
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(4), "{stderr}");
    assert!(stderr.contains("AGOGE-L1-001"), "{stderr}");
}

/// Answers one JSON-RPC request with chain id 1.
fn answer_chain_id(mut stream: TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let request: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let answer = serde_json::json!({ "jsonrpc": "2.0", "id": request["id"], "result": "0x1" }).to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        answer.len()
    );
    stream.write_all(format!("{head}{answer}").as_bytes()).unwrap();
}
