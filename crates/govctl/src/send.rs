//! Sending: simulate, show, ask, send, wait.

use agoge_host::report::{self, CliError};
use agoge_l1_client::{CallError, MinedTx, SendOutcome, TxRequest};
use agoge_protocol::exit::ExitCode as Exit;
use agoge_protocol::{Address, U256};
use alloy::signers::local::PrivateKeySigner;
use serde_json::{Value, json};

use crate::failure;
use crate::flags::Flags;
use crate::session::Session;
use crate::show;

/// What happened to a transaction.
#[derive(Clone, Debug)]
pub(crate) enum Sent {
    /// It is in a block.
    Mined(MinedTx),
    /// `--dry-run`: it would succeed, and nothing was sent.
    Simulated {
        /// Estimate.
        gas: u64,
    },
}

impl Sent {
    /// For `--json`.
    pub(crate) fn json(&self) -> Value {
        match self {
            Self::Mined(tx) => json!({
                "sent": true, "hash": tx.hash, "l1_block": tx.block_number, "gas_used": tx.gas_used,
                "cost_wei": tx.cost_wei.to_string(), "created": tx.created,
            }),
            Self::Simulated { gas } => json!({ "sent": false, "gas": gas }),
        }
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Mined(tx) => format!(
                "{} is in L1 block {} ({} gas)\n",
                tx.hash, tx.block_number, tx.gas_used
            ),
            Self::Simulated { gas } => {
                format!("dry run: it would succeed with about {gas} gas; nothing was sent\n")
            }
        }
    }
}

/// Sends one transaction of a command: `what` it does, in words, and `details` that a person must see before agreeing.
pub(crate) async fn send(
    session: &Session,
    flags: &Flags,
    key: &PrivateKeySigner,
    request: TxRequest,
    what: &str,
    details: &[String],
) -> Result<Sent, CliError> {
    let gas = simulate(session, key.address(), &request).await?;
    let to = request
        .to
        .map_or_else(|| "a new contract".to_owned(), |to| session.describe(to));
    let mut preview = vec![what.to_owned()];
    preview.extend(details.iter().map(|line| format!("  {line}")));
    preview.push(format!("  from {}", key.address()));
    preview.push(format!("  to {to}"));
    preview.push(format!(
        "  value {}, about {gas} gas, chain {}",
        show::wei(request.value),
        session.deployment.chain_id
    ));
    report::tell(&preview.join("\n"));
    if flags.dry_run {
        return Ok(Sent::Simulated { gas });
    }
    confirm(flags)?;
    let outcome = session
        .client
        .wallet(key.clone())
        .send(request)
        .await
        .map_err(failure::sender)?;
    match outcome {
        SendOutcome::Mined(tx) => Ok(Sent::Mined(tx)),
        outcome => Err(failure::outcome(&outcome)),
    }
}

/// Gas that a request would take, or why it cannot be sent.
async fn simulate(session: &Session, from: Address, request: &TxRequest) -> Result<u64, CliError> {
    let balance = session.client.balance(from).await.map_err(failure::rpc)?;
    if balance == U256::ZERO || balance < request.value {
        return Err(unfunded(from, balance, request.value));
    }
    match session.client.estimate_gas(from, request).await {
        Ok(gas) => Ok(gas),
        Err(CallError::Rpc(error)) if error.to_string().to_lowercase().contains("insufficient funds") => {
            Err(unfunded(from, balance, request.value))
        }
        Err(error) => Err(failure::call(error)),
    }
}

fn unfunded(account: Address, balance: U256, value: U256) -> CliError {
    let message = format!(
        "{account} has {}, the transaction needs {} and gas; nothing was sent",
        show::wei(balance),
        show::wei(value)
    );
    CliError::new(Exit::Precondition, "AGOGE-GOV-009", message).with_hint("send ETH to the account")
}

/// Asks on the terminal unless `--yes` was given.
pub(crate) fn confirm(flags: &Flags) -> Result<(), CliError> {
    report::confirm(flags.yes, "AGOGE-GOV-010")
}
