//! From a configuration to a running node.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agoge_circuits::ClientVerifier;
use agoge_l1_client::{At, L1Client, RollupReader, kzg};
use agoge_p2p::{AddressScope, KeySource, Multiaddress, P2pConfig, WireRecord};
use agoge_protocol::{Deployment, Digest, L1Block, NetworkConfig, Slot};
use agoge_state_transition::BlockLimits;
use agoge_store::guard::GuardError;
use agoge_store::{SigningGuard, Store, StoreConfig, StoreIdentity};
use agoge_supervisor::{Clock, Health, SlotClock, Spawner};
use tokio::sync::{mpsc, watch};

use super::adapters::{Blobs, L1Sets};
use super::error::{SenderFailed, StartError};
use super::handle::{Inner, NodeHandle, no_tips};
use super::network::{Network, PeerList};
use super::reexecute::Judge;
use super::validators::{INPUTS_MAX, ValidatorsActor};
use crate::chain::{Applier, BlockRules, ChainFollower, Committees, Executor, PreparedBlocks, Unfollowed};
use crate::config::Config;
use crate::consensus::{Rules, Validators};
use crate::duties::{DutyLog, Switches};
use crate::keys::KeyRing;
use crate::mempool::{Mempool, MempoolConfig, PoolLimits};
use crate::publisher::Publisher;
use crate::signer::Signer;

/// Steps of the chain that wait for the validators; the follower waits when it is full.
const NOTICES_MAX: usize = 64;
/// Messages that wait for the validators; the network waits when it is full.
const HEARD_MAX: usize = 512;
/// Transactions that wait for verification.
const VERIFY_WAITING_MAX: usize = 64;
/// Proofs verified at a time; the rest of the machine is for blocks.
const VERIFY_WORKERS_MAX: usize = 4;
/// L1 blocks told to the follower at the start: the deepest reorg and one.
const CURSOR_MAX: u64 = agoge_protocol::limits::L1_REORG_DEPTH_MAX + 1;
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
        f.debug_struct("NodeParts").field("config", &self.config).finish_non_exhaustive()
    }
}

