//! Carries out what the [`super::lane`] machine decides: observes, simulates, signs, journals, broadcasts.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use agoge_protocol::{Address, B256, U256};
use agoge_supervisor::Clock;
use alloy::primitives::Bytes;
use alloy::signers::local::PrivateKeySigner;
use tokio::sync::watch;

use super::chain::Chain;
use super::fees::{FeePolicy, Fees};
use super::journal::{Journal, JournalError};
use super::lane::Lane;
use super::lane_io::{Attempt, Input, Limits, Observation, Output, Simulated, Spec};
use super::request::{Purpose, SendOutcome, TxRequest};
use super::sign::{SignError, Template, sign};
use crate::blob::Blob;
use crate::client::L1Client;
use crate::{kzg, metrics};

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
    chain: Chain,
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
            chain: Chain::new(client.rpc.clone(), signer.address()),
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
        let observation = match self.chain.observe(self.now(), self.lane.watched()).await {
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
                        let answer = self.chain.broadcast(hash, &raw).await;
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
                *reason = match &self.request {
                    Some(request) => self.chain.revert_reason(request, tx).await,
                    None => None,
                };
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

    async fn simulate(&self) -> Simulated {
        match (&self.request, &self.last) {
            (Some(request), Some(seen)) => self.chain.simulate(request, seen, &self.limits).await,
            _ => Simulated::Unknown,
        }
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
        let (hash, raw) = sign(&self.signer, self.chain.id(), nonce, gas_limit, fees, template)?;
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
            let sidecar = tokio::task::spawn_blocking(|| kzg::sidecar(&[Blob::zero()]));
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
}

fn spec(request: &TxRequest) -> Spec {
    Spec {
        purpose: request.purpose.clone(),
        digest: request.digest(),
        blobs: request.blobs(),
        value: request.value,
        earliest: request.earliest_time,
        deadline: request.deadline_time,
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
