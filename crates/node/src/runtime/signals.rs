//! The actor that checks the chosen payload at every L1 head and tells the validators of the canonical instance, and what it answers.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use agoge_l1_client::{At, GovernanceReader};
use agoge_protocol::L1Block;
use agoge_protocol::rpc::{RpcGovernance, RpcNodeSignal, Signal};
use agoge_supervisor::CancellationToken;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::shared::Shared;
use crate::consensus::Input;
use crate::query::CommandError;
use crate::signals::{Choice, verdict};

/// How long an answer about governance is given again, so that questions of many do not become questions to L1.
const CACHE: Duration = Duration::from_secs(4);

/// What is signalled for, and where to look.
pub(super) struct Signals {
    // Interfaces.
    pub(super) reader: GovernanceReader,
    /// L1's head, as the Registry's follower sees it.
    pub(super) head: watch::Sender<Option<L1Block>>,
    changed: Notify,
    // State.
    choice: Mutex<Choice>,
    /// Held while the choice changes.
    change: tokio::sync::Mutex<()>,
    current: Mutex<Current>,
    answer: tokio::sync::Mutex<Option<(Instant, Result<RpcGovernance, String>)>>,
}

/// The payload, and whether blocks signal for it.
#[derive(Debug)]
struct Current {
    wanted: Option<Signal>,
    verdict: Result<(), String>,
}

impl core::fmt::Debug for Signals {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Signals")
            .field("current", &self.current())
            .finish_non_exhaustive()
    }
}

impl Signals {
    /// With the operator's choice, else what is configured.
    pub(super) fn new(reader: GovernanceReader, choice: Choice, configured: Option<Signal>) -> Self {
        let current = Current {
            wanted: choice.resolve(configured),
            verdict: Err("not checked yet".to_owned()),
        };
        Self {
            reader,
            head: watch::Sender::new(None),
            changed: Notify::new(),
            choice: Mutex::new(choice),
            change: tokio::sync::Mutex::default(),
            current: Mutex::new(current),
            answer: tokio::sync::Mutex::default(),
        }
    }

    /// Chooses, after a look at L1; from the next check on blocks signal for it.
    pub(super) async fn choose(shared: &Arc<Shared>, signal: Option<Signal>) -> Result<(), CommandError> {
        let signals = &shared.signals;
        let _change = signals.change.lock().await;
        if let Some(wanted) = signal {
            let found = signals.reader.payload(wanted.payload, At::Latest).await;
            if let Err(agoge_l1_client::CallError::Rpc(error)) = found {
                return Err(CommandError::L1(Box::new(error)));
            }
            verdict(wanted, &found).map_err(|reason| CommandError::Payload { reason })?;
        }
        let keeper = Arc::clone(shared);
        let kept = shared.spawner.spawn_blocking("signal-choice", move || {
            let mut choice = keeper
                .signals
                .choice
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            choice.set(signal)
        });
        let kept = kept.await.map_err(|_| CommandError::Stopping)?;
        kept.map_err(|error| CommandError::Storage(Box::new(error)))?;
        *signals.current() = Current {
            wanted: signal,
            verdict: Err("not checked yet".to_owned()),
        };
        *signals.answer.lock().await = None;
        signals.changed.notify_one();
        Ok(())
    }

    /// Where governance stands; at most [`CACHE`] old.
    pub(super) async fn governance(shared: &Shared) -> Result<RpcGovernance, String> {
        let signals = &shared.signals;
        // Whoever comes while one asks L1 waits for that answer.
        let mut answer = signals.answer.lock().await;
        let is_fresh = |since: &Instant| since.elapsed() < CACHE;
        let mut governance = match answer.as_ref() {
            Some((since, known)) if is_fresh(since) => known.clone(),
            _ => {
                let read = Self::read(shared).await;
                *answer = Some((Instant::now(), read.clone()));
                read
            }
        }?;
        governance.signal = signals.current().told();
        Ok(governance)
    }

    async fn read(shared: &Shared) -> Result<RpcGovernance, String> {
        let head = *shared.signals.head.borrow();
        let head = head.ok_or("L1's head is not known yet")?;
        let canonical = shared
            .canonical()
            .ok_or("the canonical instance does not run here")?;
        let facts = canonical.launch().facts;
        let (instance, proposer) = (facts.contracts.rollup, facts.governance_proposer);
        let timing = shared.slots.timing();
        let slot = timing.slot_at(head.time).unwrap_or(agoge_protocol::Slot::new(0));
        let reader = &shared.signals.reader;
        let round = reader.round(instance, proposer, &head, slot, timing.slot_seconds);
        let round = round.await.map_err(|error| error.to_string())?;
        let proposals = reader.proposals(proposer, &head).await;
        Ok(RpcGovernance {
            round,
            proposals: proposals.map_err(|error| error.to_string())?,
            signal: None,
        })
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        // Replaced whole.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Current {
    fn told(&self) -> Option<RpcNodeSignal> {
        self.wanted.map(|signal| RpcNodeSignal {
            payload: signal.payload,
            actions_hash: signal.actions_hash,
            is_signalled: self.verdict.is_ok(),
            reason: self.verdict.clone().err(),
        })
    }
}

/// Checks the choice at every head of L1 and whenever it changes, until cancelled.
pub(super) async fn run(shared: Arc<Shared>, cancel: CancellationToken) -> Result<(), Infallible> {
    let mut heads = shared.signals.head.subscribe();
    loop {
        tokio::select! {
            () = cancel.cancelled() => return Ok(()),
            () = shared.signals.changed.notified() => {}
            changed = heads.changed() => if changed.is_err() { return Ok(()) },
        }
        tokio::select! {
            () = cancel.cancelled() => return Ok(()),
            () = check(&shared) => {}
        }
    }
}

async fn check(shared: &Shared) {
    let Some(head) = *shared.signals.head.borrow() else {
        return;
    };
    let wanted = shared.signals.current().wanted;
    let verdict = match wanted {
        Some(wanted) => {
            let found = shared
                .signals
                .reader
                .payload(wanted.payload, At::Block(head.hash))
                .await;
            verdict(wanted, &found)
        }
        None => Err("nothing was chosen".to_owned()),
    };
    {
        let mut current = shared.signals.current();
        if current.wanted != wanted {
            // Chosen anew meanwhile: the next check is due already.
            return;
        }
        if let (Some(signal), true) = (wanted, current.verdict != verdict) {
            match &verdict {
                Ok(()) => {
                    tracing::info!(payload = %signal.payload, actions_hash = %signal.actions_hash, "blocks of this node signal")
                }
                Err(reason) => {
                    tracing::warn!(payload = %signal.payload, %reason, "blocks of this node do not signal")
                }
            }
        }
        current.verdict.clone_from(&verdict);
    }
    let signal = wanted.filter(|_| verdict.is_ok());
    let canonical = shared.canonical().map(|instance| instance.rollup());
    for instance in shared.running() {
        // Signals of any other instance are not counted.
        let signal = signal.filter(|_| canonical == Some(instance.rollup()));
        // An instance that is stopping signs nothing more.
        instance.tell(Input::Signal(signal)).await.ok();
    }
}
