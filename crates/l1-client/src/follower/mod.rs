//! Following L1 by parent hash: an actor that turns one or more L1 endpoints into a stream of [`ChainEvent`]s.
//!
//! Rules: `docs/protocol.md` section 14. `safe` and `finalized` are reported and never needed. One look costs one request; a new block costs
//! one more for its logs.
//!
//! | what is seen | what is sent |
//! |---|---|
//! | head = tip, or an ancestor of the tip | nothing |
//! | blocks above the tip, linked to it | `Extended` for each, oldest first |
//! | another block at a height that was followed | `RolledBack` to the common ancestor, then as above |
//! | no common ancestor within the depth | the actor stops with [`FollowerError::ReorgTooDeep`] |

mod counts;
mod decode;
mod error;
mod range;
mod walk;

use std::sync::Arc;
use std::time::Duration;

use agoge_protocol::{ChainEvent, L1Block, L1BlockNumber};
use agoge_supervisor::{ActorError as _, CancellationToken, Clock, Severity};
use serde_json::json;
use tokio::sync::{mpsc, watch};

pub use decode::DecodeError;
pub use error::FollowerError;

use crate::config::Contracts;
use crate::l1_json::HeaderJson;
use crate::metrics;
use crate::rpc::{Backoff, Rpc, RpcCause};
use walk::Walker;

/// Events that wait for the node; when full, following waits.
const EVENTS_MAX: usize = 256;

/// Settings of a follower.
#[derive(Clone, Debug)]
pub(crate) struct FollowerConfig {
    pub(crate) contracts: Contracts,
    pub(crate) first_block: u64,
    pub(crate) poll_interval: Duration,
    pub(crate) reorg_depth_max: u64,
    pub(crate) log_range_max: u64,
    /// Age of a head above which another endpoint is tried.
    pub(crate) head_age_max_seconds: u64,
    /// Between looks at `safe` and `finalized`.
    pub(crate) finality_interval: Duration,
}

/// How following goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FollowerHealth {
    /// The endpoint's head at the last look.
    pub head: Option<L1Block>,
    /// The last block sent.
    pub followed: Option<L1Block>,
    /// Last `safe` block, where the endpoint reports one.
    pub safe: Option<L1BlockNumber>,
    /// Last `finalized` block, where the endpoint reports one.
    pub finalized: Option<L1BlockNumber>,
    /// Why the last look gave nothing; `None` if it worked.
    pub problem: Option<Problem>,
}

/// A failure that lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Cause, for a person.
    pub text: String,
    /// What to do.
    pub hint: &'static str,
    /// Looks that failed in a row.
    pub failures: u32,
    /// Whether the endpoint serves another chain.
    pub is_wrong_chain: bool,
}

impl FollowerHealth {
    /// Seconds between the head's time and `now` (Unix seconds); `None` before the first look.
    pub fn head_age_seconds(&self, now: u64) -> Option<u64> {
        self.head.map(|head| now.saturating_sub(head.time))
    }

    /// Whether every block up to the endpoint's head was sent.
    pub fn is_synced(&self) -> bool {
        matches!((self.head, self.followed), (Some(head), Some(followed)) if followed.number >= head.number)
    }
}

/// The receiving end of a follower.
#[derive(Debug)]
pub struct ChainStream {
    events: mpsc::Receiver<ChainEvent>,
    health: watch::Receiver<FollowerHealth>,
}

impl ChainStream {
    /// The next event; `None` when the follower has stopped. Cancel safe.
    pub async fn next(&mut self) -> Option<ChainEvent> {
        self.events.recv().await
    }

    /// How following goes; clones see every change.
    pub fn health(&self) -> watch::Receiver<FollowerHealth> {
        self.health.clone()
    }
}

/// The actor. The supervisor runs [`Self::run`].
pub struct L1Follower {
    // Interfaces.
    rpc: Rpc,
    clock: Arc<dyn Clock>,
    events: mpsc::Sender<ChainEvent>,
    health: watch::Sender<FollowerHealth>,
    // Config.
    config: FollowerConfig,
    // State.
    walker: Walker,
    backoff: Backoff,
    finality_due_ms: u64,
}

impl std::fmt::Debug for L1Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("L1Follower")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl L1Follower {
    pub(crate) fn new(
        rpc: Rpc,
        clock: Arc<dyn Clock>,
        config: FollowerConfig,
        cursor: Vec<L1Block>,
    ) -> (Self, ChainStream) {
        let (events, events_rx) = mpsc::channel(EVENTS_MAX);
        let (health, health_rx) = watch::channel(FollowerHealth::default());
        let walker = Walker::new(
            rpc.clone(),
            config.contracts,
            config.first_block,
            config.reorg_depth_max,
            config.log_range_max,
            cursor,
        );
        let follower = Self {
            rpc,
            clock,
            events,
            health,
            config,
            walker,
            backoff: Backoff::new(),
            finality_due_ms: 0,
        };
        (
            follower,
            ChainStream {
                events: events_rx,
                health: health_rx,
            },
        )
    }

