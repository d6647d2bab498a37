use super::{Home, mode};

#[test]
fn writes_once_shows_differences_and_never_overwrites_unasked() {
    let home = Home::new();
    let data = home.data();
    let init = |extra: &[&str]| {
        let base = [
            "--network",
            "devnet",
            "--data-dir",
            &data,
            "--l1-rpc-urls",
            "http://127.0.0.1:8545",
            "init",
        ];
        home.run(&[&base[..], extra].concat())
    };
    let path = home.path("data/node.toml");
    assert_eq!(init(&[]).expect(0, "").stdout.trim(), path.display().to_string());
    assert_eq!((mode(&path), mode(&home.path("data"))), (0o600, 0o700));
    let first = std::fs::read_to_string(&path).unwrap();
    assert!(
        first.contains("\nrpc_urls = [\"http://127.0.0.1:8545\"]\n"),
        "{first}"
    );
    assert!(first.contains("\n# listen = 127.0.0.1:8700\n"), "{first}");
    init(&[]).expect(0, "up to date");
    let refused = init(&["--instance", "2"]).expect(3, "+ instance = 2");
    assert!(refused.stderr.contains("--force"), "{}", refused.stderr);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), first);
    init(&["--instance", "2", "--force"]).expect(0, "+ instance = 2");
    assert_eq!(
        std::fs::read_to_string(home.path("data/node.toml.old")).unwrap(),
        first
    );
    assert!(
        std::fs::read_to_string(&path)
            .unwrap()
            .contains("\ninstance = 2\n")
    );
    // The runner fails when the secret is printed.
    init(&[
        "--l1-beacon-urls",
        &format!("https://beacon.example/{}", super::CANARY),
    ])
    .expect(3, "+ beacon_urls");
}

#[test]
fn the_file_means_what_the_flags_meant() {
    let home = Home::new();
    let data = home.data();
    let flags = [
        "--network",
        "devnet",
        "--data-dir",
        &data,
        "--l1-rpc-urls",
        "http://a,http://b",
        "--rpc-public",
        "--rpc-hosts",
        "x.example",
        "--keys-password-file",
        "pw",
        "--fee-recipient",
        super::ANVIL_ADDRESS,
        "--doppelganger-epochs",
        "3",
        "--log-format",
        "json",
    ];
    home.run(&[&flags[..], &["init"]].concat()).expect(0, "");
    let values = |output: super::Output| -> Vec<(String, String)> {
        let json = output.expect(0, "").json();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        json["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| (text(&entry["key"]), text(&entry["value"])))
            .collect()
    };
    let from_file = values(home.run(&["--data-dir", &data, "--json", "config", "show"]));
    let absolute = home.path("pw").display().to_string();
    let from_flags: Vec<_> = values(home.run(&[&flags[..], &["--json", "config", "show"]].concat()))
        .into_iter()
        .map(|(key, value)| {
            if key == "keys.password_file" {
                (key, absolute.clone())
            } else {
                (key, value)
            }
        })
        .collect();
    assert_eq!(from_file, from_flags);
}

#[test]
fn the_environment_counts_as_given() {
    let home = Home::new();
    let data = home.data();
    let env = [
        ("AGOGE_NETWORK", "devnet"),
        ("AGOGE_DATA_DIR", &data),
        ("ETH_RPC_URL", "http://127.0.0.1:8545"),
    ];
    home.run_with(&["init"], &env, "").expect(0, "");
    let text = std::fs::read_to_string(home.path("data/node.toml")).unwrap();
    for line in ["network = \"devnet\"", "rpc_urls = [\"http://127.0.0.1:8545\"]"] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
}

#[test]
fn needs_a_network() {
    Home::new().run(&["init"]).expect(2, "--network");
}
