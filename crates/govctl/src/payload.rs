//! Payloads and what their actions mean.

use agoge_contract_bindings::governance::Governance;
use agoge_contract_bindings::governance_proposer::GovernanceProposer;
use agoge_contract_bindings::registry::Registry;
use agoge_contract_bindings::staking::Staking;
use agoge_contract_bindings::timelock::Timelock;
use agoge_contract_bindings::upgrade_payload::UpgradePayload;
use agoge_host::report::CliError;
use agoge_l1_client::{At, CallError, Simulation};
use agoge_protocol::{Address, B256, U256, keccak256};
use alloy::primitives::Bytes;
use alloy::sol_types::{SolCall as _, SolInterface, SolValue as _};
use serde_json::{Value, json};

use crate::failure;
use crate::session::Session;
use crate::show;

/// Actions that a proposal may have; GovernanceProposer refuses more.
const ACTIONS_MAX: usize = 16;

/// A call that the Timelock would make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Action {
    pub(crate) target: Address,
    pub(crate) value: U256,
    pub(crate) data: Bytes,
}

/// A payload as L1 has it now.
#[derive(Clone, Debug)]
pub(crate) struct Payload {
    pub(crate) address: Address,
    pub(crate) code_hash: B256,
    pub(crate) actions: Vec<Action>,
}

/// `keccak256(abi.encode(actions))`: what signals, and `--expect-hash`, name.
pub(crate) fn actions_hash(actions: &[Action]) -> B256 {
    let list: Vec<(Address, U256, Bytes)> = actions
        .iter()
        .map(|action| (action.target, action.value, action.data.clone()))
        .collect();
    // One dynamic value, as `abi.encode(actions)` writes it.
    keccak256((list,).abi_encode_params())
}

impl Payload {
    /// Reads a payload; what is none is refused.
    pub(crate) async fn read(session: &Session, address: Address) -> Result<Self, CliError> {
        let none = |reason: String| {
            failure::precondition(
                format!("{address} is no payload: {reason}"),
                "deploy one with `govctl payload deploy`, and copy its whole address",
            )
        };
        let code = session.client.code(address).await.map_err(failure::rpc)?;
        if code.is_empty() {
            return Err(none("it has no code".to_owned()));
        }
        let answer = session
            .client
            .view(address, &UpgradePayload::actionsCall {}, At::Latest)
            .await;
        let list = match answer {
            Ok(list) => list,
            Err(CallError::Rpc(error)) => return Err(failure::rpc(error)),
            Err(error) => return Err(none(error.to_string())),
        };
        if list.is_empty() || list.len() > ACTIONS_MAX {
            return Err(none(format!(
                "it has {} actions, 1 to {ACTIONS_MAX} are allowed",
                list.len()
            )));
        }
        let actions = list
            .into_iter()
            .map(|action| Action {
                target: action.target,
                value: action.value,
                data: action.data,
            })
            .collect();
        Ok(Self {
            address,
            code_hash: keccak256(code),
            actions,
        })
    }

    pub(crate) fn hash(&self) -> B256 {
        actions_hash(&self.actions)
    }

    /// What a person must see before supporting it.
    pub(crate) fn details(&self, session: &Session) -> Vec<String> {
        let mut lines = vec![
            format!("payload {}", self.address),
            format!("code hash {}", self.code_hash),
            format!("actions hash {}", self.hash()),
        ];
        lines.extend(self.actions.iter().map(|action| action.text(session)));
        lines
    }
}

impl Action {
    /// The call in words: contract and function with arguments, or the bare bytes of one that is not known.
    pub(crate) fn text(&self, session: &Session) -> String {
        let target = session.describe(self.target);
        let call = self
            .decoded(session)
            .unwrap_or_else(|| format!("unknown call {}", self.data));
        if self.value.is_zero() {
            format!("action: {target}: {call}")
        } else {
            format!("action: {target}: {call}, with {}", show::wei(self.value))
        }
    }

    /// The function and its arguments, for contracts of the network.
    pub(crate) fn decoded(&self, session: &Session) -> Option<String> {
        let name = session.name_of(self.target)?;
        match name.as_str() {
            "Registry" => words::<Registry::RegistryCalls>(&self.data),
            "Staking" => words::<Staking::StakingCalls>(&self.data),
            "Governance" => words::<Governance::GovernanceCalls>(&self.data),
            "GovernanceProposer" => words::<GovernanceProposer::GovernanceProposerCalls>(&self.data),
            "Timelock" => words::<Timelock::TimelockCalls>(&self.data),
            _ => None,
        }
    }

    /// The Rollup that the action adds to the Registry.
    pub(crate) fn added_rollup(&self, session: &Session) -> Option<Address> {
        let is_registry = session
            .contract("Registry")
            .is_ok_and(|registry| registry == self.target);
        let call = Registry::addCall::abi_decode(&self.data).ok()?;
        (is_registry && self.value.is_zero()).then_some(call._rollup)
    }

    /// Whether the action switches the allow-list off.
    pub(crate) fn is_allow_list_off(&self, session: &Session) -> bool {
        session
            .contract("Staking")
            .is_ok_and(|staking| staking == self.target)
            && Staking::disableAllowListCall::abi_decode(&self.data).is_ok()
    }

    /// What the call would do now if the Timelock made it: what it returns, or why it reverts.
    pub(crate) async fn simulate(&self, session: &Session) -> Result<Result<String, String>, CliError> {
        let mut simulation = Simulation::call(session.contract("Timelock")?, self.target, self.data.clone());
        simulation.value = self.value;
        match session.client.simulate(&simulation).await {
            Ok(answer) => Ok(Ok(match self.added_rollup(session) {
                Some(_) => Registry::addCall::abi_decode_returns(&answer).map_or_else(
                    |_| "succeeds".to_owned(),
                    |epoch| format!("succeeds: canonical from epoch {epoch} if it were executed now"),
                ),
                None => "succeeds".to_owned(),
            })),
            Err(CallError::Reverted { reason, .. }) => Ok(Err(format!("reverts: {reason}"))),
            Err(error) => Err(failure::call(error)),
        }
    }

    pub(crate) fn json(&self, session: &Session) -> Value {
        json!({
            "target": self.target, "target_name": session.name_of(self.target), "value_wei": self.value.to_string(),
            "data": self.data, "decoded": self.decoded(session),
        })
    }
}

fn words<C: SolInterface + std::fmt::Debug>(data: &Bytes) -> Option<String> {
    let call = C::abi_decode(data).ok()?;
    // `variant(nameCall { field: value })`: the inner part, without the suffix that the bindings add.
    let text = format!("{call:?}");
    let (_, inner) = text.split_once('(')?;
    Some(inner.strip_suffix(')').unwrap_or(inner).replacen("Call", "", 1))
}

/// Refuses when a person expected something else.
pub(crate) fn expect(expected: Option<B256>, found: B256) -> Result<(), CliError> {
    match expected {
        Some(expected) if expected != found => Err(failure::mismatch(
            format!("the actions hash is {found}, --expect-hash says {expected}; nothing was sent"),
            "this is not the payload that you verified: compare the whole address with its source",
        )),
        _ => Ok(()),
    }
}
