//! The actor that decides and acts: reads the chain, asks [`decide`], and starts what it says.
//!
//! All that it keeps can be made again from L1, peers and the kept results, so a restart in the middle of anything is harmless. A
//! transaction that was sent is in the sender's journal.

mod acts;
mod memory;
mod report;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use agoge_protocol::{Address, B256, Epoch, Slot, U256};
use agoge_store::Store;
use agoge_supervisor::{ActorError, CancellationToken, Health, Lost, Severity, SlotClock, Spawner};
use tokio::sync::{mpsc, watch};

use self::memory::{Done, State, StatementState, goal_key, statement};
use super::commitments::Commitments;
use super::facts::{self, FactRules, FactsError, Held, OpenEpoch, OpenEpochs};
use super::seams::{Goal, GoalKey, Outside, ProofMaker};
use super::status::InstanceStatus;
use crate::chain::ChainState;
use crate::epochs::{Action, Claimant, EpochFacts, Moment, Policy, decide, settlements};

/// Between two looks while nothing happens.
const TICK: Duration = Duration::from_millis(500);
/// Results of started work that wait.
const RESULTS_MAX: usize = 64;
/// Name of this component on health pages.
const HEALTH: &str = "prover";

/// Signs a digest with the prover's key.
pub type Signer = Arc<dyn Fn(B256) -> Option<agoge_protocol::CompactSignature> + Send + Sync>;

/// What a coordinator is made of.
pub struct Coordinator {
    /// L1 and the network.
    pub outside: Arc<dyn Outside>,
    /// Makes proofs.
    pub maker: Arc<dyn ProofMaker>,
    /// The chain.
    pub store: Arc<Store>,
    /// Told when the chain changes.
    pub chain: watch::Receiver<ChainState>,
    /// What people see.
    pub status: watch::Sender<InstanceStatus>,
    /// Told what does not work.
    pub health: Health,
    /// For blocking work.
    pub spawner: Spawner,
    /// The process's clock.
    pub clock: SlotClock,
    /// Signs quotes.
    pub signer: Signer,
    /// What to do.
    pub policy: Policy,
    /// Who proves.
    pub claimant: Claimant,
    /// The bonds' contract.
    pub prover_bonds: Address,
    /// What all instances have taken on.
    pub commitments: Commitments,
    /// The network's numbers.
    pub rules: CoordinatorRules,
}

/// The network's numbers that decisions depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoordinatorRules {
    /// Slots of an epoch in which the one before may be claimed.
    pub claim_window_slots: u64,
    /// P.
    pub proof_window_epochs: u64,
    /// Seconds between L1 blocks.
    pub l1_slot_seconds: u64,
}

/// Why the coordinator stops.
#[derive(Debug, thiserror::Error)]
pub enum CoordinatorError {
    /// The store cannot be read.
    #[error(transparent)]
    Facts(#[from] FactsError),
    /// Work was lost: the process is stopping.
    #[error(transparent)]
    Lost(#[from] Lost),
}

impl ActorError for CoordinatorError {
    fn severity(&self) -> Severity {
        Severity::Fatal
    }
}

impl Coordinator {
    /// Runs until cancelled.
    ///
    /// # Errors
    /// [`CoordinatorError`].
    pub async fn run(mut self, cancel: CancellationToken) -> Result<(), CoordinatorError> {
        self.health.register(HEALTH);
        let (results, mut done) = mpsc::channel(RESULTS_MAX);
        let mut state = State {
            memory: BTreeMap::new(),
            settlements: BTreeMap::new(),
            held: Held::new(),
            bond_available_gwei: None,
            is_asking_bond: false,
            bond_asked_at: 0,
            results,
        };
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = cancel.cancelled() => return Ok(()),
                _ = tick.tick() => self.look(&mut state, &cancel).await?,
                changed = self.chain.changed() => match changed {
                    Ok(()) => self.look(&mut state, &cancel).await?,
                    Err(_) => return Ok(()),
                },
                Some(result) = done.recv() => self.take(&mut state, result),
            }
        }
    }

