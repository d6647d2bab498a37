//! What the coordinator does: quotes, proofs, settlements, and what becomes of them.

use std::sync::Arc;

use agoge_l1_client::{BlockRange, EpochProofSubmission, SendOutcome, replace_claim, settle_claim};
use agoge_protocol::{Epoch, Quote, SignedQuote, Slot};

use super::Coordinator;
use super::memory::{Done, State, StatementState};
use crate::epochs::{Action, Moment, SubmitReason};
use crate::runtime::facts::OpenEpochs;
use crate::runtime::seams::{Goal, GoalKey};

/// Slots after which an unclaimed quote is offered again: a node may have been unable to judge the first.
const QUOTE_SLOTS: u64 = 2;
/// Pause after a proof was not taken, in L1 slots; doubled with each further one, at most this times 4.
const RETRY_L1_SLOTS: u64 = 2;
/// One try to bring a proof to L1, in L1 slots: the key works on one request at a time, and the next proof may be worth more.
const TRY_L1_SLOTS: u64 = 12;

impl Coordinator {
    pub(super) fn act(
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
        // Another instance may have promised the bond since this one looked.
        let bond_gwei = state.bond_available_gwei.unwrap_or(0);
        if !self.commitments.quote(&quote, self.prover_bonds, slot, bond_gwei) {
            return;
        }
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
        let replace = is_claimed.then(|| {
            let mut request = replace_claim(self.prover_bonds, &signed, block_range(&goal.key));
            request.deadline_time = Some(now.timing.slot_start(Slot::new(window_end)));
            request
        });
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
        memory.submission.is_under_way = true;
        let submission = EpochProofSubmission {
            blocks: block_range(&goal.key),
            prover: self.claimant.prover,
            settlement: statement.settlement.clone().into(),
            commitments: statement.commitments.clone().into(),
            evaluation: statement.opening.to_bytes().into(),
            proof: proof.as_ref().clone().into(),
        };
        let mut request = submission.request(self.claimant.rollup);
        // L1's clock stands still while its blocks are not followed; the process's may be behind.
        let from = self.clock.now_unix_seconds().max(now.time);
        let try_end = from.saturating_add(self.rules.l1_slot_seconds.saturating_mul(TRY_L1_SLOTS));
        request.deadline_time = Some(try_end.min(now.proof_window_end(goal.key.epoch)));
        tracing::info!(epoch = %goal.key.epoch, first = %goal.key.first, last = %goal.key.last, ?reason, "epoch proof sent to L1");
        let (outside, results, epoch) = (Arc::clone(&self.outside), state.results.clone(), goal.key.epoch);
        self.spawner.spawn("submit-proof", async move {
            let outcome = outside.send(request).await;
            // The coordinator may have stopped.
            results.send(Done::Sent(epoch, outcome)).await.ok();
            Ok::<(), core::convert::Infallible>(())
        });
    }

    pub(super) fn settle(&self, state: &mut State, epoch: Epoch) {
        let tries = state.settlements.entry(epoch).or_default();
        if !tries.may_start(self.clock.now_unix_seconds()) {
            return;
        }
        tries.is_under_way = true;
        let request = settle_claim(self.prover_bonds, self.claimant.rollup, epoch);
        let (outside, results) = (Arc::clone(&self.outside), state.results.clone());
        self.spawner.spawn("settle-claim", async move {
            let outcome = outside.send(request).await;
            // The coordinator may have stopped.
            results.send(Done::Settled(epoch, outcome)).await.ok();
            Ok::<(), core::convert::Infallible>(())
        });
    }

    pub(super) fn take(&self, state: &mut State, done: Done) {
        let now = self.clock.now_unix_seconds();
        let pause = self.rules.l1_slot_seconds.saturating_mul(RETRY_L1_SLOTS);
        match done {
            Done::Bond(bond) => {
                state.is_asking_bond = false;
                state.bond_available_gwei = bond.or(state.bond_available_gwei);
            }
            Done::Statement(key, made) => {
                let Some(memory) = state.memory_of(&key) else {
                    return;
                };
                memory.statement = match *made {
                    Ok(statement) => StatementState::Ready(Arc::new(statement)),
                    Err(error) => {
                        tracing::error!(epoch = %key.epoch, %error, "the epoch's statement cannot be made");
                        StatementState::Failed(now.saturating_add(pause.saturating_mul(8)))
                    }
                };
            }
            Done::BlobsMissing(key) => {
                let Some(memory) = state.memory_of(&key) else {
                    return;
                };
                tracing::warn!(epoch = %key.epoch, "blobs or blocks of the epoch are missing; trying again");
                memory.statement = StatementState::Failed(now.saturating_add(pause));
            }
            Done::Sent(epoch, outcome) => {
                let Some(memory) = state.memory.get_mut(&epoch) else {
                    return;
                };
                let (label, is_mined) = label(outcome.as_ref());
                metrics::counter!(crate::metrics::PROOFS, "outcome" => label).increment(1);
                if let Some(outcome) = outcome {
                    if is_mined {
                        tracing::info!(%epoch, %outcome, "epoch proof landed");
                    } else {
                        tracing::warn!(%epoch, %outcome, "epoch proof did not land");
                    }
                }
                memory.submission.end(is_mined, now, pause);
            }
            Done::Settled(epoch, outcome) => {
                if let Some(tries) = state.settlements.get_mut(&epoch) {
                    let (_, is_mined) = label(outcome.as_ref());
                    tries.end(is_mined, now, pause);
                }
                if let Some(outcome) = outcome {
                    tracing::info!(%epoch, %outcome, "claim settled");
                }
            }
        }
    }
}

const fn block_range(key: &GoalKey) -> BlockRange {
    BlockRange {
        first: key.first,
        last: key.last,
    }
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
