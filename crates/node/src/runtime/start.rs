//! From a configuration to a running node.

use std::sync::Arc;

use agoge_l1_client::instances::{self, Launch, SharedPlan, Surroundings};
use agoge_l1_client::{At, GovernanceReader, L1Client};
use agoge_protocol::rpc::Signal;
use agoge_protocol::{Address, Deployment, Epoch};
use agoge_state_transition::tree;
use agoge_supervisor::{Clock, Health, SlotClock, Spawner};

use super::error::StartError;
use super::node::NodeHandle;
use super::shared::{Environment, Reporting, Shared};
use super::{reports, signals};
use crate::config::Config;
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
    let slots = SlotClock::new(network.timing(deployment.genesis_time), Arc::clone(&clock));

    let l1 = L1Client::connect(config.l1_client(Some(deployment)), clock).await?;
    let reader = l1.reader()?;
    reader.verify_deployment(&network).await?;
    let facts = reader
        .inspect(l1.contracts()?.rollup, At::Latest, &network)
        .await?;
    // The Registry was created with it, so it is the first entry and canonical from epoch 0.
    let home = Launch {
        number: 1,
        activation: Epoch::new(0),
        facts,
    };
    let expected = tree::empty_root().to_b256();
    if facts.genesis_archive != expected {
        return Err(StartError::GenesisArchive {
            expected,
            found: facts.genesis_archive,
        });
    }
    let configured = match config.signal_payload {
        Some(payload) => Some(configured_signal(&l1.governance(&facts), payload).await?),
        None => None,
    };
    let plan = SharedPlan::default();
    let surroundings = Surroundings {
        l1: l1.clone(),
        registry: reader,
        network,
        health: health.clone(),
        slots: slots.clone(),
        spawner: spawner.clone(),
        plan: plan.clone(),
    };
    let environment = Environment {
        config,
        l1,
        slots,
        health,
        spawner: spawner.clone(),
        plan,
    };
    let (shared, Reporting { means, noticed }) = Shared::open(environment, keys, &facts, configured).await?;
    let shared = Arc::new(shared);
    instances::start(surroundings, Arc::clone(&shared), home).await?;
    spawner.spawn("signals", signals::run(Arc::clone(&shared), spawner.token()));
    let reporting = reports::run(Arc::clone(&shared), means, noticed, spawner.token());
    spawner.spawn("equivocation-reports", reporting);
    Ok(NodeHandle { shared })
}

/// A configured payload with the hash of its actions at this moment, which the operator trusts by configuring it.
async fn configured_signal(governance: &GovernanceReader, payload: Address) -> Result<Signal, StartError> {
    let facts = governance.payload(payload, At::Latest).await;
    let facts = facts.map_err(|source| StartError::SignalPayload { payload, source })?;
    let actions_hash = facts.actions_hash;
    tracing::info!(%payload, %actions_hash, "configured to signal");
    Ok(Signal {
        payload,
        actions_hash,
    })
}
