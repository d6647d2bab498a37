//! A synthetic epoch: an empty first block, then blocks of transactions with real client proofs.

use std::sync::Arc;

use agoge_circuits::{ClientProver, ClientProverError, ClientWitness, InputNote, OutputNote, ProveError};
use agoge_l1_client::kzg::{self, KzgError};
use agoge_l1_client::{Blob, WrongBlobLength};
use agoge_protocol::limits::{
    BLOCK_DEPOSITS_MAX, BLOCK_TXS_MAX, BLOCK_WITHDRAWALS_MAX, EPOCH_BLOCKS_MAX, TREE_DEPTH,
};
use agoge_protocol::network::ClientProfile;
use agoge_protocol::{
    Address, B256, Ciphertext, Digest, Element, Epoch, L1Block, L1BlockNumber, L2BlockNumber, NotCanonical,
    Slot, Timing, Transaction, TxEffects, Withdrawal, keccak256,
};
use agoge_state_transition::{BlockContext, BlockLimits, blob, execute_block, hash};
use agoge_store::{
    AppliedBlock, BlockRecord, L1Change, L1Step, MinedAt, MinedTx, StepError, Store, StoreConfig, StoreError,
};

use crate::epochs::{BlocksError, Claimant, EpochBlocks};

/// Slots of the synthetic epoch: as many as an epoch may have blocks.
const EPOCH_SLOTS: u64 = EPOCH_BLOCKS_MAX as u64;
const TIMING: Timing = Timing {
    genesis_time: 1_700_000_000,
    slot_seconds: 36,
    epoch_slots: EPOCH_SLOTS,
    set_lag: 2,
    entropy_lag: 1,
};
const LIMITS: BlockLimits = BlockLimits {
    txs_max: BLOCK_TXS_MAX,
    deposits_max: BLOCK_DEPOSITS_MAX,
    withdrawals_max: BLOCK_WITHDRAWALS_MAX,
    tx_fee_min: 0,
};

