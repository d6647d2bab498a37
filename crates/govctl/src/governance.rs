//! Governance as L1 has it: rounds, proposals, what can happen next.

use agoge_contract_bindings::governance::Governance;
use agoge_contract_bindings::governance_proposer::GovernanceProposer;
use agoge_host::report::CliError;
use agoge_protocol::{Address, B256, U256};
use serde_json::{Value, json};

use crate::failure;
use crate::payload::{Action, actions_hash};
use crate::session::Session;
use crate::show::{self, small};

/// OpenZeppelin Governor's states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProposalState {
    Pending,
    Active,
    Canceled,
    Defeated,
    Succeeded,
    Queued,
    Expired,
    Executed,
}

impl ProposalState {
    fn from_word(word: u8) -> Option<Self> {
        Some(match word {
            0 => Self::Pending,
            1 => Self::Active,
            2 => Self::Canceled,
            3 => Self::Defeated,
            4 => Self::Succeeded,
            5 => Self::Queued,
            6 => Self::Expired,
            7 => Self::Executed,
            _ => return None,
        })
    }

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Canceled => "canceled",
            Self::Defeated => "defeated",
            Self::Succeeded => "succeeded",
            Self::Queued => "queued",
            Self::Expired => "expired",
            Self::Executed => "executed",
        }
    }
}

/// A proposal with its times (Unix seconds) and votes (wei of power).
#[derive(Clone, Debug)]
pub(crate) struct Proposal {
    pub(crate) id: U256,
    pub(crate) state: ProposalState,
    pub(crate) actions: Vec<Action>,
    pub(crate) snapshot: u64,
    pub(crate) deadline: u64,
    /// From when it can be executed; 0 unless queued.
    pub(crate) eta: u64,
    pub(crate) grace: u64,
    pub(crate) votes: Votes,
    /// Votes for or abstaining that it needs; `None` until its snapshot.
    pub(crate) quorum: Option<U256>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Votes {
    pub(crate) against: U256,
    pub(crate) in_favour: U256,
    pub(crate) abstain: U256,
}

impl Proposal {
    pub(crate) async fn read(session: &Session, id: U256) -> Result<Self, CliError> {
        let governance = session.contract("Governance")?;
        let details = session
            .view(governance, &Governance::proposalDetailsCall { proposalId: id })
            .await;
        let details = details.map_err(|error| match error.exit {
            agoge_protocol::exit::ExitCode::SimulationReverts => failure::precondition(
                format!("there is no proposal {id}"),
                "`govctl status` lists the proposals",
            ),
            _ => error,
        })?;
        let actions = details
            .targets
            .into_iter()
            .zip(details.values)
            .zip(details.calldatas)
            .map(|((target, value), data)| Action { target, value, data })
            .collect();
        let word = session
            .view(governance, &Governance::stateCall { _proposalId: id })
            .await?;
        let state = ProposalState::from_word(word).ok_or_else(|| {
            failure::mismatch(
                format!("Governance answers the unknown state {word}"),
                "use the govctl of this network's version",
            )
        })?;
        let snapshot = session
            .view(governance, &Governance::proposalSnapshotCall { proposalId: id })
            .await?;
        let deadline = session
            .view(governance, &Governance::proposalDeadlineCall { proposalId: id })
            .await?;
        let eta = session
            .view(governance, &Governance::proposalEtaCall { proposalId: id })
            .await?;
        let votes = session
            .view(governance, &Governance::proposalVotesCall { proposalId: id })
            .await?;
        let config = session
            .view(governance, &Governance::governanceConfigCall {})
            .await?;
        let snapshot = small(snapshot);
        let quorum = if session.now > snapshot {
            Some(
                session
                    .view(governance, &Governance::proposalQuorumCall { _proposalId: id })
                    .await?,
            )
        } else {
            None
        };
        Ok(Self {
            id,
            state,
            actions,
            snapshot,
            deadline: small(deadline),
            eta: small(eta),
            grace: small(config.graceSeconds),
            votes: Votes {
                against: votes.againstVotes,
                in_favour: votes.forVotes,
                abstain: votes.abstainVotes,
            },
            quorum,
        })
    }

    /// All proposals, newest first, at most `limit`.
    pub(crate) async fn newest(session: &Session, limit: u64) -> Result<Vec<Self>, CliError> {
        let governance = session.contract("Governance")?;
        let count = small(
            session
                .view(governance, &Governance::proposalCountCall {})
                .await?,
        );
        let mut proposals = Vec::new();
        for index in (count.saturating_sub(limit)..count).rev() {
            let call = Governance::proposalDetailsAtCall {
                index: U256::from(index),
            };
            let details = session.view(governance, &call).await?;
            proposals.push(Self::read(session, details.proposalId).await?);
        }
        Ok(proposals)
    }

