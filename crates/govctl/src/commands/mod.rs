//! The commands, one file for what belongs together.

pub(crate) mod allow_list;
pub(crate) mod bond;
pub(crate) mod deploy;
pub(crate) mod doctor;
pub(crate) mod payload;
pub(crate) mod proposal;
pub(crate) mod signal;
pub(crate) mod stake;
pub(crate) mod status;
pub(crate) mod validators;
pub(crate) mod verify;
pub(crate) mod vote;
pub(crate) mod withdraw;

use agoge_l1_client::{Purpose, TxRequest};
use agoge_protocol::Address;
use alloy::sol_types::SolCall;
use serde_json::{Value, json};

use crate::send::Sent;

/// A command's result.
pub(crate) struct Output {
    /// Word of the command in the JSON schema.
    pub(crate) schema: &'static str,
    /// For programs.
    pub(crate) data: Value,
    /// For people.
    pub(crate) text: String,
}

impl Output {
    pub(crate) fn new(schema: &'static str, data: Value, text: String) -> Self {
        Self { schema, data, text }
    }

    pub(crate) fn nothing(schema: &'static str) -> Self {
        Self::new(schema, Value::Null, String::new())
    }

    /// What was asked for is so already: no transaction.
    pub(crate) fn already(schema: &'static str, message: &str) -> Self {
        Self::new(
            schema,
            json!({ "already": true, "message": message, "transactions": [] }),
            format!("{message}: nothing to do, nothing was sent\n"),
        )
    }

    /// The transactions of a command.
    pub(crate) fn sent(schema: &'static str, sent: &[Sent]) -> Self {
        let transactions: Vec<Value> = sent.iter().map(Sent::json).collect();
        let text = sent.iter().map(Sent::text).collect();
        Self::new(
            schema,
            json!({ "already": false, "transactions": transactions }),
            text,
        )
    }
}

/// A call of a contract.
pub(crate) fn request<C: SolCall>(to: Address, call: &C, purpose: &str) -> TxRequest {
    TxRequest::call(to, call.abi_encode().into(), Purpose::named(purpose))
}
