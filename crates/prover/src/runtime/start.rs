//! From a configuration to a running prover.

use std::path::PathBuf;
use std::sync::Arc;

use agoge_circuits::ClientVerifier;
use agoge_l1_client::{CallError, ClientError, JournalError, L1Client, SenderError, VerifyError, kzg};
use agoge_p2p::{AddressScope, KeySource, Multiaddress, P2pConfig, P2pHandle};
use agoge_protocol::deployment::MissingContract;
use agoge_protocol::{CompactSignature, Deployment, Digest, L1Block, L1BlockNumber, NotCanonical};
use agoge_state_transition::BlockLimits;
use agoge_store::{OpenError, Store, StoreConfig, StoreError, StoreIdentity};
use agoge_supervisor::{ActorError, Clock, Health, Lost, Severity, SlotClock, Spawner};
use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;
use tokio::sync::watch;

use super::coordinator::{Coordinator, CoordinatorRules, Signer};
use super::fetcher::{FetchRules, Fetcher};
use super::network::Network;
use super::outside::L1AndPeers;
use super::seams::ProofMaker;
use super::status::ProverStatus;
use crate::chain::{Applier, Blobs, ChainFollower, ChainRules, ChainState};
use crate::config::Config;
use crate::epochs::Claimant;
use crate::holdings::Holdings;

/// L1 blocks told to the follower at the start: the deepest reorg and one.
const CURSOR_MAX: u64 = agoge_protocol::limits::L1_REORG_DEPTH_MAX + 1;

/// What a prover is started from.
pub struct ProverParts {
    /// The resolved configuration.
    pub config: Config,
    /// Where the network lives.
    pub deployment: Deployment,
    /// The prover's key.
    pub key: PrivateKeySigner,
    /// Makes proofs.
    pub maker: Arc<dyn ProofMaker>,
    /// Told what the prover does.
    pub status: watch::Sender<ProverStatus>,
    /// Starts its tasks.
    pub spawner: Spawner,
    /// Told what does not work.
    pub health: Health,
    /// The process's clock.
    pub clock: Arc<dyn Clock>,
    /// The store of its chain.
    pub store: Arc<Store>,
}

