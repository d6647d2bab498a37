use super::{Home, mode};

#[test]
fn without_a_guard_nothing_is_exported() {
    let home = Home::new();
    let data = home.data();
    for command in ["check", "export"] {
        home.run(&["--network", "devnet", "--data-dir", &data, "signing", command])
            .expect(3, "signing guard");
    }
}

#[test]
fn what_was_signed_moves_to_another_machine() {
    let home = Home::new();
    home.deployment("devnet", 31_337);
    let zero = format!("0x{}", "00".repeat(32));
    let interchange = serde_json::json!({
        "metadata": { "interchange_format": "agoge-signing-guard", "version": 1, "chain_id": 31_337 },
        "data": [{
            "genesis_id": zero, "attester": super::ANVIL_ADDRESS, "kind": "attestation", "watermark": 41, "records": []
        }]
    });
    let file = home.private("interchange.json", &interchange.to_string());
    let (old, new) = (
        home.path("old").display().to_string(),
        home.path("new").display().to_string(),
    );
    let at = |dir: &str, args: &[&str]| {
        home.run(
            &[
                &[
                    "--network",
                    "devnet",
                    "--data-dir",
                    dir,
                    "--deployment",
                    "deployment.json",
                ][..],
                args,
            ]
            .concat(),
        )
    };
    at(&old, &["signing", "import", file.to_str().unwrap()]).expect(0, "");
    at(&old, &["signing", "check"]).expect(0, "");
    at(&old, &["signing", "export", "--out", "export.json"]).expect(0, "");
    assert_eq!(mode(&home.path("export.json")), 0o600);
    at(&old, &["signing", "export", "--out", "export.json"]).expect(3, "");
    let exported = std::fs::read_to_string(home.path("export.json")).unwrap();
    assert!(exported.contains("41"), "{exported}");
    at(&new, &["signing", "import", "export.json"]).expect(0, "");
    let again = at(&new, &["--json", "signing", "import", "export.json"])
        .expect(0, "")
        .json();
    assert_eq!(again["data"]["raised"], 0, "{again}");
    home.private("export.json", &exported.replace("31337", "1"));
    at(&new, &["signing", "import", "export.json"]).expect(1, "");
    home.private("export.json", "{}");
    at(&new, &["signing", "import", "export.json"]).expect(1, "not a signing guard export");
}
