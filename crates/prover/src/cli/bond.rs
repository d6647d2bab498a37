//! `bond`: what a prover deposits in ProverBonds.

use agoge_host::report::{self, CliError};
use agoge_l1_client::{
    At, L1Wallet, RollupReader, SendOutcome, TxRequest, deposit_bond, finish_bond_withdrawal, settle_claim,
    start_bond_withdrawal, withdraw_credit,
};
use agoge_protocol::exit::ExitCode as Exit;
use agoge_protocol::{Address, Epoch, U256};
use clap::Subcommand;
use serde_json::json;

use super::Invocation;
use super::l1::{Connected, connect, l1_call, not_mined};
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
                .map_err(l1_call)?;
            if account.withdrawing > 0 {
                session.send(finish_bond_withdrawal(bonds)).await?;
            }
            for contract in std::iter::once(bonds).chain(session.rollups.clone()) {
                if session.reader.owed_by(contract, prover).await.map_err(l1_call)? > U256::ZERO {
                    session.send(withdraw_credit(contract, prover)).await?;
                }
            }
        }
    }
    status(invocation, &session).await
}

async fn open(config: &Config) -> Result<Session, CliError> {
    let Connected { l1, reader, key } = connect(config).await?;
    let contracts = *reader.contracts();
    let listed = reader.instances(At::Latest).await.map_err(l1_call)?;
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
        match outcome {
            SendOutcome::Mined(_) => Ok(()),
            outcome => Err(not_mined(&outcome)),
        }
    }
}

async fn status(invocation: &Invocation, session: &Session) -> Result<Exit, CliError> {
    let prover = session.wallet.address();
    let account = session
        .reader
        .prover_account(At::Latest, prover)
        .await
        .map_err(l1_call)?;
    let owed_bonds = session
        .reader
        .owed_by(session.prover_bonds, prover)
        .await
        .map_err(l1_call)?;
    let mut owed_rollups = U256::ZERO;
    for rollup in &session.rollups {
        let owed = session.reader.owed_by(*rollup, prover).await.map_err(l1_call)?;
        owed_rollups = owed_rollups.saturating_add(owed);
    }
    let (delay_seconds, minimum) = session.reader.bond_rules().await.map_err(l1_call)?;
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