/// Starts a node: checks L1 against the deployment, opens store and guard, joins the network, follows the chain. The node stops with the
/// spawner's supervisor.
///
/// # Errors
/// [`StartError`]; the caller then lets the process end.
pub async fn start(parts: NodeParts) -> Result<NodeHandle, StartError> {
    let NodeParts { config, deployment, keys, spawner, health, clock } = parts;
    crate::metrics::describe();
    let network = config.network.clone();
    let genesis_id = deployment.genesis_ids.first().copied().ok_or(StartError::NoInstance)?;
    let genesis_id = Digest::from_b256(genesis_id)?;
    let rollup = deployment.address("Rollup")?;
    let slots = SlotClock::new(network.timing(deployment.genesis_time), Arc::clone(&clock));

    let l1 = L1Client::connect(config.l1_client(Some(deployment)), clock).await?;
    let reader = l1.reader()?;
    reader.verify_deployment(&network).await?;

    let local = open_local(&config, genesis_id, &slots, keys.attesters, &spawner).await?;
    let Local { store, signer, duties, switches, verifier } = local;
    let attesters = signer.addresses().into_iter().map(|key| (key, switches.is_on(key))).collect();

    let mempool_config = mempool_config(&network, genesis_id);
    let (pool_store, pool_spawner) = (Arc::clone(&store), spawner.clone());
    let mempool = spawner
        .spawn_blocking("mempool-open", move || Mempool::open(pool_store, verifier, pool_spawner, mempool_config))
        .await??;

    let (p2p, events) = agoge_p2p::start(p2p_config(&config, genesis_id, rollup)?, &spawner).await?;

    let rules = BlockRules {
        genesis_id,
        timing: *slots.timing(),
        limits: BlockLimits::of(&network),
        inbox_lag_slots: network.protocol.inbox_lag_slots,
        proof_window_epochs: network.proving.proof_window_epochs,
    };
    let prepared = PreparedBlocks::default();
    let executor = Executor::new(Arc::clone(&store), rules, prepared.clone());
    let unfollowed = unfollowed_at_start(&store, &reader).await?;
    let applier =
        Arc::new(Applier::new(Arc::clone(&store), executor.clone(), mempool.clone(), unfollowed));
    let committees = Committees::new(
        Arc::new(L1Sets(reader.clone())),
        Arc::clone(&store),
        *slots.timing(),
        (network.network.chain_id, rollup, genesis_id),
        network.protocol.committee_size,
    );

    let fee_recipient = config.fee_recipient.or_else(|| keys.publisher.as_ref().map(|key| key.address()));
    let sender = match keys.publisher {
        Some(key) => {
            let (sender, handle) = l1.sender(key, &config.sender_dir())?;
            let cancel = spawner.token();
            spawner.spawn("l1-sender", async move { sender.run(cancel).await.map_err(SenderFailed::from) });
            Some(handle)
        }
        None => None,
    };
    let publisher = Publisher::new(sender, reader.clone(), prepared, *slots.timing(), spawner.clone());

    let (notices_in, notices) = mpsc::channel(NOTICES_MAX);
    let (heard_in, heard) = mpsc::channel(HEARD_MAX);
    let (inputs_in, inputs) = mpsc::channel(INPUTS_MAX);
    let (view_in, view) = watch::channel(None);
    let peers = PeerList::default();

    let consensus = Rules {
        timing: *slots.timing(),
        l1_slot_seconds: network.network.l1_slot_seconds,
        committee_size: network.protocol.committee_size,
        head_age_max_seconds: network.l1.head_age_max_seconds,
        genesis_id,
        domain: agoge_protocol::eip712::domain(network.network.chain_id, rollup),
    };
    let judge = Judge {
        executor,
        mempool: mempool.clone(),
        p2p: p2p.clone(),
        spawner: spawner.clone(),
        clock: slots.clone(),
    };
    let (tick_min, tick_max) = TICK_MS;
    let tick = network.network.l1_slot_seconds.saturating_mul(1_000) / 12;
    let validators = ValidatorsActor {
        p2p: p2p.clone(),
        committees: committees.clone(),
        judge,
        signer: signer.clone(),
        publisher,
        duties: Arc::clone(&duties),
        clock: slots.clone(),
        spawner: spawner.clone(),
        notices,
        heard,
        inputs,
        results: inputs_in.clone(),
        view: view_in,
        fee_recipient,
        genesis_id,
        tick: Duration::from_millis(tick.clamp(tick_min, tick_max)),
        machine: Validators::new(consensus, attesters),
        tickets: BTreeMap::new(),
        last_source: 0,
    };
    spawner.spawn("validators", validators.run(spawner.token()));

    let gossip = Network {
        p2p: p2p.clone(),
        events,
        validators: heard_in,
        mempool: mempool.clone(),
        store: Arc::clone(&store),
        health: health.clone(),
        spawner: spawner.clone(),
        peers: peers.clone(),
        peers_min: network.p2p.peers_min,
    };
    spawner.spawn("network", gossip.run(spawner.token()));

    let (follower, stream) = l1.follower(cursor(&store)?)?;
    let blobs = Arc::new(Blobs { source: l1.blobs(), p2p: p2p.clone(), spawner: spawner.clone() });
    spawner.spawn("l1-follower", follower.run(spawner.token()));
    let chain = ChainFollower {
        stream,
        applier,
        store: Arc::clone(&store),
        notices: notices_in,
        health: health.clone(),
        spawner: spawner.clone(),
        l1_slot_seconds: network.network.l1_slot_seconds,
    };
    spawner.spawn("chain-follower", chain.run(blobs, spawner.token()));

    let inner = Inner {
        store,
        mempool,
        p2p,
        committees,
        signer,
        duties,
        peers,
        health,
        clock: slots,
        spawner,
        inputs: inputs_in,
        view,
        network,
        rollup,
        genesis_id,
        doppelganger_epochs: config.doppelganger_epochs,
        switches: Mutex::new(switches),
        last_tips: Mutex::new(no_tips()),
    };
    Ok(NodeHandle { inner: Arc::new(inner) })
}

/// What the node has on its own disk.
struct Local {
    store: Arc<Store>,
    signer: Signer,
    duties: Arc<DutyLog>,
    switches: Switches,
    verifier: Arc<ClientVerifier>,
}

async fn open_local(
    config: &Config,
    genesis_id: Digest,
    slots: &SlotClock,
    attesters: Vec<crate::signer::AttesterKey>,
    spawner: &Spawner,
) -> Result<Local, StartError> {
    let (config, slots) = (config.clone(), slots.clone());
    let opened = spawner.spawn_blocking("open-store", move || {
        let network = &config.network;
        let identity = StoreIdentity {
            network: network.network.name.clone(),
            chain_id: network.network.chain_id,
            genesis_id,
        };
        let store = Store::open(&config.store_dir(), &identity, StoreConfig::for_network(network))?;
        let guard = open_guard(&config, &slots, attesters.is_empty())?;
        let duties_file = config.data_dir.join("duties.log");
        let switches_file = config.data_dir.join("duties-off.json");
        let duties = DutyLog::open(&duties_file).map_err(file_error(duties_file))?;
        let switches = Switches::open(&switches_file).map_err(file_error(switches_file))?;
        let verifier = Arc::new(ClientVerifier::new(network.proving.client_profile)?);
        kzg::warm_up();
        Ok(Local {
            store: Arc::new(store),
            signer: Signer::new(Arc::new(guard), genesis_id, attesters),
            duties: Arc::new(duties),
            switches,
            verifier,
        })
    });
    opened.await?
}

