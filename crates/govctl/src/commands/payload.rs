//! `payload`: deploy, show, verify.

use agoge_contract_bindings::allow_list_off_payload::AllowListOffPayload;
use agoge_contract_bindings::upgrade_payload::UpgradePayload;
use agoge_deployer::Finding;
use agoge_host::report::CliError;
use agoge_l1_client::{At, TxRequest};
use agoge_protocol::{Address, B256};
use alloy::sol_types::SolConstructor as _;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Output;
use super::verify::{json_of, refuse_wrong, text};
use crate::failure;
use crate::flags::Flags;
use crate::input::nonzero_address;
use crate::payload::{Payload, expect};
use crate::send::{Sent, send};
use crate::session::Session;

#[derive(Debug, Subcommand)]
pub(crate) enum PayloadCommand {
    /// Create a payload.
    #[command(subcommand)]
    Deploy(DeployCommand),
    /// Show a payload's actions, and what they would do now.
    Show(OnePayload),
    /// Check that a payload does only what this build and the network file say; ends with 4 if not.
    Verify(OnePayload),
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeployCommand {
    /// Adds a Rollup to the Registry (`govctl deploy rollup` has made one already).
    Upgrade {
        /// The Rollup.
        #[arg(long, value_name = "ADDRESS", value_parser = nonzero_address)]
        rollup: Address,
    },
    /// Lets everybody stake, for ever.
    AllowListOff,
}

#[derive(Debug, Args)]
pub(crate) struct OnePayload {
    /// The payload.
    #[arg(value_name = "ADDRESS", value_parser = nonzero_address)]
    address: Address,
    /// End with 4 unless the actions have this hash.
    #[arg(long, value_name = "HASH")]
    expect_hash: Option<B256>,
}

pub(crate) async fn run(flags: &Flags, command: &PayloadCommand) -> Result<Output, CliError> {
    match command {
        PayloadCommand::Deploy(command) => deploy(flags, command).await,
        PayloadCommand::Show(args) => show(flags, args).await,
        PayloadCommand::Verify(args) => verify_payload(flags, args).await,
    }
}

async fn deploy(flags: &Flags, command: &DeployCommand) -> Result<Output, CliError> {
    let session = Session::open(flags).await?;
    let (code, what) = match command {
        DeployCommand::Upgrade { rollup } => {
            if let Some(payload) = made_before(&session, *rollup).await? {
                return Ok(Output::already("payload", &format!("its payload is {payload}")));
            }
            let arguments = UpgradePayload::constructorCall {
                _registry: session.contract("Registry")?,
                _staking: session.contract("Staking")?,
                _newRollup: *rollup,
            };
            let code = [UpgradePayload::BYTECODE.as_ref(), &arguments.abi_encode()].concat();
            (
                code,
                format!("create a payload that adds {rollup} to the Registry"),
            )
        }
        DeployCommand::AllowListOff => {
            let arguments = AllowListOffPayload::constructorCall {
                _staking: session.contract("Staking")?,
            };
            let code = [AllowListOffPayload::BYTECODE.as_ref(), &arguments.abi_encode()].concat();
            (
                code,
                "create a payload that switches the allow-list off, for ever".to_owned(),
            )
        }
    };
    let key = flags.key.open(session.deployment.chain_id)?;
    let sent = send(&session, flags, &key, TxRequest::create(code.into()), &what, &[]).await?;
    let created = match &sent {
        Sent::Mined(tx) => tx.created,
        Sent::Simulated { .. } => None,
    };
    let mut output = Output::sent("payload", &[sent]);
    if let Some(address) = created {
        let payload = Payload::read(&session, address).await?;
        output
            .text
            .push_str(&(payload.details(&session).join("\n") + "\n"));
        if let Some(data) = output.data.as_object_mut() {
            data.insert("payload".to_owned(), json_of_payload(&session, &payload));
        }
    }
    Ok(output)
}

/// The payload of a Rollup in the deployment file, if it is on L1.
async fn made_before(session: &Session, rollup: Address) -> Result<Option<Address>, CliError> {
    for contract in &session.deployment.contracts {
        if contract.name == "UpgradePayload" {
            let call = UpgradePayload::newRollupCall {};
            if session
                .client
                .view(contract.address, &call, At::Latest)
                .await
                .is_ok_and(|found| found == rollup)
            {
                return Ok(Some(contract.address));
            }
        }
    }
    Ok(None)
}

/// A payload and what each of its actions would do now.
struct Looked {
    payload: Payload,
    outcomes: Vec<Result<String, String>>,
}

impl Looked {
    async fn look(session: &Session, args: &OnePayload) -> Result<Self, CliError> {
        let payload = Payload::read(session, args.address).await?;
        expect(args.expect_hash, payload.hash())?;
        let mut outcomes = Vec::new();
        for action in &payload.actions {
            outcomes.push(action.simulate(session).await?);
        }
        Ok(Self { payload, outcomes })
    }