    /// One look at the chain and what follows from it.
    async fn look(&mut self, state: &mut State, cancel: &CancellationToken) -> Result<(), CoordinatorError> {
        let chain = self.chain.borrow_and_update().clone();
        let Some(head) = chain.head else {
            self.health.set(HEALTH, Err("waiting for L1".to_owned()));
            return Ok(());
        };
        let time = head.time.saturating_add(self.rules.l1_slot_seconds);
        let open = self.read(state, time, chain.unfollowed).await?;
        self.ask_bond(state);
        self.prepare(state, &open, time);
        let goals = state.goals(&open);
        if chain.is_synced {
            let moment = Moment {
                timing: *self.clock.timing(),
                time,
                proven: open.tips.proven,
                superseded_at: self.outside.superseded_at(),
                claim_window_slots: self.rules.claim_window_slots,
                proof_window_epochs: self.rules.proof_window_epochs,
                bond_available_gwei: self.bond_gwei(state, time),
                has_workers: self.maker.has_workers(),
                is_stopping: cancel.is_cancelled(),
            };
            let facts = self.facts(state, &open, &goals);
            let actions = decide(self.claimant.prover, &self.policy, &moment, &facts);
            self.tell_work(&facts, &actions);
            self.act(state, &open, &goals, &actions, &moment);
            for epoch in settlements(self.claimant.prover, &moment, &open.claims) {
                self.settle(state, epoch);
            }
            self.health.set(HEALTH, health(&moment, &facts));
        } else {
            self.health.set(HEALTH, Err("catching up with L1".to_owned()));
        }
        self.report(state, &chain, &open, &goals);
        Ok(())
    }

    async fn read(
        &self,
        state: &mut State,
        time: u64,
        unfollowed: Option<Epoch>,
    ) -> Result<OpenEpochs, CoordinatorError> {
        let rules = FactRules {
            me: self.claimant.prover,
            timing: *self.clock.timing(),
            proof_window_epochs: self.rules.proof_window_epochs,
            unfollowed,
        };
        let (store, mut held) = (Arc::clone(&self.store), core::mem::take(&mut state.held));
        let read = self.spawner.spawn_blocking("read-epochs", move || {
            let open = facts::read(&store.view(), &rules, time, &mut held);
            (open, held)
        });
        let (open, held) = read.await?;
        state.held = held;
        Ok(open?)
    }

    /// Asks L1 for the bond once in an L1 slot.
    fn ask_bond(&self, state: &mut State) {
        let now = self.clock.now_unix_seconds();
        let is_due = now >= state.bond_asked_at.saturating_add(self.rules.l1_slot_seconds);
        if state.is_asking_bond || !is_due || !self.policy.quotes {
            return;
        }
        state.is_asking_bond = true;
        state.bond_asked_at = now;
        let (outside, results) = (Arc::clone(&self.outside), state.results.clone());
        self.spawner.spawn("ask-bond", async move {
            let bond = outside.bond_available_gwei().await;
            // The coordinator may have stopped.
            results.send(Done::Bond(bond)).await.ok();
            Ok::<(), core::convert::Infallible>(())
        });
    }

    /// What a new quote may lock besides what is promised for other instances, gwei.
    fn bond_gwei(&self, state: &State, time: u64) -> u64 {
        let slot = self.clock.timing().slot_at(time).unwrap_or(Slot::new(0));
        let available = state.bond_available_gwei.unwrap_or(0);
        let elsewhere = self
            .commitments
            .quoted_elsewhere_gwei(self.claimant.rollup, self.prover_bonds, slot);
        available.saturating_sub(elsewhere)
    }

    /// Tells the other instances what is worked on here, or will be if a quote is claimed.
    fn tell_work(&self, facts: &[EpochFacts], actions: &[(Epoch, Action)]) {
        let is_ahead = |facts: &&EpochFacts| {
            let mut actions = actions.iter().filter(|(epoch, _)| *epoch == facts.epoch);
            facts.quoted_until.is_some()
                || actions.any(|(_, action)| matches!(action, Action::Prove | Action::Quote))
        };
        let ahead = facts.iter().filter(|facts| facts.proof_from.is_none());
        let work = ahead
            .filter(is_ahead)
            .map(|facts| (facts.epoch, facts.eta_seconds));
        self.commitments.set_work(self.claimant.rollup, work.collect());
    }

