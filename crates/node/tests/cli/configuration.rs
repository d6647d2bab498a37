use super::{CANARY, Home};

fn show(home: &Home, file: &str) -> super::Output {
    let path = home.private("node.toml", file);
    home.run(&["--config", path.to_str().unwrap(), "config", "show"])
}

#[test]
fn bad_files_are_exit_2_with_file_and_line() {
    let home = Home::new();
    for (file, expected) in [
        ("network = \"devnet\"\n[l1]\nrpc_url = []\n", "node.toml:3:1"),
        ("network = \"devnet\"\nunheard_of = 1\n", "node.toml:2:1"),
        ("[l2]\nx = 1\n", "node.toml:1:2"),
        ("network = \"devnet\"\n\n[rpc]\nlisten = 8700\n", "node.toml:4:10"),
        ("network = \"devnet\"\ninstance = \"one\"\n", "node.toml:2:12"),
        ("network = \"devnet\"\ninstance = nan\n", "node.toml:2:12"),
        ("network = \"devnet\"\ninstance = -1\n", "node.toml:2:12"),
        ("network = \"devnet\"\nnetwork = \"phase1\"\n", "node.toml:2:1"),
        ("network = \"devnet\"\n[rpc\n", "node.toml:2:5"),
        (
            "network = \"devnet\"\nfee_recipient = \"0x12\"\n",
            "node.toml:2:17",
        ),
        (
            "network = \"devnet\"\nsignal_payload = \"upgrade\"\n",
            "node.toml:2:18",
        ),
    ] {
        show(&home, file).expect(2, expected);
    }
    show(&home, "network = \"devnet\"\n[l1]\nrpc_url = []\n").expect(2, "did you mean `l1.rpc_urls`?");
    show(&home, &format!("network = \"devnet\"\n#{}", "x".repeat(2 << 20)))
        .expect(2, "more than 1048576 bytes");
    show(&home, "").expect(2, "`network` is not set");
    home.run(&["--config", "absent.toml", "config", "show"])
        .expect(2, "absent.toml");
}

#[test]
fn networks_are_names_or_files() {
    let home = Home::new();
    for name in ["devnet", "phase1", "phase2", "phase3", "phase4"] {
        home.run(&["--network", name, "config", "show"]).expect(0, "");
    }
    home.run(&["--network", "phase5", "config", "show"])
        .expect(2, "devnet, phase1");
    let devnet = include_str!("../../../../script/networks/devnet.toml");
    home.private("mine.toml", devnet);
    home.run(&["--network", "mine.toml", "config", "show"])
        .expect(0, "");
    home.private("typo.toml", &devnet.replace("epoch_slots", "epoch_slot"));
    home.run(&["--network", "typo.toml", "config", "show"])
        .expect(2, "line 11");
}

#[test]
fn flag_beats_env_beats_file_beats_network_beats_default() {
    let home = Home::new();
    let file = home.private(
        "node.toml",
        "network = \"devnet\"\n[rpc]\nlisten = \"127.0.0.1:1\"\n[keys]\nattesters_dir = \"k\"\n",
    );
    let args = ["--config", file.to_str().unwrap(), "--json", "config", "show"];
    let env = [
        ("AGOGE_RPC_LISTEN", "127.0.0.1:2"),
        ("AGOGE_METRICS_LISTEN", "127.0.0.1:3"),
    ];
    let find = |output: super::Output, key: &str| {
        let json = output.expect(0, "").json();
        let entries = json["data"].as_array().unwrap().clone();
        let entry = entries.into_iter().find(|entry| entry["key"] == key).unwrap();
        (
            entry["value"].as_str().unwrap().to_owned(),
            entry["origin"]["layer"].as_str().unwrap().to_owned(),
        )
    };
    let row = |value: &str, layer: &str| (value.to_owned(), layer.to_owned());
    let payload = "0x7777777777777777777777777777777777777777";
    let flags = [&args[..], &["--signal-payload", payload]].concat();
    assert_eq!(
        find(home.run_with(&flags, &env, ""), "signal_payload"),
        row(payload, "flag")
    );
    let flags = [&args[..], &["--rpc-listen", "127.0.0.1:4"]].concat();
    assert_eq!(
        find(home.run_with(&flags, &env, ""), "rpc.listen"),
        row("127.0.0.1:4", "flag")
    );
    assert_eq!(
        find(home.run_with(&args, &env, ""), "rpc.listen"),
        row("127.0.0.1:2", "env")
    );
    assert_eq!(find(home.run(&args), "rpc.listen"), row("127.0.0.1:1", "file"));
    assert_eq!(
        find(home.run(&args), "p2p.bootnodes"),
        row("(not set)", "network")
    );
    assert_eq!(
        find(home.run(&args), "admin.listen"),
        row("127.0.0.1:8701", "default")
    );
    let beside = home.path("k").display().to_string();
    assert_eq!(
        find(home.run(&args), "keys.attesters_dir"),
        (beside, "file".to_owned()),
        "relative to the file"
    );
    let shifted = [&args[..], &["--instance", "3"]].concat();
    assert_eq!(
        find(home.run(&shifted), "admin.listen"),
        row("127.0.0.1:8731", "default")
    );
}

#[test]
fn urls_are_shown_without_what_may_be_secret() {
    let home = Home::new();
    let url = format!("https://user:{CANARY}@rpc.example/v3/{CANARY}?key={CANARY}");
    let args = ["--network", "devnet", "config", "show", "--origin"];
    let shown = home
        .run_with(
            &args,
            &[("ETH_RPC_URL", &url), ("AGOGE_L1_BEACON_URLS", &url)],
            "",
        )
        .expect(0, "");
    assert!(
        shown
            .stdout
            .contains("l1.rpc_urls = https://rpc.example    # env ETH_RPC_URL"),
        "{}",
        shown.stdout
    );
    home.run_with(&["--help"], &[("ETH_RPC_URL", &url)], "")
        .expect(0, "");
    show(
        &home,
        &format!("network = \"devnet\"\n[l1]\nrpc_urls = \"{url}\"\n"),
    )
    .expect(2, "node.toml:3:12");
    show(
        &home,
        &format!("network = \"devnet\"\n[l1]\nrpc_urls = [\"ws://{CANARY}\"]\n"),
    )
    .expect(2, "node.toml:3:12");
    home.run(&["--network", "devnet", "--l1-rpc-urls", &url, "doctor"])
        .expect(3, "");
}

#[test]
fn relations_are_exit_2_before_anything_is_opened() {
    let home = Home::new();
    let base = ["--network", "phase4", "--l1-rpc-urls", "http://127.0.0.1:9"];
    let with = |extra: &[&str]| home.run(&[&base[..], extra].concat());
    with(&[]).expect(2, "AGOGE_L1_BEACON_URLS");
    let beacon = ["--l1-beacon-urls", "http://127.0.0.1:9"];
    with(&[&beacon[..], &["--rpc-listen", "0.0.0.0:1"]].concat()).expect(2, "--rpc-public");
    with(&[&beacon[..], &["--rpc-listen", "0.0.0.0:1", "--rpc-public"]].concat()).expect(2, "rpc.hosts");
    with(&[&beacon[..], &["--admin-listen", "0.0.0.0:1"]].concat()).expect(2, "loopback only");
    with(&[&beacon[..], &["--rpc-listen", "127.0.0.1:8701"]].concat()).expect(2, "four different ports");
    home.run(&["--network", "phase4"]).expect(2, "ETH_RPC_URL");
    assert!(!home.path(".local").exists(), "nothing was made");
}
