//! What a sender asks of L1 and what the answers mean.

use agoge_protocol::{Address, B256, U256};
use alloy::primitives::{Bytes, U64, U128};
use serde_json::{Value, json};

use super::fees::Market;
use super::lane_io::{Answer, Limits, Observation, Simulated};
use super::request::{GasPolicy, MinedTx, TxRequest};
use crate::l1_json::{HeaderJson, ReceiptJson};
use crate::revert::RevertReason;
use crate::rpc::{Call, Rpc, RpcCause, RpcError};

/// Least tip offered, wei: less is often ignored by builders.
const TIP_MIN: u128 = 1_000_000_000;
/// Largest first tip, wei, whatever the node suggests.
const TIP_MAX: u128 = 10_000_000_000;

/// L1 as one key sees it.
#[derive(Debug)]
pub(super) struct Chain {
    rpc: Rpc,
    key: Address,
}

impl Chain {
    pub(super) fn new(rpc: Rpc, key: Address) -> Self {
        Self { rpc, key }
    }

    pub(super) fn id(&self) -> u64 {
        self.rpc.chain_id()
    }

    /// The chain now, with the receipts of `watched`; one request.
    pub(super) async fn observe(&self, now: u64, watched: Vec<B256>) -> Result<Observation, RpcError> {
        let key = self.key;
        let mut calls = vec![
            Call::new("eth_getBlockByNumber", json!(["latest", false])),
            Call::new("eth_getTransactionCount", json!([key, "latest"])),
            Call::new("eth_getBalance", json!([key, "latest"])),
            Call::new("eth_blobBaseFee", json!([])),
            Call::new("eth_maxPriorityFeePerGas", json!([])),
        ];
        calls.extend(
            watched
                .iter()
                .map(|hash| Call::new("eth_getTransactionReceipt", json!([hash]))),
        );
        let mut answers = self.rpc.batch::<Value>(&calls).await?.into_iter();
        let mut next = || answers.next().unwrap_or(Ok(Value::Null));
        let head: HeaderJson = parse("eth_getBlockByNumber", next()?)?;
        let nonce: U64 = parse("eth_getTransactionCount", next()?)?;
        let balance: U256 = parse("eth_getBalance", next()?)?;
        let base_fee = head.base_fee_per_gas.unwrap_or_default().to::<u128>();
        // Both are comforts that some endpoints lack: the blob fee then starts at its reserve price.
        let blob_base_fee = next()
            .and_then(|value| parse::<U128>("eth_blobBaseFee", value))
            .map_or(0, |fee| fee.to());
        let tip = next()
            .and_then(|value| parse::<U128>("eth_maxPriorityFeePerGas", value))
            .map_or(0, |tip| tip.to());
        let mut receipts = Vec::new();
        for hash in watched {
            let receipt: Option<ReceiptJson> = parse("eth_getTransactionReceipt", next()?)?;
            receipts.extend(receipt.map(|receipt| place(hash, &receipt)));
        }
        Ok(Observation {
            now,
            head_number: head.number.to(),
            head_time: head.timestamp.to(),
            market: Market {
                base_fee,
                blob_base_fee,
                tip: tip.clamp(TIP_MIN, TIP_MAX),
            },
            nonce: nonce.to(),
            balance,
            receipts,
        })
    }

    /// Whether the request would succeed in the next block, and its gas limit.
    pub(super) async fn simulate(
        &self,
        request: &TxRequest,
        seen: &Observation,
        limits: &Limits,
    ) -> Simulated {
        let time = limits.next_time(seen).max(request.earliest_time.unwrap_or(0));
        let calldata = request.check.as_ref().unwrap_or(&request.calldata);
        let call = self.call_of(request, calldata, blob_fee(seen));
        let is_timed = request.earliest_time.is_some() || request.deadline_time.is_some();
        let overrides = is_timed.then(|| json!({ "time": format!("{time:#x}") }));
        let params = match &overrides {
            Some(overrides) => json!([call, "latest", Value::Null, overrides]),
            None => json!([call, "latest"]),
        };
        let mut answer: Result<Bytes, RpcError> = self.rpc.call("eth_call", params).await;
        if let Err(error) = &answer
            && is_timed
            && is_unjudged(error)
        {
            // An endpoint without overrides: a check at the head's time would say too little, so the chain decides.
            tracing::debug!(%error, "no simulation");
            answer = Ok(Bytes::new());
        }
        match answer {
            Ok(_) => {}
            // Who cannot pay is told so with numbers, after the fees are known.
            Err(error) if lacks_funds(&error) => {}
            Err(error) => return refusal(&error),
        }
        self.gas_limit(request, seen, overrides).await
    }

