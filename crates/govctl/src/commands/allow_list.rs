//! `allow-list`: who may stake while the list is on.

use std::path::PathBuf;

use agoge_contract_bindings::staking::Staking;
use agoge_host::report::CliError;
use agoge_protocol::Address;
use clap::Subcommand;
use serde_json::json;

use super::{Output, request};
use crate::failure;
use crate::flags::Flags;
use crate::input::{address_list, nonzero_address};
use crate::send::send;
use crate::session::Session;

/// Addresses of one transaction: about 2.5 million gas.
const CHUNK: usize = 100;

#[derive(Debug, Subcommand)]
pub(crate) enum AllowListCommand {
    /// Allow attesters.
    Add {
        #[arg(required = true, value_name = "ATTESTER", value_parser = nonzero_address)]
        attesters: Vec<Address>,
    },
    /// Disallow attesters. Staked validators are not affected.
    Remove {
        #[arg(required = true, value_name = "ATTESTER", value_parser = nonzero_address)]
        attesters: Vec<Address>,
    },
    /// Allow the attesters of a file, one address a line.
    Import {
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Show whether the list is on, who edits it, and whether attesters are on it.
    Show {
        #[arg(value_name = "ATTESTER", value_parser = nonzero_address)]
        attesters: Vec<Address>,
    },
}

pub(crate) async fn run(flags: &Flags, command: &AllowListCommand) -> Result<Output, CliError> {
    match command {
        AllowListCommand::Add { attesters } => edit(flags, attesters.clone(), true).await,
        AllowListCommand::Remove { attesters } => edit(flags, attesters.clone(), false).await,
        AllowListCommand::Import { file } => edit(flags, address_list(file)?, true).await,
        AllowListCommand::Show { attesters } => show(flags, attesters).await,
    }
}

async fn edit(flags: &Flags, attesters: Vec<Address>, is_allowed: bool) -> Result<Output, CliError> {
    let session = Session::open(flags).await?;
    let staking = session.contract("Staking")?;
    if !session.view(staking, &Staking::isAllowListOnCall {}).await? {
        return Err(failure::precondition(
            "the allow-list is off for ever: everybody may stake",
            "there is nothing to edit",
        ));
    }
    let mut changes = Vec::new();
    for attester in attesters {
        let call = Staking::isAllowedCall { attester };
        if session.view(staking, &call).await? != is_allowed && !changes.contains(&attester) {
            changes.push(attester);
        }
    }
    let word = if is_allowed { "allowed" } else { "not allowed" };
    if changes.is_empty() {
        return Ok(Output::already(
            "allow-list",
            &format!("all of them are {word} already"),
        ));
    }
    let key = flags.key.open(session.deployment.chain_id)?;
    let admin = session
        .view(staking, &Staking::configCall {})
        .await?
        .allowListAdmin;
    if key.address() != admin {
        return Err(failure::precondition(
            format!(
                "{} is not the allow-list's admin, {admin} is; nothing was sent",
                key.address()
            ),
            "send with the admin's account",
        ));
    }
    let mut sent = Vec::new();
    for chunk in changes.chunks(CHUNK) {
        let call = Staking::setAllowedCall {
            _attesters: chunk.to_vec(),
            _isAllowed: is_allowed,
        };
        let details: Vec<String> = chunk
            .iter()
            .map(|attester| format!("{word}: {attester}"))
            .collect();
        let request = request(staking, &call, "allow-list");
        sent.push(send(&session, flags, &key, request, "edit the allow-list", &details).await?);
    }
    Ok(Output::sent("allow-list", &sent))
}

async fn show(flags: &Flags, attesters: &[Address]) -> Result<Output, CliError> {
    let session = Session::open(flags).await?;
    let staking = session.contract("Staking")?;
    let is_on = session.view(staking, &Staking::isAllowListOnCall {}).await?;
    let admin = session
        .view(staking, &Staking::configCall {})
        .await?
        .allowListAdmin;
    let mut list = Vec::new();
    let mut text = if is_on {
        format!("the allow-list is on; {admin} edits it\n")
    } else {
        "the allow-list is off: everybody may stake\n".to_owned()
    };
    for attester in attesters {
        let is_allowed = session
            .view(staking, &Staking::isAllowedCall { attester: *attester })
            .await?;
        let word = if is_allowed { "allowed" } else { "not on the list" };
        text.push_str(&format!("{attester} {word}\n"));
        list.push(json!({ "attester": attester, "is_allowed": is_allowed }));
    }
    let data = json!({ "is_on": is_on, "admin": admin, "attesters": list });
    Ok(Output::new("allow-list", data, text))
}