/// Why a prover does not start. Nothing was signed or sent.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The deployment lacks a contract.
    #[error(transparent)]
    Deployment(#[from] MissingContract),
    /// The deployment names no instance.
    #[error("the deployment file has no genesis id")]
    NoInstance,
    /// The genesis id is out of form.
    #[error("genesis id: {0}")]
    GenesisId(#[from] NotCanonical),
    /// L1 cannot be reached, or is another chain.
    #[error(transparent)]
    L1(#[from] ClientError),
    /// What L1 has is not what the deployment file says.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// A view of L1 failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The store cannot be read.
    #[error(transparent)]
    Read(#[from] StoreError),
    /// The client verifier's own data are damaged.
    #[error("client verifier: {0}")]
    Verifier(#[from] agoge_circuits::VerifierDataError),
    /// The sender's journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The network cannot be started.
    #[error(transparent)]
    Network(#[from] agoge_p2p::StartError),
    /// An address of the network's is malformed.
    #[error(transparent)]
    Address(#[from] agoge_p2p::InvalidAddress),
    /// Work was cut short.
    #[error(transparent)]
    Lost(#[from] Lost),
}

/// The sender gave up: its journal or key failed.
#[derive(Debug, thiserror::Error)]
#[error("sender: {0}")]
struct SenderFailed(#[from] SenderError);

impl ActorError for SenderFailed {
    fn severity(&self) -> Severity {
        // Without its journal the sender might send twice.
        Severity::Fatal
    }
}

/// The instance that a deployment names.
///
/// # Errors
/// [`StartError::NoInstance`], [`StartError::GenesisId`].
pub fn genesis_id(deployment: &Deployment) -> Result<Digest, StartError> {
    let id = deployment
        .genesis_ids
        .first()
        .copied()
        .ok_or(StartError::NoInstance)?;
    Ok(Digest::from_b256(id)?)
}

/// Opens the prover's store.
///
/// # Errors
/// [`StartError`].
pub fn open_store(config: &Config, genesis_id: Digest) -> Result<Store, StartError> {
    let network = &config.network;
    let identity = StoreIdentity {
        network: network.network.name.clone(),
        chain_id: network.network.chain_id,
        genesis_id,
    };
    let path: PathBuf = config.data_dir.join("store");
    Ok(Store::open(&path, &identity, StoreConfig::for_network(network))?)
}

/// Starts a prover: checks L1 against the deployment, joins the network, follows the chain. It stops with the spawner's supervisor.
///
/// # Errors
/// [`StartError`]; the caller then lets the process end, or tries again when L1 is away.
pub async fn start(parts: ProverParts) -> Result<P2pHandle, StartError> {
    let ProverParts {
        config,
        deployment,
        key,
        maker,
        status,
        spawner,
        health,
        clock,
        store,
    } = parts;
    let network = config.network.clone();
    let genesis_id = genesis_id(&deployment)?;
    let slots = SlotClock::new(network.timing(deployment.genesis_time), Arc::clone(&clock));
    let l1 = L1Client::connect(config.l1_client(deployment), clock).await?;
    let reader = l1.reader()?;
    reader.verify_deployment(&network).await?;
    let contracts = *reader.contracts();
    let verifier = Arc::new(ClientVerifier::new(network.proving.client_profile)?);
    // The first statement needs the KZG set-up. Dropping the future does not stop the work.
    drop(spawner.spawn_blocking("kzg-set-up", kzg::warm_up));

    let claimant = Claimant {
        chain_id: network.network.chain_id,
        rollup: contracts.rollup,
        genesis_id,
        prover: key.address(),
    };
    let signer: Signer = {
        let key = key.clone();
        Arc::new(move |digest| {
            let signature = key.sign_hash_sync(&digest).ok()?;
            Some(CompactSignature::from_signature(&signature))
        })
    };
    let (sender, handle) = l1.sender(key, &config.data_dir.join("sender"))?;
    let cancel = spawner.token();
    spawner.spawn("l1-sender", async move {
        sender.run(cancel).await.map_err(SenderFailed::from)
    });
    let (p2p, events) = agoge_p2p::start(p2p_config(&config, genesis_id)?, &spawner).await?;
    let events = Network {
        p2p: p2p.clone(),
        events,
        store: Arc::clone(&store),
        spawner: spawner.clone(),
        chain_id: claimant.chain_id,
        prover_bonds: contracts.prover_bonds,
        rollup: contracts.rollup,
    };
    spawner.spawn("network", events.run(spawner.token()));

    let (chain_in, chain) = watch::channel(ChainState::default());
    let coordinator = Coordinator {
        outside: Arc::new(L1AndPeers {
            reader,
            sender: handle,
            p2p: p2p.clone(),
        }),
        maker,
        store: Arc::clone(&store),
        chain: chain.clone(),
        status,
        health: health.clone(),
        spawner: spawner.clone(),
        clock: slots.clone(),
        signer,
        policy: config.policy,
        claimant,
        prover_bonds: contracts.prover_bonds,
        rules: CoordinatorRules {
            claim_window_slots: network.proving.claim_window_slots,
            proof_window_epochs: network.proving.proof_window_epochs,
            l1_slot_seconds: network.network.l1_slot_seconds,
        },
    };
    spawner.spawn("coordinator", coordinator.run(spawner.token()));
    let fetcher = Fetcher {
        holdings: Holdings::new(
            Arc::clone(&store),
            p2p.clone(),
            verifier,
            genesis_id,
            spawner.clone(),
        ),
        store: Arc::clone(&store),
        chain,
        health: health.clone(),
        spawner: spawner.clone(),
        rules: FetchRules {
            me: claimant.prover,
            timing: *slots.timing(),
            proof_window_epochs: network.proving.proof_window_epochs,
        },
    };
    spawner.spawn("client-proofs", fetcher.run(spawner.token()));

    let rules = ChainRules {
        genesis_id,
        timing: *slots.timing(),
        limits: BlockLimits::of(&network),
    };
    let of_applier = Arc::clone(&store);
    let applier = spawner
        .spawn_blocking("read-queue", move || Applier::new(of_applier, rules))
        .await??;
    let (follower, stream) = l1.follower(cursor(&store)?)?;
    spawner.spawn("l1-follower", follower.run(spawner.token()));
    let follower = ChainFollower {
        stream,
        applier: Arc::new(applier),
        store,
        state: chain_in,
        health,
        spawner: spawner.clone(),
    };
    let blobs = Arc::new(Blobs {
        source: l1.blobs(),
        p2p: p2p.clone(),
        spawner: spawner.clone(),
    });
    spawner.spawn("chain-follower", follower.run(blobs, spawner.token()));
    Ok(p2p)
}

fn p2p_config(config: &Config, genesis_id: Digest) -> Result<P2pConfig, StartError> {
    let network = &config.network;
    let mut p2p = P2pConfig::new(genesis_id);
    let parse = |text: &String| text.parse::<Multiaddress>();
    p2p.listen = vec![Multiaddress::tcp(config.p2p_listen)];
    p2p.external = config.p2p_external.iter().map(parse).collect::<Result<_, _>>()?;
    p2p.bootnodes = config.p2p_bootnodes.iter().map(parse).collect::<Result<_, _>>()?;
    p2p.key = KeySource::File(config.data_dir.join("p2p.key"));
    p2p.peers_file = Some(config.data_dir.join("peers.json"));
    p2p.peers_max = network.p2p.peers_max;
    p2p.peers_target = p2p.peers_target.min(network.p2p.peers_max);
    if config.p2p_allow_loopback {
        p2p.scope = AddressScope::Loopback;
    }
    Ok(p2p)
}

/// The newest L1 blocks that the store stands on, oldest first.
fn cursor(store: &Store) -> Result<Vec<L1Block>, StoreError> {
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
