//! `status`: where the network and its upgrade stand, and what happens next.

use std::collections::BTreeSet;

use agoge_contract_bindings::governance::Governance;
use agoge_contract_bindings::staking::Staking;
use agoge_host::report::CliError;
use agoge_protocol::{Address, Epoch, U256};
use serde_json::{Value, json};

use super::Output;
use crate::flags::Flags;
use crate::governance::{Proposal, ProposalState, Round, RoundRules};
use crate::payload::Payload;
use crate::session::Session;
use crate::show;

/// Proposals that are shown.
const PROPOSALS_MAX: u64 = 5;

/// A part of the answer, for programs and for people.
struct Part {
    data: Value,
    text: String,
}

pub(crate) async fn run(flags: &Flags) -> Result<Output, CliError> {
    let session = Session::open(flags).await?;
    let clock = clock(&session);
    let instances = instances(&session).await?;
    let rounds = rounds(&session).await?;
    let proposals = proposals(&session).await?;
    let is_allow_list_on = session
        .view(session.contract("Staking")?, &Staking::isAllowListOnCall {})
        .await?;
    let allow_list = if is_allow_list_on {
        "on"
    } else {
        "off: everybody may stake"
    };
    let text = format!(
        "{}{}allow-list: {allow_list}\n{}{}",
        clock.text, instances.text, rounds.text, proposals.text
    );
    let data = json!({
        "clock": clock.data, "instances": instances.data, "is_allow_list_on": is_allow_list_on,
        "rounds": rounds.data, "proposals": proposals.data,
    });
    Ok(Output::new("status", data, text))
}

fn clock(session: &Session) -> Part {
    let network = &session.deployment.network;
    let (slot, epoch) = (
        session.timing.slot_at(session.now).map(|slot| slot.get()),
        session.epoch(),
    );
    let text = match slot {
        Some(slot) => format!(
            "network {network}: epoch {epoch}, slot {slot}; the next epoch begins {}\n",
            show::time(
                session.timing.epoch_start(Epoch::new(epoch.saturating_add(1))),
                session.now
            )
        ),
        None => format!(
            "network {network}: genesis {}\n",
            show::time(session.deployment.genesis_time, session.now)
        ),
    };
    Part {
        data: json!({ "network": network, "l1_time": session.now, "slot": slot, "epoch": epoch }),
        text,
    }
}

async fn instances(session: &Session) -> Result<Part, CliError> {
    let epoch = session.epoch();
    let canonical = session.canonical(epoch).await?;
    let mut text = String::new();
    let mut list = Vec::new();
    for (number, (rollup, activation)) in session.instances().await?.into_iter().enumerate() {
        let number = number.saturating_add(1);
        let state = if rollup == canonical {
            "canonical".to_owned()
        } else if activation > epoch {
            let start = session.timing.epoch_start(Epoch::new(activation));
            format!(
                "canonical from epoch {activation}, {}",
                show::time(start, session.now)
            )
        } else {
            "superseded".to_owned()
        };
        text.push_str(&format!("instance {number}: {rollup}, {state}\n"));
        list.push(json!({
            "number": number, "rollup": rollup, "activation_epoch": activation, "is_canonical": rollup == canonical,
        }));
    }
    Ok(Part {
        data: list.into(),
        text,
    })
}

async fn rounds(session: &Session) -> Result<Part, CliError> {
    let rules = RoundRules::read(session).await?;
    let instance = session.canonical(session.epoch()).await?;
    let current = rules.current(session);
    let ends = rules.end(session, current);
    let mut text = format!(
        "round {current} ends {}; {} of {} slots must signal\n",
        show::time(ends, session.now),
        rules.quorum,
        rules.slots
    );
    let mut list = Vec::new();
    for number in (current.saturating_sub(rules.lifetime)..=current).rev() {
        let round = Round::read(session, instance, number).await?;
        if round.signals == 0 {
            continue;
        }
        let next = next_of(session, &rules, &round, current);
        text.push_str(&format!(
            "  round {number}: {} signals for payload {}; {next}\n",
            round.signals, round.leader
        ));
        let hash = Payload::read(session, round.leader)
            .await
            .ok()
            .map(|payload| payload.hash());
        list.push(json!({
            "round": number, "leader": round.leader, "signals": round.signals, "is_nominated": round.is_nominated,
            "actions_hash": hash, "next": next,
        }));
    }
    let data = json!({
        "current": current, "ends_at": ends, "quorum_signals": rules.quorum, "round_slots": rules.slots,
        "lifetime_rounds": rules.lifetime, "signalled": list,
    });
    Ok(Part { data, text })
}

fn next_of(session: &Session, rules: &RoundRules, round: &Round, current: u64) -> String {
    if round.is_nominated {
        return "nominated".to_owned();
    }
    if u64::from(round.signals) < rules.quorum {
        return if round.number == current {
            "counting".to_owned()
        } else {
            "too few".to_owned()
        };
    }
    if round.number == current {
        return "won; it can be nominated when the round is over".to_owned();
    }
    let until = rules.end(session, round.number.saturating_add(rules.lifetime));
    format!(
        "won: govctl nominate --round {}, until {}",
        round.number,
        show::time(until, session.now)
    )
}

async fn proposals(session: &Session) -> Result<Part, CliError> {
    let mut text = String::new();
    let mut list = Vec::new();
    for proposal in Proposal::newest(session, PROPOSALS_MAX).await? {
        text.push_str(&proposal.text(session));
        text.push('\n');
        let mut data = proposal.json(session);
        if proposal.state == ProposalState::Active {
            let missing = not_voted(session, &proposal).await?;
            for (voter, power) in &missing {
                text.push_str(&format!("  not voted: {voter} with {}\n", show::wei(*power)));
            }
            let missing: Vec<Value> = missing
                .iter()
                .map(|(voter, power)| json!({ "voter": voter, "power_wei": power.to_string() }))
                .collect();
            if let Some(object) = data.as_object_mut() {
                object.insert("not_voted".to_owned(), missing.into());
            }
        }
        list.push(data);
    }
    if list.is_empty() {
        text.push_str("no proposals yet\n");
    }
    Ok(Part {
        data: list.into(),
        text,
    })
}

/// Who had power at the snapshot, among those that the set's withdrawers delegate to, and has not voted.
async fn not_voted(session: &Session, proposal: &Proposal) -> Result<Vec<(Address, U256)>, CliError> {
    let (staking, governance) = (session.contract("Staking")?, session.contract("Governance")?);
    let mut withdrawers = BTreeSet::new();
    for attester in session.current_set().await? {
        withdrawers.insert(session.validator(attester).await?.withdrawer);
    }
    let mut voters = BTreeSet::new();
    for account in withdrawers {
        voters.insert(session.view(staking, &Staking::delegatesCall { account }).await?);
    }
    let mut missing = Vec::new();
    for account in voters {
        let call = Governance::hasVotedCall {
            proposalId: proposal.id,
            account,
        };
        if session.view(governance, &call).await? {
            continue;
        }
        let call = Staking::getPastVotesCall {
            account,
            timepoint: U256::from(proposal.snapshot),
        };
        let power = session.view(staking, &call).await?;
        if !power.is_zero() {
            missing.push((account, power));
        }
    }
    Ok(missing)
}
