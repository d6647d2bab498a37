//! The actor that decides and acts: reads the chain, asks [`decide`], and starts what it says.
//!
//! All that it keeps can be made again from L1, peers and the kept results, so a restart in the middle of anything is harmless. A
//! transaction that was sent is in the sender's journal.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use agoge_l1_client::{BlockRange, EpochProofSubmission, SendOutcome, replace_claim, settle_claim};
use agoge_protocol::{Address, B256, Epoch, L2BlockNumber, Quote, SignedQuote, Slot, U256};
use agoge_store::Store;
use agoge_supervisor::{ActorError, CancellationToken, Health, Lost, Severity, SlotClock, Spawner};
use tokio::sync::{mpsc, watch};

use super::facts::{self, FactRules, FactsError, Held, OpenEpoch, OpenEpochs};
use super::seams::{Goal, GoalKey, Outside, ProofMaker};
use super::status::{EpochStatus, ProverStatus};
use crate::chain::ChainState;
use crate::epochs::{
    Action, Claimant, EpochFacts, Moment, Policy, Statement, StatementError, SubmitReason, decide,
};
use crate::work::JobCounts;

/// Between two looks while nothing happens.
const TICK: Duration = Duration::from_millis(500);
/// Slots after which an unclaimed quote is offered again: a node may have been unable to judge the first.
const QUOTE_SLOTS: u64 = 2;
/// Pause after a proof was not taken, in L1 slots; doubled with each further one, at most this times 64.
const RETRY_L1_SLOTS: u64 = 2;
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
    pub status: watch::Sender<ProverStatus>,
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

/// A result of work that was started.
enum Done {
    Statement(GoalKey, Box<Result<Statement, StatementError>>),
    BlobsMissing(GoalKey),
    Sent(Epoch, Option<SendOutcome>),
    Settled(Epoch, Option<SendOutcome>),
    Bond(Option<u64>),
}

/// What is remembered of an epoch.
#[derive(Default)]
struct Memory {
    goal: Option<GoalKey>,
    statement: StatementState,
    quoted: Option<(GoalKey, Slot)>,
    is_submitting: bool,
    is_settling: bool,
    failures: u32,
    /// L1 time before which nothing is sent again.
    retry_at: u64,
}

#[derive(Default)]
enum StatementState {
    #[default]
    None,
    InWork,
    /// L1 time after which it is tried again.
    Failed(u64),
    Ready(Arc<Statement>),
}

