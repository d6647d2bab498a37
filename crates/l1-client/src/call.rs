//! Typed view calls.

use agoge_protocol::{Address, B256};
use alloy::primitives::Bytes;
use alloy::sol_types::SolCall;
use serde_json::{Value, json};

use crate::revert::RevertReason;
use crate::rpc::{Rpc, RpcError};

/// The L1 state that a view sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// After the endpoint's head.
    Latest,
    /// After the block with this hash, which must be canonical.
    Block(B256),
}

impl At {
    pub(crate) fn to_param(self) -> Value {
        match self {
            Self::Latest => json!("latest"),
            Self::Block(hash) => json!({ "blockHash": hash, "requireCanonical": true }),
        }
    }
}

/// Why a view gave no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The request failed; trying again may help.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// The contract refused.
    #[error("{function} reverted: {reason}")]
    Reverted {
        /// Signature of the function.
        function: &'static str,
        /// Why.
        #[source]
        reason: RevertReason,
    },
    /// The answer is not what the interface promises: no such contract, or another version.
    #[error(
        "{contract} answered {function} with something else; hint: check that the deployment file belongs to this network"
    )]
    Undecodable {
        /// Contract.
        contract: Address,
        /// Signature of the function.
        function: &'static str,
    },
    /// A value is outside the range that any deployment can have.
    #[error("{function} returned {field} out of range")]
    OutOfRange {
        /// Signature of the function.
        function: &'static str,
        /// Which value.
        field: &'static str,
    },
}

pub(crate) async fn view<C: SolCall>(
    rpc: &Rpc,
    to: Address,
    call: &C,
    at: At,
) -> Result<C::Return, CallError> {
    let request = json!([{ "to": to, "data": Bytes::from(call.abi_encode()) }, at.to_param()]);
    let data: Bytes =
        rpc.read("eth_call", request)
            .await
            .map_err(|error| match RevertReason::of(&error) {
                Some(reason) => CallError::Reverted {
                    function: C::SIGNATURE,
                    reason,
                },
                None => CallError::Rpc(error),
            })?;
    C::abi_decode_returns(&data).map_err(|_| CallError::Undecodable {
        contract: to,
        function: C::SIGNATURE,
    })
}