    /// Chooses the range of each epoch's proof, and makes statements of epochs that are over and held.
    fn prepare(&self, state: &mut State, open: &OpenEpochs, time: u64) {
        state.memory.retain(|epoch, memory| {
            memory.submission.is_under_way || open.epochs.iter().any(|open| open.epoch == *epoch)
        });
        state.settlements.retain(|epoch, tries| {
            tries.is_under_way || open.claims.iter().any(|claim| claim.epoch == *epoch)
        });
        let now = self.clock.now_unix_seconds();
        for epoch in &open.epochs {
            let progress = self.maker.progress(epoch.epoch).jobs;
            let memory = state.memory.entry(epoch.epoch).or_default();
            let goal = goal_key(
                self.claimant.prover,
                epoch,
                open.tips.proven,
                memory.goal.as_ref(),
                progress,
            );
            if memory.goal.as_ref() != Some(&goal) {
                memory.goal = Some(goal.clone());
                memory.statement = StatementState::None;
                memory.submission.start_anew();
            }
            let is_over = time >= self.clock.timing().epoch_start(epoch.epoch.next());
            let is_due = match memory.statement {
                StatementState::None => true,
                StatementState::Failed(until) => now >= until,
                StatementState::InWork | StatementState::Ready(_) => false,
            };
            if is_over && epoch.missing == 0 && is_due {
                memory.statement = StatementState::InWork;
                self.make_statement(goal, state.results.clone());
            }
        }
    }

    fn make_statement(&self, key: GoalKey, results: mpsc::Sender<Done>) {
        let (store, claimant, timing) = (Arc::clone(&self.store), self.claimant, *self.clock.timing());
        let made = self.spawner.spawn_blocking("make-statement", move || {
            let done = statement(&store, &claimant, &timing, key);
            // The coordinator may have stopped.
            results.blocking_send(done).ok();
        });
        // The result comes through the channel; dropping the future does not stop the work.
        drop(made);
    }

    fn facts(&self, state: &State, open: &OpenEpochs, goals: &[Goal]) -> Vec<EpochFacts> {
        let now = self.clock.now_unix_seconds();
        let facts = |epoch: &OpenEpoch| {
            let memory = state.memory.get(&epoch.epoch)?;
            let goal = goals.iter().find(|goal| goal.key.epoch == epoch.epoch)?;
            let is_ready = self.maker.proof(goal).is_some();
            let quoted = memory.quoted.as_ref();
            let is_same = |key: &GoalKey| key.end_archive == goal.key.end_archive;
            let txs = epoch.blocks.blocks.iter().map(|block| block.effects.len()).sum();
            // What is planned while blocks appear is not all of the work.
            let eta_seconds = self
                .maker
                .remaining_seconds(goal)
                .unwrap_or_else(|| self.maker.estimate_seconds(epoch.blocks.blocks.len(), txs));
            Some(EpochFacts {
                epoch: epoch.epoch,
                blocks: epoch.first..=epoch.last,
                is_held: epoch.missing == 0,
                claim: epoch.claim,
                quoted_until: quoted.filter(|(key, _)| is_same(key)).map(|(_, until)| *until),
                proof_from: is_ready.then_some(goal.key.first),
                is_submitting: !memory.submission.may_start(now),
                is_cut: epoch.is_cut,
                is_impossible: self.maker.is_impossible(goal),
                eta_seconds,
                elsewhere_seconds: self
                    .commitments
                    .work_elsewhere_seconds(self.claimant.rollup, epoch.epoch),
            })
        };
        open.epochs.iter().filter_map(facts).collect()
    }
}

/// What keeps the prover from promising proofs.
fn health(now: &Moment, epochs: &[EpochFacts]) -> Result<(), String> {
    if !now.has_workers {
        return Err(
            "the last worker returned wrong results; no quotes until it returns a good one".to_owned(),
        );
    }
    match epochs.iter().find(|facts| facts.is_impossible) {
        Some(facts) => Err(format!(
            "epoch {} can never be proven: its data do not fit the circuits, see the log",
            facts.epoch
        )),
        None => Ok(()),
    }
}

/// A bond in gwei, rounded down.
pub(super) fn gwei(wei: u128) -> u64 {
    u64::try_from(
        U256::from(wei)
            .checked_div(U256::from(1_000_000_000_u64))
            .unwrap_or_default(),
    )
    .unwrap_or(u64::MAX)
}
