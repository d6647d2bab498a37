//! What went wrong, as code, exit code, words and a hint. The codes are listed in docs/interface.md.

use agoge_deployer::DeployError;
use agoge_host::report::CliError;
use agoge_l1_client::{CallError, ClientError, RevertReason, RpcError, SendOutcome, SenderError};
use agoge_protocol::exit::ExitCode as Exit;

/// A precondition that is not met: nothing was sent.
pub(crate) fn precondition(message: impl core::fmt::Display, hint: impl Into<String>) -> CliError {
    CliError::new(Exit::Precondition, "AGOGE-GOV-003", message).with_hint(hint)
}

/// What was asked for cannot be meant.
pub(crate) fn usage(message: impl core::fmt::Display, hint: impl Into<String>) -> CliError {
    CliError::new(Exit::Usage, "AGOGE-GOV-001", message).with_hint(hint)
}

/// L1 or a payload is not what it must be.
pub(crate) fn mismatch(message: impl core::fmt::Display, hint: impl Into<String>) -> CliError {
    CliError::new(Exit::WrongNetwork, "AGOGE-GOV-004", message).with_hint(hint)
}

pub(crate) fn rpc(error: RpcError) -> CliError {
    let (exit, code) = if error.is_wrong_chain() {
        (Exit::WrongNetwork, "AGOGE-L1-001")
    } else {
        (Exit::Failed, "AGOGE-L1-002")
    };
    let hint = error.cause.hint();
    CliError::new(exit, code, error).with_hint(hint)
}

pub(crate) fn client(error: ClientError) -> CliError {
    match error {
        ClientError::Rpc(error) => rpc(error),
        ClientError::Endpoints { .. } => usage(
            "no L1 endpoint was given",
            "give --rpc-url URL or set ETH_RPC_URL",
        ),
        error => CliError::new(Exit::Failed, "AGOGE-L1-002", error),
    }
}

pub(crate) fn call(error: CallError) -> CliError {
    match error {
        CallError::Rpc(error) => rpc(error),
        CallError::Reverted { reason, .. } => reverted(&reason),
        error => CliError::new(Exit::WrongNetwork, "AGOGE-GOV-004", error)
            .with_hint("`govctl verify` compares every contract with the deployment file"),
    }
}

pub(crate) fn sender(error: SenderError) -> CliError {
    CliError::new(Exit::Failed, "AGOGE-L1-002", error)
}

pub(crate) fn deploy(error: DeployError) -> CliError {
    let hint = error.hint();
    CliError::new(error.exit_code(), "AGOGE-GOV-005", error).with_hint(hint)
}

/// A simulation reverts: nothing was sent.
pub(crate) fn reverted(reason: &RevertReason) -> CliError {
    let error = CliError::new(
        Exit::SimulationReverts,
        "AGOGE-GOV-006",
        format!("L1 would refuse: {reason}; nothing was sent"),
    );
    match advice(reason) {
        Some(advice) => error.with_hint(advice),
        None => error.with_hint("`govctl status` says where things stand"),
    }
}

/// A transaction that ended otherwise than mined.
pub(crate) fn outcome(outcome: &SendOutcome) -> CliError {
    let code = match outcome {
        SendOutcome::SimulationReverted { reason } => return reverted(reason),
        SendOutcome::Reverted { .. } => "AGOGE-GOV-007",
        SendOutcome::Expired { .. } => "AGOGE-GOV-008",
        SendOutcome::Unfunded { .. } => "AGOGE-GOV-009",
        SendOutcome::WrongChain { .. } => "AGOGE-L1-001",
        _ => "AGOGE-L1-002",
    };
    let error = CliError::new(outcome.exit_code(), code, outcome);
    match outcome {
        SendOutcome::Reverted {
            reason: Some(reason), ..
        } if advice(reason).is_some() => error.with_hint(advice(reason).unwrap_or_default()),
        SendOutcome::Reverted { .. } => {
            error.with_hint("something changed while it waited; `govctl status`, then try again")
        }
        SendOutcome::Expired { .. } => {
            error.with_hint("look whether the transaction was mined before you try again")
        }
        SendOutcome::Unfunded { .. } => error.with_hint("send ETH to the account"),
        SendOutcome::TooExpensive { .. } => {
            error.with_hint("wait until fees fall, or raise [l1] tx_cost_max_gwei")
        }
        _ => error,
    }
}

/// What to do about a contract's refusal.
fn advice(reason: &RevertReason) -> Option<&'static str> {
    let RevertReason::Custom { name, .. } = reason else {
        return None;
    };
    Some(match name.as_str() {
        "Staking__NotAllowed" => "the allow-list's admin runs `govctl allow-list add ADDRESS`",
        "Staking__NotAllowListAdmin" => "send with the admin's account; `govctl allow-list show` names it",
        "Staking__AllowListIsOff" => "everybody may stake; there is nothing to edit",
        "Staking__WrongStake" => {
            "the network file's activation stake is not the contract's: run `govctl verify`"
        }
        "Staking__AlreadyStaked" => "`govctl validators ADDRESS` shows the validator",
        "Staking__WrongProofOfPossession" => {
            "make the proof again: it names the attester, the withdrawer and how often the attester was staked"
        }
        "Staking__NotWithdrawer" => {
            "send with the validator's withdrawer; `govctl validators ADDRESS` names it"
        }
        "Staking__WrongStatus" => "`govctl validators ADDRESS` shows where the validator is in its life",
        "Staking__TooEarlyToExit" => "wait for the exit delay; `govctl validators ADDRESS` shows its end",
        "Staking__InstanceNotActive" => {
            "a validator can be pinned once the instance is active; `govctl status`"
        }
        "PullPayments__NothingOwed" => "there is nothing to withdraw",
        "ProverBonds__InsufficientBond" => "`govctl bond show ADDRESS` shows what no claim holds",
        "GovernanceProposer__RoundNotOver" => "wait for the end of the round; `govctl status`",
        "GovernanceProposer__RoundTooOld" => "its lifetime is over: the payload has to be signalled again",
        "GovernanceProposer__TooFewSignals" => "the round has no winner; `govctl status` shows its signals",
        "GovernanceProposer__PayloadChanged" | "GovernanceProposer__NotAPayload" => {
            "the payload is not what was signalled: look at it with `govctl payload show ADDRESS`"
        }
        "GovernanceProposer__NotCanonical" => "only proposers of the canonical instance signal",
        "GovernanceProposer__NoProposer" => {
            "the epoch has no committee on L1 yet: its first block sets it up"
        }
        "GovernanceProposer__NotProposer" | "GovernanceProposer__WrongSlot" => {
            "a signal counts in the slot of its proposer only; try again in the key's next slot"
        }
        "GovernanceProposer__AlreadySignalled" => "the slot's signal is given already",
        "GovernorUnexpectedProposalState" | "GovernorNonexistentProposal" => {
            "`govctl status` shows the proposal's state and what can be done when"
        }
        "TimelockUnexpectedOperationState" => "the timelock is not over; `govctl status` shows when it is",
        "Registry__AlreadyAdded" | "UpgradePayload__AlreadyListed" => "the Rollup is in the Registry already",
        "Registry__UnknownInstance" => {
            "the address is not in the Registry; `govctl status` lists the instances"
        }
        "Governance__StillLocked" => "wait until the lock is over",
        "Governance__NothingLocked" => "the proposal has no lock, or it was credited already",
        "UpgradePayload__OfAnotherNetwork" | "UpgradePayload__NoCode" | "UpgradePayload__InvalidRollup" => {
            "deploy the Rollup for this network with `govctl deploy rollup`"
        }
        _ => return None,
    })
}
