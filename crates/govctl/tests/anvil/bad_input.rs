//! Bad input: the right exit code, a hint, and not one transaction.

use eyre::{Result, ensure};

use crate::support::{World, key};

const GOOD: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn usage_errors_end_with_2_before_anything_is_opened() -> Result<()> {
    let world = World::start().await?;
    // Nothing listens there: a command that looked at L1 would say so.
    let dead = "http://127.0.0.1:1";
    let bad_sum = GOOD.replace("aad", "aAd");
    let cases: &[&[&str]] = &[
        &[],
        &["frobnicate"],
        &["status", "--frobnicate"],
        &["vote", "1"],
        &["vote", "1", "yea"],
        &["vote", "one", "for"],
        &["vote", "0x", "for"],
        &["vote", "-1", "for"],
        &["vote", "1", "for", "--expect-hash", "0x12"],
        &["queue", "1", "2"],
        &["execute", ""],
        &["allow-list", "add"],
        &["allow-list", "add", &bad_sum],
        &["allow-list", "add", "vitalik.eth"],
        &[
            "allow-list",
            "remove",
            "0x0000000000000000000000000000000000000000",
        ],
        &["allow-list", "import", "/nowhere"],
        &["stake"],
        &["stake", "--attester", GOOD],
        &["stake", "--attester", GOOD, "--proof", "0x12"],
        &["stake", "--attester-keystore", "x.json", "--withdrawer", "0x1"],
        &["stake", "--attester-keystore", "x.json", "--print-proof"],
        &["exit", &GOOD[..41]],
        &["migrate", GOOD],
        &["migrate", GOOD, "--to", "somewhere"],
        &["bond", "deposit", "0ether"],
        &["bond", "deposit", "1"],
        &["bond", "deposit", "-1ether"],
        &["bond", "deposit", "0.0000000001ether"],
        &["bond", "deposit", "99999999999999999999ether"],
        &["signal", GOOD],
        &["signal", GOOD, "--node", dead],
        &["signal", "--clear", "--sign-with", "x.json"],
        &["signal", GOOD, "--sign-with", "x.json", "--slots", "0"],
        &["nominate", "--round", "-1"],
        &["deploy"],
        &["deploy", "rollup", "--version", "3"],
        &["deploy", "network", "--allow-list-admin", "nobody"],
        &["deploy", "network", "--genesis-time", "tomorrow"],
        &["status", "--rpc-url", "ftp://x"],
        &["status", "--network", "atlantis"],
        &["status", "--account", "a", "--keystore", "b"],
        &["status"],
        &["completions", "tcl"],
    ];
    for args in cases {
        let mut all = vec!["--yes"];
        if !args.contains(&"--rpc-url") {
            all.extend(["--rpc-url", dead]);
        }
        all.extend(*args);
        let ended = world.bare(&all)?;
        ensure!(ended.code == 2, "{args:?}: {ended:?}");
        ensure!(
            !ended.stderr.is_empty() && ended.stdout.is_empty(),
            "{args:?}: {ended:?}"
        );
    }
    ensure!(world.transactions().await? == 0);
    world.anvil.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_said_with_a_hint() -> Result<()> {
    let world = World::start().await?;
    let network = world.path("network.toml").display().to_string();
    // Anvil's own keys are refused on other chains, before L1 is asked.
    let (keystore, voter) = (world.key_file("deployer"), world.key_file("voter"));
    let open_password = world.path("open").display().to_string();
    std::fs::write(&open_password, "a password")?;
    let password = world.path("password").display().to_string();
    let url = world.anvil.url();
    let list = world.path("list");
    std::fs::write(&list, "0x12\n")?;
    let list = list.display().to_string();
    let deploy = ["deploy", "network", "--network", &network];
    let cases: &[(i32, &str, Vec<&str>)] = &[
        (
            1,
            "AGOGE-L1-002",
            [
                &deploy[..],
                &[
                    "--rpc-url",
                    "http://127.0.0.1:1",
                    "--keystore",
                    &keystore,
                    "--password-file",
                    &password,
                ],
            ]
            .concat(),
        ),
        (
            4,
            "AGOGE-L1-001",
            [
                &["deploy", "network", "--network", "phase4", "--rpc-url", url][..],
                &["--keystore", &voter, "--password-file", &password],
            ]
            .concat(),
        ),
        (2, "AGOGE-KEY-012", [&deploy[..], &["--rpc-url", url]].concat()),
        (
            3,
            "AGOGE-KEY-001",
            [
                &deploy[..],
                &[
                    "--rpc-url",
                    url,
                    "--keystore",
                    "missing.json",
                    "--password-file",
                    &password,
                ],
            ]
            .concat(),
        ),
        (
            3,
            "AGOGE-KEY-002",
            [
                &deploy[..],
                &[
                    "--rpc-url",
                    url,
                    "--keystore",
                    &keystore,
                    "--password-file",
                    &open_password,
                ],
            ]
            .concat(),
        ),
        (
            8,
            "AGOGE-GOV-010",
            [
                &deploy[..],
                &[
                    "--test-verifier",
                    "--rpc-url",
                    url,
                    "--keystore",
                    &keystore,
                    "--password-file",
                    &password,
                ],
            ]
            .concat(),
        ),
        (
            3,
            "AGOGE-DEP-001",
            vec!["status", "--network", &network, "--rpc-url", url],
        ),
        (
            2,
            "AGOGE-GOV-002",
            vec![
                "allow-list",
                "import",
                &list,
                "--network",
                &network,
                "--rpc-url",
                url,
            ],
        ),
        (1, "AGOGE-GOV-011", vec!["quotes", "--node", "http://127.0.0.1:1"]),
    ];
    for (code, name, args) in cases {
        let ended = world.bare(args)?;
        ensure!(ended.code == *code, "{args:?}: {ended:?}");
        ensure!(
            ended.stderr.contains(name) && ended.stderr.contains("hint: "),
            "{args:?}: {ended:?}"
        );
    }
    let poor = world.govctl(
        "poor",
        &["--yes", "--json", "deploy", "network", "--test-verifier"],
    )?;
    ensure!(
        poor.code == 3 && poor.stdout.contains("AGOGE-GOV-009"),
        "{poor:?}"
    );
    let late = world.govctl(
        "deployer",
        &[
            "--yes",
            "deploy",
            "network",
            "--test-verifier",
            "--genesis-time",
            "1",
        ],
    )?;
    ensure!(
        late.code == 6 && late.stderr.contains("Registry__GenesisInThePast"),
        "{late:?}"
    );
    ensure!(world.transactions().await? == 0);
    ensure!(!world.deployment_file().exists());
    ensure!(key("poor").address() != key("deployer").address());
    world.anvil.stop().await;
    Ok(())
}