    /// Follows until cancelled, until the receiver is dropped, or until following is impossible.
    ///
    /// # Errors
    /// [`FollowerError::ReorgTooDeep`] and [`FollowerError::Undecodable`]; everything else is tried again.
    pub async fn run(mut self, cancel: CancellationToken) -> Result<(), FollowerError> {
        loop {
            let pause = tokio::select! {
                () = cancel.cancelled() => return Ok(()),
                // A pass that is cut off has sent whole events only, and the process is stopping.
                pause = self.look() => match pause? {
                    Some(pause) => pause,
                    None => return Ok(()),
                },
            };
            tokio::select! {
                () = cancel.cancelled() => return Ok(()),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// One pass; the pause until the next, or `None` when nobody listens.
    async fn look(&mut self) -> Result<Option<Duration>, FollowerError> {
        let pass = match self.walker.pass().await {
            Ok(pass) => pass,
            Err(error) => return self.failed(error).map(Some),
        };
        self.backoff.succeeded();
        // An endpoint that has stopped at some height answers without an error for ever.
        let age = (self.clock.now_unix_ms() / 1_000).saturating_sub(pass.head.time);
        if pass.is_lagging || (!pass.is_behind && age > self.config.head_age_max_seconds) {
            self.rpc.rotate();
        }
        for event in pass.events {
            let followed = match &event {
                ChainEvent::Extended { block, .. } => *block,
                ChainEvent::RolledBack { to } => *to,
            };
            if self.events.send(event).await.is_err() {
                return Ok(None);
            }
            metrics::head(followed.number.get(), followed.time);
            self.health.send_modify(|health| {
                health.head = Some(pass.head);
                health.followed = Some(followed);
            });
        }
        self.health.send_if_modified(|health| {
            let followed = self.walker.tip();
            let is_changed =
                health.problem.is_some() || health.head != Some(pass.head) || health.followed != followed;
            (health.head, health.followed, health.problem) = (Some(pass.head), followed, None);
            is_changed
        });
        self.look_at_finality().await;
        Ok(Some(if pass.is_behind {
            Duration::ZERO
        } else {
            self.config.poll_interval
        }))
    }

    fn failed(&mut self, error: FollowerError) -> Result<Duration, FollowerError> {
        let pause = match &error {
            FollowerError::Rpc(rpc) => self.backoff.after(&rpc.cause),
            _ => self.backoff.next(None),
        };
        let is_wrong_chain = matches!(&error, FollowerError::Rpc(rpc) if rpc.is_wrong_chain());
        let problem = Problem {
            text: error.to_string(),
            hint: error.hint(),
            failures: self.backoff.failures(),
            is_wrong_chain,
        };
        if matches!(error, FollowerError::HeadWentBack { .. }) {
            self.rpc.rotate();
        }
        if error.severity() == Severity::Fatal {
            self.health.send_modify(|health| health.problem = Some(problem));
            return Err(error);
        }
        // The first failure of a row is worth a line; the health has the rest.
        if problem.failures == 1 {
            tracing::warn!(%error, hint = problem.hint, "cannot follow L1");
        }
        self.health.send_modify(|health| health.problem = Some(problem));
        // A momentary contradiction is resolved by looking again soon.
        Ok(match error {
            FollowerError::Inconsistent(_) if self.backoff.failures() <= 3 => self.config.poll_interval,
            _ => pause,
        })
    }

    async fn look_at_finality(&mut self) {
        let now = self.clock.now_unix_ms();
        if now < self.finality_due_ms {
            return;
        }
        let interval = u64::try_from(self.config.finality_interval.as_millis()).unwrap_or(u64::MAX);
        self.finality_due_ms = now.saturating_add(interval);
        for tag in ["safe", "finalized"] {
            let header: Result<Option<HeaderJson>, _> =
                self.rpc.call("eth_getBlockByNumber", json!([tag, false])).await;
            let number = match header {
                Ok(header) => header.map(|header| header.block().number),
                Err(error) => {
                    // Not every endpoint has these tags, and nothing depends on them.
                    if !matches!(error.cause, RpcCause::Refused { .. }) {
                        tracing::debug!(%error, tag, "no answer");
                    }
                    None
                }
            };
            let Some(number) = number else { continue };
            self.health.send_modify(|health| match tag {
                "safe" => health.safe = Some(number),
                _ => {
                    health.finalized = Some(number);
                    metrics::finalized(number.get());
                }
            });
        }
    }
}
