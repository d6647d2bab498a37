//! One network from its first contract to its second Rollup: deployed by runs that are killed, verified, attacked, staked, governed.
//!
//! One L1 serves all scenarios, one after the other: its deployment is the dear part.

use agoge_deployer::{DeployError, Deployer, NetworkChoices, StateFile, Verifier};
use agoge_protocol::Deployment;
use eyre::{Result, ensure, eyre};
use serde_json::{Value, json};

use crate::support::{World, key};
use crate::upgrade;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_lives_from_its_first_contract_to_its_second_rollup() -> Result<()> {
    let world = World::start().await?;
    a_dry_run_sends_nothing(&world).await?;
    a_deployment_killed_at_every_step_is_taken_up(&world).await?;
    l1_is_verified_and_altered_code_is_found(&world).await?;
    validators_are_allowed_and_staked_once(&world).await?;
    let payload = upgrade::an_upgrade_is_deployed_and_verified(&world).await?;
    upgrade::payloads_that_cannot_be_meant_are_refused(&world, payload).await?;
    upgrade::a_proposal_becomes_the_next_instance(&world, payload).await?;
    upgrade::a_proposal_that_nobody_executes_expires(&world).await?;
    upgrade::validators_move_and_leave(&world).await?;
    world.anvil.stop().await;
    Ok(())
}

async fn a_dry_run_sends_nothing(world: &World) -> Result<()> {
    let data = world.data("deployer", &["--dry-run", "deploy", "network", "--test-verifier"])?;
    ensure!(
        data["missing"] == json!(9) && data["sent"] == json!(false),
        "{data}"
    );
    ensure!(world.transactions().await? == 0 && !world.deployment_file().exists());
    Ok(())
}

/// Each run does one step and is gone, as if it had been killed; what it did not write down, the next finds on L1.
async fn a_deployment_killed_at_every_step_is_taken_up(world: &World) -> Result<()> {
    let client = world.client().await?;
    let deployer = key("deployer").address();
    let choices = NetworkChoices {
        verifier: Verifier::Test,
        genesis_time: client.head().await?.time + 120,
        allow_list_admin: deployer,
    };
    let file = StateFile::beside(&world.deployment_file());
    for step in 0..5_usize {
        let mut run = Deployer::network(&client, deployer, choices, Some(file.clone())).await?;
        ensure!(run.steps().len() == step, "{:?}", run.steps());
        run.advance(&mut client.wallet(key("deployer"))).await?;
    }
    let written = std::fs::read(file.path())?;

    // Another network file, another verifier: not this deployment, and nothing is sent.
    let sent = world.transactions().await?;
    let real = world.govctl("deployer", &["--yes", "deploy", "network"])?;
    ensure!(
        real.code == 3 && real.stderr.contains("is of another deployment"),
        "{real:?}"
    );
    // Steps that are not where the nonces say.
    let mut moved: Value = serde_json::from_slice(&written)?;
    moved["first_nonce"] = json!(1);
    std::fs::write(file.path(), moved.to_string())?;
    let opened = Deployer::network(&client, deployer, choices, Some(file.clone())).await;
    ensure!(matches!(opened, Err(DeployError::OtherCode { .. })), "{opened:?}");
    // A foreign transaction of the deployer makes the predicted addresses void.
    let voter = key("voter").address();
    moved["first_nonce"] = json!(0);
    moved["steps"] = json!([]);
    moved["deployer"] = json!(voter);
    std::fs::write(file.path(), moved.to_string())?;
    let mut foreign = Deployer::network(&client, voter, choices, Some(file.clone())).await?;
    world.anvil.call("anvil_setNonce", json!([voter, "0x1"])).await?;
    let advanced = foreign.advance(&mut client.wallet(key("voter"))).await.map(drop);
    ensure!(
        matches!(advanced, Err(DeployError::NonceMoved { found: 1, .. })),
        "{advanced:?}"
    );
    world.anvil.call("anvil_setNonce", json!([voter, "0x0"])).await?;
    ensure!(world.transactions().await? == sent);

    // The fourth and fifth were mined, but the run was killed before it wrote that down.
    std::fs::write(file.path(), {
        let mut state: Value = serde_json::from_slice(&written)?;
        let steps = state["steps"].as_array_mut().ok_or_else(|| eyre!("no steps"))?;
        steps.truncate(3);
        state.to_string()
    })?;
    let data = world.data("deployer", &["deploy", "network", "--test-verifier"])?;
    ensure!(data["created"].as_array().map(Vec::len) == Some(9), "{data}");
    ensure!(
        data["created"][3]["tx"] == Value::Null,
        "the fourth was found, not sent again: {data}"
    );
    ensure!(
        client.nonce(deployer).await? == 9,
        "nine creations and nothing else"
    );
    let again = world.data("deployer", &["deploy", "network", "--test-verifier"])?;
    ensure!(again["already"] == json!(true), "{again}");
    ensure!(client.nonce(deployer).await? == 9);
    Ok(())
}

