//! From a configuration to a running node.

use std::sync::Arc;

use agoge_l1_client::{InstanceFacts, L1Client};
use agoge_protocol::{Deployment, Digest, Epoch};
use agoge_state_transition::tree;
use agoge_supervisor::{Clock, Health, SlotClock, Spawner};

use super::error::StartError;
use super::instances::{InstancesActor, Stack};
use super::node::NodeHandle;
use super::shared::{Environment, Shared};
use crate::config::Config;
use crate::instances::{Launch, Plan};
use crate::keys::KeyRing;

/// What a node is started from.
pub struct NodeParts {
    /// The resolved configuration.
    pub config: Config,
    /// Where the network lives.
    pub deployment: Deployment,
    /// The opened keys.
    pub keys: KeyRing,
    /// Starts its tasks.
    pub spawner: Spawner,
    /// Told what does not work.
    pub health: Health,
    /// The process's clock.
    pub clock: Arc<dyn Clock>,
}

impl core::fmt::Debug for NodeParts {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("NodeParts")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// Starts a node: checks L1 against the deployment, opens guard and sender, starts the deployment's own instance, and follows the Registry to
/// the others. The node stops with the spawner's supervisor.
///
/// # Errors
/// [`StartError`]; the caller then lets the process end.
pub async fn start(parts: NodeParts) -> Result<NodeHandle, StartError> {
    let NodeParts {
        config,
        deployment,
        keys,
        spawner,
        health,
        clock,
    } = parts;
    let network = config.network.clone();
    let genesis_id = deployment
        .genesis_ids
        .first()
        .copied()
        .ok_or(StartError::NoInstance)?;
    let genesis_id = Digest::from_b256(genesis_id)?;
    let slots = SlotClock::new(network.timing(deployment.genesis_time), Arc::clone(&clock));

    let l1 = L1Client::connect(config.l1_client(Some(deployment)), clock).await?;
    let reader = l1.reader()?;
    let version = reader.verify_deployment(&network).await?;
    // The Registry was created with it, so it is the first entry and canonical from epoch 0.
    let home = Launch {
        number: 1,
        activation: Epoch::new(0),
        facts: InstanceFacts {
            contracts: l1.contracts()?,
            genesis_id,
            version,
            genesis_archive: tree::empty_root().to_b256(),
        },
    };
    let environment = Environment {
        config,
        l1,
        slots,
        health,
        spawner: spawner.clone(),
    };
    let shared = Arc::new(Shared::open(environment, keys, genesis_id).await?);
    let mut stack = Stack::launch(&shared, home);
    stack.started().await?;
    *shared.plan() = Some(Plan::new(shared.slots.now_unix_ms(), &home));
    let actor = InstancesActor::new(Arc::clone(&shared), reader, stack);
    spawner.spawn("instances", actor.run(spawner.token()));
    Ok(NodeHandle { shared })
}
