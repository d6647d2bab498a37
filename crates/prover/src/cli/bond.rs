//! `bond`: what a prover deposits in ProverBonds.

use std::sync::Arc;

use agoge_host::keys::{KeyError, PasswordSource, open_key_file};
use agoge_host::report::{self, CliError};
use agoge_l1_client::{
    At, CallError, L1Client, L1Wallet, RollupReader, SendOutcome, TxRequest, deposit_bond,
    finish_bond_withdrawal, settle_claim, start_bond_withdrawal, withdraw_credit,
};
use agoge_protocol::exit::ExitCode as Exit;
use agoge_protocol::{Address, Epoch, U256};
use agoge_supervisor::SystemClock;
use clap::Subcommand;
use serde_json::json;

use super::Invocation;
use super::run::verify_error;
use crate::config::Config;

const GWEI: u64 = 1_000_000_000;

/// The bond. Amounts are gwei.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum BondCommand {
    /// Show deposit, locked bonds and what can be taken out.
    Status,
    /// Deposit.
    Deposit {
        /// How much.
        #[arg(value_name = "GWEI", value_parser = clap::value_parser!(u64).range(1..))]
        amount: u64,
    },
    /// Start to take out a part of what no bond holds; `finish` pays it after the delay.
    Withdraw {
        /// How much.
        #[arg(value_name = "GWEI", value_parser = clap::value_parser!(u64).range(1..))]
        amount: u64,
    },
    /// Credit what is being taken out, if the delay is over, and pay all that ProverBonds and the Rollups of all instances owe the prover.
    Finish,
    /// Settle the claim of an epoch whose claimant did not deliver.
    Settle {
        /// The epoch.
        epoch: u64,
        /// The Rollup of the claim, if it is not the deployment file's; `status` lists them.
        #[arg(long)]
        rollup: Option<Address>,
    },
}

/// A command's way to L1.
struct Session {
    wallet: L1Wallet,
    reader: RollupReader,
    prover_bonds: Address,
    /// Of the deployment file.
    rollup: Address,
    /// Of all instances that the Registry lists, oldest first.
    rollups: Vec<Address>,
}

pub(super) fn bond(invocation: &Invocation, command: &BondCommand) -> Result<Exit, CliError> {
    let config = invocation.resolve()?.config;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::new(Exit::Failed, "AGOGE-RUN-001", error))?;
    runtime.block_on(run(invocation, &config, command))
}

async fn run(invocation: &Invocation, config: &Config, command: &BondCommand) -> Result<Exit, CliError> {
    let mut session = open(config).await?;
    let (bonds, rollup, prover) = (session.prover_bonds, session.rollup, session.wallet.address());
    match command {
        BondCommand::Status => return status(invocation, &session).await,
        BondCommand::Deposit { amount } => session.send(deposit_bond(bonds, prover, wei(*amount))).await?,
        BondCommand::Withdraw { amount } => session.send(start_bond_withdrawal(bonds, wei(*amount))).await?,
        BondCommand::Settle { epoch, rollup: other } => {
            let instance = other.unwrap_or(rollup);
            if !session.rollups.contains(&instance) {
                return Err(CliError::new(
                    Exit::Usage,
                    "AGOGE-CFG-002",
                    format!("--rollup: the Registry lists no Rollup {instance}"),
                )
                .with_hint("`agoge-prover status` of a running prover lists the instances"));
            }
            session
                .send(settle_claim(bonds, instance, Epoch::new(*epoch)))
                .await?
        }
        BondCommand::Finish => {
            let account = session
                .reader
                .prover_account(At::Latest, prover)
                .await
                .map_err(call)?;
            if account.withdrawing > 0 {
                session.send(finish_bond_withdrawal(bonds)).await?;
            }
            for contract in std::iter::once(bonds).chain(session.rollups.clone()) {
                if session.reader.owed_by(contract, prover).await.map_err(call)? > U256::ZERO {
                    session.send(withdraw_credit(contract, prover)).await?;
                }
            }
        }
    }
    status(invocation, &session).await
}

