//! Carries out what the [`super::lane`] machine decides: observes, simulates, signs, journals, broadcasts.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use agoge_protocol::{Address, B256, U256};
use agoge_supervisor::Clock;
use alloy::primitives::{Bytes, U64, U128};
use alloy::signers::local::PrivateKeySigner;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::fees::{FeePolicy, Fees, Market};
use super::journal::{Journal, JournalError};
use super::lane::Lane;
use super::lane_io::{Answer, Attempt, Input, Limits, Observation, Output, Simulated, Spec};
use super::request::{GasPolicy, MinedTx, Purpose, SendOutcome, TxRequest};
use super::sign::{SignError, Template, sign};
use crate::blob::Blob;
use crate::client::L1Client;
use crate::l1_json::{HeaderJson, ReceiptJson};
use crate::revert::RevertReason;
use crate::rpc::{Call, Rpc, RpcCause, RpcError};
use crate::{kzg, metrics};

/// Least tip offered, wei: less is often ignored by builders.
const TIP_MIN: u128 = 1_000_000_000;
/// Largest first tip, wei, whatever the node suggests.
const TIP_MAX: u128 = 10_000_000_000;

/// Why a sender stopped.
#[derive(Debug, thiserror::Error)]
pub enum SenderError {
    /// The journal cannot be written: nothing may be sent without it.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The key does not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The zero blob has no sidecar: the KZG set-up is broken.
    #[error(transparent)]
    Kzg(#[from] kzg::KzgError),
    /// A worker thread died.
    #[error("a worker thread ended early")]
    WorkerLost,
}

/// How a sender is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SenderHealth {
    /// Balance of the key at the last look, wei.
    pub balance: Option<U256>,
    /// What is being sent.
    pub in_flight: Option<Purpose>,
    /// Why the last look or request failed; `None` when all is well.
    pub problem: Option<String>,
}

/// One key, its lane and the way to L1.
pub(super) struct Driver {
    rpc: Rpc,
    clock: Arc<dyn Clock>,
    signer: PrivateKeySigner,
    limits: Limits,
    lane: Lane,
    journal: Option<Journal>,
    request: Option<TxRequest>,
    last: Option<Observation>,
    health: watch::Sender<SenderHealth>,
}

impl Driver {
    pub(super) fn new(client: &L1Client, signer: PrivateKeySigner, journal: Option<Journal>) -> Self {
        let network = &client.config.network;
        let limits = Limits {
            l1_slot_seconds: network.network.l1_slot_seconds,
            reorg_depth: network.l1.reorg_depth_max,
            fees: FeePolicy {
                headroom_percent: network.l1.fee_headroom_percent,
                cost_max: U256::from(network.l1.tx_cost_max_gwei)
                    .saturating_mul(U256::from(1_000_000_000_u64)),
            },
        };
        let lane = match &journal {
            Some(journal) => Lane::resume(limits, journal.open_attempts(), journal.closed()),
            None => Lane::new(limits),
        };
        Self {
            rpc: client.rpc.clone(),
            clock: client.clock.clone(),
            signer,
            limits,
            lane,
            journal,
            request: None,
            last: None,
            health: watch::Sender::new(SenderHealth::default()),
        }
    }

    pub(super) fn address(&self) -> Address {
        self.signer.address()
    }

    pub(super) fn health(&self) -> watch::Receiver<SenderHealth> {
        self.health.subscribe()
    }

    pub(super) fn is_busy(&self) -> bool {
        self.lane.is_busy()
    }

    /// Whether the machine can take a request now.
    pub(super) fn accepts(&self, request: &TxRequest) -> bool {
        self.lane.accepts(&spec(request))
    }

    /// Hands a request to the machine; the caller has asked [`Self::accepts`].
    pub(super) async fn submit(&mut self, request: TxRequest) -> Result<Option<SendOutcome>, SenderError> {
        let input = Input::Submit(spec(&request));
        self.request = Some(request);
        self.apply(input).await
    }

