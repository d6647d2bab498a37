//! All that runs for one instance of the Rollup.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agoge_l1_client::instances::Launch;
use agoge_l1_client::{Contracts, InstanceFacts, L1Client, RollupReader};
use agoge_p2p::{P2pEvent, P2pHandle};
use agoge_protocol::{Address, Digest, NetworkConfig};
use agoge_state_transition::BlockLimits;
use agoge_supervisor::{Health, SlotClock, Spawner};
use tokio::sync::{mpsc, watch};

use super::adapters::{Blobs, L1Bonds, L1Sets};
use super::error::StartError;
use super::handle::{Inner, InstanceHandle, no_tips};
use super::local::{Local, mempool_config, open_local, p2p_config, unfollowed_at_start};
use super::network::{Network, PeerList};
use super::reexecute::Judge;
use super::shared::Shared;
use super::validators::{Heard, INPUTS_MAX, ValidatorsActor};
use crate::chain::{Applier, BlockRules, ChainFollower, ChainNotice, Committees, Executor, PreparedBlocks};
use crate::consensus::{ChainView, Input, Rules, Validators};
use crate::mempool::Mempool;
use crate::publisher::Publisher;
use crate::quotes::{QuoteRules, Quotes};

/// Steps of the chain that wait for the validators; the follower waits when it is full.
const NOTICES_MAX: usize = 64;
/// Messages that wait for the validators; the network waits when it is full.
const HEARD_MAX: usize = 512;
/// The state machine is told the time this often: a twelfth of an L1 slot, within these bounds, milliseconds.
const TICK_MS: (u64, u64) = (50, 1_000);

/// Starts the stack of an instance: opens its store, joins its network, follows its chain. It stops with `spawner`'s group.
///
/// # Errors
/// [`StartError`]; the caller then stops the group.
pub(super) async fn start_stack(shared: &Shared, launch: Launch, spawner: Spawner) -> Result<(), StartError> {
    crate::metrics::describe();
    let (config, slots) = (&shared.config, shared.slots.clone());
    let network = config.network.clone();
    let InstanceFacts {
        contracts,
        genesis_id,
        version,
        ..
    } = launch.facts;
    let Contracts {
        rollup, prover_bonds, ..
    } = contracts;
    let reader = shared.l1.reader_of(contracts)?;
    // Neither keys nor their switches change between the look at them here and the moment from which the instance is told of changes.
    let _keys = shared.keys_change.lock().await;
    let local = open_local(shared, &launch, &spawner).await?;
    let mempool = open_mempool(&local, shared, genesis_id, &spawner).await?;
    let (p2p, events) = agoge_p2p::start(p2p_config(shared, &launch)?, &spawner).await?;

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
    let sender = shared.sender.clone();
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
        launch,
        slots,
        p2p,
        mempool,
        local,
        executor,
        committees,
        quotes,
        health: shared.health_of(launch.number),
        spawner,
    };
    parts.spawn_validators(publisher, consensus, shared, ends, &wires);
    let peers = parts.spawn_network(events, wires.heard.clone());
    parts
        .spawn_chain(&shared.l1, &reader, wires.notices.clone())
        .await?;
    shared.put(parts.into_handle(shared, peers, wires));
    Ok(())
}

/// What the tasks share.
struct Parts {
    network: NetworkConfig,
    launch: Launch,
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
        shared: &Shared,
        ends: Ends,
        wires: &Wires,
    ) {
        let Local { signer, duties, .. } = &self.local;
        let keys = shared.attesters();
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
            fee_recipient: shared.fee_recipient,
            reports: shared.notices.clone(),
            rollup: self.launch.facts.contracts.rollup,
            genesis_id: self.launch.facts.genesis_id,
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
        let (follower, stream) = l1.follower_of(self.launch.facts.contracts, store.view().l1_cursor()?)?;
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

    fn into_handle(self, shared: &Shared, peers: PeerList, wires: Wires) -> InstanceHandle {
        let Local {
            store,
            signer,
            duties,
        } = self.local;
        let inner = Inner {
            store,
            mempool: self.mempool,
            p2p: self.p2p,
            committees: self.committees,
            quotes: self.quotes,
            signer,
            switches: Arc::clone(&shared.switches),
            duties,
            peers,
            clock: self.slots,
            inputs: wires.inputs,
            view: wires.view,
            network: self.network,
            launch: self.launch,
            last_tips: Mutex::new(no_tips()),
        };
        InstanceHandle {
            inner: Arc::new(inner),
        }
    }
}

async fn open_mempool(
    local: &Local,
    shared: &Shared,
    genesis_id: Digest,
    spawner: &Spawner,
) -> Result<Mempool, StartError> {
    let (store, verifier, tasks) = (
        Arc::clone(&local.store),
        Arc::clone(&shared.verifier),
        spawner.clone(),
    );
    let config = mempool_config(&shared.config.network, genesis_id);
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
