use super::Home;

#[test]
fn against_nothing_it_fails_with_hints() {
    let home = Home::new();
    let data = home.data();
    let args = [
        "--network",
        "phase4",
        "--data-dir",
        &data,
        "--l1-rpc-urls",
        "http://127.0.0.1:9",
        "--l1-beacon-urls",
        "http://127.0.0.1:9",
    ];
    let text = home.run(&[&args[..], &["doctor"]].concat()).expect(3, "").stdout;
    assert!(
        text.contains("fail AGOGE-DOC-010") && text.contains("hint: "),
        "{text}"
    );
    let json = home
        .run(&[&args[..], &["doctor", "--json"]].concat())
        .expect(3, "")
        .json();
    let checks = json["data"].as_array().unwrap();
    for code in 1..=7 {
        let code = format!("AGOGE-DOC-{code:03}");
        assert!(
            checks.iter().any(|check| check["code"] == code.as_str()),
            "{code} is missing: {json}"
        );
    }
    for check in checks {
        let has_hint = check["hint"].as_str().is_some_and(|hint| !hint.is_empty());
        assert_eq!(has_hint, check["status"] != "ok", "{check}");
    }
    assert!(!home.path("data").exists(), "looking changes nothing");
}

#[test]
fn a_missing_url_is_a_finding_not_a_crash() {
    let home = Home::new();
    let text = home.run(&["--network", "phase4", "doctor"]).expect(3, "").stdout;
    assert!(text.contains("ETH_RPC_URL"), "{text}");
}

#[test]
fn taken_ports_and_loose_keys_are_found() {
    let home = Home::new();
    home.keys("devnet", &["keys", "new"]).expect(0, "");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let key = std::fs::read_dir(home.path("data/keys/attesters"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    super::chmod(&key, 0o604);
    let data = home.data();
    let text = home
        .run(&[
            "--network",
            "devnet",
            "--data-dir",
            &data,
            "--rpc-listen",
            &address,
            "doctor",
        ])
        .expect(3, "")
        .stdout;
    assert!(
        text.contains(&format!("fail AGOGE-DOC-004 rpc port {address}")),
        "{text}"
    );
    assert!(text.contains("mode 0604"), "{text}");
    assert!(text.contains("no publisher key"), "{text}");
}
