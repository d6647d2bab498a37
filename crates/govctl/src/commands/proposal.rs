//! From a round's winner, or a lock, to the execution.

use agoge_contract_bindings::governance::Governance;
use agoge_contract_bindings::governance_proposer::GovernanceProposer;
use agoge_host::report::CliError;
use agoge_protocol::{Address, B256, U256};
use clap::Args;

use super::{Output, request};
use crate::failure;
use crate::flags::Flags;
use crate::governance::{Proposal, ProposalState, Round, RoundRules};
use crate::input::{nonzero_address, proposal_id};
use crate::payload::{Payload, expect};
use crate::send::send;
use crate::session::Session;
use crate::show::{self, small};

/// Proposals looked at for the one that was just made.
const MADE_SINCE_MAX: u64 = 16;

#[derive(Debug, Args)]
pub(crate) struct NominateArgs {
    /// Round [default: the newest whose winner can be nominated].
    #[arg(long, value_name = "N")]
    round: Option<u64>,
    /// Rollup whose proposers signalled [default: the canonical one].
    #[arg(long, value_name = "ADDRESS", value_parser = nonzero_address)]
    instance: Option<Address>,
}

#[derive(Debug, Args)]
pub(crate) struct ProposeArgs {
    /// The payload.
    #[arg(value_name = "PAYLOAD", value_parser = nonzero_address)]
    payload: Address,
    /// What voters read.
    #[arg(long, default_value = "", value_name = "TEXT")]
    description: String,
    /// Propose only if the actions have this hash, as `payload verify` printed it.
    #[arg(long, value_name = "HASH")]
    expect_hash: Option<B256>,
}

#[derive(Debug, Args)]
pub(crate) struct OneProposal {
    /// The proposal.
    #[arg(value_name = "ID", value_parser = proposal_id)]
    id: U256,
    /// Go on only if the proposal's actions have this hash.
    #[arg(long, value_name = "HASH")]
    expect_hash: Option<B256>,
}

pub(crate) async fn nominate(flags: &Flags, args: &NominateArgs) -> Result<Output, CliError> {
    let session = Session::open(flags).await?;
    let rules = RoundRules::read(&session).await?;
    let instance = match args.instance {
        Some(instance) => instance,
        None => session.canonical(session.epoch()).await?,
    };
    let current = rules.current(&session);
    let round = match args.round {
        Some(number) => Round::read(&session, instance, number).await?,
        None => newest_winner(&session, &rules, instance, current).await?,
    };
    if round.is_nominated {
        return Ok(Output::already(
            "nominate",
            &format!("the winner of round {} is nominated", round.number),
        ));
    }
    if round.number >= current {
        let ends = show::time(rules.end(&session, round.number), session.now);
        return Err(failure::precondition(
            format!("round {} ends {ends}", round.number),
            "nominate once it is over",
        ));
    }
    if u64::from(round.signals) < rules.quorum {
        return Err(failure::precondition(
            format!(
                "round {} has {} signals for its leader, {} are needed",
                round.number, round.signals, rules.quorum
            ),
            "`govctl status` shows the rounds that can be nominated",
        ));
    }
    let key = flags.key.open(session.deployment.chain_id)?;
    let payload = Payload::read(&session, round.leader).await?;
    let mut details = vec![format!(
        "round {} of {}",
        round.number,
        session.describe(instance)
    )];
    details.extend(payload.details(&session));
    let call = GovernanceProposer::nominateCall {
        _instance: instance,
        _round: U256::from(round.number),
    };
    let request = request(session.contract("GovernanceProposer")?, &call, "nominate");
    let sent = send(
        &session,
        flags,
        &key,
        request,
        "nominate a round's winner",
        &details,
    )
    .await?;
    made(&session, sent, payload.hash(), "nominate").await
}

/// The newest round in its lifetime whose winner can be nominated; if there is none, the newest whose winner was.
async fn newest_winner(
    session: &Session,
    rules: &RoundRules,
    instance: Address,
    current: u64,
) -> Result<Round, CliError> {
    let mut nominated = None;
    for number in (current.saturating_sub(rules.lifetime)..current).rev() {
        let round = Round::read(session, instance, number).await?;
        if u64::from(round.signals) < rules.quorum {
            continue;
        }
        if !round.is_nominated {
            return Ok(round);
        }
        nominated.get_or_insert(round);
    }
    nominated.ok_or_else(|| {
        failure::precondition(
            format!(
                "no round of the last {} has {} signals for one payload",
                rules.lifetime, rules.quorum
            ),
            "`govctl status` shows the signals; `govctl signal` gives them",
        )
    })
}