    /// The gas limit in a block with `overrides`: what is about time may revert in one with the head's.
    async fn gas_limit(
        &self,
        request: &TxRequest,
        seen: &Observation,
        overrides: Option<Value>,
    ) -> Simulated {
        match request.gas {
            GasPolicy::Fixed(gas_limit) => Simulated::Ok { gas_limit },
            GasPolicy::Estimate { max } => {
                let call = self.call_of(request, &request.calldata, blob_fee(seen));
                let timed = match overrides {
                    Some(overrides) => {
                        let params = json!([call, "latest", Value::Null, overrides]);
                        Some(self.rpc.call::<U64>("eth_estimateGas", params).await)
                    }
                    None => None,
                };
                let answer = match timed {
                    Some(answer) if !answer.as_ref().is_err_and(is_unjudged) => answer,
                    _ => self.rpc.call::<U64>("eth_estimateGas", json!([call])).await,
                };
                match answer {
                    Ok(estimate) => gas_limit_of(estimate.to(), max),
                    Err(error) if lacks_funds(&error) => Simulated::Ok {
                        gas_limit: FALLBACK_GAS.min(max),
                    },
                    Err(error) => refusal(&error),
                }
            }
        }
    }

    /// A request as the subject of a look. Nodes ask that the account could pay the blob fee, so it is no more than it takes.
    fn call_of(&self, request: &TxRequest, calldata: &Bytes, blob_fee: u128) -> Value {
        let mut call = json!({ "from": self.key, "data": calldata, "value": request.value });
        if let (Some(fields), Some(to)) = (call.as_object_mut(), request.to) {
            fields.insert("to".to_owned(), json!(to));
        }
        if let (Some(fields), Some(sidecar)) = (call.as_object_mut(), &request.sidecar)
            && *calldata == request.calldata
        {
            let hashes = json!(sidecar.versioned_hashes());
            fields.insert("blobVersionedHashes".to_owned(), hashes);
            fields.insert("maxFeePerBlobGas".to_owned(), json!(format!("{blob_fee:#x}")));
        }
        call
    }

    /// Sends raw bytes to every endpoint; the best answer counts.
    pub(super) async fn broadcast(&self, hash: B256, raw: &Bytes) -> Answer {
        let answers = self
            .rpc
            .send_each::<B256>("eth_sendRawTransaction", json!([raw]))
            .await;
        let mut best = Answer::Later;
        for answer in answers {
            let answer = match answer {
                Ok(found) if found != hash => Answer::Refused(format!(
                    "the endpoint answered with the hash {found}, expected {hash}"
                )),
                Ok(_) => Answer::Accepted,
                Err(error) => {
                    tracing::debug!(%error, %hash, "raw transaction not taken");
                    classify(&error.cause)
                }
            };
            if rank(&answer) > rank(&best) {
                best = answer;
            }
        }
        best
    }

    /// Replays a reverted transaction on the state before its block.
    pub(super) async fn revert_reason(&self, request: &TxRequest, tx: &MinedTx) -> Option<RevertReason> {
        let header: HeaderJson = self
            .rpc
            .call("eth_getBlockByHash", json!([tx.block_hash, false]))
            .await
            .ok()?;
        let call = self.call_of(request, &request.calldata, REPLAY_BLOB_FEE);
        let parent = format!("{:#x}", tx.block_number.saturating_sub(1));
        let overrides = json!({ "time": header.timestamp });
        let answer: Result<Bytes, RpcError> = self
            .rpc
            .call("eth_call", json!([call, parent, Value::Null, overrides]))
            .await;
        RevertReason::of(&answer.err()?)
    }
}

/// What a look offers for blob gas: what the next block may ask.
const fn blob_fee(seen: &Observation) -> u128 {
    let fee = seen.market.blob_base_fee.saturating_mul(2);
    if fee == 0 { 1 } else { fee }
}

/// The estimate and up to 30 % more, as far as the limit allows.
fn gas_limit_of(estimate: u64, max: u64) -> Simulated {
    if estimate > max {
        return Simulated::Refused(format!("the gas estimate {estimate} is above the limit {max}"));
    }
    let gas_limit = estimate.saturating_add(estimate.saturating_mul(3) / 10);
    Simulated::Ok {
        gas_limit: gas_limit.min(max),
    }
}

fn place(hash: B256, receipt: &ReceiptJson) -> (bool, MinedTx) {
    let gas = receipt
        .effective_gas_price
        .saturating_mul(U256::from(receipt.gas_used));
    let cost = gas.saturating_add(receipt.blob_gas_price.saturating_mul(receipt.blob_gas_used));
    let tx = MinedTx {
        hash,
        block_number: receipt.block_number.to(),
        block_hash: receipt.block_hash,
        gas_used: receipt.gas_used.to(),
        cost_wei: u128::try_from(cost).unwrap_or(u128::MAX),
        created: receipt.contract_address,
    };
    (receipt.status == U64::from(1), tx)
}

