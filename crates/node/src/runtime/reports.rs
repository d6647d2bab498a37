//! The actor that reports equivocations to L1 with the publisher's account, one at a time and never in the way of a block.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use agoge_l1_client::{CallError, SendOutcome, SenderHandle, TxRequest, is_slashing_over, slash};
use agoge_protocol::{Address, Epoch, Equivocation, Slot};
use agoge_supervisor::CancellationToken;
use futures::future::{BoxFuture, FutureExt as _};
use tokio::sync::mpsc;

use super::handle::InstanceHandle;
use super::node::NodeHandle;
use super::shared::Shared;
use crate::consensus::next_l1_time;
use crate::evidence::{AddError, Ended, Key, LOOK_AHEAD_SLOTS, Queue, Tried, free_until, turn_ms};
use crate::metrics::{REPORTS, REPORTS_WAITING};
use crate::query::{CommitteeError, NodeCommands as _};

/// Notices that wait for the actor.
pub(super) const NOTICES_MAX: usize = 64;
/// Transactions of reports in an epoch that may end in a block: what reports can cost, whatever is reported.
const PAID_PER_EPOCH_MAX: u32 = 8;

/// What validators tell the actor. All of it is checked evidence.
#[derive(Debug)]
pub(super) enum Notice {
    /// Another validator's key signed two messages.
    Equivocation(Box<Equivocation>),
    /// One of this node's did.
    OwnKeyElsewhere {
        attester: Address,
        equivocation: Box<Equivocation>,
    },
}

/// With what is reported; a node without it logs what it sees.
#[derive(Clone, Debug)]
pub(super) struct Means {
    pub(super) sender: SenderHandle,
    pub(super) queue: Arc<Mutex<Queue>>,
    /// The Staking contract.
    pub(super) staking: Address,
}

impl Means {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Each change leaves it whole.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a try ended, for the log.
struct Attempt {
    tried: Tried,
    /// Whether it ended in a block, so that it was paid for.
    is_paid: bool,
    words: String,
}

impl Attempt {
    fn free(tried: Tried, words: impl ToString) -> Self {
        Self {
            tried,
            is_paid: false,
            words: words.to_string(),
        }
    }
}

struct Reporter {
    shared: Arc<Shared>,
    means: Option<Means>,
    /// Reports of an epoch that were paid for.
    paid: (Epoch, u32),
}

type Running = BoxFuture<'static, (Key, Attempt)>;

/// Runs until cancelled.
pub(super) async fn run(
    shared: Arc<Shared>,
    means: Option<Means>,
    mut notices: mpsc::Receiver<Notice>,
    cancel: CancellationToken,
) -> Result<(), Infallible> {
    let l1_slot = Duration::from_secs(shared.config.network.network.l1_slot_seconds.max(1));
    let mut tick = tokio::time::interval(l1_slot);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let paid = (Epoch::new(0), 0);
    let mut reporter = Reporter { shared, means, paid };
    let mut running: Option<Running> = None;
    loop {
        let ended = async {
            match &mut running {
                Some(attempt) => attempt.await,
                None => pending().await,
            }
        };
        tokio::select! {
            () = cancel.cancelled() => return Ok(()),
            Some(notice) = notices.recv() => reporter.handle(notice).await,
            (key, attempt) = ended => {
                running = None;
                reporter.end(key, attempt).await;
            }
            _ = tick.tick() => {
                if running.is_none() {
                    running = reporter.begin();
                }
            }
        }
    }
}

impl Reporter {
    async fn handle(&self, notice: Notice) {
        match notice {
            Notice::Equivocation(equivocation) => self.take(*equivocation).await,
            Notice::OwnKeyElsewhere {
                attester,
                equivocation,
            } => {
                let evidence = words(&equivocation);
                tracing::error!(
                    %attester, slot = %equivocation.slot, evidence,
                    "ANOTHER NODE SIGNS WITH THIS KEY: its duties are switched off here, others will report it and its stake will be slashed; \
                     hint: stop the other node before agogeAdmin_setDuties switches them on again"
                );
                let node = NodeHandle {
                    shared: Arc::clone(&self.shared),
                };
                if let Err(error) = node.set_duties(attester, false).await {
                    tracing::error!(%attester, %error, "the key is silent until this node stops, but that was not stored; hint: remove its key file");
                }
            }
        }
    }

    async fn take(&self, equivocation: Equivocation) {
        let (slot, evidence) = (equivocation.slot, words(&equivocation));
        let Some(means) = self.means.clone() else {
            tracing::warn!(%slot, evidence, "a validator signed two different messages; this node does not report it (publisher key and report_equivocation)");
            return;
        };
        let (now, l1_slot_ms) = (self.shared.slots.now_unix_ms(), self.l1_slot_ms());
        let first = now.saturating_add(turn_ms(means.sender.address(), &equivocation, l1_slot_ms));
        let adding = self.shared.spawner.spawn_blocking("evidence-add", move || {
            let mut queue = means.queue();
            (queue.add(equivocation, first), queue.len())
        });
        // The node may be stopping.
        let Ok((added, waiting)) = adding.await else {
            return;
        };
        metrics::gauge!(REPORTS_WAITING).set(gauge(waiting));
        match added {
            Ok(Key { attester, kind, .. }) => {
                tracing::warn!(%attester, %slot, ?kind, evidence, "a validator signed two different messages; it will be reported to L1");
            }
            Err(AddError::Known) => {}
            Err(error) => {
                tracing::error!(%slot, evidence, %error, "a validator signed two different messages; it is not reported")
            }
        }
    }