async fn l1_is_verified_and_altered_code_is_found(world: &World) -> Result<()> {
    let data = world.data("deployer", &["verify"])?;
    let checks = data["checks"].as_array().ok_or_else(|| eyre!("no checks"))?;
    ensure!(
        checks.len() > 30 && checks.iter().all(|check| check["ok"] == json!(true)),
        "{data}"
    );
    let doctor = world.data("deployer", &["doctor"])?;
    ensure!(
        doctor["checks"]
            .as_array()
            .is_some_and(|checks| checks.len() == 6),
        "{doctor}"
    );

    let deployment = deployment(world)?;
    let client = world.client().await?;
    for name in ["Staking", "Governance", "EpochProofVerifier"] {
        let address = deployment.address(name)?;
        let code = client.code(address).await?;
        let mut altered = code.to_vec();
        if let Some(byte) = altered.get_mut(100) {
            *byte ^= 1;
        }
        let altered = alloy::primitives::Bytes::from(altered);
        world.set_code(address, &altered.to_string()).await?;
        let ended = world.govctl("deployer", &["verify"])?;
        ensure!(
            ended.code == 4 && ended.stderr.contains(name),
            "{name}: {ended:?}"
        );
        let status = world.govctl("deployer", &["status"])?;
        ensure!(status.code == 4, "{name}: {status:?}");
        world.set_code(address, &code.to_string()).await?;
    }
    // A deployment file that tells of other arguments.
    let path = world.deployment_file();
    let right = std::fs::read_to_string(&path)?;
    for (field, value) in [
        ("/genesis_ids/0", json!(format!("0x{}", "11".repeat(32)))),
        ("/contracts/1/constructor_args", json!("0x")),
    ] {
        let mut wrong: Value = serde_json::from_str(&right)?;
        *wrong.pointer_mut(field).ok_or_else(|| eyre!("{field}"))? = value;
        std::fs::write(&path, wrong.to_string())?;
        let ended = world.govctl("deployer", &["verify"])?;
        ensure!(ended.code == 4, "{field}: {ended:?}");
    }
    std::fs::write(&path, right)?;
    Ok(())
}

async fn validators_are_allowed_and_staked_once(world: &World) -> Result<()> {
    let attester = key("attester").address().to_string();
    let other = key("other attester").address().to_string();
    let (file, other_file) = (world.key_file("attester"), world.key_file("other attester"));
    let stake = ["stake", "--attester-keystore", &file];

    let early = world.govctl("voter", &[&["--yes"][..], &stake].concat())?;
    ensure!(
        early.code == 6 && early.stderr.contains("allow-list add"),
        "{early:?}"
    );
    let foreign = world.govctl("voter", &["--yes", "allow-list", "add", &attester])?;
    ensure!(
        foreign.code == 3 && foreign.stderr.contains("not the allow-list's admin"),
        "{foreign:?}"
    );
    std::fs::write(world.path("list"), format!("{attester}\n{other} # a friend\n"))?;
    let list = world.path("list").display().to_string();
    let data = world.data("deployer", &["allow-list", "import", &list])?;
    ensure!(data["transactions"].as_array().map(Vec::len) == Some(1), "{data}");
    let again = world.data("deployer", &["allow-list", "add", &attester])?;
    ensure!(again["already"] == json!(true), "{again}");

    let asked = world.govctl("voter", &stake)?;
    ensure!(
        asked.code == 8 && asked.stderr.contains(&attester),
        "shown in full, then not sent: {asked:?}"
    );
    world.data("voter", &stake)?;
    let again = world.data("voter", &stake)?;
    ensure!(again["already"] == json!(true), "{again}");

    // The other attester's key is on another machine.
    let voter = key("voter").address().to_string();
    let proofs = world.data(
        "voter",
        &[
            "stake",
            "--attester-keystore",
            &other_file,
            "--withdrawer",
            &voter,
            "--print-proof",
        ],
    )?;
    let proof = proofs["proofs"][0]["proof"]
        .as_str()
        .ok_or_else(|| eyre!("{proofs}"))?
        .to_owned();
    let flipped = format!(
        "{}{}",
        &proof[..proof.len() - 2],
        if proof.ends_with("00") { "01" } else { "00" }
    );
    let wrong = world.govctl(
        "voter",
        &["--yes", "stake", "--attester", &other, "--proof", &flipped],
    )?;
    ensure!(
        wrong.code == 6 && wrong.stderr.contains("WrongProofOfPossession"),
        "{wrong:?}"
    );
    world.data("voter", &["stake", "--attester", &other, "--proof", &proof])?;
    let shown = world.data("voter", &["validators", &attester, &other])?;
    ensure!(shown["validators"][1]["status"] == json!("active"), "{shown}");
    Ok(())
}

pub(crate) fn deployment(world: &World) -> Result<Deployment> {
    Ok(serde_json::from_str(&std::fs::read_to_string(
        world.deployment_file(),
    )?)?)
}
