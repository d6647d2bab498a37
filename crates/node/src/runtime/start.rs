//! From a configuration to a running node.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agoge_l1_client::{L1Client, RollupReader};
use agoge_p2p::{P2pEvent, P2pHandle};
use agoge_protocol::{Address, Deployment, Digest, NetworkConfig};
use agoge_state_transition::BlockLimits;
use agoge_supervisor::{Clock, Health, SlotClock, Spawner};
use tokio::sync::{mpsc, watch};

use super::adapters::{Blobs, L1Bonds, L1Sets};
use super::error::{SenderFailed, StartError};
use super::handle::{Inner, NodeHandle, no_tips};
use super::local::{Local, cursor, mempool_config, open_local, p2p_config, unfollowed_at_start};
use super::network::{Network, PeerList};
use super::reexecute::Judge;
use super::validators::{Heard, INPUTS_MAX, ValidatorsActor};
use crate::chain::{Applier, BlockRules, ChainFollower, ChainNotice, Committees, Executor, PreparedBlocks};
use crate::config::Config;
use crate::consensus::{ChainView, Input, Rules, Validators};
use crate::keys::KeyRing;
use crate::mempool::Mempool;
use crate::publisher::Publisher;
use crate::quotes::{QuoteRules, Quotes};

/// Steps of the chain that wait for the validators; the follower waits when it is full.
const NOTICES_MAX: usize = 64;
/// Messages that wait for the validators; the network waits when it is full.
const HEARD_MAX: usize = 512;
/// The state machine is told the time this often: a twelfth of an L1 slot, within these bounds, milliseconds.
const TICK_MS: (u64, u64) = (50, 1_000);

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

/// Starts a node: checks L1 against the deployment, opens store and guard, joins the network, follows the chain. The node stops with the
/// spawner's supervisor.
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
    crate::metrics::describe();
    let network = config.network.clone();
    let genesis_id = deployment
        .genesis_ids
        .first()
        .copied()
        .ok_or(StartError::NoInstance)?;
    let genesis_id = Digest::from_b256(genesis_id)?;
    let rollup = deployment.address("Rollup")?;
    let prover_bonds = deployment.address("ProverBonds")?;
    let slots = SlotClock::new(network.timing(deployment.genesis_time), Arc::clone(&clock));

    let l1 = L1Client::connect(config.l1_client(Some(deployment)), clock).await?;
    let reader = l1.reader()?;
    let version = reader.verify_deployment(&network).await?;

    let publisher_key = keys.publisher;
    let fee_recipient = config
        .fee_recipient
        .or_else(|| publisher_key.as_ref().map(|key| key.address()));
    let local = open_local(&config, genesis_id, &slots, keys.attesters, &spawner).await?;
    let mempool = open_mempool(&local, &network, genesis_id, &spawner).await?;
    let sender = match publisher_key {
        Some(key) => {
            let (sender, handle) = l1.sender(key, &config.sender_dir())?;
            let cancel = spawner.token();
            spawner.spawn("l1-sender", async move {
                sender.run(cancel).await.map_err(SenderFailed::from)
            });
            Some(handle)
        }
        None => None,
    };
    let (p2p, events) =
        agoge_p2p::start(p2p_config(&config, genesis_id, (rollup, prover_bonds))?, &spawner).await?;

    let prepared = PreparedBlocks::default();
    let block_rules = block_rules(&network, genesis_id, &slots);
    let executor = Executor::new(Arc::clone(&local.store), block_rules, prepared.clone());
    let consensus = consensus_rules(&network, genesis_id, rollup, &slots);
    let committees = Committees::new(
        Arc::new(L1Sets(reader.clone())),
        Arc::clone(&local.store),
        *slots.timing(),
        (network.network.chain_id, rollup, genesis_id),
        network.protocol.committee_size,
    );
    let publisher = Publisher::new(
        sender,
        (reader.clone(), version),
        prepared,
        &consensus,
        spawner.clone(),
    );
    let quotes = Quotes::new(
        quote_rules(&network, rollup, prover_bonds, &slots),
        Arc::clone(&local.store),
        Arc::new(L1Bonds(reader.clone())),
    );
    let (wires, ends) = wires();
    let parts = Parts {
        network,
        genesis_id,
        slots,
        p2p,
        mempool,
        local,
        executor,
        committees,
        quotes,
        health,
        spawner,
    };
    parts.spawn_validators(publisher, consensus, fee_recipient, ends, &wires);
    let peers = parts.spawn_network(events, wires.heard.clone());
    parts.spawn_chain(&l1, &reader, wires.notices.clone()).await?;
    Ok(parts.into_handle(rollup, config.doppelganger_epochs, peers, wires))
}