pub(crate) async fn propose(flags: &Flags, args: &ProposeArgs) -> Result<Output, CliError> {
    let session = Session::open(flags).await?;
    let payload = Payload::read(&session, args.payload).await?;
    expect(args.expect_hash, payload.hash())?;
    let governance = session.contract("Governance")?;
    let config = session
        .view(governance, &Governance::governanceConfigCall {})
        .await?;
    let key = flags.key.open(session.deployment.chain_id)?;
    let mut details = payload.details(&session);
    details.push(format!(
        "locks {} for {}; `govctl unlock` and `govctl withdraw` give it back",
        show::wei(config.lockWei),
        show::duration(small(config.lockSeconds))
    ));
    let call = Governance::proposeWithLockCall {
        _targets: payload.actions.iter().map(|action| action.target).collect(),
        _values: payload.actions.iter().map(|action| action.value).collect(),
        _calldatas: payload.actions.iter().map(|action| action.data.clone()).collect(),
        _description: args.description.clone(),
    };
    let mut request = request(governance, &call, "propose");
    request.value = config.lockWei;
    let sent = send(&session, flags, &key, request, "propose against a lock", &details).await?;
    made(&session, sent, payload.hash(), "propose").await
}

/// Says the id of the proposal that was made: the newest with these actions. Another one may have been made since.
async fn made(
    session: &Session,
    sent: crate::send::Sent,
    actions_hash: B256,
    schema: &'static str,
) -> Result<Output, CliError> {
    let is_dry = matches!(sent, crate::send::Sent::Simulated { .. });
    let mut output = Output::sent(schema, &[sent]);
    let newest = if is_dry {
        Vec::new()
    } else {
        Proposal::newest(session, MADE_SINCE_MAX).await?
    };
    if let Some(proposal) = newest.iter().find(|proposal| proposal.hash() == actions_hash) {
        output.text.push_str(&proposal.text(session));
        output.text.push('\n');
        if let Some(data) = output.data.as_object_mut() {
            data.insert("proposal".to_owned(), proposal.json(session));
        }
    }
    Ok(output)
}

pub(crate) async fn queue(flags: &Flags, args: &OneProposal) -> Result<Output, CliError> {
    let session = Session::open(flags).await?;
    let proposal = Proposal::read(&session, args.id).await?;
    expect(args.expect_hash, proposal.hash())?;
    match proposal.state {
        ProposalState::Succeeded => {}
        ProposalState::Queued | ProposalState::Executed => {
            let message = format!("the proposal is {}", proposal.state.word());
            return Ok(Output::already("queue", &message));
        }
        state => {
            return Err(wrong_state(
                &session,
                &proposal,
                state,
                "only a proposal that succeeded is queued",
            ));
        }
    }
    let call = Governance::queue_1Call { proposalId: args.id };
    act(
        &session,
        flags,
        &proposal,
        request(session.contract("Governance")?, &call, "queue"),
        "queue",
    )
    .await
}

pub(crate) async fn execute(flags: &Flags, args: &OneProposal) -> Result<Output, CliError> {
    let session = Session::open(flags).await?;
    let proposal = Proposal::read(&session, args.id).await?;
    expect(args.expect_hash, proposal.hash())?;
    match proposal.state {
        ProposalState::Queued if session.now >= proposal.eta => {}
        ProposalState::Executed => return Ok(Output::already("execute", "the proposal is executed")),
        state => {
            return Err(wrong_state(
                &session,
                &proposal,
                state,
                "a queued proposal is executed after its timelock",
            ));
        }
    }
    let call = Governance::execute_1Call { proposalId: args.id };
    act(
        &session,
        flags,
        &proposal,
        request(session.contract("Governance")?, &call, "execute"),
        "execute",
    )
    .await
}

async fn act(
    session: &Session,
    flags: &Flags,
    proposal: &Proposal,
    request: agoge_l1_client::TxRequest,
    schema: &'static str,
) -> Result<Output, CliError> {
    let key = flags.key.open(session.deployment.chain_id)?;
    let mut details = vec![
        format!("proposal {}", proposal.id),
        format!("actions hash {}", proposal.hash()),
    ];
    details.extend(proposal.actions.iter().map(|action| action.text(session)));
    let what = format!("{schema} a proposal");
    let sent = send(session, flags, &key, request, &what, &details).await?;
    Ok(Output::sent(schema, &[sent]))
}

fn wrong_state(session: &Session, proposal: &Proposal, state: ProposalState, rule: &str) -> CliError {
    failure::precondition(
        format!("the proposal is {}; {}", state.word(), proposal.next(session.now)),
        rule,
    )
}

pub(crate) async fn unlock(flags: &Flags, args: &OneProposal) -> Result<Output, CliError> {
    let session = Session::open(flags).await?;
    let key = flags.key.open(session.deployment.chain_id)?;
    let call = Governance::unlockCall { _proposalId: args.id };
    let request = request(session.contract("Governance")?, &call, "unlock");
    let details = [
        format!("proposal {}", args.id),
        "then its proposer runs `govctl withdraw`".to_owned(),
    ];
    let sent = send(&session, flags, &key, request, "credit a lock", &details).await?;
    Ok(Output::sent("unlock", &[sent]))
}
