//! Revert data as words: the contracts' custom errors, `Error(string)` and `Panic(uint256)`.

use agoge_contract_bindings::allow_list_off_payload::AllowListOffPayload;
use agoge_contract_bindings::governance::Governance;
use agoge_contract_bindings::governance_proposer::GovernanceProposer;
use agoge_contract_bindings::prover_bonds::ProverBonds;
use agoge_contract_bindings::registry::Registry;
use agoge_contract_bindings::rollup::Rollup;
use agoge_contract_bindings::staking::Staking;
use agoge_contract_bindings::timelock::Timelock;
use agoge_contract_bindings::upgrade_payload::UpgradePayload;
use alloy::primitives::Bytes;
use alloy::sol_types::{SolInterface, decode_revert_reason};

use crate::rpc::{RpcCause, RpcError, shorten};

/// Why the EVM reverted a call.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum RevertReason {
    /// An error of one of our contracts.
    #[error("{name}: {details}")]
    Custom {
        /// Its name, as in `Rollup__WrongSlot`.
        name: String,
        /// Name and arguments.
        details: String,
    },
    /// `revert("text")` or a panic code.
    #[error("{0}")]
    Text(String),
    /// Data that no known interface explains; empty for out of gas or `revert()`.
    #[error("unknown revert data {0}")]
    Unknown(Bytes),
}

impl RevertReason {
    /// Decodes revert data.
    pub fn decode(data: &Bytes) -> Self {
        let custom = custom::<Rollup::RollupErrors>(data)
            .or_else(|| custom::<Staking::StakingErrors>(data))
            .or_else(|| custom::<Registry::RegistryErrors>(data))
            .or_else(|| custom::<ProverBonds::ProverBondsErrors>(data))
            .or_else(|| custom::<GovernanceProposer::GovernanceProposerErrors>(data))
            .or_else(|| custom::<Governance::GovernanceErrors>(data))
            .or_else(|| custom::<Timelock::TimelockErrors>(data))
            .or_else(|| custom::<UpgradePayload::UpgradePayloadErrors>(data))
            .or_else(|| custom::<AllowListOffPayload::AllowListOffPayloadErrors>(data));
        if let Some(custom) = custom {
            return custom;
        }
        match decode_revert_reason(data) {
            Some(text) if !data.is_empty() => Self::Text(shorten(&text)),
            _ => Self::Unknown(data.slice(..data.len().min(256))),
        }
    }

    /// The reason that a node gave for refusing a call, if the EVM reverted it.
    pub(crate) fn of(error: &RpcError) -> Option<Self> {
        if let Some(data) = error.revert_data() {
            return Some(Self::decode(data));
        }
        let RpcCause::Refused { code, message, .. } = &error.cause else {
            return None;
        };
        // Some providers drop the data and keep the text.
        (*code == 3 || message.contains("execution reverted")).then(|| Self::Text(message.clone()))
    }

    /// Whether it is the custom error with this name.
    pub fn is(&self, wanted: &str) -> bool {
        matches!(self, Self::Custom { name, .. } if name == wanted)
    }
}

fn custom<E: SolInterface + std::fmt::Debug>(data: &Bytes) -> Option<RevertReason> {
    let error = E::abi_decode(data).ok()?;
    // `Variant(Name { field: value })`: the inner part is the Solidity error as its author named it.
    let text = format!("{error:?}");
    let details = text
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'))
        .unwrap_or(&text);
    let name = details.split([' ', '(']).next().unwrap_or(details).to_owned();
    Some(RevertReason::Custom {
        name,
        details: shorten(details),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::{B256, U256};
    use alloy::sol_types::{Revert, SolError};

    #[test]
    fn custom_errors_are_named_with_their_arguments() {
        let error = Rollup::Rollup__WrongSlot {
            given: U256::from(3),
            current: U256::from(4),
        };
        let reason = RevertReason::decode(&error.abi_encode().into());
        assert!(reason.is("Rollup__WrongSlot"), "{reason:?}");
        assert!(
            reason.to_string().contains("given: 3") && reason.to_string().contains("current: 4"),
            "{reason}"
        );
        let error = Staking::Staking__BeforeActivation {
            slot: U256::from(1),
            attester: alloy::primitives::Address::ZERO,
        };
        assert!(RevertReason::decode(&error.abi_encode().into()).is("Staking__BeforeActivation"));
        let error = ProverBonds::ProverBonds__NotCheaper {
            given: U256::from(5),
            current: U256::from(5),
        };
        assert!(RevertReason::decode(&error.abi_encode().into()).is("ProverBonds__NotCheaper"));
        let error = Rollup::Rollup__AlreadyProven {
            toNumber: U256::from(5),
        };
        assert!(RevertReason::decode(&error.abi_encode().into()).is("Rollup__AlreadyProven"));
        let text = RevertReason::decode(&Revert::from("no").abi_encode().into());
        assert!(
            matches!(&text, RevertReason::Text(text) if text.contains("no")),
            "{text:?}"
        );
        let unknown = Bytes::from(B256::repeat_byte(0xfe).to_vec());
        assert_eq!(RevertReason::decode(&unknown), RevertReason::Unknown(unknown));
        assert_eq!(
            RevertReason::decode(&Bytes::new()),
            RevertReason::Unknown(Bytes::new())
        );
    }
}
