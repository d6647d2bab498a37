//! The plan as seen from outside of the actor.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agoge_protocol::{Address, Epoch};

use super::plan::Plan;
use super::words::{Input, InstanceView, Output};

/// The plan, shared between the actor that feeds it and those who ask; empty until the deployment's own instance runs. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct SharedPlan {
    plan: Arc<Mutex<Option<Plan>>>,
}

impl SharedPlan {
    /// All instances that are listed, in order. `epoch` is the current one.
    pub fn view(&self, epoch: Epoch) -> Vec<InstanceView> {
        let plan = self.lock();
        plan.as_ref().map(|plan| plan.view(epoch)).unwrap_or_default()
    }

    /// The instance that is canonical in an epoch, be it known or not.
    pub fn canonical(&self, epoch: Epoch) -> Option<InstanceView> {
        self.view(epoch).into_iter().find(|view| view.is_canonical)
    }

    /// As [`Plan::superseded_at`].
    pub fn superseded_at(&self, rollup: Address) -> Option<Epoch> {
        self.lock().as_ref().and_then(|plan| plan.superseded_at(rollup))
    }

    pub(super) fn begin(&self, plan: Plan) {
        *self.lock() = Some(plan);
    }

    pub(super) fn step(&self, now_ms: u64, input: Input) -> Vec<Output> {
        let mut plan = self.lock();
        plan.as_mut()
            .map(|plan| plan.step(now_ms, input))
            .unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Plan>> {
        // Each step leaves it whole.
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
