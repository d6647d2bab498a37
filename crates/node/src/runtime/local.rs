//! What a node has on its own disk and in its configuration, made ready.

use std::path::PathBuf;
use std::sync::Arc;

use agoge_circuits::ClientVerifier;
use agoge_l1_client::{At, RollupReader, kzg};
use agoge_p2p::{AddressScope, KeySource, Multiaddress, P2pConfig, WireRecord};
use agoge_protocol::{Address, Digest, Epoch, L1Block, L1BlockNumber, NetworkConfig, Slot, Timing};
use agoge_state_transition::BlockLimits;
use agoge_store::guard::GuardError;
use agoge_store::{SigningGuard, Store, StoreConfig, StoreIdentity};
use agoge_supervisor::{SlotClock, Spawner};

use super::error::StartError;
use crate::chain::Unfollowed;
use crate::config::Config;
use crate::duties::{DutyLog, Switches};
use crate::mempool::{MempoolConfig, PoolLimits};
use crate::signer::{AttesterKey, Signer};

/// Transactions that wait for verification.
const VERIFY_WAITING_MAX: usize = 64;
/// Proofs verified at a time; the rest of the machine is for blocks.
const VERIFY_WORKERS_MAX: usize = 4;
/// L1 blocks told to the follower at the start: the deepest reorg and one.
const CURSOR_MAX: u64 = agoge_protocol::limits::L1_REORG_DEPTH_MAX + 1;

/// What the node has on its own disk.
pub(super) struct Local {
    pub(super) store: Arc<Store>,
    pub(super) signer: Signer,
    pub(super) duties: Arc<DutyLog>,
    pub(super) switches: Switches,
    pub(super) verifier: Arc<ClientVerifier>,
}

