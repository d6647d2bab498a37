//! KZG work on all blobs of an epoch at once (`docs/protocol.md` section 16): L1 checks one opening of the combination of their commitments.

use agoge_protocol::limits::{BLOB_BYTES, BLOB_ELEMENTS};
use agoge_protocol::{B256, U256};
use alloy::primitives::uint;

use super::{KzgError, commitment, invalid, settings};
use crate::blob::Blob;

/// Order of the BLS12-381 groups: the modulus of a blob's field.
const MODULUS: U256 = uint!(0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001_U256);

/// Bytes of a point of G1 as EIP-2537 writes it.
pub const POINT_BYTES: usize = 128;
/// Zero bytes before each coordinate of 48 bytes.
const PADDING_BYTES: usize = 16;
const COORDINATE_BYTES: usize = 48;

/// The combination of several blobs, opened at one point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// `sum_i z^(4096 i) q_i(z)`, 32 bytes big-endian, below the field's modulus.
    pub y: B256,
    /// The KZG proof.
    pub proof: [u8; 48],
}

impl Opening {
    /// The `evaluation` argument of `submitEpochProof`: y, then the proof.
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.y.as_slice(), &self.proof].concat()
    }
}

/// Opens `sum_i z^(4096 i) q_i` at z, where q_i is the polynomial of the i-th blob. z must be below the field's modulus.
///
/// # Errors
/// [`KzgError`].
pub fn open_combined(blobs: &[Blob], z: U256) -> Result<Opening, KzgError> {
    let exponent = U256::from(BLOB_ELEMENTS);
    let step = z.pow_mod(exponent, MODULUS);
    let mut weight = U256::ONE;
    let mut sums = vec![U256::ZERO; BLOB_ELEMENTS];
    for blob in blobs {
        // A polynomial is linear in its evaluations, so the combination is made of them.
        for (sum, value) in sums.iter_mut().zip(blob.as_bytes().chunks_exact(32)) {
            let value = U256::from_be_slice(value);
            if value >= MODULUS {
                return Err(KzgError::InvalidBlob("a word above the modulus".to_owned()));
            }
            *sum = sum.add_mod(value.mul_mod(weight, MODULUS), MODULUS);
        }
        weight = weight.mul_mod(step, MODULUS);
    }
    let mut bytes = Vec::with_capacity(BLOB_BYTES);
    for sum in sums {
        bytes.extend_from_slice(&sum.to_be_bytes::<32>());
    }
    let combined = c_kzg::Blob::from_bytes(&bytes).map_err(|error| invalid(&error))?;
    let at = c_kzg::Bytes32::new(z.to_be_bytes());
    let (proof, y) = settings()
        .compute_kzg_proof(&combined, &at)
        .map_err(|error| invalid(&error))?;
    Ok(Opening {
        y: B256::from_slice(y.as_slice()),
        proof: proof.to_bytes().into_inner(),
    })
}

/// Commitment of a blob as a point with both coordinates, as EIP-2537 writes it: L1 compresses it and compares the hash.
///
/// # Errors
/// [`KzgError`].
pub fn commitment_point(blob: &Blob) -> Result<[u8; POINT_BYTES], KzgError> {
    let compressed = commitment(blob)?;
    let point = blst::min_pk::PublicKey::uncompress(compressed.as_slice())
        .map_err(|error| KzgError::InvalidBlob(format!("{error:?}")))?;
    let coordinates = point.serialize();
    let mut bytes = [0; POINT_BYTES];
    // The point at infinity is (0, 0) there, and has a flag here.
    if coordinates.first().is_some_and(|first| first & 0x40 != 0) {
        return Ok(bytes);
    }
    let padded = bytes.chunks_exact_mut(PADDING_BYTES + COORDINATE_BYTES);
    for (target, coordinate) in padded.zip(coordinates.chunks_exact(COORDINATE_BYTES)) {
        if let Some(target) = target.get_mut(PADDING_BYTES..) {
            target.copy_from_slice(coordinate);
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kzg::versioned_hash;
    use agoge_protocol::keccak256;
    use alloy::eips::eip4844::kzg_to_versioned_hash;

    /// A blob with a few non-zero words below the modulus.
    fn blob(seed: u8) -> Blob {
        let mut blob = Blob::zero();
        for (number, word) in blob.as_bytes_mut().chunks_exact_mut(32).take(5).enumerate() {
            word.copy_from_slice(keccak256([seed, u8::try_from(number).unwrap()]).as_slice());
            word[0] &= 0x3f;
        }
        blob
    }

    fn z() -> U256 {
        U256::from_be_bytes(keccak256("z").0) >> 88
    }

    #[test]
    fn one_blob_opens_as_the_library_opens_it() {
        let opening = open_combined(&[blob(1)], z()).unwrap();
        let kzg_blob = c_kzg::Blob::from_bytes(blob(1).as_bytes()).unwrap();
        let at = c_kzg::Bytes32::new(z().to_be_bytes());
        let (proof, y) = settings().compute_kzg_proof(&kzg_blob, &at).unwrap();
        assert_eq!(opening.y.as_slice(), y.as_slice());
        assert_eq!(opening.proof, proof.to_bytes().into_inner());
        assert_eq!(opening.to_bytes().len(), 80);
    }

    #[test]
    fn several_blobs_add_up_with_powers_of_z() {
        let value = |blobs: &[Blob]| U256::from_be_bytes(open_combined(blobs, z()).unwrap().y.0);
        let step = z().pow_mod(U256::from(4_096), MODULUS);
        let mut weight = U256::ONE;
        let mut expected = U256::ZERO;
        let blobs = [blob(1), blob(2), Blob::zero(), blob(3)];
        for blob in &blobs {
            let y = value(std::slice::from_ref(blob));
            expected = expected.add_mod(y.mul_mod(weight, MODULUS), MODULUS);
            weight = weight.mul_mod(step, MODULUS);
        }
        assert_eq!(value(&blobs), expected);
        assert_ne!(value(&[blob(2), blob(1)]), value(&[blob(1), blob(2)]));
        let mut bad = Blob::zero();
        bad.as_bytes_mut()[..32].fill(0xff);
        assert!(open_combined(&[bad], z()).is_err());
    }

    #[test]
    fn points_compress_to_the_commitments() {
        for seed in 0..4 {
            let point = commitment_point(&blob(seed)).unwrap();
            assert!(point[..16].iter().chain(&point[64..80]).all(|byte| *byte == 0));
            let serialized = [&point[16..64], &point[80..]].concat();
            let compressed = blst::min_pk::PublicKey::deserialize(&serialized)
                .unwrap()
                .compress();
            assert_eq!(
                kzg_to_versioned_hash(&compressed),
                versioned_hash(&blob(seed)).unwrap()
            );
        }
        assert_eq!(commitment_point(&Blob::zero()).unwrap(), [0; POINT_BYTES]);
    }
}