/// Why there is no epoch.
#[derive(Debug, thiserror::Error)]
pub enum EpochError {
    /// More than an epoch can have.
    #[error(
        "{blocks} blocks of {BLOCK_TXS_MAX} transactions do not hold {txs}; an epoch has 1 to {EPOCH_BLOCKS_MAX} blocks"
    )]
    TooLarge {
        /// Blocks asked for.
        blocks: usize,
        /// Transactions asked for.
        txs: usize,
    },
    /// The client circuit.
    #[error(transparent)]
    Prover(#[from] ClientProverError),
    /// A client proof.
    #[error(transparent)]
    Prove(#[from] ProveError),
    /// A witness.
    #[error(transparent)]
    Witness(#[from] agoge_circuits::WitnessError),
    /// A transaction.
    #[error(transparent)]
    Malformed(#[from] agoge_protocol::transaction::MalformedTx),
    /// A block.
    #[error(transparent)]
    Execution(#[from] agoge_state_transition::ExecutionError<StoreError>),
    /// Its blob.
    #[error(transparent)]
    Blob(#[from] blob::EncodeError),
    /// Its blob.
    #[error(transparent)]
    BlobLength(#[from] WrongBlobLength),
    /// Its blob's hash.
    #[error(transparent)]
    Kzg(#[from] KzgError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store.
    #[error(transparent)]
    Step(#[from] StepError),
    /// The blocks.
    #[error(transparent)]
    Blocks(#[from] BlocksError),
    /// A number.
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
}

/// The epoch, in memory.
#[derive(Debug)]
pub struct SyntheticEpoch {
    store: Arc<Store>,
    blocks: EpochBlocks,
    blobs: Vec<Blob>,
    claimant: Claimant,
}

impl SyntheticEpoch {
    /// Makes an epoch of `blocks` blocks that share `txs` transactions evenly. Client proofs take seconds each in the default profile.
    ///
    /// # Errors
    /// [`EpochError`].
    pub fn make(profile: ClientProfile, blocks: usize, txs: usize) -> Result<Self, EpochError> {
        let prover = if txs > 0 {
            Some(ClientProver::new(profile)?)
        } else {
            None
        };
        let genesis_id = digest("genesis", 0)?;
        Self::with(blocks, txs, &mut |anchor, number| {
            let witness = witness(genesis_id, anchor, number)?;
            let ciphertexts = ciphertexts();
            let (public_inputs, proof) = match &prover {
                Some(prover) => prover.prove(&witness)?,
                // Not asked for without transactions.
                None => (witness.public_inputs()?, Vec::new()),
            };
            Ok(Transaction::new(public_inputs, ciphertexts, proof)?)
        })
    }

    /// The same with transactions that have no proof, for tests of everything but the circuits.
    ///
    /// # Errors
    /// [`EpochError`].
    pub fn without_proofs(blocks: usize, txs: usize) -> Result<Self, EpochError> {
        let genesis_id = digest("genesis", 0)?;
        Self::with(blocks, txs, &mut |anchor, number| {
            let public_inputs = witness(genesis_id, anchor, number)?.public_inputs()?;
            Ok(Transaction::new(public_inputs, ciphertexts(), Vec::new())?)
        })
    }

    fn with(
        blocks: usize,
        txs: usize,
        transaction: &mut dyn FnMut(Digest, usize) -> Result<Transaction, EpochError>,
    ) -> Result<Self, EpochError> {
        if !(1..=EPOCH_BLOCKS_MAX).contains(&blocks) || txs > blocks.saturating_mul(BLOCK_TXS_MAX) {
            return Err(EpochError::TooLarge { blocks, txs });
        }
        let genesis_id = digest("genesis", 0)?;
        let config = StoreConfig {
            undo_blocks_max: 64,
            l1_blocks_max: 256,
            epoch_slots: EPOCH_SLOTS,
            mined_tx_blocks_max: 64,
            queued_txs_max: 1,
            queued_bytes_max: 1,
            blobs_max: 64,
            blob_age_slots_max: 4_096,
        };
        let mut chain = Chain {
            store: Arc::new(Store::in_memory(config)?),
            genesis_id,
            l1_parent: B256::ZERO,
            blobs: Vec::new(),
        };
        // Its note root is the anchor of all transactions.
        let first = chain.append(Slot::new(0), &[])?;
        let mut made = 0_usize;
        for block in 0..blocks {
            let until = txs
                .saturating_mul(block.saturating_add(1))
                .checked_div(blocks)
                .unwrap_or(txs);
            let mut batch = Vec::new();
            while made < until {
                batch.push(transaction(first.header.note_root, made)?);
                made = made.saturating_add(1);
            }
            let slot = Slot::new(EPOCH_SLOTS.saturating_add(u64::try_from(block).unwrap_or(u64::MAX)));
            chain.append(slot, &batch)?;
        }
        let last = L2BlockNumber::new(u64::try_from(blocks).unwrap_or(u64::MAX).saturating_add(1));
        let range = L2BlockNumber::new(2)..=last;
        let epoch = EpochBlocks::read(&chain.store.view(), &TIMING, range)?;
        Ok(Self {
            store: chain.store,
            blocks: epoch,
            blobs: chain.blobs.split_off(1),
            claimant: Claimant {
                chain_id: 31_337,
                rollup: Address::repeat_byte(0x11),
                genesis_id,
                prover: Address::repeat_byte(0x22),
            },
        })
    }

    /// Its store.
    pub fn store(&self) -> Arc<Store> {
        Arc::clone(&self.store)
    }

    /// Its blocks.
    pub const fn blocks(&self) -> &EpochBlocks {
        &self.blocks
    }

    /// Their blobs.
    pub fn blobs(&self) -> &[Blob] {
        &self.blobs
    }

    /// Who proves it.
    pub const fn claimant(&self) -> &Claimant {
        &self.claimant
    }

    /// The instance.
    pub const fn genesis_id(&self) -> Digest {
        self.claimant.genesis_id
    }

    /// How time is cut.
    pub const fn timing(&self) -> &Timing {
        &TIMING
    }

    /// T, D and W.
    pub const fn limits(&self) -> BlockLimits {
        LIMITS
    }

    /// Deposits in it.
    pub fn deposits(&self) -> usize {
        self.blocks.blocks.iter().map(|block| block.deposits.len()).sum()
    }

    /// The epoch's number.
    pub const fn epoch(&self) -> Epoch {
        self.blocks.epoch
    }
}

struct Chain {
    store: Arc<Store>,
    genesis_id: Digest,
    l1_parent: B256,
    blobs: Vec<Blob>,
}

impl Chain {
    fn append(&mut self, slot: Slot, txs: &[Transaction]) -> Result<BlockRecord, EpochError> {
        let effects: Vec<TxEffects> = txs.iter().map(Transaction::effects).collect();
        let view = self.store.view();
        let context = BlockContext {
            genesis_id: self.genesis_id,
            slot,
            timestamp: TIMING.slot_start(slot),
            fee_recipient: Address::repeat_byte(0xfe),
            inbox_start: 0,
            limits: LIMITS,
        };
        let executed = execute_block(&view, &context, &[], &effects)?;
        let blob = Blob::from_bytes(blob::encode(&effects)?.to_vec())?;
        let blob_hash = kzg::versioned_hash(&blob)?;
        let (free_fields, parent_archive) = (executed.free_fields(), executed.header.parent_archive);
        let number = executed.header.number;
        let hash = keccak256(number.get().to_be_bytes());
        let record = BlockRecord {
            header: executed.header,
            header_hash: executed.header_hash,
            free_fields,
            blob_hash,
            block_hash: free_fields.block_hash(parent_archive, B256::ZERO, blob_hash),
            l1_block: L1BlockNumber::new(number.get()),
        };
        let applied = AppliedBlock {
            record: record.clone(),
            txs: effects
                .into_iter()
                .map(|effects| MinedTx { id: None, effects })
                .collect(),
            diff: executed.diff,
        };
        drop(view);
        self.store.apply_l1_block(L1Step {
            block: L1Block {
                number: record.l1_block,
                hash,
                parent_hash: self.l1_parent,
                time: TIMING.slot_start(slot),
                prevrandao: B256::ZERO,
            },
            changes: vec![L1Change::Block(Box::new(applied))],
        })?;
        self.l1_parent = hash;
        for (position, tx) in (0_u16..).zip(txs) {
            self.store.keep_mined_tx(MinedAt { number, position }, tx)?;
        }
        self.store.put_blob(slot, blob_hash, blob.as_bytes())?;
        self.blobs.push(blob);
        Ok(record)
    }
}

fn ciphertexts() -> [Ciphertext; 2] {
    [1, 2].map(|byte| Ciphertext::from_bytes(&[byte; 91]))
}

/// Two dummies in, two notes of nothing out.
fn witness(genesis_id: Digest, anchor: Digest, number: usize) -> Result<ClientWitness, EpochError> {
    let input = |word| -> Result<InputNote, EpochError> {
        Ok(InputNote {
            spending_key: digest(word, number)?.0,
            value: 0,
            rho: digest(word, number)?,
            randomness: digest(word, number)?,
            index: 0,
            siblings: [Digest::ZERO; TREE_DEPTH],
        })
    };
    let output = |word| -> Result<OutputNote, EpochError> {
        Ok(OutputNote {
            partial: digest(word, number)?,
            value: 0,
        })
    };
    Ok(ClientWitness {
        genesis_id,
        anchor,
        inputs: [input("first input")?, input("second input")?],
        outputs: [output("first output")?, output("second output")?],
        fee: 0,
        withdrawal: Withdrawal::default(),
        ciphertext_hash: hash::ciphertexts(&ciphertexts()),
    })
}

/// Four elements of a word and a number.
fn digest(word: &str, number: usize) -> Result<Digest, NotCanonical> {
    let hash = keccak256(format!("{word} {number}"));
    let mut elements = [Element::ZERO; 4];
    for (element, chunk) in elements.iter_mut().zip(hash.0.chunks_exact(8)) {
        let number = chunk
            .iter()
            .fold(0_u64, |acc, byte| (acc << 8) | u64::from(*byte));
        // 62 bits are below the modulus.
        *element = Element::new(number >> 2)?;
    }
    Ok(Digest(elements))
}