    /// Looks at the chain and does what is due; the outcome if the request ended.
    pub(super) async fn tick(&mut self) -> Result<Option<SendOutcome>, SenderError> {
        let observation = match self.observe().await {
            Ok(observation) => observation,
            Err(error) => {
                let problem = format!("{error}; hint: {}", error.cause.hint());
                self.health.send_modify(|health| health.problem = Some(problem));
                // A deadline passes even when L1 cannot be asked.
                let Some(last) = self.last.clone().filter(|_| self.lane.is_busy()) else {
                    return Ok(None);
                };
                Observation {
                    now: self.now(),
                    receipts: Vec::new(),
                    ..last
                }
            }
        };
        self.last = Some(observation.clone());
        metrics::balance(observation.balance);
        let balance = observation.balance;
        self.health.send_if_modified(|health| {
            let is_changed = health.balance != Some(balance);
            health.balance = Some(balance);
            is_changed
        });
        let outcome = self.apply(Input::Observed(observation)).await?;
        let in_flight = self.lane.purpose().cloned();
        self.health.send_if_modified(|health| {
            let problem = if balance.is_zero() {
                Some(format!(
                    "the publisher {} has no ETH; hint: send some to it",
                    self.signer.address()
                ))
            } else {
                None
            };
            let is_changed = health.in_flight != in_flight || health.problem != problem;
            (health.in_flight, health.problem) = (in_flight, problem);
            is_changed
        });
        Ok(outcome)
    }

    async fn apply(&mut self, input: Input) -> Result<Option<SendOutcome>, SenderError> {
        // Each input gives finitely many outputs and each output at most one input of a later kind, so this ends.
        let mut inputs = VecDeque::from([input]);
        let mut outcome = None;
        while let Some(input) = inputs.pop_front() {
            for output in self.lane.step(input) {
                match output {
                    Output::Simulate => inputs.push_back(Input::Simulated(self.simulate().await)),
                    Output::Issue {
                        nonce,
                        fees,
                        gas_limit,
                        is_blob,
                        is_cancel,
                    } => {
                        let attempt = self.issue(nonce, fees, gas_limit, is_blob, is_cancel).await?;
                        inputs.push_back(Input::Issued(attempt));
                    }
                    Output::Broadcast { hash, raw } => {
                        let answer = self.broadcast(hash, &raw).await;
                        inputs.push_back(Input::Answered { hash, answer });
                    }
                    Output::Record {
                        purpose,
                        digest,
                        nonce,
                        closing,
                    } => {
                        self.with_journal(move |journal| journal.close(purpose, digest, nonce, closing))
                            .await?;
                    }
                    Output::Done(done) => outcome = Some(done),
                }
            }
        }
        if let Some(outcome) = &mut outcome {
            if let SendOutcome::Reverted { tx, reason } = outcome {
                *reason = self.revert_reason(tx).await;
            }
            metrics::tx_finished(outcome.label());
            tracing::info!(key = %self.signer.address(), %outcome, "L1 transaction");
            self.request = None;
        }
        Ok(outcome)
    }

    fn now(&self) -> u64 {
        self.clock.now_unix_ms() / 1_000
    }