/// Opens store, guard and logs. The store's identity and the guard's chain are checked.
///
/// # Errors
/// [`StartError`].
pub(super) async fn open_local(
    config: &Config,
    genesis_id: Digest,
    slots: &SlotClock,
    attesters: Vec<AttesterKey>,
    spawner: &Spawner,
) -> Result<Local, StartError> {
    // The first block needs the KZG set-up; nothing waits for it before. Dropping the future does not stop the work.
    drop(spawner.spawn_blocking("kzg-set-up", kzg::warm_up));
    let (config, slots) = (config.clone(), slots.clone());
    let opened = spawner.spawn_blocking("open-store", move || {
        let network = &config.network;
        let identity = StoreIdentity {
            network: network.network.name.clone(),
            chain_id: network.network.chain_id,
            genesis_id,
        };
        let store = Store::open(&config.store_dir(), &identity, StoreConfig::for_network(network))?;
        let keys: Vec<Address> = attesters.iter().map(AttesterKey::address).collect();
        let guard = open_guard(&config, &slots, genesis_id, &keys)?;
        let duties_file = config.data_dir.join("duties.log");
        let switches_file = config.data_dir.join("duties-off.json");
        let duties = DutyLog::open(&duties_file).map_err(file_error(duties_file))?;
        let switches = Switches::open(&switches_file).map_err(file_error(switches_file))?;
        let verifier = Arc::new(ClientVerifier::new(network.proving.client_profile)?);
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

/// Opens the guard. It is made only when the operator says so, or when there is no key yet whose past it could have forgotten. Keys that it
/// does not know wait, whether it is new or not.
fn open_guard(
    config: &Config,
    slots: &SlotClock,
    genesis_id: Digest,
    keys: &[Address],
) -> Result<SigningGuard, StartError> {
    let (path, chain_id) = (config.guard_file(), config.network.network.chain_id);
    let first_slot = guard_first_slot(slots, config.doppelganger_epochs);
    let guard = match SigningGuard::open(&path, chain_id) {
        Err(GuardError::Missing { .. }) if config.init_guard || keys.is_empty() => {
            tracing::info!(%first_slot, "signing guard made; nothing is signed before this slot");
            SigningGuard::init(&path, chain_id, first_slot)?
        }
        opened => opened?,
    };
    admit(&guard, genesis_id, keys, first_slot)?;
    Ok(guard)
}

/// Lets the guard take keys up, before they are used.
///
/// # Errors
/// [`GuardError`]; the keys must not be used then.
pub(super) fn admit(
    guard: &SigningGuard,
    genesis_id: Digest,
    keys: &[Address],
    first_slot: Slot,
) -> Result<(), GuardError> {
    for key in guard.admit(genesis_id, keys, first_slot)? {
        tracing::info!(attester = %key, %first_slot, "the signing guard does not know this key; it signs nothing before this slot");
    }
    Ok(())
}

/// The first slot that may be signed when it is not known what was signed before: after `epochs` whole epochs, in which the keys would be
/// seen signing elsewhere.
pub(crate) fn guard_first_slot(slots: &SlotClock, epochs: u64) -> Slot {
    match slots.epoch() {
        Some(epoch) if epochs > 0 => {
            let first = Epoch::new(epoch.get().saturating_add(epochs));
            slots.timing().first_slot(first.next())
        }
        // Before genesis nothing can have been signed.
        _ => Slot::new(0),
    }
}

/// Bounds of the mempool: the store's.
pub(super) fn mempool_config(network: &NetworkConfig, genesis_id: Digest) -> MempoolConfig {
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

/// What the network is started with.
///
/// # Errors
/// [`StartError::Address`].
pub(super) fn p2p_config(
    config: &Config,
    genesis_id: Digest,
    (rollup, prover_bonds): (Address, Address),
) -> Result<P2pConfig, StartError> {
    let network = &config.network;
    let mut p2p = P2pConfig::new(genesis_id);
    p2p.listen = vec![Multiaddress::tcp(config.p2p.listen)];
    p2p.external = config
        .p2p
        .external
        .iter()
        .map(|text| text.parse())
        .collect::<Result<_, _>>()?;
    p2p.bootnodes = config
        .p2p
        .bootnodes
        .iter()
        .map(|text| text.parse())
        .collect::<Result<_, _>>()?;
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
        prover_bonds,
    });
    Ok(p2p)
}

/// The newest L1 blocks that the store stands on, oldest first.
pub(super) fn cursor(store: &Store) -> Result<Vec<L1Block>, StartError> {
    let view = store.view();
    let Some(head) = view.l1_head()? else {
        return Ok(Vec::new());
    };
    let mut blocks = vec![head.block];
    let newest = head.block.number.get();
    for back in 1..CURSOR_MAX {
        let Some(number) = newest.checked_sub(back) else {
            break;
        };
        let Some(record) = view.l1_record(L1BlockNumber::new(number))? else {
            break;
        };
        blocks.push(record.block);
    }
    blocks.reverse();
    Ok(blocks)
}

/// A node that stopped while L1 had a block that it does not follow must know so when it starts again.
pub(super) async fn unfollowed_at_start(
    store: &Store,
    reader: &RollupReader,
    timing: &Timing,
) -> Result<Option<Unfollowed>, StartError> {
    let Some(head) = store.view().l1_head()? else {
        return Ok(None);
    };
    let Ok(tips) = reader.tips_at(At::Block(head.block.hash), head.block.time).await else {
        // L1 no longer has this block, or not its state: the follower rolls back, or every later block will show what is missing.
        return Ok(None);
    };
    let number = head.pending.next();
    if tips.pending < number {
        return Ok(None);
    }
    // The L1 block that brought it, or the oldest one that is known to be after it: a rollback to that leaves it on L1.
    let (mut l1_block, mut proven_in) = (head.block, None);
    for block in cursor(store)?.into_iter().rev() {
        let Ok(tips) = reader.tips_at(At::Block(block.hash), block.time).await else {
            break;
        };
        if tips.pending < number {
            break;
        }
        l1_block = block;
        if tips.proven >= number {
            proven_in = Some(block.number);
        }
    }
    // A block's slot is that of its L1 block; where that is not known, a later slot only means that the prune is waited for.
    let slot = if tips.proven == head.pending {
        tips.first_unproven_slot
    } else {
        timing.slot_at(l1_block.time).unwrap_or(tips.pending_slot)
    };
    Ok(Some(Unfollowed {
        number,
        slot,
        l1_block,
        proven_in,
        reason: "it was not followed before the last stop either".to_owned(),
    }))
}
