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

/// A blob with its commitment and 128 cell proofs, as a transaction carries it (EIP-7594 wrapper, version 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sidecar {
    pub(crate) inner: BlobTransactionSidecarEip7594,
    versioned_hash: B256,
}

impl Sidecar {
    /// Versioned hash of the blob.
    pub const fn versioned_hash(&self) -> B256 {
        self.versioned_hash
    }
}

/// Commitment and cell proofs of a blob.
///
/// # Errors
/// [`KzgError`].
pub fn sidecar(blob: &Blob) -> Result<Sidecar, KzgError> {
    let commitment = commitment(blob)?;
    let kzg_blob = c_kzg::Blob::from_bytes(blob.as_bytes()).map_err(|e| invalid(&e))?;
    let (_cells, proofs) = settings()
        .compute_cells_and_kzg_proofs(&kzg_blob)
        .map_err(|e| invalid(&e))?;
    let inner = BlobTransactionSidecarEip7594::new(
        vec![alloy::eips::eip4844::Blob::from(*blob.as_bytes())],
        vec![commitment.into_inner().into()],
        proofs
            .iter()
            .map(|proof| proof.to_bytes().into_inner().into())
            .collect(),
    );
    Ok(Sidecar {
        inner,
        versioned_hash: kzg_to_versioned_hash(commitment.as_slice()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sidecars_carry_the_commitment_and_every_cell_proof() {
        let mut blob = Blob::zero();
        blob.as_bytes_mut()[31] = 7;
        let sidecar = sidecar(&blob).unwrap();
        assert_eq!(sidecar.versioned_hash(), versioned_hash(&blob).unwrap());
        assert_eq!(sidecar.inner.cell_proofs.len(), 128);
        assert_ne!(sidecar.versioned_hash(), versioned_hash(&Blob::zero()).unwrap());
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
