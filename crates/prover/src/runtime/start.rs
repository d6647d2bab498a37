//! From a configuration to a running prover.

use std::sync::Arc;

use agoge_circuits::ClientVerifier;
use agoge_l1_client::instances::{self, Launch, Surroundings};
use agoge_l1_client::{At, L1Client, kzg};
use agoge_protocol::{CompactSignature, Deployment, Epoch};
use agoge_state_transition::tree;
use agoge_supervisor::{Clock, Health, SlotClock, Spawner};
use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;

use super::board::Board;
use super::commitments::Commitments;
use super::coordinator::Signer;
use super::error::{SenderFailed, StartError};
use super::proving::Proving;
use super::shared::{Shared, foreign_verifier};
use crate::config::Config;

/// What a prover is started from.
pub struct ProverParts {
    /// The resolved configuration.
    pub config: Config,
    /// Where the network lives.
    pub deployment: Deployment,
    /// The prover's key.
    pub key: PrivateKeySigner,
    /// Makes proofs.
    pub proving: Proving,
    /// Told which instances run.
    pub board: Board,
    /// Starts its tasks.
    pub spawner: Spawner,
    /// Told what does not work.
    pub health: Health,
    /// The process's clock.
    pub clock: Arc<dyn Clock>,
}

/// Starts a prover: checks L1 against the deployment, opens the sender, starts the deployment's own instance, and follows the Registry to
/// the others. It stops with the spawner's supervisor.
///
/// # Errors
/// [`StartError`]; the caller then lets the process end, or tries again when L1 is away.
pub async fn start(parts: ProverParts) -> Result<(), StartError> {
    let ProverParts {
        config,
        deployment,
        key,
        proving,
        board,
        spawner,
        health,
        clock,
    } = parts;
    let network = config.network.clone();
    let slots = SlotClock::new(network.timing(deployment.genesis_time), Arc::clone(&clock));
    let l1 = L1Client::connect(config.l1_client(deployment), Arc::clone(&clock)).await?;
    let reader = l1.reader()?;
    reader.verify_deployment(&network).await?;
    let facts = reader
        .inspect(l1.contracts()?.rollup, At::Latest, &network)
        .await?;
    let expected = tree::empty_root().to_b256();
    if facts.genesis_archive != expected {
        return Err(StartError::GenesisArchive {
            expected,
            found: facts.genesis_archive,
        });
    }
    let foreign_home = foreign_verifier(&reader, &facts, At::Latest, proving.verifier_code_hash()).await?;
    // The Registry was created with it, so it is the first entry and canonical from epoch 0.
    let home = Launch {
        number: 1,
        activation: Epoch::new(0),
        facts,
    };

    let verifier = Arc::new(ClientVerifier::new(network.proving.client_profile)?);
    // The first statement needs the KZG set-up. Dropping the future does not stop the work.
    drop(spawner.spawn_blocking("kzg-set-up", kzg::warm_up));
    let signer = signer(key.clone());
    let (sender, handle) = l1.sender(key, &config.data_dir.join("sender"))?;
    let cancel = spawner.token();
    spawner.spawn("l1-sender", async move {
        sender.run(cancel).await.map_err(SenderFailed::from)
    });
    let surroundings = Surroundings {
        l1: l1.clone(),
        registry: reader.clone(),
        network,
        health: health.clone(),
        slots: slots.clone(),
        spawner,
        plan: board.plan().clone(),
    };
    let shared = Shared {
        l1,
        registry: reader,
        sender: handle,
        signer,
        verifier,
        proving,
        board,
        health,
        slots,
        clock,
        config,
        foreign_home,
        commitments: Commitments::default(),
    };
    instances::start(surroundings, Arc::new(shared), home).await
}

fn signer(key: PrivateKeySigner) -> Signer {
    Arc::new(move |digest| {
        let signature = key.sign_hash_sync(&digest).ok()?;
        Some(CompactSignature::from_signature(&signature))
    })
}
