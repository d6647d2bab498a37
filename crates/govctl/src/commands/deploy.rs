//! `deploy`: a network, or one more Rollup with its payload.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use agoge_deployer::{Deployer, NetworkChoices, RollupChoices, StateFile, Verifier};
use agoge_host::config::load_deployment;
use agoge_host::report::{self, CliError};
use agoge_l1_client::L1Client;
use agoge_protocol::exit::ExitCode as Exit;
use agoge_protocol::{Address, Deployment};
use alloy::signers::local::PrivateKeySigner;
use clap::{Args, Subcommand};
use serde_json::json;

use super::Output;
use crate::failure;
use crate::flags::Flags;
use crate::input::nonzero_address;
use crate::send::confirm;
use crate::session::{Place, Session};
use crate::show;

/// L1 slots from the deployment to the genesis time unless one is given: for nine creations and some staking.
const GENESIS_L1_SLOTS: u64 = 60;

#[derive(Debug, Subcommand)]
pub(crate) enum DeployCommand {
    /// All contracts of a new network. Run again after an interruption it goes on.
    Network(NetworkArgs),
    /// One more Rollup for a running network, and the payload that adds it to the Registry.
    Rollup(RollupArgs),
}

#[derive(Debug, Args)]
pub(crate) struct NetworkArgs {
    /// Where the deployment file goes [default: that of --deployment, else deployments/<network>.json].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Genesis time, Unix seconds [default: 60 L1 slots from now].
    #[arg(long, value_name = "SECONDS")]
    genesis_time: Option<u64>,
    /// Who edits the allow-list while it is on [default: the deployer].
    #[arg(long, value_name = "ADDRESS", value_parser = nonzero_address)]
    allow_list_admin: Option<Address>,
    /// Take epoch proofs that are empty. Chain 31337 only.
    #[arg(long)]
    test_verifier: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RollupArgs {
    /// Version of the Rollup.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=2))]
    version: u64,
    /// Create a new EpochStatement instead of using the network's.
    #[arg(long)]
    new_statement: bool,
    /// Create a new verifier of epoch proofs instead of using the network's.
    #[arg(long)]
    new_verifier: bool,
    /// With --new-verifier: take epoch proofs that are empty. Chain 31337 only.
    #[arg(long, requires = "new_verifier")]
    test_verifier: bool,
}

pub(crate) async fn run(flags: &Flags, command: &DeployCommand) -> Result<Output, CliError> {
    match command {
        DeployCommand::Network(args) => network(flags, args).await,
        DeployCommand::Rollup(args) => rollup(flags, args).await,
    }
}

const fn verifier(is_test: bool) -> Verifier {
    if is_test { Verifier::Test } else { Verifier::Real }
}

async fn network(flags: &Flags, args: &NetworkArgs) -> Result<Output, CliError> {
    let place = Place::find(flags)?;
    let out = args.out.clone().unwrap_or_else(|| place.deployment_file.clone());
    let chain_id = place.network.network.chain_id;
    if args.test_verifier && chain_id != 31_337 {
        return Err(failure::usage(
            format!(
                "--test-verifier takes any proof and is for chain 31337, the network's chain is {chain_id}"
            ),
            "leave it out",
        ));
    }
    let state = StateFile::beside(&out);
    if out.exists() && !state.path().exists() {
        let message = format!(
            "{} exists and was not made by a deployment that can go on",
            out.display()
        );
        return Err(failure::precondition(
            message,
            "choose another --out, or move the file away",
        ));
    }
    let key = flags.key.open(chain_id)?;
    let client = place.connect(flags, None).await?;
    let now = client.head().await.map_err(failure::rpc)?.time;
    let setup = place
        .network
        .network
        .l1_slot_seconds
        .saturating_mul(GENESIS_L1_SLOTS);
    let choices = NetworkChoices {
        verifier: verifier(args.test_verifier),
        genesis_time: args.genesis_time.unwrap_or_else(|| now.saturating_add(setup)),
        allow_list_admin: args.allow_list_admin.unwrap_or_else(|| key.address()),
    };
    let deployer = Deployer::network(&client, key.address(), choices, Some(state))
        .await
        .map_err(failure::deploy)?;
    let about = format!(
        "genesis {}, allow-list admin {}, {} verifier",
        show::time(choices.genesis_time, now),
        choices.allow_list_admin,
        if args.test_verifier { "test" } else { "real" }
    );
    carry_out(flags, &client, deployer, key, &out, &about).await
}

async fn rollup(flags: &Flags, args: &RollupArgs) -> Result<Output, CliError> {
    let session = Session::open(flags).await?;
    let listed = session.instances().await?.len();
    let instance = u32::try_from(listed).unwrap_or(u32::MAX).saturating_add(1);
    let choices = RollupChoices {
        version: args.version,
        instance,
        new_statement: args.new_statement,
        new_verifier: args.new_verifier.then(|| verifier(args.test_verifier)),
    };
    let state = StateFile::of_instance(&session.deployment_file, instance);
    let key = flags.key.open(session.deployment.chain_id)?;
    let (client, out) = (session.client.clone(), session.deployment_file.clone());
    let deployer = Deployer::rollup(&client, session.deployment, key.address(), choices, Some(state))
        .await
        .map_err(failure::deploy)?;
    let about = format!("Rollup of version {} as instance {instance}", args.version);
    carry_out(flags, &client, deployer, key, &out, &about).await
}

async fn carry_out(
    flags: &Flags,
    client: &L1Client,
    mut deployer: Deployer,
    key: PrivateKeySigner,
    out: &Path,
    about: &str,
) -> Result<Output, CliError> {
    let missing = deployer
        .plan()
        .creations
        .len()
        .saturating_sub(deployer.steps().len());
    if missing > 0 {
        preview(client, &deployer, &key, about).await?;
        deployer.simulate().await.map_err(failure::deploy)?;
        if flags.dry_run {
            return Ok(dry_run(&deployer));
        }
        confirm(flags)?;
        let mut wallet = client.wallet(key);
        while let Some(step) = deployer.advance(&mut wallet).await.map_err(failure::deploy)? {
            report::tell(&format!("created {} at {}", step.name, step.address));
        }
    }
    let deployment = deployer.deployment().await.map_err(failure::deploy)?;
    let is_new = std::fs::read_to_string(out)
        .ok()
        .and_then(|text| serde_json::from_str::<Deployment>(&text).ok())
        .is_none_or(|old| old != deployment);
    if is_new && !flags.dry_run {
        write_deployment(out, &deployment)?;
        // What was written is read back as every program reads it.
        load_deployment(out, &client.config().network)?;
    }
    let data = json!({
        "already": missing == 0, "deployment_file": out, "deployment": deployment, "created": deployer.steps(),
    });
    let mut text = String::new();
    for step in deployer.steps() {
        text.push_str(&format!("{} {}\n", step.name, step.address));
    }
    text.push_str(&format!(
        "{} {}\n",
        if missing == 0 {
            "already deployed:"
        } else {
            "wrote"
        },
        out.display()
    ));
    Ok(Output::new("deploy", data, text))
}

async fn preview(
    client: &L1Client,
    deployer: &Deployer,
    key: &PrivateKeySigner,
    about: &str,
) -> Result<(), CliError> {
    let balance = client.balance(key.address()).await.map_err(failure::rpc)?;
    if balance.is_zero() {
        let message = format!("the deployer {} has no ETH; nothing was sent", key.address());
        return Err(
            CliError::new(Exit::Precondition, "AGOGE-GOV-009", message).with_hint("send ETH to the account")
        );
    }
    let config = client.config();
    let mut lines = vec![
        format!(
            "{about}, network {}, chain {}",
            config.network.network.name, config.network.network.chain_id
        ),
        format!("  deployer {} with {}", key.address(), show::wei(balance)),
    ];
    for (place, creation) in deployer.plan().creations.iter().enumerate() {
        let done = if place < deployer.steps().len() {
            " (is there)"
        } else {
            ""
        };
        lines.push(format!("  {} at {}{done}", creation.name, creation.address));
    }
    report::tell(&lines.join("\n"));
    Ok(())
}

fn dry_run(deployer: &Deployer) -> Output {
    let creations: Vec<_> = deployer
        .plan()
        .creations
        .iter()
        .map(|creation| {
            json!({
                "name": creation.name, "address": creation.address, "instance": creation.instance,
                "constructor_args": creation.arguments,
            })
        })
        .collect();
    let missing = creations.len().saturating_sub(deployer.steps().len());
    let data = json!({ "already": false, "sent": false, "missing": missing, "creations": creations });
    let text = format!("dry run: {missing} creations would succeed; nothing was sent\n");
    Output::new("deploy", data, text)
}

fn write_deployment(path: &Path, deployment: &Deployment) -> Result<(), CliError> {
    let write = || -> std::io::Result<()> {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or_else(|| Path::new("."));
        std::fs::create_dir_all(parent)?;
        let draft = path.with_extension("json.new");
        let mut file = std::fs::File::create(&draft)?;
        file.write_all(&serde_json::to_vec_pretty(deployment)?)?;
        // A power loss leaves the old file or the new one, whole.
        file.sync_all()?;
        std::fs::rename(&draft, path)?;
        std::fs::File::open(parent)?.sync_all()
    };
    write().map_err(|error| {
        let message = format!(
            "everything is created, but {} cannot be written: {error}",
            path.display()
        );
        CliError::new(Exit::Failed, "AGOGE-GOV-005", message)
            .with_hint("free the path, then run the same command again: it only writes the file")
    })
}