    fn text(&self, session: &Session) -> String {
        let mut lines = vec![
            format!("payload {}", self.payload.address),
            format!("code hash {}", self.payload.code_hash),
            format!("actions hash {} (give it to --expect-hash)", self.payload.hash()),
        ];
        for (action, outcome) in self.payload.actions.iter().zip(&self.outcomes) {
            let (Ok(outcome) | Err(outcome)) = outcome;
            lines.push(action.text(session));
            lines.push(format!("  the Timelock's call, alone and now: {outcome}"));
        }
        lines.join("\n") + "\n"
    }

    fn json(&self, session: &Session) -> Value {
        let mut value = json_of_payload(session, &self.payload);
        let outcomes: Vec<Value> = self
            .outcomes
            .iter()
            .map(|outcome| match outcome {
                Ok(text) => json!({ "ok": true, "outcome": text }),
                Err(text) => json!({ "ok": false, "outcome": text }),
            })
            .collect();
        if let Some(object) = value.as_object_mut() {
            object.insert("outcomes".to_owned(), outcomes.into());
        }
        value
    }
}

fn json_of_payload(session: &Session, payload: &Payload) -> Value {
    json!({
        "address": payload.address, "code_hash": payload.code_hash, "actions_hash": payload.hash(),
        "actions": payload.actions.iter().map(|action| action.json(session)).collect::<Vec<_>>(),
    })
}

async fn show(flags: &Flags, args: &OnePayload) -> Result<Output, CliError> {
    let session = Session::open(flags).await?;
    let looked = Looked::look(&session, args).await?;
    Ok(Output::new(
        "payload",
        looked.json(&session),
        looked.text(&session),
    ))
}

async fn verify_payload(flags: &Flags, args: &OnePayload) -> Result<Output, CliError> {
    let session = Session::open(flags).await?;
    let looked = Looked::look(&session, args).await?;
    let mut findings: Vec<Finding> = Vec::new();
    let mut problems = Vec::new();
    for (action, outcome) in looked.payload.actions.iter().zip(&looked.outcomes) {
        if let Some(rollup) = action.added_rollup(&session) {
            let rollup_findings = agoge_deployer::verify_rollup(&session.client, &session.deployment, rollup)
                .await
                .map_err(failure::deploy)?;
            findings.extend(rollup_findings);
        } else if !action.is_allow_list_off(&session) {
            problems.push(format!(
                "neither an upgrade nor the end of the allow-list: {}",
                action.text(&session)
            ));
        }
        if let Err(reason) = outcome {
            problems.push(format!("{}: {reason}", action.text(&session)));
        }
    }
    refuse_wrong(
        &findings,
        "the new Rollup is not what the network file and this build say",
    )?;
    if !problems.is_empty() {
        return Err(failure::mismatch(
            problems.join("; "),
            "read `govctl payload show`; do not support what you do not understand",
        ));
    }
    let text = format!("{}{}verified\n", looked.text(&session), text(&findings));
    let mut data = looked.json(&session);
    if let Some(object) = data.as_object_mut() {
        object.insert("checks".to_owned(), json_of(&findings).into());
    }
    Ok(Output::new("payload", data, text))
}
