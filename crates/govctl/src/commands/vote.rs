//! `vote` and `delegate`.

use agoge_contract_bindings::governance::Governance;
use agoge_contract_bindings::staking::Staking;
use agoge_host::report::CliError;
use agoge_protocol::{Address, B256, U256};
use clap::{Args, ValueEnum};

use super::{Output, request};
use crate::failure;
use crate::flags::Flags;
use crate::governance::{Proposal, ProposalState};
use crate::input::{nonzero_address, proposal_id};
use crate::payload::expect;
use crate::send::send;
use crate::session::Session;
use crate::show;

#[derive(Debug, Args)]
pub(crate) struct VoteArgs {
    /// The proposal.
    #[arg(value_name = "ID", value_parser = proposal_id)]
    id: U256,
    /// How.
    #[arg(value_enum)]
    support: Support,
    /// Vote only if the proposal's actions have this hash, as `payload verify` printed it.
    #[arg(long, value_name = "HASH")]
    expect_hash: Option<B256>,
}

#[derive(Debug, Args)]
pub(crate) struct DelegateArgs {
    /// Who votes with the account's power from now on; the account itself takes it back.
    #[arg(value_name = "ADDRESS", value_parser = nonzero_address)]
    to: Address,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Support {
    For,
    Against,
    Abstain,
}

impl Support {
    /// As OpenZeppelin's simple counting numbers them.
    const fn number(self) -> u8 {
        match self {
            Self::Against => 0,
            Self::For => 1,
            Self::Abstain => 2,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::For => "for",
            Self::Against => "against",
            Self::Abstain => "abstain",
        }
    }
}

pub(crate) async fn vote(flags: &Flags, args: &VoteArgs) -> Result<Output, CliError> {
    let session = Session::open(flags).await?;
    let governance = session.contract("Governance")?;
    let proposal = Proposal::read(&session, args.id).await?;
    expect(args.expect_hash, proposal.hash())?;
    let key = flags.key.open(session.deployment.chain_id)?;
    let voter = key.address();
    let call = Governance::hasVotedCall {
        proposalId: args.id,
        account: voter,
    };
    if session.view(governance, &call).await? {
        return Ok(Output::already(
            "vote",
            &format!("{voter} has already voted on this proposal"),
        ));
    }
    if proposal.state != ProposalState::Active {
        return Err(failure::precondition(
            format!(
                "the proposal is {}; {}",
                proposal.state.word(),
                proposal.next(session.now)
            ),
            "votes count while the proposal is active",
        ));
    }
    let call = Staking::getPastVotesCall {
        account: voter,
        timepoint: U256::from(proposal.snapshot),
    };
    let power = session.view(session.contract("Staking")?, &call).await?;
    if power.is_zero() {
        return Err(failure::precondition(
            format!(
                "{voter} had no voting power at the snapshot {}",
                show::time(proposal.snapshot, session.now)
            ),
            "withdrawers vote, or those they delegated to before the snapshot",
        ));
    }
    let mut details = vec![
        format!("proposal {}", args.id),
        format!("vote {} with {}", args.support.word(), show::wei(power)),
        format!("actions hash {}", proposal.hash()),
    ];
    details.extend(proposal.actions.iter().map(|action| action.text(&session)));
    let call = Governance::castVoteCall {
        proposalId: args.id,
        support: args.support.number(),
    };
    let request = request(governance, &call, "vote");
    let sent = send(&session, flags, &key, request, "vote on a proposal", &details).await?;
    Ok(Output::sent("vote", &[sent]))
}

pub(crate) async fn delegate(flags: &Flags, args: &DelegateArgs) -> Result<Output, CliError> {
    let session = Session::open(flags).await?;
    let staking = session.contract("Staking")?;
    let key = flags.key.open(session.deployment.chain_id)?;
    let call = Staking::delegatesCall {
        account: key.address(),
    };
    if session.view(staking, &call).await? == args.to {
        let message = format!("{} has delegated to {} already", key.address(), args.to);
        return Ok(Output::already("delegate", &message));
    }
    let call = Staking::delegateCall { delegatee: args.to };
    let details = [
        format!("{} votes with this account's power from now on", args.to),
        "proposals whose snapshot is past keep their powers".to_owned(),
    ];
    let request = request(staking, &call, "delegate");
    let sent = send(&session, flags, &key, request, "delegate voting power", &details).await?;
    Ok(Output::sent("delegate", &[sent]))
}
