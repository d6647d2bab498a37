use std::os::unix::fs::symlink;
use std::path::PathBuf;

use super::{ANVIL_KEY, CANARY, Home, Output, chmod};

/// `run` on a network whose L1 nobody serves: only what is checked before L1 can decide the exit code.
fn run(home: &Home, network: &str, extra: &[&str]) -> Output {
    let data = home.data();
    let password = home.private("password", &format!("{CANARY}-password\n"));
    let base = [
        "--network", network, "--data-dir", &data, "--l1-rpc-urls", "http://127.0.0.1:9", "--l1-beacon-urls", "http://127.0.0.1:9",
        "--deployment", "deployment.json", "--keys-password-file", password.to_str().unwrap(),
    ];
    home.run(&[&base[..], extra].concat())
}

fn only_key(home: &Home) -> PathBuf {
    std::fs::read_dir(home.path("data/keys/attesters")).unwrap().next().unwrap().unwrap().path()
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
    let args = ["--network", "devnet", "--data-dir", &data, "--l1-rpc-urls", "http://127.0.0.1:9", "--deployment", "deployment.json"];
    home.run(&[&args[..], &["--keys-password-file", "password"]].concat()).expect(3, "mode 0644");
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
        "--network", "devnet", "--data-dir", &data, "--l1-rpc-urls", "http://127.0.0.1:9", "--deployment", "deployment.json",
        "--keys-password-file", wrong.to_str().unwrap(),
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
        let base = ["--network", "phase4", "--data-dir", &data, "--keys-password-file", password.to_str().unwrap()];
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
