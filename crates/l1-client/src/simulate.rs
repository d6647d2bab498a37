//! Calls as they would run: from an account, with other code in place, at another time. Nothing is sent.

use agoge_protocol::{Address, U256};
use alloy::primitives::Bytes;
use alloy::sol_types::SolCall;
use serde_json::{Map, Value, json};

use crate::call::{At, CallError, view};
use crate::client::L1Client;
use crate::revert::RevertReason;

/// A call that is only looked at, on top of the endpoint's head.
#[derive(Clone, Debug, Default)]
pub struct Simulation {
    /// Who calls.
    pub from: Address,
    /// Who is called.
    pub to: Address,
    /// Calldata.
    pub calldata: Bytes,
    /// Wei.
    pub value: U256,
    /// Code that accounts have during the call, over empty storage.
    pub codes: Vec<(Address, Bytes)>,
    /// Time of the block that it runs in, Unix seconds; the endpoint's choice without one.
    pub time: Option<u64>,
}

impl Simulation {
    /// A call by an account.
    pub fn call(from: Address, to: Address, calldata: Bytes) -> Self {
        Self {
            from,
            to,
            calldata,
            ..Self::default()
        }
    }

    /// The runtime code that a creation leaves at an address: its creation code with arguments runs there as if it were the account's code, so
    /// immutables, which may depend on the address and on other contracts, come out as they would.
    pub fn creation(at: Address, input: Bytes) -> Self {
        Self {
            to: at,
            codes: vec![(at, input)],
            ..Self::default()
        }
    }

    fn params(&self) -> Value {
        let call = json!({ "from": self.from, "to": self.to, "data": self.calldata, "value": self.value });
        let mut params = vec![call, json!("latest")];
        if !self.codes.is_empty() || self.time.is_some() {
            let codes: Map<String, Value> = self
                .codes
                .iter()
                .map(|(account, code)| (account.to_string(), json!({ "code": code, "state": {} })))
                .collect();
            params.push(Value::Object(codes));
        }
        if let Some(time) = self.time {
            params.push(json!({ "time": format!("{time:#x}") }));
        }
        Value::Array(params)
    }
}

impl L1Client {
    /// Runs a simulation and gives what it returns.
    ///
    /// # Errors
    /// [`CallError::Rpc`], [`CallError::Reverted`].
    pub async fn simulate(&self, simulation: &Simulation) -> Result<Bytes, CallError> {
        self.rpc
            .read("eth_call", simulation.params())
            .await
            .map_err(|error| match RevertReason::of(&error) {
                Some(reason) => CallError::Reverted {
                    function: "eth_call",
                    reason,
                },
                None => CallError::Rpc(error),
            })
    }

    /// A typed view of a contract.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn view<C: SolCall>(&self, to: Address, call: &C, at: At) -> Result<C::Return, CallError> {
        view(&self.rpc, to, call, at).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_are_sent_only_when_there_are_any() {
        let plain = Simulation::call(Address::ZERO, Address::repeat_byte(1), Bytes::new());
        assert_eq!(plain.params().as_array().map(Vec::len), Some(2));
        let mut creation = Simulation::creation(Address::repeat_byte(1), Bytes::from_static(&[0xfe]));
        creation.time = Some(16);
        let params = creation.params();
        let code = Address::repeat_byte(1).to_string();
        assert_eq!(params.pointer(&format!("/2/{code}/code")), Some(&json!("0xfe")));
        assert_eq!(params.pointer("/3/time"), Some(&json!("0x10")));
    }
}
