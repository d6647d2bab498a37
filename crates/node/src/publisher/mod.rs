//! Bringing an attested block to L1: calldata, blob and proofs, what proves the committee, one transaction within the slot.

use std::sync::{Arc, Mutex, PoisonError};

use agoge_l1_client::kzg::{self, KzgError, Sidecar};
use agoge_l1_client::{
    At, Blob, CallError, CommitteeProof, EntropyError, GasPolicy, Purpose, RollupReader, RollupVersion,
    SendOutcome, SenderHandle, SenderStopped, TxRequest,
};
use agoge_protocol::{Address, B256, BlockHash, Epoch, Slot, Timing, U256};
use agoge_supervisor::{Lost, Spawner};
use alloy::primitives::Bytes;

use crate::chain::{Prepared, PreparedBlocks};
use crate::consensus::{Publication, Rules};
use crate::mempool::Recent;

/// Gas limit of a publication: twice what a block with its epoch's set-up, all signatures and a prune takes (`contracts/snapshots`), as a
/// fixed part and a part for each seat.
const GAS_LIMIT: (u64, u64) = (400_000, 25_000);
/// What a bundled claim adds to it: L1 reserves 400,000 for it, and the call must leave as much after everything else.
const CLAIM_GAS: u64 = 500_000;
/// What a bundled signal adds to it: L1 reserves 150,000 for it, a 63rd more and a margin of 20,000, after everything else.
const SIGNAL_GAS: u64 = 200_000;
/// Sidecars remembered: the current slot's and its neighbours'.
const SIDECARS_MAX: usize = 4;