    /// Begins the next try, if one is due.
    fn begin(&mut self) -> Option<Running> {
        let means = self.means.clone()?;
        let epoch = self.shared.epoch();
        if self.paid.0 != epoch {
            self.paid = (epoch, 0);
        }
        if self.paid.1 >= PAID_PER_EPOCH_MAX {
            return None;
        }
        let (key, equivocation) = means.queue().due(self.shared.slots.now_unix_ms())?;
        let shared = Arc::clone(&self.shared);
        Some(async move { (key, attempt(&shared, &means, &equivocation).await) }.boxed())
    }

    async fn end(&mut self, key: Key, attempt: Attempt) {
        let Attempt {
            tried,
            is_paid,
            words,
        } = attempt;
        if is_paid {
            self.paid.1 = self.paid.1.saturating_add(1);
        }
        let Key {
            attester, kind, slot, ..
        } = key;
        match tried {
            Tried::NotNow => {}
            Tried::Failed => {
                tracing::warn!(%attester, %slot, ?kind, words, "an equivocation could not be reported; it will be tried again")
            }
            Tried::Slashed => {
                metrics::counter!(REPORTS, "outcome" => "slashed").increment(1);
                tracing::info!(%attester, %slot, ?kind, words, "reported an equivocation; the reward is credited to the publisher on Staking");
            }
            Tried::Over => tracing::info!(%attester, %slot, ?kind, words, "an equivocation needs no report"),
        }
        let Some(means) = self.means.clone() else { return };
        let now = self.shared.slots.now_unix_ms();
        let ending = self.shared.spawner.spawn_blocking("evidence-end", move || {
            let mut queue = means.queue();
            (queue.on_tried(&key, tried, now), queue.len())
        });
        // The node may be stopping.
        let Ok((ended, waiting)) = ending.await else {
            return;
        };
        metrics::gauge!(REPORTS_WAITING).set(gauge(waiting));
        match ended {
            Ok(None) => {}
            Ok(Some(Ended::Settled)) => metrics::counter!(REPORTS, "outcome" => "settled").increment(1),
            Ok(Some(Ended::GivenUp)) => {
                metrics::counter!(REPORTS, "outcome" => "given_up").increment(1);
                tracing::error!(%attester, %slot, ?kind, "an equivocation is not reported any more: it failed too often");
            }
            Err(error) => tracing::error!(%error, "the file of reports was not written"),
        }
    }

    fn l1_slot_ms(&self) -> u64 {
        self.shared
            .config
            .network
            .network
            .l1_slot_seconds
            .saturating_mul(1_000)
    }
}

/// One try: simulated at the head first, sent only while no block of this node's is due, given up before the next is.
async fn attempt(shared: &Shared, means: &Means, equivocation: &Equivocation) -> Attempt {
    let Some(until) = sender_free_until(shared).await else {
        return Attempt::free(Tried::NotNow, "");
    };
    let request = TxRequest {
        deadline_time: Some(until),
        ..slash(means.staking, equivocation)
    };
    match shared.l1.estimate_gas(means.sender.address(), &request).await {
        Ok(_) => {}
        Err(CallError::Reverted { reason, .. }) if is_slashing_over(&reason) => {
            return Attempt::free(Tried::Over, reason);
        }
        Err(error) => return Attempt::free(Tried::Failed, error),
    }
    let Ok(outcome) = means.sender.send(request).await else {
        return Attempt::free(Tried::NotNow, "");
    };
    let is_over = match &outcome {
        SendOutcome::SimulationReverted { reason }
        | SendOutcome::Reverted {
            reason: Some(reason), ..
        } => is_slashing_over(reason),
        _ => false,
    };
    Attempt {
        tried: match &outcome {
            SendOutcome::Mined(_) => Tried::Slashed,
            _ if is_over => Tried::Over,
            _ => Tried::Failed,
        },
        is_paid: matches!(outcome, SendOutcome::Mined(_) | SendOutcome::Reverted { .. }),
        words: outcome.to_string(),
    }
}

/// Until when the sender is not needed for a block of any instance, L1 time; `None` when it is needed now, or when that is not known.
async fn sender_free_until(shared: &Shared) -> Option<u64> {
    let head = (*shared.signals.head.borrow())?;
    let timing = shared.slots.timing();
    let l1_slot_seconds = shared.config.network.network.l1_slot_seconds;
    let next = next_l1_time(&head, l1_slot_seconds, shared.slots.now_unix_ms());
    let first = timing.slot_at(next).unwrap_or(Slot::new(0)).get();
    let mut ours = BTreeSet::new();
    for instance in shared.running() {
        for slot in (first..first.saturating_add(LOOK_AHEAD_SLOTS)).map(Slot::new) {
            if is_ours(&instance, slot).await {
                ours.insert(slot);
            }
        }
    }
    free_until(timing, l1_slot_seconds, next, &ours)
}

/// Whether a block of the slot may still have to be sent from here.
async fn is_ours(instance: &InstanceHandle, slot: Slot) -> bool {
    let inner = &instance.inner;
    let tip = inner.view.borrow().and_then(|view| view.tip.slot);
    if tip.is_some_and(|tip| tip >= slot) {
        return false;
    }
    let timing = inner.clock.timing();
    match inner.committees.get(timing.epoch_of(slot)).await {
        Ok(committee) => {
            let proposer = committee.proposer(timing, slot);
            proposer.is_some_and(|proposer| inner.signer.addresses().contains(&proposer))
        }
        Err(CommitteeError::SetTooSmall { .. }) => false,
        Err(_) => !inner.signer.addresses().is_empty(),
    }
}

/// Evidence in full, as the file of reports has it: whoever has it can report it.
fn words(equivocation: &Equivocation) -> String {
    // Writing to a string cannot fail.
    serde_json::to_string(equivocation).unwrap_or_default()
}

fn gauge(waiting: usize) -> f64 {
    crate::metrics::approximate(u64::try_from(waiting).unwrap_or(u64::MAX))
}