/// What the tasks share.
struct Parts {
    network: NetworkConfig,
    genesis_id: Digest,
    slots: SlotClock,
    p2p: P2pHandle,
    mempool: Mempool,
    local: Local,
    executor: Executor,
    committees: Committees,
    quotes: Quotes,
    health: Health,
    spawner: Spawner,
}

/// The ends that feed the validators' task, and the one that shows the chain.
struct Wires {
    notices: mpsc::Sender<ChainNotice>,
    heard: mpsc::Sender<Heard>,
    inputs: mpsc::Sender<Input>,
    view: watch::Receiver<Option<ChainView>>,
}

/// The validators' ends.
struct Ends {
    notices: mpsc::Receiver<ChainNotice>,
    heard: mpsc::Receiver<Heard>,
    inputs: mpsc::Receiver<Input>,
    view: watch::Sender<Option<ChainView>>,
}

fn wires() -> (Wires, Ends) {
    let (notices_in, notices) = mpsc::channel(NOTICES_MAX);
    let (heard_in, heard) = mpsc::channel(HEARD_MAX);
    let (inputs_in, inputs) = mpsc::channel(INPUTS_MAX);
    let (view_in, view) = watch::channel(None);
    let wires = Wires {
        notices: notices_in,
        heard: heard_in,
        inputs: inputs_in,
        view,
    };
    (
        wires,
        Ends {
            notices,
            heard,
            inputs,
            view: view_in,
        },
    )
}

impl Parts {
    fn spawn_validators(
        &self,
        publisher: Publisher,
        rules: Rules,
        fee_recipient: Option<Address>,
        ends: Ends,
        wires: &Wires,
    ) {
        let Local {
            signer,
            duties,
            switches,
            ..
        } = &self.local;
        let keys = signer
            .addresses()
            .into_iter()
            .map(|key| (key, switches.is_on(key)))
            .collect();
        let (tick_min, tick_max) = TICK_MS;
        let tick = rules.l1_slot_seconds.saturating_mul(1_000) / 12;
        let judge = Judge {
            executor: self.executor.clone(),
            mempool: self.mempool.clone(),
            p2p: self.p2p.clone(),
            spawner: self.spawner.clone(),
            clock: self.slots.clone(),
        };
        let validators = ValidatorsActor {
            p2p: self.p2p.clone(),
            committees: self.committees.clone(),
            quotes: self.quotes.clone(),
            judge,
            signer: signer.clone(),
            publisher,
            duties: Arc::clone(duties),
            clock: self.slots.clone(),
            spawner: self.spawner.clone(),
            notices: ends.notices,
            heard: ends.heard,
            inputs: ends.inputs,
            results: wires.inputs.clone(),
            view: ends.view,
            fee_recipient,
            genesis_id: self.genesis_id,
            tick: Duration::from_millis(tick.clamp(tick_min, tick_max)),
            machine: Validators::new(rules, keys),
            tickets: BTreeMap::new(),
            last_source: 0,
            collecting: None,
        };
        self.spawner
            .spawn("validators", validators.run(self.spawner.token()));
    }

    fn spawn_network(&self, events: mpsc::Receiver<P2pEvent>, heard: mpsc::Sender<Heard>) -> PeerList {
        let peers = PeerList::default();
        let network = Network {
            p2p: self.p2p.clone(),
            events,
            validators: heard,
            mempool: self.mempool.clone(),
            quotes: self.quotes.clone(),
            store: Arc::clone(&self.local.store),
            health: self.health.clone(),
            spawner: self.spawner.clone(),
            peers: peers.clone(),
            peers_min: self.network.p2p.peers_min,
        };
        self.spawner.spawn("network", network.run(self.spawner.token()));
        peers
    }

