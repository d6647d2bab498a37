//! `bond`: what a prover deposits.

use agoge_contract_bindings::prover_bonds::ProverBonds;
use agoge_host::amount::parse_gwei;
use agoge_host::report::CliError;
use agoge_l1_client::{At, deposit_bond, finish_bond_withdrawal, start_bond_withdrawal};
use agoge_protocol::{Address, U256};
use clap::Subcommand;
use serde_json::json;

use super::Output;
use crate::failure;
use crate::flags::Flags;
use crate::input::nonzero_address;
use crate::send::send;
use crate::session::Session;
use crate::show::{self, small};

/// Wei of one gwei.
const GWEI: u64 = 1_000_000_000;

#[derive(Debug, Subcommand)]
pub(crate) enum BondCommand {
    /// Deposit for a prover.
    Deposit {
        /// How much, as in 1ether or 5000gwei.
        #[arg(value_parser = positive_gwei, value_name = "AMOUNT")]
        amount: u64,
        /// The prover [default: the account that sends].
        #[arg(long, value_name = "ADDRESS", value_parser = nonzero_address)]
        prover: Option<Address>,
    },
    /// Start to take out what no claim holds; without an amount, credit what is taken out once the delay is over.
    Withdraw {
        /// How much, as in 1ether or 5000gwei.
        #[arg(value_parser = positive_gwei, value_name = "AMOUNT")]
        amount: Option<u64>,
    },
    /// Show what a prover has.
    Show {
        /// The prover.
        #[arg(value_name = "ADDRESS", value_parser = nonzero_address)]
        prover: Address,
    },
}

fn positive_gwei(text: &str) -> Result<u64, String> {
    match parse_gwei(text) {
        Ok(0) => Err("must be more than zero".to_owned()),
        Ok(amount) => Ok(amount),
        Err(error) => Err(error.to_string()),
    }
}

pub(crate) async fn run(flags: &Flags, command: &BondCommand) -> Result<Output, CliError> {
    let session = Session::open(flags).await?;
    let bonds = session.contract("ProverBonds")?;
    let wei = |gwei: u64| U256::from(gwei).saturating_mul(U256::from(GWEI));
    let (request, what, detail) = match command {
        BondCommand::Show { prover } => return show(&session, *prover).await,
        BondCommand::Deposit { amount, prover } => {
            let prover = match prover {
                Some(prover) => *prover,
                None => flags.key.open(session.deployment.chain_id)?.address(),
            };
            let request = deposit_bond(bonds, prover, wei(*amount));
            (request, "deposit a bond", format!("for prover {prover}"))
        }
        BondCommand::Withdraw { amount: Some(amount) } => {
            let delay = session
                .view(bonds, &ProverBonds::configCall {})
                .await?
                .withdrawalDelaySeconds;
            let detail = format!(
                "{} after {}; then `govctl bond withdraw` without an amount",
                show::wei(wei(*amount)),
                show::duration(small(delay))
            );
            (
                start_bond_withdrawal(bonds, wei(*amount)),
                "take out a bond",
                detail,
            )
        }
        BondCommand::Withdraw { amount: None } => {
            let detail = "then `govctl withdraw` pays it".to_owned();
            (finish_bond_withdrawal(bonds), "credit what is taken out", detail)
        }
    };
    let key = flags.key.open(session.deployment.chain_id)?;
    if matches!(command, BondCommand::Withdraw { amount: None }) {
        let reader = session.client.reader().map_err(failure::client)?;
        let account = reader
            .prover_account(At::Latest, key.address())
            .await
            .map_err(failure::call)?;
        if account.withdrawing == 0 {
            return Ok(Output::already("bond", "nothing is being taken out"));
        }
        if session.now < account.withdrawable_at {
            let from = show::time(account.withdrawable_at, session.now);
            return Err(failure::precondition(
                format!("it can be credited {from}"),
                "wait until then",
            ));
        }
    }
    let sent = send(&session, flags, &key, request, what, &[detail]).await?;
    Ok(Output::sent("bond", &[sent]))
}

async fn show(session: &Session, prover: Address) -> Result<Output, CliError> {
    let reader = session.client.reader().map_err(failure::client)?;
    let account = reader
        .prover_account(At::Latest, prover)
        .await
        .map_err(failure::call)?;
    let wei = |amount: u128| show::wei(U256::from(amount));
    let mut text = format!(
        "prover {prover}\ndeposited {}\nlocked by claims {}\navailable {}\n",
        wei(account.deposited),
        wei(account.locked),
        wei(account.available())
    );
    if account.withdrawing > 0 {
        let from = show::time(account.withdrawable_at, session.now);
        text.push_str(&format!(
            "being taken out {}, from {from}\n",
            wei(account.withdrawing)
        ));
    }
    let data = json!({
        "prover": prover, "deposited_wei": account.deposited.to_string(), "locked_wei": account.locked.to_string(),
        "withdrawing_wei": account.withdrawing.to_string(), "withdrawable_at": account.withdrawable_at,
        "available_wei": account.available().to_string(),
    });
    Ok(Output::new("bond", data, text))
}
