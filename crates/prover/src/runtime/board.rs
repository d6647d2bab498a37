//! The instances that run and what each says of itself, for the status page.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use agoge_l1_client::instances::{InstanceView, Launch, SharedPlan};
use agoge_protocol::{Address, Epoch};
use agoge_supervisor::SlotClock;
use tokio::sync::watch;

use super::status::{InstanceStatus, ListedInstance, ProverStatus};

/// See the module. Clones are the same.
#[derive(Clone, Debug)]
pub struct Board {
    prover: Address,
    proofs: &'static str,
    slots: SlotClock,
    plan: SharedPlan,
    /// Bound: the Registry's list.
    running: Arc<RwLock<BTreeMap<Address, Running>>>,
}

#[derive(Clone, Debug)]
struct Running {
    launch: Launch,
    /// What it does; else why it is not proven.
    status: Result<watch::Receiver<InstanceStatus>, String>,
}

impl Board {
    /// Of a prover that is paid at this address and makes proofs of this kind. Nothing runs yet.
    pub fn new(prover: Address, proofs: &'static str, slots: SlotClock) -> Self {
        Self {
            prover,
            proofs,
            slots,
            plan: SharedPlan::default(),
            running: Arc::default(),
        }
    }

    /// Which instances run; filled in at the start.
    pub const fn plan(&self) -> &SharedPlan {
        &self.plan
    }

    /// An instance's stack has started, or there is none because of what is said.
    pub fn put(&self, launch: Launch, status: Result<watch::Receiver<InstanceStatus>, String>) {
        let mut running = self.running.write().unwrap_or_else(PoisonError::into_inner);
        running.insert(launch.facts.contracts.rollup, Running { launch, status });
    }

    /// An instance's stack has ended.
    pub fn remove(&self, rollup: Address) {
        let mut running = self.running.write().unwrap_or_else(PoisonError::into_inner);
        running.remove(&rollup);
    }

    /// The instances that run.
    pub fn running(&self) -> Vec<Launch> {
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        running.values().map(|running| running.launch).collect()
    }

    /// What the status page says now.
    pub fn page(&self) -> ProverStatus {
        let epoch = self.slots.epoch().unwrap_or(Epoch::new(0));
        let listed = self.plan.view(epoch).into_iter();
        let instances: Vec<_> = listed.map(|view| self.listed(view)).collect();
        let canonical = instances.iter().find(|instance| instance.is_canonical);
        ProverStatus {
            schema: "agoge.prover.status/1",
            prover: self.prover,
            proofs: self.proofs,
            canonical: canonical
                .and_then(|instance| instance.status.clone())
                .unwrap_or_default(),
            instances,
        }
    }

    fn listed(&self, view: InstanceView) -> ListedInstance {
        let running = self.running.read().unwrap_or_else(PoisonError::into_inner);
        let (status, unproven) = match running.get(&view.rollup).map(|running| &running.status) {
            Some(Ok(status)) => (Some(status.borrow().clone()), None),
            Some(Err(reason)) => (None, Some(reason.clone())),
            None => (None, None),
        };
        ListedInstance {
            number: view.number,
            rollup: view.rollup,
            genesis_id: view.identity.map(|(genesis_id, _)| genesis_id),
            version: view.identity.map(|(_, version)| version),
            activation_epoch: view.activation,
            state: view.state.name(),
            is_canonical: view.is_canonical,
            problem: view.problem.or(unproven),
            status,
        }
    }
}
