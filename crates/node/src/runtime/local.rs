//! What an instance has on its node's disk and in its configuration, made ready.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use agoge_host::keys::create_private_dir;
use agoge_l1_client::instances::Launch;
use agoge_l1_client::{At, Contracts, RollupReader};
use agoge_p2p::{AddressScope, KeySource, Multiaddress, P2pConfig, WireRecord};
use agoge_protocol::{Digest, Epoch, NetworkConfig, Slot, Timing};
use agoge_state_transition::BlockLimits;
use agoge_store::{Store, StoreConfig, StoreIdentity};
use agoge_supervisor::{SlotClock, Spawner};

use super::error::StartError;
use super::shared::{Shared, admit, file_error};
use crate::chain::Unfollowed;
use crate::duties::DutyLog;
use crate::mempool::{MempoolConfig, PoolLimits};
use crate::signer::Signer;

/// Transactions that wait for verification.
const VERIFY_WAITING_MAX: usize = 64;
/// Proofs verified at a time; the rest of the machine is for blocks.
const VERIFY_WORKERS_MAX: usize = 4;

/// What an instance has on the node's disk.
pub(super) struct Local {
    pub(super) store: Arc<Store>,
    pub(super) signer: Signer,
    pub(super) duties: Arc<DutyLog>,
}

/// Opens an instance's store and log, and lets the guard take the keys up. The store's identity is checked.
///
/// # Errors
/// [`StartError`].
pub(super) async fn open_local(
    shared: &Shared,
    launch: &Launch,
    spawner: &Spawner,
) -> Result<Local, StartError> {
    let config = shared.config.clone();
    let signer = shared.signer.of_instance(launch.facts.genesis_id);
    let first_slot = instance_first_slot(&shared.slots, config.doppelganger_epochs, launch.activation);
    let opened = spawner.spawn_blocking("open-store", move || {
        let (network, genesis_id) = (&config.network, signer.genesis_id());
        let directory = config.instance_dir(genesis_id);
        create_private_dir(&directory)?;
        let identity = StoreIdentity {
            network: network.network.name.clone(),
            chain_id: network.network.chain_id,
            genesis_id,
        };
        let store = Store::open(
            &directory.join("store"),
            &identity,
            StoreConfig::for_network(network),
        )?;
        admit(&signer, &signer.addresses(), first_slot)?;
        let duties_file = directory.join("duties.log");
        let duties = DutyLog::open(&duties_file).map_err(file_error(duties_file))?;
        Ok(Local {
            store: Arc::new(store),
            signer,
            duties: Arc::new(duties),
        })
    });
    opened.await?
}

/// The first slot that a key may sign in an instance whose past with it the guard does not know: before its activation nothing can have been
/// signed.
pub(super) fn instance_first_slot(slots: &SlotClock, epochs: u64, activation: Epoch) -> Slot {
    if slots.epoch().is_some_and(|epoch| epoch < activation) {
        slots.timing().first_slot(activation)
    } else {
        guard_first_slot(slots, epochs)
    }
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

/// What an instance's network is started with. Instance n listens n - 1 ports above the configured one, and expects all others to.
///
/// # Errors
/// [`StartError::Address`], [`StartError::Port`].
pub(super) fn p2p_config(shared: &Shared, launch: &Launch) -> Result<P2pConfig, StartError> {
    let (config, network) = (&shared.config, &shared.config.network);
    let Launch { number, facts, .. } = *launch;
    let Contracts {
        rollup, prover_bonds, ..
    } = facts.contracts;
    let too_high = StartError::Port { number };
    let Ok(ports) = u16::try_from(number.saturating_sub(1)) else {
        return Err(too_high);
    };
    let shifted = |texts: &mut dyn Iterator<Item = &String>| -> Result<Vec<Multiaddress>, StartError> {
        texts
            .map(|text| text.parse::<Multiaddress>())
            .map(|address| address?.shifted(ports).ok_or(StartError::Port { number }))
            .collect()
    };
    let mut p2p = P2pConfig::new(facts.genesis_id);
    let listen = Multiaddress::tcp(config.p2p.listen).shifted(ports);
    p2p.listen = vec![listen.ok_or(too_high)?];
    p2p.external = shifted(&mut config.p2p.external.iter())?;
    p2p.bootnodes = shifted(&mut config.p2p.bootnodes.iter())?;
    p2p.key = KeySource::File(config.peer_key_file());
    let peers_file = |genesis_id| config.instance_dir(genesis_id).join("peers.json");
    p2p.peers_file = Some(peers_file(facts.genesis_id));
    let older = shared.running().into_iter().map(|other| *other.launch());
    let older = older.filter_map(|other| Some((other.facts, number.checked_sub(other.number)?)));
    p2p.peers_elsewhere = older
        .filter_map(|(other, ports)| Some((peers_file(other.genesis_id), u16::try_from(ports).ok()?)))
        .collect();
    p2p.peers_max = network.p2p.peers_max;
    p2p.peers_target = p2p.peers_target.min(network.p2p.peers_max);
    if config.p2p.allow_loopback {
        p2p.scope = AddressScope::Loopback;
    }
    p2p.record_wire = config.record_wire.as_deref().map(|path| WireRecord {
        path: record_file(path, number),
        chain_id: network.network.chain_id,
        rollup,
        prover_bonds,
    });
    Ok(p2p)
}

/// Each instance has a record of its own: the configured file, with `.<number>` after its name from the second on.
fn record_file(path: &Path, number: u32) -> PathBuf {
    if number <= 1 {
        return path.to_owned();
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
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
    for block in store.view().l1_cursor()?.into_iter().rev() {
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