    async fn observe(&self) -> Result<Observation, RpcError> {
        let key = self.signer.address();
        let watched = self.lane.watched();
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
            now: self.now(),
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

    async fn simulate(&self) -> Simulated {
        let (Some(request), Some(seen)) = (&self.request, &self.last) else {
            return Simulated::Unknown;
        };
        let time = self
            .limits
            .next_time(seen)
            .max(request.earliest_time.unwrap_or(0));
        let calldata = request.check.as_ref().unwrap_or(&request.calldata);
        let call = self.call_of(request, calldata);
        let is_timed = request.earliest_time.is_some() || request.deadline_time.is_some();
        let overrides = json!({ "time": format!("{time:#x}") });
        let mut answer: Result<Bytes, RpcError> = if is_timed {
            self.rpc
                .call("eth_call", json!([call, "latest", Value::Null, overrides]))
                .await
        } else {
            self.rpc.call("eth_call", json!([call, "latest"])).await
        };
        if let Err(error) = &answer
            && matches!(error.cause, RpcCause::Refused { .. })
            && RevertReason::of(error).is_none()
            && is_timed
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
        match request.gas {
            GasPolicy::Fixed(gas_limit) => Simulated::Ok { gas_limit },
            GasPolicy::Estimate { max } => {
                let call = self.call_of(request, &request.calldata);
                match self.rpc.call::<U64>("eth_estimateGas", json!([call])).await {
                    Ok(estimate) => {
                        let estimate = estimate.to::<u64>();
                        let gas_limit = estimate.saturating_add(estimate.saturating_mul(3) / 10);
                        if gas_limit > max {
                            Simulated::Refused(format!(
                                "the gas estimate {estimate} with 30 % is above the limit {max}"
                            ))
                        } else {
                            Simulated::Ok { gas_limit }
                        }
                    }
                    Err(error) if lacks_funds(&error) => Simulated::Ok {
                        gas_limit: FALLBACK_GAS.min(max),
                    },
                    Err(error) => refusal(&error),
                }
            }
        }
    }

    fn call_of(&self, request: &TxRequest, calldata: &Bytes) -> Value {
        let mut call = json!({ "from": self.signer.address(), "data": calldata, "value": request.value });
        if let (Some(fields), Some(to)) = (call.as_object_mut(), request.to) {
            fields.insert("to".to_owned(), json!(to));
        }
        call
    }

    async fn issue(
        &mut self,
        nonce: u64,
        fees: Fees,
        gas_limit: u64,
        is_blob: bool,
        is_cancel: bool,
    ) -> Result<Attempt, SenderError> {
        let request = self.request.as_ref().filter(|_| !is_cancel);
        let (template, purpose, digest, deadline) = match request {
            Some(request) => (
                Template {
                    to: request.to,
                    calldata: request.calldata.clone(),
                    value: request.value,
                    sidecar: request.sidecar.clone(),
                },
                request.purpose.clone(),
                request.digest(),
                request.deadline_time,
            ),
            None => (
                self.cancellation(is_blob).await?,
                Purpose::named("cancel"),
                B256::ZERO,
                None,
            ),
        };
        let (hash, raw) = sign(
            &self.signer,
            self.rpc.chain_id(),
            nonce,
            gas_limit,
            fees,
            template,
        )?;
        let attempt = Attempt {
            purpose,
            digest,
            deadline,
            hash,
            nonce,
            fees,
            is_blob,
            is_cancel,
            raw,
        };
        let entry = attempt.clone();
        self.with_journal(move |journal| journal.issued(&entry)).await?;
        if self.lane.watched().len() > 1 {
            metrics::tx_replaced();
        }
        tracing::debug!(%hash, nonce, ?fees, purpose = %attempt.purpose, "signed L1 transaction");
        Ok(attempt)
    }

    /// A transfer of nothing to oneself; in place of a blob transaction it has to carry a blob.
    async fn cancellation(&self, is_blob: bool) -> Result<Template, SenderError> {
        let sidecar = if is_blob {
            let sidecar = tokio::task::spawn_blocking(|| kzg::sidecar(&Blob::zero()));
            Some(Arc::new(sidecar.await.map_err(|_| SenderError::WorkerLost)??))
        } else {
            None
        };
        Ok(Template {
            to: Some(self.signer.address()),
            calldata: Bytes::new(),
            value: U256::ZERO,
            sidecar,
        })
    }

    /// Journal work is file work: not on an async thread.
    async fn with_journal<F>(&mut self, work: F) -> Result<(), SenderError>
    where
        F: FnOnce(&mut Journal) -> Result<(), JournalError> + Send + 'static,
    {
        let Some(mut journal) = self.journal.take() else {
            return Ok(());
        };
        let task = tokio::task::spawn_blocking(move || {
            let result = work(&mut journal);
            (journal, result)
        });
        let (journal, result) = task.await.map_err(|_| SenderError::WorkerLost)?;
        self.journal = Some(journal);
        Ok(result?)
    }

    /// Sends raw bytes to every endpoint; the best answer counts.
    async fn broadcast(&self, hash: B256, raw: &Bytes) -> Answer {
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
    async fn revert_reason(&self, tx: &MinedTx) -> Option<RevertReason> {
        let request = self.request.as_ref()?;
        let header: HeaderJson = self
            .rpc
            .call("eth_getBlockByHash", json!([tx.block_hash, false]))
            .await
            .ok()?;
        let mut call = self.call_of(request, &request.calldata);
        if let (Some(fields), Some(sidecar)) = (call.as_object_mut(), &request.sidecar) {
            fields.insert(
                "blobVersionedHashes".to_owned(),
                json!([sidecar.versioned_hash()]),
            );
            fields.insert("maxFeePerBlobGas".to_owned(), json!("0xffffffffff"));
        }
        let parent = format!("{:#x}", tx.block_number.saturating_sub(1));
        let overrides = json!({ "time": header.timestamp });
        let answer: Result<Bytes, RpcError> = self
            .rpc
            .call("eth_call", json!([call, parent, Value::Null, overrides]))
            .await;
        RevertReason::of(&answer.err()?)
    }
}

fn spec(request: &TxRequest) -> Spec {
    Spec {
        purpose: request.purpose.clone(),
        digest: request.digest(),
        is_blob: request.sidecar.is_some(),
        value: request.value,
        earliest: request.earliest_time,
        deadline: request.deadline_time,
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

/// How often the chain is looked at: `poll` while something is in flight, else once in a while for the balance.
pub(super) fn pause(is_busy: bool, poll: Duration, l1_slot_seconds: u64) -> Duration {
    if is_busy {
        poll
    } else {
        poll.max(Duration::from_secs(l1_slot_seconds.saturating_mul(2)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