/// The moving parts, apart from what the coordinator is given.
struct State {
    memory: BTreeMap<Epoch, Memory>,
    held: Held,
    bond_available_gwei: Option<u64>,
    is_asking_bond: bool,
    bond_asked_at: u64,
    results: mpsc::Sender<Done>,
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
        let open = self.read(state, time).await?;
        self.ask_bond(state, head.time);
        self.prepare(state, &open, time);
        let goals = state.goals(&open);
        if chain.is_synced {
            let moment = Moment {
                timing: *self.clock.timing(),
                time,
                proven: open.tips.proven,
                claim_window_slots: self.rules.claim_window_slots,
                proof_window_epochs: self.rules.proof_window_epochs,
                bond_available_gwei: state.bond_available_gwei.unwrap_or(0),
                is_stopping: cancel.is_cancelled(),
            };
            let facts = self.facts(state, &open, &goals, time);
            let actions = decide(self.claimant.prover, &self.policy, &moment, &facts);
            self.act(state, &open, &goals, &actions, &moment);
            self.health.set(HEALTH, Ok(()));
        } else {
            self.health.set(HEALTH, Err("catching up with L1".to_owned()));
        }
        self.report(state, &chain, &open, &goals);
        Ok(())
    }

    async fn read(&self, state: &mut State, time: u64) -> Result<OpenEpochs, CoordinatorError> {
        let rules = FactRules {
            me: self.claimant.prover,
            timing: *self.clock.timing(),
            proof_window_epochs: self.rules.proof_window_epochs,
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
    fn ask_bond(&self, state: &mut State, now: u64) {
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

    /// Chooses the range of each epoch's proof, and makes statements of epochs that are over and held.
    fn prepare(&self, state: &mut State, open: &OpenEpochs, time: u64) {
        state.memory.retain(|epoch, memory| {
            memory.is_submitting || open.epochs.iter().any(|open| open.epoch == *epoch)
        });
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
                memory.failures = 0;
                memory.retry_at = 0;
            }
            let is_over = time >= self.clock.timing().epoch_start(epoch.epoch.next());
            let is_due = match memory.statement {
                StatementState::None => true,
                StatementState::Failed(until) => time >= until,
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

    fn facts(&self, state: &State, open: &OpenEpochs, goals: &[Goal], time: u64) -> Vec<EpochFacts> {
        let facts = |epoch: &OpenEpoch| {
            let memory = state.memory.get(&epoch.epoch)?;
            let goal = goals.iter().find(|goal| goal.key.epoch == epoch.epoch)?;
            let is_ready = self.maker.proof(goal).is_some();
            let quoted = memory.quoted.as_ref();
            let is_same = |key: &GoalKey| key.end_archive == goal.key.end_archive;
            let txs = epoch.blocks.blocks.iter().map(|block| block.effects.len()).sum();
            let progress = self.maker.progress(epoch.epoch);
            let eta_seconds = if progress.jobs == JobCounts::default() {
                self.maker.estimate_seconds(epoch.blocks.blocks.len(), txs)
            } else {
                progress.eta_seconds
            };
            Some(EpochFacts {
                epoch: epoch.epoch,
                blocks: epoch.first..=epoch.last,
                is_held: epoch.missing == 0,
                claim: epoch.claim,
                quoted_until: quoted.filter(|(key, _)| is_same(key)).map(|(_, until)| *until),
                proof_from: is_ready.then_some(goal.key.first),
                is_submitting: memory.is_submitting || time < memory.retry_at,
                is_proven_by_us: epoch.is_proven_by_us,
                eta_seconds,
            })
        };
        open.epochs.iter().filter_map(facts).collect()
    }

    fn act(
        &self,
        state: &mut State,
        open: &OpenEpochs,
        goals: &[Goal],
        actions: &[(Epoch, Action)],
        now: &Moment,
    ) {
        let mut wanted = Vec::new();
        for (epoch, action) in actions {
            let Some(goal) = goals.iter().find(|goal| goal.key.epoch == *epoch) else {
                continue;
            };
            match action {
                Action::Prove => wanted.push(goal.clone()),
                Action::Quote => {
                    let claim = open.epochs.iter().find(|open| open.epoch == *epoch);
                    let is_claimed = claim.is_some_and(|open| open.claim.is_some());
                    self.quote(state, goal, now, is_claimed);
                }
                Action::Submit(reason) => {
                    // A proof that is on its way must not lose its results.
                    wanted.push(goal.clone());
                    self.submit(state, goal, *reason, now);
                }
                Action::Settle => self.settle(state, *epoch),
            }
        }
        // Proofs that wait for their moment are kept, too.
        for goal in goals.iter().filter(|goal| self.maker.proof(goal).is_some()) {
            wanted.push(goal.clone());
        }
        wanted.sort_by(|a, b| a.key.cmp(&b.key));
        wanted.dedup_by(|a, b| a.key == b.key);
        self.maker.set_goals(wanted);
    }

    fn quote(&self, state: &mut State, goal: &Goal, now: &Moment, is_claimed: bool) {
        let Some(memory) = state.memory.get_mut(&goal.key.epoch) else {
            return;
        };
        let slot = now.timing.slot_at(now.time).unwrap_or(Slot::new(0));
        let window_end = now
            .timing
            .first_slot(goal.key.epoch.next())
            .get()
            .saturating_add(now.claim_window_slots);
        let quote = Quote {
            instance: self.claimant.rollup,
            epoch: goal.key.epoch,
            end_archive: goal.key.end_archive,
            valid_until_slot: Slot::new(window_end.saturating_sub(1)),
            bond_amount_gwei: self.policy.bond_gwei,
            prover: self.claimant.prover,
            basis_point_fee: self.policy.fee_bps,
            nonce: self.clock.now_unix_ms(),
        };
        let domain = agoge_protocol::eip712::domain(self.claimant.chain_id, self.prover_bonds);
        let Some(signature) = (self.signer)(quote.digest(&domain)) else {
            tracing::error!(epoch = %goal.key.epoch, "the quote could not be signed");
            return;
        };
        let until = Slot::new(slot.get().saturating_add(QUOTE_SLOTS));
        memory.quoted = Some((goal.key.clone(), until));
        metrics::counter!(crate::metrics::QUOTES).increment(1);
        tracing::info!(epoch = %quote.epoch, fee_bps = quote.basis_point_fee, bond_gwei = quote.bond_amount_gwei, "quote offered");
        let signed = SignedQuote { quote, signature };
        let outside = Arc::clone(&self.outside);
        let replace = is_claimed.then(|| replace_claim(self.prover_bonds, &signed, block_range(&goal.key)));
        self.spawner.spawn("offer-quote", async move {
            outside.offer(signed).await;
            // A cheaper quote replaces a claim, brought by anyone.
            if let Some(request) = replace
                && let Some(outcome) = outside.send(request).await
            {
                tracing::info!(%outcome, "claim replaced by a cheaper quote");
            }
            Ok::<(), core::convert::Infallible>(())
        });
    }

    fn submit(&self, state: &mut State, goal: &Goal, reason: SubmitReason, now: &Moment) {
        let (Some(memory), Some(statement), Some(proof)) = (
            state.memory.get_mut(&goal.key.epoch),
            goal.statement.clone(),
            self.maker.proof(goal),
        ) else {
            return;
        };
        memory.is_submitting = true;
        let submission = EpochProofSubmission {
            blocks: block_range(&goal.key),
            prover: self.claimant.prover,
            settlement: statement.settlement.clone().into(),
            commitments: statement.commitments.clone().into(),
            evaluation: statement.opening.to_bytes().into(),
            proof: proof.as_ref().clone().into(),
        };
        let last = goal
            .key
            .epoch
            .get()
            .saturating_add(self.rules.proof_window_epochs);
        let mut request = submission.request(self.claimant.rollup);
        request.deadline_time = Some(now.timing.epoch_start(Epoch::new(last).next()));
        tracing::info!(epoch = %goal.key.epoch, first = %goal.key.first, last = %goal.key.last, ?reason, "epoch proof sent to L1");
        let (outside, results, epoch) = (Arc::clone(&self.outside), state.results.clone(), goal.key.epoch);
        self.spawner.spawn("submit-proof", async move {
            let outcome = outside.send(request).await;
            // The coordinator may have stopped.
            results.send(Done::Sent(epoch, outcome)).await.ok();
            Ok::<(), core::convert::Infallible>(())
        });
    }

    fn settle(&self, state: &mut State, epoch: Epoch) {
        let Some(memory) = state.memory.get_mut(&epoch).filter(|memory| !memory.is_settling) else {
            return;
        };
        memory.is_settling = true;
        let request = settle_claim(self.prover_bonds, self.claimant.rollup, epoch);
        let (outside, results) = (Arc::clone(&self.outside), state.results.clone());
        self.spawner.spawn("settle-claim", async move {
            let outcome = outside.send(request).await;
            // The coordinator may have stopped.
            results.send(Done::Settled(epoch, outcome)).await.ok();
            Ok::<(), core::convert::Infallible>(())
        });
    }

    fn take(&self, state: &mut State, done: Done) {
        let now = self.chain.borrow().head.map_or(0, |head| head.time);
        let pause = self.rules.l1_slot_seconds.saturating_mul(RETRY_L1_SLOTS);
        match done {
            Done::Bond(bond) => {
                state.is_asking_bond = false;
                state.bond_available_gwei = bond.or(state.bond_available_gwei);
            }
            Done::Statement(key, made) => {
                let memory = state
                    .memory
                    .get_mut(&key.epoch)
                    .filter(|memory| memory.goal.as_ref() == Some(&key));
                let Some(memory) = memory else { return };
                memory.statement = match *made {
                    Ok(statement) => StatementState::Ready(Arc::new(statement)),
                    Err(error) => {
                        tracing::error!(epoch = %key.epoch, %error, "the epoch's statement cannot be made");
                        StatementState::Failed(now.saturating_add(pause.saturating_mul(8)))
                    }
                };
            }
            Done::BlobsMissing(key) => {
                if let Some(memory) = state.memory.get_mut(&key.epoch) {
                    tracing::warn!(epoch = %key.epoch, "blobs or blocks of the epoch are missing; trying again");
                    memory.statement = StatementState::Failed(now.saturating_add(pause));
                }
            }
            Done::Sent(epoch, outcome) => {
                let Some(memory) = state.memory.get_mut(&epoch) else {
                    return;
                };
                memory.is_submitting = false;
                let (label, is_mined) = label(outcome.as_ref());
                metrics::counter!(crate::metrics::PROOFS, "outcome" => label).increment(1);
                if let Some(outcome) = outcome {
                    if is_mined {
                        tracing::info!(%epoch, %outcome, "epoch proof landed");
                    } else {
                        tracing::warn!(%epoch, %outcome, "epoch proof did not land");
                    }
                }
                memory.failures = if is_mined {
                    0
                } else {
                    memory.failures.saturating_add(1)
                };
                // A proof that landed is seen by the follower; it comes back here only if a reorg takes it out again.
                let doublings = memory.failures.saturating_sub(1).min(6);
                let wait = if is_mined {
                    pause.saturating_mul(2)
                } else {
                    pause.saturating_mul(1 << doublings)
                };
                memory.retry_at = now.saturating_add(wait);
            }
            Done::Settled(epoch, outcome) => {
                if let Some(memory) = state.memory.get_mut(&epoch) {
                    let (_, is_mined) = label(outcome.as_ref());
                    // A failure is tried again; what was settled leaves the open epochs.
                    memory.is_settling = is_mined;
                }
                if let Some(outcome) = outcome {
                    tracing::info!(%epoch, %outcome, "claim of a late prover settled");
                }
            }
        }
    }

    fn report(&self, state: &State, chain: &ChainState, open: &OpenEpochs, goals: &[Goal]) {
        let mut jobs = JobCounts::default();
        let mut eta_seconds = 0_u64;
        let mut missing = 0_usize;
        let mut epochs = Vec::new();
        for epoch in &open.epochs {
            let progress = self.maker.progress(epoch.epoch);
            jobs.add(&progress.jobs);
            eta_seconds = eta_seconds.saturating_add(progress.eta_seconds);
            missing = missing.saturating_add(epoch.missing);
            let goal = goals.iter().find(|goal| goal.key.epoch == epoch.epoch);
            let is_ready = goal.is_some_and(|goal| self.maker.proof(goal).is_some());
            let is_submitting = state
                .memory
                .get(&epoch.epoch)
                .is_some_and(|memory| memory.is_submitting);
            let stage = if is_submitting {
                "submitting"
            } else if is_ready {
                "proof_ready"
            } else if epoch.missing > 0 {
                "waiting_for_client_proofs"
            } else if progress.jobs == JobCounts::default() {
                "watching"
            } else {
                "proving"
            };
            let claim = match epoch.claim {
                None => "none",
                Some(claim) if claim.prover == self.claimant.prover => "ours",
                Some(_) => "other",
            };
            epochs.push(EpochStatus {
                epoch: epoch.epoch,
                first: epoch.first,
                last: epoch.last,
                txs: epoch.blocks.blocks.iter().map(|block| block.effects.len()).sum(),
                missing: epoch.missing,
                claim,
                stage,
                progress,
            });
        }
        metrics::gauge!(crate::metrics::MISSING).set(crate::metrics::approximate(
            u64::try_from(missing).unwrap_or(u64::MAX),
        ));
        crate::metrics::set_jobs(&jobs, eta_seconds);
        self.status.send_modify(|status| {
            status.l1_block = chain.head.map(|head| head.number);
            status.is_synced = chain.is_synced;
            status.pending = open.tips.pending;
            status.proven = open.tips.proven;
            status.bond_available_gwei = state.bond_available_gwei;
            status.jobs = jobs;
            status.eta_seconds = eta_seconds;
            status.epochs = epochs;
        });
    }
}

impl State {
    fn goals(&self, open: &OpenEpochs) -> Vec<Goal> {
        let goal = |epoch: &OpenEpoch| {
            let memory = self.memory.get(&epoch.epoch)?;
            let key = memory.goal.clone()?;
            let statement = match &memory.statement {
                StatementState::Ready(statement) => Some(Arc::clone(statement)),
                _ => None,
            };
            let blocks = if key.first == epoch.first {
                Arc::clone(&epoch.blocks)
            } else {
                Arc::new(epoch.blocks.since(key.first))
            };
            Some(Goal {
                key,
                blocks,
                statement,
            })
        };
        open.epochs.iter().filter_map(goal).collect()
    }
}

/// The range of an epoch's proof. A claimant delivers the whole epoch. After others proved a prefix the rest is enough, unless more than
/// half of the work on the whole is done: a longer proof is as good.
fn goal_key(
    me: Address,
    epoch: &OpenEpoch,
    proven: L2BlockNumber,
    before: Option<&GoalKey>,
    progress: JobCounts,
) -> GoalKey {
    let is_ours = epoch
        .claim
        .is_some_and(|claim| claim.prover == me && !claim.is_settled);
    let is_prefix_proven = proven >= epoch.first && proven < epoch.last;
    let is_mostly_done = before.is_some_and(|before| before.first == epoch.first)
        && progress.done
            > progress
                .waiting
                .saturating_add(progress.running)
                .saturating_add(progress.pausing);
    let started_rest = before
        .map(|before| before.first)
        .filter(|first| *first > epoch.first && *first <= proven.next());
    let first = match (is_prefix_proven && !is_ours && !is_mostly_done, started_rest) {
        // Work on a rest goes on when others prove more of it.
        (true, Some(first)) => first,
        (true, None) => proven.next(),
        (false, _) => epoch.first,
    };
    GoalKey {
        epoch: epoch.epoch,
        first,
        last: epoch.last,
        end_archive: epoch.blocks.end_archive(),
    }
}

const fn block_range(key: &GoalKey) -> BlockRange {
    BlockRange {
        first: key.first,
        last: key.last,
    }
}

/// Reads blocks and blobs as they are now and makes the statement, if they are still the goal's.
fn statement(store: &Store, claimant: &Claimant, timing: &agoge_protocol::Timing, key: GoalKey) -> Done {
    use crate::epochs::EpochBlocks;
    let view = store.view();
    let Ok(blocks) = EpochBlocks::read(&view, timing, key.range()) else {
        return Done::BlobsMissing(key);
    };
    if blocks.end_archive() != key.end_archive {
        return Done::BlobsMissing(key);
    }
    let mut blobs = Vec::with_capacity(blocks.blocks.len());
    for hash in blocks.blob_hashes() {
        match view
            .blob(hash)
            .map(|blob| blob.map(|blob| agoge_l1_client::Blob::from_bytes(blob.to_vec())))
        {
            Ok(Some(Ok(blob))) => blobs.push(blob),
            Ok(None | Some(Err(_))) | Err(_) => return Done::BlobsMissing(key),
        }
    }
    let made = Statement::new(claimant, timing, &blocks, &blobs);
    Done::Statement(key, Box::new(made))
}

const fn label(outcome: Option<&SendOutcome>) -> (&'static str, bool) {
    match outcome {
        Some(SendOutcome::Mined(_)) => ("mined", true),
        Some(SendOutcome::Reverted { .. }) => ("reverted", false),
        Some(SendOutcome::SimulationReverted { .. }) => ("simulation_reverted", false),
        Some(SendOutcome::Expired { .. }) => ("expired", false),
        Some(_) => ("not_sent", false),
        None => ("stopped", false),
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