async fn open(config: &Config) -> Result<Session, CliError> {
    let deployment = config.load_deployment()?;
    let source = PasswordSource::choose(config.password_file.as_deref());
    let password = source.read().map_err(KeyError::from)?;
    let key = open_key_file(&config.key_file, config.network.network.chain_id, &password)?;
    let l1 = L1Client::connect(config.l1_client(deployment), Arc::new(SystemClock))
        .await
        .map_err(|error| {
            let (exit, code) = if error.is_wrong_chain() {
                (Exit::WrongNetwork, "AGOGE-L1-001")
            } else {
                (Exit::Failed, "AGOGE-L1-002")
            };
            CliError::new(exit, code, error)
        })?;
    let reader = l1
        .reader()
        .map_err(|error| CliError::new(Exit::Precondition, "AGOGE-DEP-002", error))?;
    reader
        .verify_deployment(&config.network)
        .await
        .map_err(verify_error)?;
    let contracts = *reader.contracts();
    let listed = reader.instances(At::Latest).await.map_err(call)?;
    Ok(Session {
        wallet: l1.wallet(key),
        reader,
        prover_bonds: contracts.prover_bonds,
        rollup: contracts.rollup,
        rollups: listed.into_iter().map(|(rollup, _)| rollup).collect(),
    })
}

impl Session {
    async fn send(&mut self, request: TxRequest) -> Result<(), CliError> {
        let outcome = self
            .wallet
            .send(request)
            .await
            .map_err(|error| CliError::new(Exit::Failed, "AGOGE-L1-002", error))?;
        report::tell(&outcome.to_string());
        let code = match &outcome {
            SendOutcome::Mined(_) => return Ok(()),
            SendOutcome::Reverted { .. } => "AGOGE-PRV-003",
            SendOutcome::SimulationReverted { .. } => "AGOGE-PRV-004",
            SendOutcome::Expired { .. } => "AGOGE-PRV-005",
            SendOutcome::WrongChain { .. } => "AGOGE-L1-001",
            SendOutcome::Unfunded { .. } => "AGOGE-PRV-006",
            _ => "AGOGE-L1-002",
        };
        Err(CliError::new(outcome.exit_code(), code, outcome))
    }
}

async fn status(invocation: &Invocation, session: &Session) -> Result<Exit, CliError> {
    let prover = session.wallet.address();
    let account = session
        .reader
        .prover_account(At::Latest, prover)
        .await
        .map_err(call)?;
    let owed_bonds = session
        .reader
        .owed_by(session.prover_bonds, prover)
        .await
        .map_err(call)?;
    let mut owed_rollups = U256::ZERO;
    for rollup in &session.rollups {
        let owed = session.reader.owed_by(*rollup, prover).await.map_err(call)?;
        owed_rollups = owed_rollups.saturating_add(owed);
    }
    let (delay_seconds, minimum) = session.reader.bond_rules().await.map_err(call)?;
    let document = json!({
        "prover": prover,
        "deposited_wei": account.deposited.to_string(),
        "locked_wei": account.locked.to_string(),
        "withdrawing_wei": account.withdrawing.to_string(),
        "withdrawable_at": account.withdrawable_at,
        "available_wei": account.available().to_string(),
        "owed_by_prover_bonds_wei": owed_bonds.to_string(),
        "owed_by_rollup_wei": owed_rollups.to_string(),
        "minimum_bond_wei": minimum.to_string(),
        "withdrawal_delay_seconds": delay_seconds,
    });
    invocation.data("bond", &document, || {
        format!(
            "prover {prover}\ndeposited {} wei\nlocked {} wei\nwithdrawing {} wei (from {})\navailable {} wei (a quote needs {minimum})\nowed {owed_bonds} wei by ProverBonds, {owed_rollups} wei by the Rollups\n",
            account.deposited,
            account.locked,
            account.withdrawing,
            account.withdrawable_at,
            account.available(),
        )
    });
    Ok(Exit::Ok)
}

fn wei(gwei: u64) -> U256 {
    U256::from(gwei).saturating_mul(U256::from(GWEI))
}

fn call(error: CallError) -> CliError {
    CliError::new(Exit::Failed, "AGOGE-L1-002", error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use agoge_l1_client::VerifyError;

    #[test]
    fn an_l1_that_does_not_answer_is_no_other_network() {
        let away = CallError::Undecodable {
            contract: Address::ZERO,
            function: "config()",
        };
        assert_eq!(verify_error(VerifyError::Call(away)).exit, Exit::Failed);
        let other = VerifyError::Network {
            expected: "devnet".to_owned(),
            found: "sepolia".to_owned(),
        };
        assert_eq!(verify_error(other).exit, Exit::WrongNetwork);
    }
}
