//! All that runs for one instance of the Rollup: its store, network, chain, client proofs, jobs and decisions.

use std::sync::Arc;

use agoge_l1_client::Contracts;
use agoge_l1_client::instances::Launch;
use agoge_p2p::P2pHandle;
use agoge_protocol::NetworkConfig;
use agoge_state_transition::BlockLimits;
use agoge_store::Store;
use agoge_supervisor::{Health, Spawner};
use tokio::sync::watch;

use super::coordinator::{Coordinator, CoordinatorRules};
use super::error::StartError;
use super::fetcher::{FetchRules, Fetcher};
use super::local::{open_store, p2p_config};
use super::network::Network;
use super::outside::L1AndPeers;
use super::seams::ProofMaker;
use super::shared::Shared;
use super::status::InstanceStatus;
use crate::chain::{Applier, Blobs, ChainFollower, ChainRules, ChainState};
use crate::epochs::Claimant;
use crate::holdings::Holdings;

/// Starts the stack of an instance. It stops with `spawner`'s group.
///
/// # Errors
/// [`StartError`]; the caller then stops the group.
pub(super) async fn start_stack(shared: &Shared, launch: Launch, spawner: Spawner) -> Result<(), StartError> {
    crate::metrics::describe();
    let config = &shared.config;
    let Contracts {
        rollup, prover_bonds, ..
    } = launch.facts.contracts;
    let claimant = Claimant {
        chain_id: config.network.network.chain_id,
        rollup,
        genesis_id: launch.facts.genesis_id,
        prover: shared.sender.address(),
    };
    let (store, maker) = open_local(shared, &launch, &spawner).await?;
    let p2p = p2p_config(config, &launch, &shared.board.running())?;
    let (p2p, events) = agoge_p2p::start(p2p, &spawner).await?;
    let events = Network {
        p2p: p2p.clone(),
        events,
        store: Arc::clone(&store),
        spawner: spawner.clone(),
        chain_id: claimant.chain_id,
        prover_bonds,
        rollup,
    };
    spawner.spawn("network", events.run(spawner.token()));
    let parts = Parts {
        network: config.network.clone(),
        launch,
        claimant,
        store,
        p2p,
        health: shared.health_of(launch.number),
        spawner,
    };
    let (chain_in, chain) = watch::channel(ChainState::default());
    let status = parts.spawn_coordinator(shared, maker, chain.clone())?;
    parts.spawn_fetcher(shared, chain);
    parts.spawn_chain(shared, chain_in).await?;
    shared.board.put(launch, Ok(status));
    Ok(())
}

async fn open_local(
    shared: &Shared,
    launch: &Launch,
    spawner: &Spawner,
) -> Result<(Arc<Store>, Arc<dyn ProofMaker>), StartError> {
    let (config, proving) = (shared.config.clone(), shared.proving.clone());
    let (clock, genesis_id, tasks) = (
        Arc::clone(&shared.clock),
        launch.facts.genesis_id,
        spawner.clone(),
    );
    let opened = spawner.spawn_blocking("open-store", move || {
        let store = Arc::new(open_store(&config, genesis_id)?);
        let maker = proving.maker(&config, (Arc::clone(&store), genesis_id), clock, &tasks)?;
        Ok((store, maker))
    });
    opened.await?
}

/// What the tasks share.
struct Parts {
    network: NetworkConfig,
    launch: Launch,
    claimant: Claimant,
    store: Arc<Store>,
    p2p: P2pHandle,
    health: Health,
    spawner: Spawner,
}

impl Parts {
    fn spawn_coordinator(
        &self,
        shared: &Shared,
        maker: Arc<dyn ProofMaker>,
        chain: watch::Receiver<ChainState>,
    ) -> Result<watch::Receiver<InstanceStatus>, StartError> {
        let (status, shown) = watch::channel(InstanceStatus::default());
        let contracts = self.launch.facts.contracts;
        let coordinator = Coordinator {
            outside: Arc::new(L1AndPeers {
                reader: shared.l1.reader_of(contracts)?,
                sender: shared.sender.clone(),
                p2p: self.p2p.clone(),
                plan: shared.board.plan().clone(),
            }),
            maker,
            store: Arc::clone(&self.store),
            chain,
            status,
            health: self.health.clone(),
            spawner: self.spawner.clone(),
            clock: shared.slots.clone(),
            signer: Arc::clone(&shared.signer),
            policy: shared.config.policy,
            claimant: self.claimant,
            prover_bonds: contracts.prover_bonds,
            commitments: shared.commitments.clone(),
            rules: CoordinatorRules {
                claim_window_slots: self.network.proving.claim_window_slots,
                proof_window_epochs: self.network.proving.proof_window_epochs,
                l1_slot_seconds: self.network.network.l1_slot_seconds,
            },
        };
        self.spawner
            .spawn("coordinator", coordinator.run(self.spawner.token()));
        Ok(shown)
    }

    fn spawn_fetcher(&self, shared: &Shared, chain: watch::Receiver<ChainState>) {
        let fetcher = Fetcher {
            holdings: Holdings::new(
                Arc::clone(&self.store),
                self.p2p.clone(),
                Arc::clone(&shared.verifier),
                self.claimant.genesis_id,
                self.spawner.clone(),
            ),
            store: Arc::clone(&self.store),
            chain,
            health: self.health.clone(),
            spawner: self.spawner.clone(),
            rules: FetchRules {
                me: self.claimant.prover,
                timing: *shared.slots.timing(),
                proof_window_epochs: self.network.proving.proof_window_epochs,
            },
        };
        self.spawner
            .spawn("client-proofs", fetcher.run(self.spawner.token()));
    }

    async fn spawn_chain(&self, shared: &Shared, state: watch::Sender<ChainState>) -> Result<(), StartError> {
        let rules = ChainRules {
            genesis_id: self.claimant.genesis_id,
            timing: *shared.slots.timing(),
            limits: BlockLimits::of(&self.network),
        };
        let store = Arc::clone(&self.store);
        let read = self
            .spawner
            .spawn_blocking("read-queue", move || Applier::new(store, rules));
        let applier = read.await??;
        let contracts = self.launch.facts.contracts;
        let (follower, stream) = shared.l1.follower_of(contracts, self.store.view().l1_cursor()?)?;
        self.spawner
            .spawn("l1-follower", follower.run(self.spawner.token()));
        let follower = ChainFollower {
            stream,
            applier: Arc::new(applier),
            store: Arc::clone(&self.store),
            state,
            health: self.health.clone(),
            spawner: self.spawner.clone(),
        };
        let blobs = Arc::new(Blobs {
            source: shared.l1.blobs(),
            p2p: self.p2p.clone(),
            spawner: self.spawner.clone(),
        });
        self.spawner
            .spawn("chain-follower", follower.run(blobs, self.spawner.token()));
        Ok(())
    }
}
