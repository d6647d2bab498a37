//! What the proof of an epoch says and what L1 is told with it (`docs/protocol.md` sections 16.1 to 16.4).

use agoge_l1_client::Blob;
use agoge_l1_client::kzg::{self, KzgError, Opening};
use agoge_protocol::epoch_proof::{ChallengeContext, EpochPublicInputs, LIMB_BITS, blobs_hash};
use agoge_protocol::settlement::SettlementError;
use agoge_protocol::{Address, Digest, Element, NotCanonical, Timing, U256};
use agoge_state_transition::blob_evaluation::evaluate_blobs;
use agoge_state_transition::fingerprint::fingerprint;
use agoge_store::Store;

use super::EpochBlocks;
use crate::runtime::GoalKey;

/// The instance and who proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claimant {
    /// L1 chain id.
    pub chain_id: u64,
    /// The instance's contract.
    pub rollup: Address,
    /// The instance.
    pub genesis_id: Digest,
    /// Who is paid; bound by the proof.
    pub prover: Address,
}

/// The statement about a range of blocks, and the arguments of `submitEpochProof` beside the proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The public inputs.
    pub inputs: EpochPublicInputs,
    /// The settlement list as calldata.
    pub settlement: Vec<u8>,
    /// Commitments of the blobs, 128 bytes each.
    pub commitments: Vec<u8>,
    /// Opening of their combination.
    pub opening: Opening,
}

/// Why a statement cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    /// The blocks make no list.
    #[error(transparent)]
    Settlement(#[from] SettlementError),
    /// A number of the list is no element.
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
    /// The KZG library failed.
    #[error(transparent)]
    Kzg(#[from] KzgError),
    /// Not one blob for each block.
    #[error("{found} blobs for {expected} blocks")]
    BlobCount {
        /// Blocks.
        expected: usize,
        /// Blobs.
        found: usize,
    },
    /// A blob is not that of its block.
    #[error("blob {position} is not that of its block")]
    OtherBlob {
        /// Position of the block, from 0.
        position: usize,
    },
    /// The blobs and the effects give different values at z.
    #[error("the blobs hold other effects than the blocks: {blobs} at z, expected {effects}")]
    Evaluation {
        /// By KZG, from the blobs.
        blobs: U256,
        /// From the blocks' effects.
        effects: U256,
    },
}

impl Statement {
    /// Computes a statement. `blobs` are those of the blocks, in order. About 20 ms a block and half a second: blocking work.
    ///
    /// # Errors
    /// [`StatementError`]; everything that L1 compares is compared here first.
    pub fn new(
        claimant: &Claimant,
        timing: &Timing,
        blocks: &EpochBlocks,
        blobs: &[Blob],
    ) -> Result<Self, StatementError> {
        let hashes = blocks.blob_hashes();
        if hashes.len() != blobs.len() {
            return Err(StatementError::BlobCount {
                expected: hashes.len(),
                found: blobs.len(),
            });
        }
        let mut commitments = Vec::with_capacity(blobs.len().saturating_mul(kzg::POINT_BYTES));
        for (position, (blob, hash)) in blobs.iter().zip(&hashes).enumerate() {
            if kzg::versioned_hash(blob)? != *hash {
                return Err(StatementError::OtherBlob { position });
            }
            commitments.extend_from_slice(&kzg::commitment_point(blob)?);
        }
        let list = blocks.settlement()?;
        let settlement = list.encode();
        let context = ChallengeContext {
            chain_id: claimant.chain_id,
            rollup: claimant.rollup,
            start_archive: blocks.start_archive,
            end_archive: blocks.end_archive(),
            blobs_hash: blobs_hash(&hashes),
        };
        let z = context.blob_challenge();
        let alpha = context.settlement_challenge(claimant.prover, &settlement);
        let y = evaluate_blobs(blocks.blocks.iter().map(|block| block.effects.as_slice()), z);
        let opening = kzg::open_combined(blobs, from_limbs(&z))?;
        let (by_blobs, by_effects) = (U256::from_be_bytes(opening.y.0), from_limbs(&y));
        if by_blobs != by_effects {
            return Err(StatementError::Evaluation {
                blobs: by_blobs,
                effects: by_effects,
            });
        }
        let inputs = EpochPublicInputs {
            genesis_id: claimant.genesis_id,
            start_archive: context.start_archive,
            end_archive: context.end_archive,
            alpha,
            fingerprint: fingerprint(list.elements(blocks.inbox_start, timing)?, alpha),
            z,
            y,
        };
        Ok(Self {
            inputs,
            settlement,
            commitments,
            opening,
        })
    }
}

/// The blocks of a range as the store has them now, with their statement; `None` if they end in another archive, or if a block or a blob is
/// not there. Blocking work.
///
/// # Errors
/// [`StatementError`].
pub fn read_statement(
    store: &Store,
    claimant: &Claimant,
    timing: &Timing,
    key: &GoalKey,
) -> Result<Option<(EpochBlocks, Statement)>, StatementError> {
    let view = store.view();
    let Ok(blocks) = EpochBlocks::read(&view, timing, key.range()) else {
        return Ok(None);
    };
    if blocks.end_archive() != key.end_archive {
        return Ok(None);
    }
    let mut blobs = Vec::with_capacity(blocks.blocks.len());
    for hash in blocks.blob_hashes() {
        match view
            .blob(hash)
            .map(|blob| blob.map(|blob| Blob::from_bytes(blob.to_vec())))
        {
            Ok(Some(Ok(blob))) => blobs.push(blob),
            Ok(None | Some(Err(_))) | Err(_) => return Ok(None),
        }
    }
    let statement = Statement::new(claimant, timing, &blocks, &blobs)?;
    Ok(Some((blocks, statement)))
}

/// A number from limbs of 56 bits, least significant first; at most five of them.
fn from_limbs(limbs: &[Element]) -> U256 {
    let shifted = |acc: U256, limb: &Element| (acc << LIMB_BITS) | U256::from(limb.get());
    limbs.iter().rev().fold(U256::ZERO, shifted)
}