/// Why a block was not brought to L1.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The node has no publisher key.
    #[error("this node has no publisher key")]
    NoPublisher,
    /// The block is not remembered: the node was restarted within the slot.
    #[error("block {block_hash} is not at hand")]
    Forgotten {
        /// Its hash.
        block_hash: BlockHash,
    },
    /// The blob's proofs cannot be made.
    #[error(transparent)]
    Kzg(#[from] KzgError),
    /// L1 does not tell whether the epoch is set up.
    #[error("is epoch {epoch} set up: {source}")]
    EpochState {
        /// The epoch.
        epoch: Epoch,
        /// Why.
        #[source]
        source: Box<CallError>,
    },
    /// The seed of the epoch cannot be proven.
    #[error("seed of epoch {epoch}: {source}")]
    Seed {
        /// The epoch.
        epoch: Epoch,
        /// Why.
        #[source]
        source: Box<EntropyError>,
    },
    /// The sender's word.
    #[error("slot {slot}: {outcome}")]
    NotTaken {
        /// The slot.
        slot: Slot,
        /// How it ended.
        outcome: Box<SendOutcome>,
    },
    /// The sender has stopped.
    #[error(transparent)]
    Stopped(#[from] SenderStopped),
    /// The process is stopping.
    #[error(transparent)]
    Lost(#[from] Lost),
}

/// Publishes blocks. Clones are the same.
#[derive(Clone, Debug)]
pub struct Publisher {
    sender: Option<SenderHandle>,
    reader: RollupReader,
    version: RollupVersion,
    prepared: PreparedBlocks,
    timing: Timing,
    gas_limit: u64,
    spawner: Spawner,
    sidecars: Arc<Mutex<Recent<B256, Arc<Sidecar>>>>,
}

impl Publisher {
    /// A publisher to one Rollup, whose version is known; without a sender it only says so.
    pub fn new(
        sender: Option<SenderHandle>,
        (reader, version): (RollupReader, RollupVersion),
        prepared: PreparedBlocks,
        rules: &Rules,
        spawner: Spawner,
    ) -> Self {
        let sidecars = Arc::new(Mutex::new(Recent::new(SIDECARS_MAX)));
        let (fixed, per_seat) = GAS_LIMIT;
        let seats = u64::try_from(rules.committee_size).unwrap_or(u64::MAX);
        let gas_limit = fixed.saturating_add(per_seat.saturating_mul(seats));
        Self {
            sender,
            reader,
            version,
            prepared,
            timing: rules.timing,
            gas_limit,
            spawner,
            sidecars,
        }
    }

    /// Whether there is a key to publish with.
    pub const fn can_publish(&self) -> bool {
        self.sender.is_some()
    }

    /// Makes the cell proofs of a block's blob, the slowest part, while its attestations are being collected.
    ///
    /// # Errors
    /// [`PublishError::Kzg`], [`PublishError::Lost`].
    pub async fn prepare(&self, block: &Prepared) -> Result<(), PublishError> {
        self.sidecar(block.proposal.blob_hash, &block.blob)
            .await
            .map(drop)
    }

    /// Sends a block and waits for its end.
    ///
    /// # Errors
    /// [`PublishError`].
    pub async fn publish(&self, publication: &Publication) -> Result<(), PublishError> {
        let sender = self.sender.as_ref().ok_or(PublishError::NoPublisher)?;
        let proposal = &publication.proposal;
        let block_hash = proposal.block_hash();
        let block = self
            .prepared
            .get(block_hash)
            .ok_or(PublishError::Forgotten { block_hash })?;
        let sidecar = self.sidecar(proposal.blob_hash, &block.blob).await?;
        let slot = proposal.slot();
        let calls = agoge_l1_client::Publication {
            free_fields: proposal.free_fields,
            attestations: publication.attestations.clone(),
            claim: publication
                .offer
                .as_ref()
                .map_or_else(Bytes::new, |offer| offer.bundle.clone().into()),
            payload: publication.signal.map_or(Address::ZERO, |signal| signal.payload),
            actions_hash: publication
                .signal
                .map_or(B256::ZERO, |signal| signal.actions_hash),
            signature: publication.signature,
            committee_proof: self.committee_proof(self.timing.epoch_of(slot)).await?,
        };
        // L1 refuses the block, not only the claim or the signal, when there is too little.
        let claim_gas = if calls.claim.is_empty() { 0 } else { CLAIM_GAS };
        let signal_gas = publication.signal.map_or(0, |_| SIGNAL_GAS);
        let gas_limit = self
            .gas_limit
            .saturating_add(claim_gas)
            .saturating_add(signal_gas);
        let request = TxRequest {
            to: Some(self.reader.contracts().rollup),
            calldata: calls.propose_calldata(),
            value: U256::ZERO,
            sidecar: Some(sidecar),
            gas: GasPolicy::Fixed(gas_limit),
            earliest_time: Some(self.timing.slot_start(slot)),
            deadline_time: Some(self.timing.slot_end(slot)),
            purpose: Purpose::propose(slot),
            check: Some(calls.validate_calldata(proposal.blob_hash)),
        };
        match sender.send(request).await? {
            SendOutcome::Mined(tx) => {
                tracing::info!(%slot, hash = %tx.hash, gas = tx.gas_used, "published a block");
                Ok(())
            }
            outcome => Err(PublishError::NotTaken {
                slot,
                outcome: Box::new(outcome),
            }),
        }
    }

    /// What proves the committee on the chain as L1's head has it: the seed's headers until the epoch is set up (nothing in the genesis
    /// epochs), afterwards its members, or nothing, by the Rollup's version.
    ///
    /// Between this look and the block only this slot's block itself or an L1 reorg can set the epoch up or undo it. The simulation before
    /// signing then fails and the next L1 head brings another attempt, which looks again; a reorg later than that leaves the signed
    /// transaction as it is, and the slot without a block unless its parent comes back.
    async fn committee_proof(&self, epoch: Epoch) -> Result<CommitteeProof, PublishError> {
        let stored = self.reader.committee_of_epoch(At::Latest, epoch).await;
        let stored = stored.map_err(|source| PublishError::EpochState {
            epoch,
            source: Box::new(source),
        })?;
        if let Some(members) = stored {
            return Ok(match self.version {
                RollupVersion::Leonidas => CommitteeProof::default(),
                RollupVersion::Pleistarchus => CommitteeProof::of_members(&members),
            });
        }
        let Some(time) = self.timing.entropy_time(epoch) else {
            return Ok(CommitteeProof::default());
        };
        let entropy = self.reader.entropy_block(time).await;
        let entropy = entropy.map_err(|source| PublishError::Seed {
            epoch,
            source: Box::new(source),
        })?;
        Ok(entropy.committee_proof)
    }

    async fn sidecar(&self, blob_hash: B256, blob: &Blob) -> Result<Arc<Sidecar>, PublishError> {
        let known = self
            .sidecars
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&blob_hash)
            .cloned();
        if let Some(sidecar) = known {
            return Ok(sidecar);
        }
        let blob = blob.clone();
        let sidecar = self
            .spawner
            .spawn_blocking("blob-proofs", move || kzg::sidecar(&[blob]))
            .await??;
        let sidecar = Arc::new(sidecar);
        let mut sidecars = self.sidecars.lock().unwrap_or_else(PoisonError::into_inner);
        sidecars.insert(blob_hash, Arc::clone(&sidecar));
        Ok(sidecar)
    }
}
