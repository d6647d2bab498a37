//! `withdraw`: what contracts owe the account.

use agoge_contract_bindings::rollup::Rollup;
use agoge_host::report::CliError;
use agoge_l1_client::withdraw_credit;
use agoge_protocol::{Address, U256};
use clap::Args;

use super::Output;
use crate::flags::Flags;
use crate::input::nonzero_address;
use crate::send::send;
use crate::session::Session;
use crate::show;

#[derive(Debug, Args)]
pub(crate) struct WithdrawArgs {
    /// Who gets the ETH [default: the account].
    #[arg(long, value_name = "ADDRESS", value_parser = nonzero_address)]
    to: Option<Address>,
}

pub(crate) async fn run(flags: &Flags, args: &WithdrawArgs) -> Result<Output, CliError> {
    let session = Session::open(flags).await?;
    let key = flags.key.open(session.deployment.chain_id)?;
    let recipient = args.to.unwrap_or_else(|| key.address());
    let mut payers = Vec::new();
    for contract in &session.deployment.contracts {
        let is_payer = matches!(
            contract.name.as_str(),
            "Staking" | "ProverBonds" | "Governance" | "Rollup"
        );
        if !is_payer {
            continue;
        }
        // Every payer has PullPayments' functions.
        let call = Rollup::owedCall {
            account: key.address(),
        };
        let owed = session.view(contract.address, &call).await?;
        if owed > U256::ZERO {
            payers.push((contract.address, owed));
        }
    }
    if payers.is_empty() {
        return Ok(Output::already(
            "withdraw",
            &format!("no contract owes {} anything", key.address()),
        ));
    }
    let mut sent = Vec::new();
    for (contract, owed) in payers {
        let details = [format!("pays {} to {recipient}", show::wei(owed))];
        let request = withdraw_credit(contract, recipient);
        sent.push(send(&session, flags, &key, request, "withdraw a credit", &details).await?);
    }
    Ok(Output::sent("withdraw", &sent))
}
