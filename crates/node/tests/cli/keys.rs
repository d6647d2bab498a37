use std::os::unix::fs::symlink;

use super::{ANVIL_ADDRESS, ANVIL_KEY, CANARY, Home, chmod, mode};

#[test]
fn new_import_and_list_round_trip() {
    let home = Home::new();
    let made = home
        .keys("devnet", &["keys", "new", "--count", "3"])
        .expect(0, "")
        .json();
    let made = made["data"].as_array().unwrap().clone();
    assert_eq!(made.len(), 3);
    home.keys("devnet", &["keys", "new", "--role", "publisher"])
        .expect(0, "");
    home.keys("devnet", &["keys", "new", "--role", "publisher"])
        .expect(3, "");
    let dir = home.path("data/keys/attesters");
    assert_eq!(mode(&dir), 0o700);
    for key in &made {
        assert_eq!(mode(std::path::Path::new(key["path"].as_str().unwrap())), 0o600);
    }
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 3, "no drafts are left");
    let listed = home.keys("devnet", &["keys", "list"]).expect(0, "").json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 4);
    assert!(
        listed["data"]
            .as_array()
            .unwrap()
            .iter()
            .all(|key| key["problem"].is_null() && key["address"].is_string())
    );

    // As Foundry leaves them: readable by all, without an address.
    let source = home.path("foundry");
    let text = std::fs::read_to_string(made[0]["path"].as_str().unwrap()).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
    json.as_object_mut().unwrap().remove("address");
    std::fs::write(&source, json.to_string()).unwrap();
    chmod(&source, 0o644);
    let out = home.path("out").display().to_string();
    let import = ["keys", "import", source.to_str().unwrap(), "--out", &out];
    let first = home.keys("devnet", &import).expect(0, "").json();
    assert_eq!(first["data"][0]["result"], "imported");
    assert_eq!(first["data"][0]["address"], made[0]["address"]);
    assert_eq!(
        home.keys("devnet", &import).expect(0, "").json()["data"][0]["result"],
        "duplicate"
    );
    assert!(source.exists(), "the source is never deleted");
    let absent = home.keys(
        "devnet",
        &[
            "keys",
            "import",
            "absent.json",
            source.to_str().unwrap(),
            "--out",
            &out,
        ],
    );
    let absent = absent.expect(1, "").json();
    assert_eq!(
        (&absent["data"][0]["result"], &absent["data"][1]["result"]),
        (&"error".into(), &"duplicate".into())
    );
}

#[test]
fn raw_keys_come_from_standard_input_only() {
    let home = Home::new();
    let data = home.data();
    let password = home.private("password", CANARY);
    let args = [
        "--network",
        "devnet",
        "--data-dir",
        &data,
        "--keys-password-file",
        password.to_str().unwrap(),
        "keys",
        "import",
        "-",
    ];
    let imported = home
        .run_with(&args, &[], &format!("0x{ANVIL_KEY}\n"))
        .expect(0, "");
    assert!(imported.stdout.contains(ANVIL_ADDRESS));
    for bad in [
        "",
        "0x12",
        &"00".repeat(32),
        &"ff".repeat(32),
        &format!("{ANVIL_KEY}00"),
    ] {
        let output = home.run_with(&args, &[], bad).expect(1, "");
        assert!(bad.is_empty() || !output.stdout.contains(bad), "a key was echoed");
    }
    let stdin = [
        "--network",
        "devnet",
        "--data-dir",
        &data,
        "--keys-password-file",
        "-",
        "keys",
        "import",
        "-",
    ];
    home.run(&stdin).expect(2, "read once");
    home.run(&["--network", "devnet", "--data-dir", &data, "keys", "new"])
        .expect(3, "no terminal");
    let new = [
        "--network",
        "devnet",
        "--data-dir",
        &data,
        "--keys-password-file",
        "-",
        "keys",
        "new",
    ];
    home.run_with(&new, &[], "").expect(3, "empty");
    home.run_with(&new, &[], CANARY).expect(0, "");
}

#[test]
fn listing_names_what_is_wrong_with_a_file() {
    let home = Home::new();
    home.keys("devnet", &["keys", "new", "--count", "2"])
        .expect(0, "");
    let dir = home.path("data/keys/attesters");
    let files: Vec<_> = std::fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    chmod(&files[0], 0o644);
    std::fs::write(dir.join("z.json"), "{").unwrap();
    chmod(&dir.join("z.json"), 0o600);
    symlink(&files[1], dir.join("link.json")).unwrap();
    let listed = home.keys("devnet", &["keys", "list"]).expect(0, "").json();
    let problems = listed["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|key| key["problem"].is_string())
        .count();
    assert_eq!(problems, 3);
    chmod(&dir, 0o755);
    home.keys("devnet", &["keys", "list"]).expect(3, "");
    chmod(&dir, 0o700);
}