    pub(crate) fn hash(&self) -> B256 {
        actions_hash(&self.actions)
    }

    /// What happens next, and when.
    pub(crate) fn next(&self, now: u64) -> String {
        let at = |time| show::time(time, now);
        match self.state {
            ProposalState::Pending => format!("voting begins {}", at(self.snapshot.saturating_add(1))),
            ProposalState::Active => format!("voting ends {}", at(self.deadline)),
            ProposalState::Succeeded => format!(
                "queue it: govctl queue {}; it expires {}",
                self.id,
                at(self.deadline.saturating_add(self.grace))
            ),
            ProposalState::Queued if now < self.eta => format!("the timelock ends {}", at(self.eta)),
            ProposalState::Queued => format!(
                "execute it: govctl execute {}; it expires {}",
                self.id,
                at(self.eta.saturating_add(self.grace))
            ),
            ProposalState::Canceled | ProposalState::Defeated | ProposalState::Expired => {
                "nothing: it is over".to_owned()
            }
            ProposalState::Executed => "nothing: it is done".to_owned(),
        }
    }

    pub(crate) fn json(&self, session: &Session) -> Value {
        json!({
            "id": self.id.to_string(), "state": self.state.word(), "actions_hash": self.hash(),
            "actions": self.actions.iter().map(|action| action.json(session)).collect::<Vec<_>>(),
            "snapshot": self.snapshot, "deadline": self.deadline, "eta": self.eta,
            "votes_wei": {
                "for": self.votes.in_favour.to_string(), "against": self.votes.against.to_string(),
                "abstain": self.votes.abstain.to_string(),
            },
            "quorum_wei": self.quorum.map(|quorum| quorum.to_string()),
            "next": self.next(session.now),
        })
    }

    pub(crate) fn text(&self, session: &Session) -> String {
        let quorum = self
            .quorum
            .map_or_else(|| "known after the snapshot".to_owned(), show::wei);
        let mut lines = vec![
            format!("proposal {}: {}", self.id, self.state.word()),
            format!(
                "  for {}, against {}, abstain {}; quorum {quorum}",
                show::wei(self.votes.in_favour),
                show::wei(self.votes.against),
                show::wei(self.votes.abstain)
            ),
            format!("  actions hash {}", self.hash()),
        ];
        lines.extend(
            self.actions
                .iter()
                .map(|action| format!("  {}", action.text(session))),
        );
        lines.push(format!("  next: {}", self.next(session.now)));
        lines.join("\n")
    }
}

/// A round of signals.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    pub(crate) number: u64,
    pub(crate) leader: Address,
    pub(crate) signals: u16,
    pub(crate) is_nominated: bool,
}

/// The sizes that rounds have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RoundRules {
    pub(crate) slots: u64,
    pub(crate) quorum: u64,
    pub(crate) lifetime: u64,
}

impl RoundRules {
    pub(crate) async fn read(session: &Session) -> Result<Self, CliError> {
        let config = session
            .view(
                session.contract("GovernanceProposer")?,
                &GovernanceProposer::configCall {},
            )
            .await?;
        Ok(Self {
            slots: small(config.roundSlots).max(1),
            quorum: small(config.quorumSignals),
            lifetime: small(config.lifetimeRounds),
        })
    }

    /// The round of the L1 head; 0 before genesis.
    pub(crate) fn current(&self, session: &Session) -> u64 {
        let slot = session.timing.slot_at(session.now).map_or(0, |slot| slot.get());
        slot.checked_div(self.slots).unwrap_or(0)
    }

    /// When a round ends, Unix seconds.
    pub(crate) fn end(&self, session: &Session, round: u64) -> u64 {
        let first_after = round.saturating_add(1).saturating_mul(self.slots);
        session.timing.slot_start(agoge_protocol::Slot::new(first_after))
    }
}

impl Round {
    pub(crate) async fn read(session: &Session, instance: Address, number: u64) -> Result<Self, CliError> {
        let call = GovernanceProposer::roundCall {
            _instance: instance,
            _round: U256::from(number),
        };
        let round = session
            .view(session.contract("GovernanceProposer")?, &call)
            .await?;
        Ok(Self {
            number,
            leader: round.leader,
            signals: round.signals,
            is_nominated: round.isNominated,
        })
    }
}