fn parse<T: serde::de::DeserializeOwned>(method: &'static str, value: Value) -> Result<T, RpcError> {
    serde_json::from_value(value).map_err(|e| RpcError {
        endpoint: "L1".to_owned(),
        method,
        cause: RpcCause::Malformed(crate::rpc::shorten(&e.to_string())),
    })
}

fn refusal(error: &RpcError) -> Simulated {
    match (RevertReason::of(error), &error.cause) {
        (Some(reason), _) => Simulated::Reverted(reason),
        (None, RpcCause::Refused { message, .. }) => Simulated::Refused(message.clone()),
        (None, _) => Simulated::Unknown,
    }
}

/// Whether the node refused the request itself, as one without overrides does, and the EVM said nothing.
fn is_unjudged(error: &RpcError) -> bool {
    matches!(error.cause, RpcCause::Refused { .. })
        && RevertReason::of(error).is_none()
        && !lacks_funds(error)
}

fn lacks_funds(error: &RpcError) -> bool {
    let RpcCause::Refused { message, .. } = &error.cause else {
        return false;
    };
    let text = message.to_lowercase();
    [
        "insufficient funds",
        "insufficient balance",
        "gas required exceeds allowance",
    ]
    .iter()
    .any(|part| text.contains(part))
}

/// Blob fee of a replay, wei per gas: what it was at the time is not known, and no market has asked more.
const REPLAY_BLOB_FEE: u128 = 0xff_ffff_ffff;
/// Gas limit assumed where the node will not estimate for lack of funds.
const FALLBACK_GAS: u64 = 1_000_000;

/// What a node's words mean. Texts of geth, reth, Nethermind, Besu, Erigon and anvil.
fn classify(cause: &RpcCause) -> Answer {
    let RpcCause::Refused { message, .. } = cause else {
        return match cause {
            RpcCause::WrongChain { .. } => Answer::WrongChain(cause.to_string()),
            _ => Answer::Later,
        };
    };
    let text = message.to_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
    if has(&[
        "already known",
        "already imported",
        "known transaction",
        "alreadyknown",
        "already exists",
        "already in pool",
    ]) {
        Answer::Accepted
    } else if has(&[
        "nonce too low",
        "old nonce",
        "nonce_too_low",
        "oldnonce",
        "nonce is too low",
    ]) {
        Answer::NonceTooLow
    } else if has(&[
        "underpriced",
        "replacement",
        "fee too low",
        "less than block base fee",
        "fee cap less",
        "feetoolow",
        "max fee per blob gas",
    ]) {
        Answer::Underpriced
    } else if has(&["insufficient funds", "insufficient balance"]) {
        Answer::InsufficientFunds
    } else if has(&[
        "already reserved",
        "pool is full",
        "txpool is full",
        "pool limit",
        "nonce too high",
        "try again",
    ]) {
        Answer::Later
    } else {
        Answer::Refused(message.clone())
    }
}

/// An answer of one endpoint that outranks another's: one that took it is enough.
fn rank(answer: &Answer) -> u8 {
    match answer {
        Answer::Later => 0,
        Answer::WrongChain(_) => 1,
        Answer::Refused(_) => 2,
        Answer::InsufficientFunds => 3,
        Answer::Underpriced => 4,
        Answer::NonceTooLow => 5,
        Answer::Accepted => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gas_limits_have_headroom_up_to_their_limit() {
        let limit = |estimate, max| match gas_limit_of(estimate, max) {
            Simulated::Ok { gas_limit } => Some(gas_limit),
            _ => None,
        };
        assert_eq!(limit(100_000, 1_000_000), Some(130_000));
        // A worst-case epoch's proof takes most of what a transaction may.
        assert_eq!(limit(14_000_000, 16_777_216), Some(16_777_216));
        assert_eq!(limit(16_777_216, 16_777_216), Some(16_777_216));
        assert_eq!(limit(16_777_217, 16_777_216), None);
    }

    #[test]
    fn words_of_nodes_are_understood() {
        let cases = [
            ("already known", Answer::Accepted),
            ("transaction already imported", Answer::Accepted),
            ("nonce too low: next nonce 5, tx nonce 4", Answer::NonceTooLow),
            ("replacement transaction underpriced", Answer::Underpriced),
            ("transaction underpriced: gas tip cap 0", Answer::Underpriced),
            ("max fee per gas less than block base fee", Answer::Underpriced),
            (
                "insufficient funds for gas * price + value",
                Answer::InsufficientFunds,
            ),
            ("address already reserved", Answer::Later),
            ("txpool is full", Answer::Later),
            (
                "intrinsic gas too low",
                Answer::Refused("intrinsic gas too low".to_owned()),
            ),
        ];
        for (message, expected) in cases {
            let cause = RpcCause::Refused {
                code: -32_000,
                message: message.to_owned(),
                data: None,
            };
            assert_eq!(classify(&cause), expected, "{message}");
        }
        assert_eq!(classify(&RpcCause::Html), Answer::Later);
    }
}
