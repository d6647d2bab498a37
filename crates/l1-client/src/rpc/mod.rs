//! JSON-RPC over HTTP with our own policy: bounded bodies, a time limit for each request, several endpoints, chain id checked for each.
//!
//! alloy's layers are not used: its retry layer waits a fixed time, its fallback layer lets an error win a race and neither bounds a body.

mod backoff;
mod error;
mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub(crate) use backoff::Backoff;
pub use error::{MESSAGE_BYTES_MAX, RpcCause, RpcError};
pub(crate) use wire::{read_body, retry_after, shorten, unreachable};

use crate::config::SecretUrl;
use crate::metrics;

/// Bytes of one JSON-RPC answer.
pub(crate) const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Calls in one batch.
pub(crate) const BATCH_MAX: usize = 20;
/// Rounds over all endpoints before a read gives up.
const ROUNDS_MAX: u32 = 3;
/// What slower endpoints get to take a transaction after the first has.
const GRACE: Duration = Duration::from_millis(500);

/// One request of a batch.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: &'static str,
    pub(crate) params: Value,
}

impl Call {
    pub(crate) fn new(method: &'static str, params: Value) -> Self {
        Self { method, params }
    }
}

/// All JSON-RPC endpoints of a process; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Rpc {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    http: reqwest::Client,
    endpoints: Vec<Endpoint>,
    /// Index of the endpoint that answered last.
    current: AtomicUsize,
    next_id: AtomicU64,
    chain_id: u64,
    timeout: Duration,
}

#[derive(Debug)]
struct Endpoint {
    url: SecretUrl,
    is_checked: AtomicBool,
}

