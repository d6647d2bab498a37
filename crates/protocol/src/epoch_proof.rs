//! What an epoch proof says: its public inputs and the challenges that L1 fixes (`docs/protocol.md` sections 16.1 and 16.2).

use alloy_primitives::{Address, B256, Keccak256, U256, keccak256};
use alloy_sol_types::SolValue;
use borsh::{BorshDeserialize, BorshSerialize};

use crate::element::{MODULUS, NotCanonical};
use crate::{Digest, Element};

/// Bits of a limb of z and of y.
pub const LIMB_BITS: u32 = 56;

/// Public inputs of an epoch proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct EpochPublicInputs {
    /// The instance.
    pub genesis_id: Digest,
    /// Archive root before the first block.
    pub start_archive: Digest,
    /// Archive root after the last block.
    pub end_archive: Digest,
    /// Where the settlement list is evaluated, `alpha_0 + alpha_1 X` in `F_p[X]/(X^2 - 7)`.
    pub alpha: [Element; 2],
    /// Value of the settlement list at alpha.
    pub fingerprint: [Element; 2],
    /// Where the blobs are evaluated, three limbs of 56 bits, least significant first.
    pub z: [Element; 3],
    /// Value of the blobs at z, five limbs of 56 bits, least significant first, below the BLS12-381 scalar modulus.
    pub y: [Element; 5],
}

impl EpochPublicInputs {
    /// Number of public inputs.
    pub const LEN: usize = 24;

    /// The public inputs in order.
    pub fn to_elements(&self) -> [Element; Self::LEN] {
        let [g0, g1, g2, g3] = self.genesis_id.0;
        let [s0, s1, s2, s3] = self.start_archive.0;
        let [e0, e1, e2, e3] = self.end_archive.0;
        let ([a0, a1], [f0, f1]) = (self.alpha, self.fingerprint);
        let ([z0, z1, z2], [y0, y1, y2, y3, y4]) = (self.z, self.y);
        [
            g0, g1, g2, g3, s0, s1, s2, s3, e0, e1, e2, e3, a0, a1, f0, f1, z0, z1, z2, y0, y1, y2, y3, y4,
        ]
    }

    /// Public inputs from their elements.
    pub const fn from_elements(elements: &[Element; Self::LEN]) -> Self {
        let [
            g0,
            g1,
            g2,
            g3,
            s0,
            s1,
            s2,
            s3,
            e0,
            e1,
            e2,
            e3,
            a0,
            a1,
            f0,
            f1,
            z0,
            z1,
            z2,
            y0,
            y1,
            y2,
            y3,
            y4,
        ] = *elements;
        Self {
            genesis_id: Digest([g0, g1, g2, g3]),
            start_archive: Digest([s0, s1, s2, s3]),
            end_archive: Digest([e0, e1, e2, e3]),
            alpha: [a0, a1],
            fingerprint: [f0, f1],
            z: [z0, z1, z2],
            y: [y0, y1, y2, y3, y4],
        }
    }
}

/// What both challenges are made of besides what is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChallengeContext {
    /// L1 chain id.
    pub chain_id: u64,
    /// The instance's contract.
    pub rollup: Address,
    /// Archive root before the first block.
    pub start_archive: Digest,
    /// Archive root after the last block.
    pub end_archive: Digest,
    /// [`blobs_hash`] of the blocks' blobs.
    pub blobs_hash: B256,
}

/// Keccak of the concatenated versioned hashes of the blobs, in block order.
pub fn blobs_hash(blob_hashes: &[B256]) -> B256 {
    let mut hasher = Keccak256::new();
    for hash in blob_hashes {
        hasher.update(hash);
    }
    hasher.finalize()
}

impl ChallengeContext {
    /// z: where the blobs are evaluated. No prover is in it, so provers can share the work.
    pub fn blob_challenge(&self) -> [Element; 3] {
        let hash = keccak256(
            (
                "AGOGE_BLOB",
                U256::from(self.chain_id),
                self.rollup,
                self.start_archive.to_b256(),
                self.end_archive.to_b256(),
                self.blobs_hash,
            )
                .abi_encode_params(),
        );
        // The low 168 bits are the last 21 bytes: three big-endian limbs of 7 bytes, most significant first.
        let (_, limbs) = hash.0.split_at(11);
        let (high, rest) = limbs.split_at(7);
        let (middle, low) = rest.split_at(7);
        [limb(low), limb(middle), limb(high)]
    }

