//! The scenarios of a network that is deployed and staked: an upgrade, a proposal that expires, validators that move and leave.

use agoge_protocol::{Address, Deployment};
use eyre::{Result, ensure, eyre};
use serde_json::{Value, json};

use crate::lifecycle::deployment;
use crate::support::{World, key};

pub(crate) async fn an_upgrade_is_deployed_and_verified(world: &World) -> Result<Address> {
    let data = world.data("deployer", &["deploy", "rollup", "--version", "2"])?;
    let created = data["created"].as_array().ok_or_else(|| eyre!("{data}"))?;
    ensure!(created.len() == 2, "a Rollup and its payload: {data}");
    let again = world.data("deployer", &["deploy", "rollup", "--version", "2"])?;
    ensure!(again["already"] == json!(true), "{again}");
    let deployment = deployment(world)?;
    ensure!(deployment.genesis_ids.len() == 2);
    world.data("deployer", &["verify"])?;
    let payload = deployment.address("UpgradePayload")?;
    let text = payload.to_string();
    let verified = world.data("deployer", &["payload", "verify", &text])?;
    ensure!(verified["outcomes"][0]["ok"] == json!(true), "{verified}");
    let hash = verified["actions_hash"]
        .as_str()
        .ok_or_else(|| eyre!("{verified}"))?
        .to_owned();
    world.data("deployer", &["payload", "show", &text, "--expect-hash", &hash])?;
    let other_hash = format!("0x{}", "12".repeat(32));
    let other = world.govctl(
        "deployer",
        &["payload", "show", &text, "--expect-hash", &other_hash],
    )?;
    ensure!(other.code == 4, "{other:?}");
    Ok(payload)
}

pub(crate) async fn payloads_that_cannot_be_meant_are_refused(world: &World, payload: Address) -> Result<()> {
    let sent = world.transactions().await?;
    let nobody = key("poor").address().to_string();
    for args in [
        ["payload", "show", &nobody],
        ["payload", "verify", &nobody],
        ["propose", &nobody, "--yes"],
    ] {
        let ended = world.govctl("voter", &args)?;
        ensure!(
            ended.code == 3 && ended.stderr.contains("no payload"),
            "{args:?}: {ended:?}"
        );
    }
    // A contract that is no payload.
    let staking = deployment(world)?.address("Staking")?.to_string();
    let ended = world.govctl("voter", &["payload", "verify", &staking])?;
    ensure!(ended.code == 3, "{ended:?}");
    let ended = world.govctl(
        "voter",
        &["--yes", "payload", "deploy", "upgrade", "--rollup", &staking],
    )?;
    ensure!(ended.code == 6, "{ended:?}");
    // The Rollup that the payload adds is altered: it is not this build's.
    let deployment = deployment(world)?;
    let rollup = deployment
        .contracts
        .iter()
        .find(|contract| contract.name == "Rollup" && contract.instance == Some(2))
        .ok_or_else(|| eyre!("no second Rollup"))?
        .address;
    let client = world.client().await?;
    let code = client.code(rollup).await?;
    let first = client.code(deployment.address("Rollup")?).await?;
    world.set_code(rollup, &first.to_string()).await?;
    let text = payload.to_string();
    let path = world.deployment_file();
    let right = std::fs::read_to_string(&path)?;
    let mut trusting: Deployment = serde_json::from_str(&right)?;
    trusting.contracts.retain(|contract| contract.instance != Some(2));
    std::fs::write(&path, serde_json::to_string(&trusting)?)?;
    let ended = world.govctl("voter", &["payload", "verify", &text])?;
    ensure!(
        ended.code == 4 && ended.stderr.contains("new Rollup"),
        "{ended:?}"
    );
    std::fs::write(&path, right)?;
    world.set_code(rollup, &code.to_string()).await?;
    ensure!(world.transactions().await? == sent);
    Ok(())
}

pub(crate) async fn a_proposal_becomes_the_next_instance(world: &World, payload: Address) -> Result<()> {
    let text = payload.to_string();
    let early = world.govctl("voter", &["--yes", "nominate"])?;
    ensure!(early.code == 3, "no round has signals: {early:?}");
    let made = world.data("voter", &["propose", &text, "--description", "version 2"])?;
    let id = made["proposal"]["id"]
        .as_str()
        .ok_or_else(|| eyre!("{made}"))?
        .to_owned();
    let hash = made["proposal"]["actions_hash"]
        .as_str()
        .ok_or_else(|| eyre!("{made}"))?
        .to_owned();

    let soon = world.govctl("voter", &["--yes", "vote", &id, "for"])?;
    ensure!(
        soon.code == 3 && soon.stderr.contains("voting begins"),
        "{soon:?}"
    );
    let unknown = world.govctl("voter", &["--yes", "vote", "12345", "for"])?;
    ensure!(
        unknown.code == 3 && unknown.stderr.contains("no proposal"),
        "{unknown:?}"
    );
    world
        .pass(world.network.governance.vote_delay_seconds + 2)
        .await?;
    let status = world.data("voter", &["status"])?;
    ensure!(
        status["proposals"][0]["not_voted"][0]["voter"] == json!(key("voter").address())
            || status["clock"]["slot"] == Value::Null,
        "{status}"
    );
    let powerless = world.govctl("deployer", &["--yes", "vote", &id, "against"])?;
    ensure!(
        powerless.code == 3 && powerless.stderr.contains("no voting power"),
        "{powerless:?}"
    );
    let other_hash = format!("0x{}", "12".repeat(32));
    let other = world.govctl(
        "voter",
        &["--yes", "vote", &id, "for", "--expect-hash", &other_hash],
    )?;
    ensure!(other.code == 4, "{other:?}");
    let dry = world.data(
        "voter",
        &["--dry-run", "vote", &id, "for", "--expect-hash", &hash],
    )?;
    ensure!(dry["transactions"][0]["sent"] == json!(false), "{dry}");
    world.data("voter", &["vote", &id, "for", "--expect-hash", &hash])?;
    let again = world.data("voter", &["vote", &id, "for"])?;
    ensure!(again["already"] == json!(true), "{again}");

    let open = world.govctl("voter", &["--yes", "queue", &id])?;
    ensure!(open.code == 3 && open.stderr.contains("voting ends"), "{open:?}");
    world
        .pass(world.network.governance.vote_period_seconds + 2)
        .await?;
    world.data("deployer", &["queue", &id])?;
    let again = world.data("deployer", &["queue", &id])?;
    ensure!(again["already"] == json!(true), "{again}");
    let locked = world.govctl("deployer", &["--yes", "execute", &id])?;
    ensure!(
        locked.code == 3 && locked.stderr.contains("timelock"),
        "{locked:?}"
    );
    world.pass(world.network.governance.timelock_seconds + 2).await?;
    world.data("deployer", &["execute", &id])?;
    let again = world.data("deployer", &["execute", &id])?;
    ensure!(again["already"] == json!(true), "{again}");

    let status = world.data("voter", &["status"])?;
    ensure!(
        status["instances"].as_array().map(Vec::len) == Some(2),
        "{status}"
    );
    world.data("voter", &["verify"])?;
    Ok(())
}