impl Rpc {
    /// `urls` must not be empty; nothing is sent yet.
    pub(crate) fn new(http: reqwest::Client, urls: &[SecretUrl], chain_id: u64, timeout: Duration) -> Self {
        let endpoints = urls
            .iter()
            .map(|url| Endpoint {
                url: url.clone(),
                is_checked: AtomicBool::new(false),
            })
            .collect();
        let inner = Inner {
            http,
            endpoints,
            current: AtomicUsize::new(0),
            next_id: AtomicU64::new(1),
            chain_id,
            timeout,
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    pub(crate) fn chain_id(&self) -> u64 {
        self.inner.chain_id
    }

    /// Asks another endpoint first from now on.
    pub(crate) fn rotate(&self) {
        let next = self
            .inner
            .current
            .load(Ordering::Relaxed)
            .saturating_add(1)
            .checked_rem(self.endpoint_count());
        self.inner.current.store(next.unwrap_or(0), Ordering::Relaxed);
    }

    pub(crate) fn endpoint_count(&self) -> usize {
        self.inner.endpoints.len()
    }

    /// One call: every endpoint is asked once, the last good one first.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<T, RpcError> {
        let (index, answer) = self.answer_of(&[Call::new(method, params)]).await?;
        let value = answer
            .into_iter()
            .next()
            .unwrap_or(Ok(Value::Null))
            .map_err(|cause| self.error(index, method, cause))?;
        self.parse(index, method, value)
    }

    /// As [`Self::call`], repeated with growing pauses while the failure is transient. For reads that nobody else repeats.
    pub(crate) async fn read<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<T, RpcError> {
        let mut backoff = Backoff::new();
        loop {
            match self.call(method, params.clone()).await {
                Err(error)
                    if error.is_transient()
                        && !error.is_wrong_chain()
                        && backoff.failures() + 1 < ROUNDS_MAX =>
                {
                    tokio::time::sleep(backoff.after(&error.cause)).await;
                }
                other => return other,
            }
        }
    }

    /// At most [`BATCH_MAX`] calls in one request to one endpoint; the answers are in the order of the calls.
    pub(crate) async fn batch<T: DeserializeOwned>(
        &self,
        calls: &[Call],
    ) -> Result<Vec<Result<T, RpcError>>, RpcError> {
        let mut out = Vec::with_capacity(calls.len());
        for chunk in calls.chunks(BATCH_MAX) {
            let (index, answers) = self.answer_of(chunk).await?;
            for (call, answer) in chunk.iter().zip(answers) {
                let answer = answer.map_err(|cause| self.error(index, call.method, cause));
                out.push(answer.and_then(|value| self.parse(index, call.method, value)));
            }
        }
        Ok(out)
    }

    /// As [`Self::batch`], where every call has to succeed.
    pub(crate) async fn batch_all<T: DeserializeOwned>(&self, calls: &[Call]) -> Result<Vec<T>, RpcError> {
        self.batch(calls).await?.into_iter().collect()
    }

    /// Asks every endpoint on its own, in order; for raw transactions and for second opinions.
    pub(crate) async fn call_each<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> Vec<Result<T, RpcError>> {
        let call = [Call::new(method, params)];
        let requests = (0..self.endpoint_count()).map(|index| {
            let call = &call;
            async move {
                let answer = match self.request(index, call).await {
                    Ok(answers) => answers.into_iter().next().unwrap_or(Ok(Value::Null)),
                    Err(cause) => Err(cause),
                };
                answer
                    .map_err(|cause| self.error(index, method, cause))
                    .and_then(|value| self.parse(index, method, value))
            }
        });
        futures::future::join_all(requests).await
    }

    /// Sends to every endpoint at once, each after a fresh look at its chain id. Once one has taken it, the others get [`GRACE`].
    pub(crate) async fn send_each<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> Vec<Result<T, RpcError>> {
        let call = [Call::new(method, params)];
        let mut requests: FuturesUnordered<_> = (0..self.endpoint_count())
            .map(|index| {
                let call = &call;
                async move {
                    if let Some(endpoint) = self.inner.endpoints.get(index) {
                        endpoint.is_checked.store(false, Ordering::Relaxed);
                    }
                    let answers = self.request(index, call).await;
                    let answer =
                        answers.and_then(|answers| answers.into_iter().next().unwrap_or(Ok(Value::Null)));
                    let answer = answer.map_err(|cause| self.error(index, method, cause));
                    answer.and_then(|value| self.parse(index, method, value))
                }
            })
            .collect();
        let mut out = Vec::with_capacity(self.endpoint_count());
        let mut is_taken = false;
        loop {
            let next = if is_taken {
                // Cancel safe: what is still under way has been sent or never will be; the next round sends it again.
                tokio::time::timeout(GRACE, requests.next()).await.unwrap_or(None)
            } else {
                requests.next().await
            };
            let Some(answer) = next else { return out };
            is_taken |= answer.is_ok();
            out.push(answer);
        }
    }

    /// Asks all endpoints for their chain id again. Fails if one that answers serves another chain, or if none answers.
    pub(crate) async fn check_chain(&self) -> Result<(), RpcError> {
        let mut answered = false;
        let mut last = None;
        for index in 0..self.endpoint_count() {
            if let Some(endpoint) = self.inner.endpoints.get(index) {
                endpoint.is_checked.store(false, Ordering::Relaxed);
            }
            match self.check_endpoint(index).await {
                Ok(()) => answered = true,
                Err(cause @ RpcCause::WrongChain { .. }) => {
                    return Err(self.error(index, "eth_chainId", cause));
                }
                Err(cause) => last = Some(self.error(index, "eth_chainId", cause)),
            }
        }
        match last {
            Some(error) if !answered => Err(error),
            _ => Ok(()),
        }
    }

    /// Answers of the first endpoint that gives any, starting at the last good one.
    async fn answer_of(&self, calls: &[Call]) -> Result<(usize, wire::Answers), RpcError> {
        let method = calls.first().map_or("batch", |call| call.method);
        let count = self.endpoint_count();
        let start = self.inner.current.load(Ordering::Relaxed);
        let mut last = None;
        for step in 0..count {
            let index = (start + step).checked_rem(count).unwrap_or(0);
            match self.request(index, calls).await {
                Ok(answers) => {
                    let pruned = answers
                        .iter()
                        .find_map(|answer| answer.as_ref().err().filter(|cause| cause.is_pruned_data()));
                    match pruned {
                        // Another endpoint may keep what this one has thrown away.
                        Some(cause) if step.saturating_add(1) < count => {
                            last = Some(self.error(index, method, cause.clone()));
                        }
                        _ => {
                            self.inner.current.store(index, Ordering::Relaxed);
                            return Ok((index, answers));
                        }
                    }
                }
                Err(cause) => {
                    metrics::rpc_failed(method, &cause);
                    let error = self.error(index, method, cause);
                    tracing::debug!(%error, "L1 endpoint failed");
                    // A wrong chain is the message that must reach a person, whatever the others answered.
                    if last.as_ref().is_none_or(|old: &RpcError| !old.is_wrong_chain()) {
                        last = Some(error);
                    }
                }
            }
        }
        Err(last.unwrap_or_else(|| {
            self.error(
                0,
                method,
                RpcCause::Unreachable("no endpoint is configured".to_owned()),
            )
        }))
    }

    async fn check_endpoint(&self, index: usize) -> Result<(), RpcCause> {
        let Some(endpoint) = self.inner.endpoints.get(index) else {
            return Err(RpcCause::Unreachable("no endpoint is configured".to_owned()));
        };
        if endpoint.is_checked.load(Ordering::Relaxed) {
            return Ok(());
        }
        let answers = self
            .post(endpoint, &[Call::new("eth_chainId", Value::Array(Vec::new()))])
            .await?;
        let value = answers.into_iter().next().unwrap_or(Ok(Value::Null))?;
        let found: alloy::primitives::U64 =
            serde_json::from_value(value).map_err(|e| RpcCause::Malformed(e.to_string()))?;
        let found = found.to::<u64>();
        if found != self.inner.chain_id {
            return Err(RpcCause::WrongChain {
                expected: self.inner.chain_id,
                found,
            });
        }
        endpoint.is_checked.store(true, Ordering::Relaxed);
        Ok(())
    }

    async fn request(&self, index: usize, calls: &[Call]) -> Result<wire::Answers, RpcCause> {
        self.check_endpoint(index).await?;
        let Some(endpoint) = self.inner.endpoints.get(index) else {
            return Err(RpcCause::Unreachable("no endpoint is configured".to_owned()));
        };
        self.post(endpoint, calls).await
    }

    async fn post(&self, endpoint: &Endpoint, calls: &[Call]) -> Result<wire::Answers, RpcCause> {
        let count = u64::try_from(calls.len()).unwrap_or(u64::MAX);
        let first_id = self.inner.next_id.fetch_add(count, Ordering::Relaxed);
        for call in calls {
            metrics::rpc_called(call.method);
        }
        let body = wire::encode(first_id, calls);
        let exchange = wire::exchange(&self.inner.http, endpoint.url.url(), body);
        let bytes = tokio::time::timeout(self.inner.timeout, exchange)
            .await
            .map_err(|_| RpcCause::TimedOut(self.inner.timeout))??;
        wire::decode(first_id, calls.len(), &bytes)
    }

    fn error(&self, index: usize, method: &'static str, cause: RpcCause) -> RpcError {
        let endpoint = self
            .inner
            .endpoints
            .get(index)
            .map(|endpoint| endpoint.url.redacted())
            .unwrap_or_default();
        RpcError {
            endpoint,
            method,
            cause,
        }
    }

    fn parse<T: DeserializeOwned>(
        &self,
        index: usize,
        method: &'static str,
        value: Value,
    ) -> Result<T, RpcError> {
        serde_json::from_value(value)
            .map_err(|e| self.error(index, method, RpcCause::Malformed(wire::shorten(&e.to_string()))))
    }
}
