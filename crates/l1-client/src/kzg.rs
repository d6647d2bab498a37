//! KZG work on blobs with the Ethereum trusted set-up, loaded at first use and shared by the process.
//!
//! No precomputation: the tables would take about 100 MB for a gain that one blob a slot does not need. Every function is CPU work of
//! 10 ms to a second; async callers use `spawn_blocking`.

mod epoch;

pub use epoch::{Opening, POINT_BYTES, commitment_point, open_combined};

use agoge_protocol::limits::BLOB_BYTES;
use alloy::eips::eip4844::kzg_to_versioned_hash;
use alloy::eips::eip7594::BlobTransactionSidecarEip7594;
use alloy::primitives::B256;

use crate::blob::Blob;

/// Why a blob has no commitment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KzgError {
    /// A 32-byte word is not below the BLS12-381 scalar modulus, or the library failed.
    #[error("the blob is not {BLOB_BYTES} bytes of field elements: {0}")]
    InvalidBlob(String),
}

/// Loads the trusted set-up now instead of at first use. About 2 s on a slow machine.
pub fn warm_up() {
    settings();
}

fn settings() -> &'static c_kzg::KzgSettings {
    c_kzg::ethereum_kzg_settings(0)
}

fn invalid(error: &c_kzg::Error) -> KzgError {
    KzgError::InvalidBlob(format!("{error:?}"))
}

/// EIP-4844 commitment of a blob.
fn commitment(blob: &Blob) -> Result<c_kzg::Bytes48, KzgError> {
    let blob = c_kzg::Blob::from_bytes(blob.as_bytes()).map_err(|e| invalid(&e))?;
    settings()
        .blob_to_kzg_commitment(&blob)
        .map(|commitment| commitment.to_bytes())
        .map_err(|e| invalid(&e))
}

/// EIP-4844 versioned hash of a blob: `0x01 || sha256(commitment)[1..]`.
///
/// # Errors
/// [`KzgError`].
pub fn versioned_hash(blob: &Blob) -> Result<B256, KzgError> {
    Ok(kzg_to_versioned_hash(commitment(blob)?.as_slice()))
}

/// Blobs that one transaction carries at most (EIP-7594).
pub const BLOBS_PER_TX_MAX: usize = 6;

/// Blobs with their commitments and 128 cell proofs each, as a transaction carries them (EIP-7594 wrapper, version 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sidecar {
    pub(crate) inner: BlobTransactionSidecarEip7594,
    versioned_hashes: Vec<B256>,
}

impl Sidecar {
    /// Versioned hashes of the blobs, in order.
    pub fn versioned_hashes(&self) -> &[B256] {
        &self.versioned_hashes
    }
}

/// Commitments and cell proofs of the blobs of a transaction, 1 to [`BLOBS_PER_TX_MAX`] of them. A tenth of a second each: blocking work.
///
/// # Errors
/// [`KzgError`].
pub fn sidecar(blobs: &[Blob]) -> Result<Sidecar, KzgError> {
    let (mut parts, mut versioned_hashes) = ((Vec::new(), Vec::new(), Vec::new()), Vec::new());
    for blob in blobs {
        let commitment = commitment(blob)?;
        let kzg_blob = c_kzg::Blob::from_bytes(blob.as_bytes()).map_err(|e| invalid(&e))?;
        let (_cells, cell_proofs) = settings()
            .compute_cells_and_kzg_proofs(&kzg_blob)
            .map_err(|e| invalid(&e))?;
        versioned_hashes.push(kzg_to_versioned_hash(commitment.as_slice()));
        parts.0.push(alloy::eips::eip4844::Blob::from(*blob.as_bytes()));
        parts.1.push(commitment.into_inner().into());
        let cell_proofs = cell_proofs.iter();
        parts.2.extend(
            cell_proofs.map(|proof| alloy::eips::eip4844::Bytes48::from(proof.to_bytes().into_inner())),
        );
    }
    let (raw, commitments, cell_proofs) = parts;
    Ok(Sidecar {
        inner: BlobTransactionSidecarEip7594::new(raw, commitments, cell_proofs),
        versioned_hashes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sidecars_carry_the_commitment_and_every_cell_proof() {
        let mut blob = Blob::zero();
        blob.as_bytes_mut()[31] = 7;
        let both = [blob.clone(), Blob::zero()];
        let sidecar = sidecar(&both).unwrap();
        let hashes = both.each_ref().map(|blob| versioned_hash(blob).unwrap());
        assert_eq!(sidecar.versioned_hashes(), hashes);
        assert_eq!(sidecar.inner.blobs.len(), 2);
        assert_eq!(sidecar.inner.cell_proofs.len(), 256);
        assert_ne!(hashes[0], hashes[1]);
        // The commitment to zero is the point at infinity.
        let infinity = [&[0xc0_u8][..], &[0; 47]].concat();
        assert_eq!(
            versioned_hash(&Blob::zero()).unwrap(),
            kzg_to_versioned_hash(&infinity)
        );
        blob.as_bytes_mut()[..32].fill(0xff);
        assert!(versioned_hash(&blob).is_err(), "a word above the modulus");
    }
}
