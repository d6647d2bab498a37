//! What the RPC and the command line hold of a running node.

use std::sync::{Arc, PoisonError};

use agoge_l1_client::instances::InstanceView;
use agoge_protocol::rpc::{RpcGovernance, Signal};
use agoge_protocol::{Address, Digest};
use agoge_store::guard::Interchange;

use super::handle::InstanceHandle;
use super::local::{guard_first_slot, instance_first_slot};
use super::shared::{Shared, addresses, admit};
use super::signals::Signals;
use crate::consensus::Input;
use crate::query::{CommandError, Instances, NodeCommands, NotRunning};
use crate::signer::AttesterKey;

/// A running node. Clones are the same; the node stops with its supervisor, not with its handles.
#[derive(Clone, Debug)]
pub struct NodeHandle {
    pub(super) shared: Arc<Shared>,
}

impl Instances for NodeHandle {
    type Queries = InstanceHandle;

    fn canonical(&self) -> Result<InstanceHandle, NotRunning> {
        let canonical = self.shared.plan.canonical(self.shared.epoch());
        // The deployment's own instance is listed from the first moment.
        self.running(canonical.ok_or(NotRunning::Unknown {
            genesis_id: self.shared.signer.genesis_id(),
        })?)
    }

    fn instance(&self, genesis_id: Digest) -> Result<InstanceHandle, NotRunning> {
        let is_it = |view: &InstanceView| view.identity.is_some_and(|(id, _)| id == genesis_id);
        let found = self.instances().into_iter().find(is_it);
        self.running(found.ok_or(NotRunning::Unknown { genesis_id })?)
    }

    fn instances(&self) -> Vec<InstanceView> {
        self.shared.plan.view(self.shared.epoch())
    }

    async fn governance(&self) -> Result<RpcGovernance, String> {
        Signals::governance(&self.shared).await
    }
}

impl NodeCommands for NodeHandle {
    async fn set_duties(&self, attester: Address, is_on: bool) -> Result<(), CommandError> {
        let _keys = self.shared.keys_change.lock().await;
        if !self.shared.signer.addresses().contains(&attester) {
            return Err(CommandError::UnknownAttester { attester });
        }
        let switches = Arc::clone(&self.shared.switches);
        let switched = self.blocking("duties-switch", move || {
            let mut switches = switches.lock().unwrap_or_else(PoisonError::into_inner);
            switches.set(attester, is_on)
        });
        switched
            .await?
            .map_err(|error| CommandError::Storage(Box::new(error)))?;
        self.tell_all(&Input::DutiesSwitched { attester, is_on }).await
    }

    async fn replace_keys(&self, keys: Vec<AttesterKey>) -> Result<(), CommandError> {
        let _keys = self.shared.keys_change.lock().await;
        let (shared, keys_wanted) = (Arc::clone(&self.shared), addresses(&keys));
        let admitted = self.blocking("guard-admit", move || {
            // In order: what the first has to wait for, later ones wait for too.
            let mut running = shared.running();
            running.sort_by_key(|instance| instance.launch().number);
            running.iter().try_for_each(|instance| {
                let epochs = shared.config.doppelganger_epochs;
                let first_slot = instance_first_slot(&shared.slots, epochs, instance.launch().activation);
                admit(instance.signer(), &keys_wanted, first_slot)
            })
        });
        admitted
            .await?
            .map_err(|error| CommandError::Guard(Box::new(error)))?;
        self.shared.signer.replace_keys(keys);
        self.tell_all(&Input::Keys(self.shared.attesters())).await
    }

    async fn export_guard(&self) -> Result<String, CommandError> {
        let guard = Arc::clone(self.shared.signer.guard());
        let exported = self.blocking("guard-export", move || guard.export().to_json());
        exported
            .await?
            .map_err(|error| CommandError::Guard(Box::new(error)))
    }

    async fn import_guard(&self, json: String) -> Result<(), CommandError> {
        let guard = Arc::clone(self.shared.signer.guard());
        let identities = self.instances().into_iter().filter_map(|view| view.identity);
        let instances: Vec<Digest> = identities.map(|(genesis_id, _)| genesis_id).collect();
        let first_slot = guard_first_slot(&self.shared.slots, self.shared.config.doppelganger_epochs);
        let imported = self.blocking("guard-import", move || {
            guard.import(&Interchange::parse(&json)?, &instances, first_slot)
        });
        match imported.await? {
            Ok(summary) => {
                tracing::info!(?summary, %first_slot, "signing guard imported");
                Ok(())
            }
            Err(error) => Err(CommandError::Guard(Box::new(error))),
        }
    }

    async fn set_signal(&self, signal: Option<Signal>) -> Result<(), CommandError> {
        Signals::choose(&self.shared, signal).await
    }
}

impl NodeHandle {
    fn running(&self, view: InstanceView) -> Result<InstanceHandle, NotRunning> {
        self.shared.get(view.rollup).ok_or(NotRunning::Down {
            number: view.number,
            reason: view.problem.unwrap_or_else(|| "starting".to_owned()),
        })
    }

    /// Tells every instance's validators.
    async fn tell_all(&self, input: &Input) -> Result<(), CommandError> {
        for instance in self.shared.running() {
            let told = instance.tell(input.clone()).await;
            // One whose stack has just ended reads all of it when it starts again.
            if told.is_err() && self.shared.spawner.token().is_cancelled() {
                return told;
            }
        }
        Ok(())
    }

    async fn blocking<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, CommandError> {
        let done = self.shared.spawner.spawn_blocking(name, work);
        done.await.map_err(|_| CommandError::Stopping)
    }
}
