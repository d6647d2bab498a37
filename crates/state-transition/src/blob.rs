//! Effects as an EIP-4844 blob (`docs/protocol.md` section 9): 4,096 coefficients of nine 28-bit limbs, posted as the evaluations of their
//! polynomial.
//!
//! [`decode`] is the exact inverse of [`encode`]: of all blobs it accepts, each is the encoding of what it returns.

mod limbs;
mod polynomial;

use agoge_protocol::limits::{BLOB_BYTES, BLOB_ELEMENTS, BLOCK_TXS_MAX};
use agoge_protocol::transaction::MalformedTx;
use agoge_protocol::{NotCanonical, TxEffects};

use limbs::COEFFICIENT_LIMBS;

pub use limbs::Coefficient;

/// The bytes of a blob.
pub type BlobBytes = [u8; BLOB_BYTES];

/// Format version in the first limb.
const VERSION: u32 = 1;
/// Coefficients of one transaction.
pub const TX_COEFFICIENTS: usize = 13;

const _: () = assert!(
    TX_COEFFICIENTS * BLOCK_TXS_MAX < BLOB_ELEMENTS,
    "the largest block fits in one blob"
);

/// Why effects have no blob. Never for the effects of an executed block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// More than any block may carry.
    #[error("{found} transactions, the limit is {BLOCK_TXS_MAX}")]
    TooManyTxs {
        /// As given.
        found: usize,
    },
    /// A transaction's values are out of range.
    #[error("transaction {index}: {reason}")]
    Malformed {
        /// Position in the block.
        index: usize,
        /// The rule broken.
        #[source]
        reason: MalformedTx,
    },
}

/// Why a blob is not the encoding of any block's effects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// One of the 32-byte numbers is not below the BLS12-381 scalar modulus.
    #[error("blob element {position} is not below the scalar modulus")]
    ScalarNotCanonical {
        /// Position in the blob.
        position: usize,
    },
    /// A coefficient is `>= 2^252`, more than nine limbs.
    #[error("coefficient {position} has more than 252 bits")]
    CoefficientTooWide {
        /// Which coefficient.
        position: usize,
    },
    /// The format version is unknown.
    #[error("format version is {found}, expected {VERSION}")]
    Version {
        /// As found.
        found: u32,
    },
    /// The first coefficient has more than version and count.
    #[error("padding of the first coefficient is not zero")]
    HeaderPadding,
    /// More transactions than a block may carry.
    #[error("{found} transactions, the limit is {limit}")]
    TooManyTxs {
        /// As found.
        found: usize,
        /// T, or what any profile allows.
        limit: usize,
    },
    /// A coefficient after the last transaction is not zero.
    #[error("coefficient {position} after the last transaction is not zero")]
    TrailingData {
        /// Which coefficient.
        position: usize,
    },
    /// One of a transaction's five last limbs is not zero.
    #[error("padding of transaction {index} is not zero")]
    TxPadding {
        /// Position in the block.
        index: usize,
    },
    /// A most significant limb has bits above its width; for fee and withdrawal this is a value `>= 2^60`.
    #[error("transaction {index}: most significant limb {limb:#x} of {field} has more than {bits} bits")]
    LimbTooWide {
        /// Position in the block.
        index: usize,
        /// Which quantity.
        field: &'static str,
        /// As found.
        limb: u32,
        /// Bits allowed.
        bits: u32,
    },
    /// A digest's element is not below the field modulus.
    #[error("transaction {index}: {field}: {reason}")]
    Element {
        /// Position in the block.
        index: usize,
        /// Which digest.
        field: &'static str,
        /// The number.
        #[source]
        reason: NotCanonical,
    },
    /// Amount 0 with a recipient.
    #[error("transaction {index} names a recipient of a withdrawal of 0")]
    RecipientWithoutAmount {
        /// Position in the block.
        index: usize,
    },
}

/// The blob of a block's effects.
///
/// # Errors
/// [`EncodeError`] when the effects are not those of a block.
pub fn encode(effects: &[TxEffects]) -> Result<Box<BlobBytes>, EncodeError> {
    let found = effects.len();
    let count = u32::try_from(found)
        .ok()
        .filter(|_| found <= BLOCK_TXS_MAX)
        .ok_or(EncodeError::TooManyTxs { found })?;
    let mut coefficients = Vec::with_capacity(BLOB_ELEMENTS);
    coefficients.push(first_coefficient(u64::from(count)));
    for (index, tx) in effects.iter().enumerate() {
        tx.check()
            .map_err(|reason| EncodeError::Malformed { index, reason })?;
        coefficients.extend(tx_coefficients(tx));
    }
    Ok(polynomial::evaluate(&coefficients))
}

/// `c_0` of a block with so many transactions, at most [`BLOCK_TXS_MAX`].
pub fn first_coefficient(tx_count: u64) -> Coefficient {
    // No block has 2^28 transactions.
    let count = u32::try_from(tx_count).unwrap_or(u32::MAX);
    [VERSION, count, 0, 0, 0, 0, 0, 0, 0]
}

/// A transaction's coefficients, of the lowest power first.
pub fn tx_coefficients(tx: &TxEffects) -> [Coefficient; TX_COEFFICIENTS] {
    limbs::write_tx(tx)
}

/// The effects in a blob. `txs_max` is the network's T.
///
/// Checks the encoding alone; that nullifiers are fresh and distinct is for execution.
///
/// # Errors
/// [`BlobError`] naming the first rule broken.
pub fn decode(blob: &BlobBytes, txs_max: usize) -> Result<Vec<TxEffects>, BlobError> {
    let coefficients = polynomial::interpolate(blob)?;
    let mut rest = coefficients.iter();
    let [version, found, padding @ ..] = *rest.next().unwrap_or(&[0; COEFFICIENT_LIMBS]);
    if version != VERSION {
        return Err(BlobError::Version { found: version });
    }
    if padding.iter().any(|limb| *limb != 0) {
        return Err(BlobError::HeaderPadding);
    }
    let limit = txs_max.min(BLOCK_TXS_MAX);
    let found = usize::try_from(found).unwrap_or(usize::MAX);
    if found > limit {
        return Err(BlobError::TooManyTxs { found, limit });
    }
    let (txs, _) = rest.as_slice().as_chunks::<TX_COEFFICIENTS>();
    let used = found.saturating_mul(TX_COEFFICIENTS).saturating_add(1);
    let is_zero = |coefficient: &Coefficient| *coefficient == [0; COEFFICIENT_LIMBS];
    if let Some(past) = coefficients
        .iter()
        .skip(used)
        .position(|coefficient| !is_zero(coefficient))
    {
        return Err(BlobError::TrailingData {
            position: used.saturating_add(past),
        });
    }
    txs.iter()
        .take(found)
        .enumerate()
        .map(|(index, tx)| limbs::read_tx(index, tx))
        .collect()
}

#[cfg(test)]
mod tests;