    /// alpha: where the settlement list is evaluated. `settlement` is the list's calldata.
    pub fn settlement_challenge(&self, prover: Address, settlement: &[u8]) -> [Element; 2] {
        let hash = keccak256(
            (
                "AGOGE_SETTLEMENT",
                U256::from(self.chain_id),
                self.rollup,
                prover,
                self.start_archive.to_b256(),
                self.end_archive.to_b256(),
                keccak256(settlement),
                self.blobs_hash,
            )
                .abi_encode_params(),
        );
        let (high, low) = hash.0.split_at(16);
        [reduced(high), reduced(low)]
    }
}

/// A big-endian number of at most 7 bytes.
fn limb(bytes: &[u8]) -> Element {
    let number = bytes
        .iter()
        .fold(0_u64, |acc, byte| (acc << 8) | u64::from(*byte));
    Element::new(number).unwrap_or(Element::ZERO) // 56 bits are below the modulus.
}

/// A big-endian number of at most 16 bytes, reduced.
fn reduced(bytes: &[u8]) -> Element {
    let number = bytes
        .iter()
        .fold(0_u128, |acc, byte| (acc << 8) | u128::from(*byte));
    let rest = number.checked_rem(u128::from(MODULUS)).unwrap_or(0);
    // What is left is below the modulus.
    u64::try_from(rest)
        .map_err(|_| NotCanonical { found: u64::MAX })
        .and_then(Element::new)
        .unwrap_or(Element::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTEXT: ChallengeContext = ChallengeContext {
        chain_id: 31_337,
        rollup: Address::repeat_byte(0x11),
        start_archive: Digest::ZERO,
        end_archive: Digest::ZERO,
        blobs_hash: B256::repeat_byte(0x22),
    };

    #[test]
    fn public_inputs_keep_their_order() {
        let elements: [Element; EpochPublicInputs::LEN] =
            core::array::from_fn(|i| Element::from_u32(u32::try_from(i).unwrap()));
        let inputs = EpochPublicInputs::from_elements(&elements);
        assert_eq!(inputs.to_elements(), elements);
        assert_eq!(inputs.y.map(Element::get), [19, 20, 21, 22, 23]);
    }

    #[test]
    fn z_is_the_low_168_bits() {
        let hash = U256::from_be_bytes(
            keccak256(
                (
                    "AGOGE_BLOB",
                    U256::from(31_337),
                    CONTEXT.rollup,
                    B256::ZERO,
                    B256::ZERO,
                    CONTEXT.blobs_hash,
                )
                    .abi_encode_params(),
            )
            .0,
        );
        let mask = U256::from((1_u64 << LIMB_BITS) - 1);
        let expected: [U256; 3] = [hash & mask, (hash >> 56) & mask, (hash >> 112) & mask];
        let found = CONTEXT.blob_challenge().map(|limb| U256::from(limb.get()));
        assert_eq!(found, expected);
    }

    #[test]
    fn whatever_changes_changes_the_challenges() {
        let alpha =
            |context: ChallengeContext, prover, list: &[u8]| context.settlement_challenge(prover, list);
        let base = alpha(CONTEXT, Address::ZERO, &[1]);
        let others = [
            ChallengeContext {
                chain_id: 1,
                ..CONTEXT
            },
            ChallengeContext {
                rollup: Address::ZERO,
                ..CONTEXT
            },
            ChallengeContext {
                start_archive: Digest([Element::from_u32(1); 4]),
                ..CONTEXT
            },
            ChallengeContext {
                end_archive: Digest([Element::from_u32(1); 4]),
                ..CONTEXT
            },
            ChallengeContext {
                blobs_hash: blobs_hash(&[B256::ZERO]),
                ..CONTEXT
            },
        ];
        for other in others {
            assert_ne!(alpha(other, Address::ZERO, &[1]), base);
            assert_ne!(other.blob_challenge(), CONTEXT.blob_challenge());
        }
        assert_ne!(alpha(CONTEXT, Address::repeat_byte(1), &[1]), base);
        assert_ne!(alpha(CONTEXT, Address::ZERO, &[2]), base);
    }

    #[test]
    fn large_numbers_are_reduced() {
        assert_eq!(reduced(&u128::from(MODULUS).to_be_bytes()), Element::ZERO);
        assert_eq!(
            reduced(&[0xff; 16]).get(),
            u64::try_from(u128::MAX % u128::from(MODULUS)).unwrap()
        );
    }
}