fn file_error(path: PathBuf) -> impl FnOnce(std::io::Error) -> StartError {
    |source| StartError::File { path, source }
}

/// Opens the guard. It is made only when the operator says so, or when there is no key yet whose past it could have forgotten.
fn open_guard(config: &Config, slots: &SlotClock, has_no_keys: bool) -> Result<SigningGuard, StartError> {
    let (path, chain_id) = (config.guard_file(), config.network.network.chain_id);
    match SigningGuard::open(&path, chain_id) {
        Err(GuardError::Missing { .. }) if config.init_guard || has_no_keys => {
            let first_slot = guard_first_slot(slots, config.doppelganger_epochs);
            tracing::info!(%first_slot, "signing guard made; nothing is signed before this slot");
            Ok(SigningGuard::init(&path, chain_id, first_slot)?)
        }
        opened => Ok(opened?),
    }
}

/// The first slot that may be signed when it is not known what was signed before: after `epochs` whole epochs, in which the keys would be
/// seen signing elsewhere.
pub(super) fn guard_first_slot(slots: &SlotClock, epochs: u64) -> Slot {
    match slots.epoch() {
        Some(epoch) if epochs > 0 => {
            let first = agoge_protocol::Epoch::new(epoch.get().saturating_add(epochs));
            slots.timing().first_slot(first.next())
        }
        // Before genesis nothing can have been signed.
        _ => Slot::new(0),
    }
}

fn mempool_config(network: &NetworkConfig, genesis_id: Digest) -> MempoolConfig {
    let store = StoreConfig::for_network(network);
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    MempoolConfig {
        genesis_id,
        limits: BlockLimits::of(network),
        pool: PoolLimits {
            count_max: usize::try_from(store.queued_txs_max).unwrap_or(usize::MAX),
            bytes_max: usize::try_from(store.queued_bytes_max).unwrap_or(usize::MAX),
        },
        workers: (processors / 2).clamp(1, VERIFY_WORKERS_MAX),
        waiting_max: VERIFY_WAITING_MAX,
    }
}

fn p2p_config(config: &Config, genesis_id: Digest, rollup: agoge_protocol::Address) -> Result<P2pConfig, StartError> {
    let network = &config.network;
    let mut p2p = P2pConfig::new(genesis_id);
    p2p.listen = vec![Multiaddress::tcp(config.p2p.listen)];
    p2p.external = config.p2p.external.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
    p2p.bootnodes = config.p2p.bootnodes.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
    p2p.key = KeySource::File(config.peer_key_file());
    p2p.peers_file = Some(config.data_dir.join("peers.json"));
    p2p.peers_max = network.p2p.peers_max;
    p2p.peers_target = p2p.peers_target.min(network.p2p.peers_max);
    if config.p2p.allow_loopback {
        p2p.scope = AddressScope::Loopback;
    }
    p2p.record_wire = config.record_wire.clone().map(|path| WireRecord {
        path,
        chain_id: network.network.chain_id,
        rollup,
    });
    Ok(p2p)
}

/// The newest L1 blocks that the store stands on, oldest first.
fn cursor(store: &Store) -> Result<Vec<L1Block>, StartError> {
    let view = store.view();
    let Some(head) = view.l1_head()? else { return Ok(Vec::new()) };
    let mut blocks = vec![head.block];
    let newest = head.block.number.get();
    for back in 1..CURSOR_MAX {
        let Some(number) = newest.checked_sub(back) else { break };
        let Some(record) = view.l1_record(agoge_protocol::L1BlockNumber::new(number))? else { break };
        blocks.push(record.block);
    }
    blocks.reverse();
    Ok(blocks)
}

/// A node that stopped while L1 had a block that it does not follow must know so when it starts again.
async fn unfollowed_at_start(store: &Store, reader: &RollupReader) -> Result<Option<Unfollowed>, StartError> {
    let Some(head) = store.view().l1_head()? else { return Ok(None) };
    let Ok(tips) = reader.tips_at(At::Block(head.block.hash), head.block.time).await else {
        // L1 no longer has this block, or not its state: the follower rolls back, or every later block will show what is missing.
        return Ok(None);
    };
    Ok((tips.pending > head.pending).then(|| Unfollowed {
        number: head.pending.next(),
        l1_block: head.block,
        reason: "it was not followed before the last stop either".to_owned(),
    }))
}
