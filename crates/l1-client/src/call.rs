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
    let data = rpc.read("eth_call", request).await;
    let data: Bytes = data.map_err(failed::<C>)?;
    decode::<C>(to, &data)
}

/// As an L1 block of this time (Unix seconds) on top of the endpoint's head sees it.
pub(crate) async fn view_at_time<C: SolCall>(
    rpc: &Rpc,
    to: Address,
    call: &C,
    time: u64,
) -> Result<C::Return, CallError> {
    let overrides = json!({ "time": format!("{time:#x}") });
    let request = json!([
        { "to": to, "data": Bytes::from(call.abi_encode()) },
        "latest",
        Value::Null,
        overrides
    ]);
    let data = rpc.read("eth_call", request).await;
    let data: Bytes = data.map_err(failed::<C>)?;
    decode::<C>(to, &data)
}

fn failed<C: SolCall>(error: RpcError) -> CallError {
    match RevertReason::of(&error) {
        Some(reason) => CallError::Reverted {
            function: C::SIGNATURE,
            reason,
        },
        None => CallError::Rpc(error),
    }
}

fn decode<C: SolCall>(contract: Address, data: &Bytes) -> Result<C::Return, CallError> {
    C::abi_decode_returns(data).map_err(|_| CallError::Undecodable {
        contract,
        function: C::SIGNATURE,
    })
}