pub(crate) async fn a_proposal_that_nobody_executes_expires(world: &World) -> Result<()> {
    let data = world.data("deployer", &["payload", "deploy", "allow-list-off"])?;
    let payload = data["payload"]["address"]
        .as_str()
        .ok_or_else(|| eyre!("{data}"))?
        .to_owned();
    world.data("deployer", &["payload", "verify", &payload])?;
    let made = world.data("voter", &["propose", &payload])?;
    let id = made["proposal"]["id"]
        .as_str()
        .ok_or_else(|| eyre!("{made}"))?
        .to_owned();
    let rules = &world.network.governance;
    world.pass(rules.vote_delay_seconds + 2).await?;
    world.data("voter", &["vote", &id, "for"])?;
    world
        .pass(rules.vote_period_seconds + rules.grace_seconds + 2)
        .await?;
    let sent = world.transactions().await?;
    for command in ["queue", "execute"] {
        let ended = world.govctl("voter", &["--yes", command, &id])?;
        ensure!(ended.code == 3 && ended.stderr.contains("expired"), "{ended:?}");
    }
    let vote = world.govctl("deployer", &["--yes", "vote", &id, "for"])?;
    ensure!(vote.code == 3, "{vote:?}");
    ensure!(world.transactions().await? == sent);
    world.data("voter", &["unlock", &id])?;
    let paid = world.data("voter", &["withdraw"])?;
    ensure!(paid["transactions"].as_array().map(Vec::len) == Some(1), "{paid}");
    Ok(())
}

pub(crate) async fn validators_move_and_leave(world: &World) -> Result<()> {
    let attester = key("attester").address().to_string();
    let first = deployment(world)?.address("Rollup")?.to_string();
    let already = world.data("voter", &["migrate", &attester, "--to", "follow"])?;
    ensure!(already["already"] == json!(true), "{already}");
    world.data("voter", &["migrate", &attester, "--to", &first])?;
    let foreign = world.govctl("deployer", &["--yes", "migrate", &attester, "--to", "follow"])?;
    ensure!(
        foreign.code == 3 && foreign.stderr.contains("not the withdrawer"),
        "{foreign:?}"
    );
    world.data("voter", &["migrate", &attester, "--to", "follow"])?;

    let deployer = key("deployer").address().to_string();
    world.data("voter", &["delegate", &deployer])?;
    let again = world.data("voter", &["delegate", &deployer])?;
    ensure!(again["already"] == json!(true), "{again}");

    let active = world.govctl("voter", &["--yes", "finalise", &attester])?;
    ensure!(
        active.code == 3 && active.stderr.contains("not exiting"),
        "{active:?}"
    );
    world.data("voter", &["exit", &attester])?;
    let again = world.data("voter", &["exit", &attester])?;
    ensure!(again["already"] == json!(true), "{again}");
    let early = world.govctl("voter", &["--yes", "finalise", &attester])?;
    ensure!(early.code == 3, "{early:?}");
    world.pass(world.network.staking.exit_delay_seconds + 2).await?;
    world.data("deployer", &["finalise", &attester])?;
    world.data("voter", &["withdraw"])?;
    let nothing = world.data("voter", &["withdraw"])?;
    ensure!(nothing["already"] == json!(true), "{nothing}");

    let prover = key("voter").address().to_string();
    world.data("voter", &["bond", "deposit", "1ether"])?;
    let shown = world.data("voter", &["bond", "show", &prover])?;
    ensure!(shown["available_wei"] == json!("1000000000000000000"), "{shown}");
    let much = world.govctl("voter", &["--yes", "bond", "withdraw", "2ether"])?;
    ensure!(much.code == 6, "{much:?}");
    world.data("voter", &["bond", "withdraw", "1ether"])?;
    let early = world.govctl("voter", &["--yes", "bond", "withdraw"])?;
    ensure!(early.code == 3, "{early:?}");
    world
        .pass(world.network.proving.bond_withdrawal_delay_seconds + 2)
        .await?;
    world.data("voter", &["bond", "withdraw"])?;
    let data = world.data("voter", &["withdraw"])?;
    ensure!(data["already"] == json!(false), "{data}");
    Ok(())
}