    async fn spawn_chain(
        &self,
        l1: &L1Client,
        reader: &RollupReader,
        notices: mpsc::Sender<ChainNotice>,
    ) -> Result<(), StartError> {
        let store = &self.local.store;
        let unfollowed = unfollowed_at_start(store, reader, self.slots.timing()).await?;
        let applier = Applier::new(
            Arc::clone(store),
            self.executor.clone(),
            self.mempool.clone(),
            unfollowed,
        );
        let (follower, stream) = l1.follower(cursor(store)?)?;
        self.spawner
            .spawn("l1-follower", follower.run(self.spawner.token()));
        let blobs = Arc::new(Blobs {
            source: l1.blobs(),
            p2p: self.p2p.clone(),
            spawner: self.spawner.clone(),
        });
        let chain = ChainFollower {
            stream,
            applier: Arc::new(applier),
            store: Arc::clone(store),
            notices,
            health: self.health.clone(),
            spawner: self.spawner.clone(),
            l1_slot_seconds: self.network.network.l1_slot_seconds,
        };
        self.spawner
            .spawn("chain-follower", chain.run(blobs, self.spawner.token()));
        Ok(())
    }

    fn into_handle(
        self,
        rollup: Address,
        doppelganger_epochs: u64,
        peers: PeerList,
        wires: Wires,
    ) -> NodeHandle {
        let Local {
            store,
            signer,
            duties,
            switches,
            ..
        } = self.local;
        let inner = Inner {
            store,
            mempool: self.mempool,
            p2p: self.p2p,
            committees: self.committees,
            quotes: self.quotes,
            signer,
            duties,
            peers,
            health: self.health,
            clock: self.slots,
            spawner: self.spawner,
            inputs: wires.inputs,
            view: wires.view,
            network: self.network,
            rollup,
            genesis_id: self.genesis_id,
            doppelganger_epochs,
            switches: Mutex::new(switches),
            last_tips: Mutex::new(no_tips()),
        };
        NodeHandle {
            inner: Arc::new(inner),
        }
    }
}

async fn open_mempool(
    local: &Local,
    network: &NetworkConfig,
    genesis_id: Digest,
    spawner: &Spawner,
) -> Result<Mempool, StartError> {
    let (store, verifier, tasks) = (
        Arc::clone(&local.store),
        Arc::clone(&local.verifier),
        spawner.clone(),
    );
    let config = mempool_config(network, genesis_id);
    let opened = spawner.spawn_blocking("mempool-open", move || {
        Mempool::open(store, verifier, tasks, config)
    });
    Ok(opened.await??)
}

fn block_rules(network: &NetworkConfig, genesis_id: Digest, slots: &SlotClock) -> BlockRules {
    BlockRules {
        genesis_id,
        timing: *slots.timing(),
        limits: BlockLimits::of(network),
        inbox_lag_slots: network.protocol.inbox_lag_slots,
        proof_window_epochs: network.proving.proof_window_epochs,
    }
}

fn consensus_rules(network: &NetworkConfig, genesis_id: Digest, rollup: Address, slots: &SlotClock) -> Rules {
    Rules {
        timing: *slots.timing(),
        l1_slot_seconds: network.network.l1_slot_seconds,
        committee_size: network.protocol.committee_size,
        claim_window_slots: network.proving.claim_window_slots,
        head_age_max_seconds: network.l1.head_age_max_seconds,
        genesis_id,
        domain: agoge_protocol::eip712::domain(network.network.chain_id, rollup),
    }
}

fn quote_rules(
    network: &NetworkConfig,
    instance: Address,
    prover_bonds: Address,
    slots: &SlotClock,
) -> QuoteRules {
    QuoteRules {
        instance,
        domain: agoge_protocol::eip712::domain(network.network.chain_id, prover_bonds),
        timing: *slots.timing(),
        l1_slot_seconds: network.network.l1_slot_seconds,
        claim_window_slots: network.proving.claim_window_slots,
        bond_min_gwei: network.proving.bond_min_gwei,
    }
}
