//! What the coordinator shows.

use super::Coordinator;
use super::memory::State;
use crate::chain::ChainState;
use crate::runtime::facts::OpenEpochs;
use crate::runtime::seams::Goal;
use crate::runtime::status::EpochStatus;
use crate::work::JobCounts;

impl Coordinator {
    pub(super) fn report(&self, state: &State, chain: &ChainState, open: &OpenEpochs, goals: &[Goal]) {
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
                .is_some_and(|memory| memory.submission.is_under_way);
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
