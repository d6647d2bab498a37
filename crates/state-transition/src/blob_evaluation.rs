//! All blobs of an epoch at one point of the BLS12-381 scalar field (`docs/protocol.md` section 16.1):
//! `y = sum_i z^(4096 i) q_i(z) mod r`, `q_i` the polynomial of the i-th block's blob.
//!
//! [`evaluate_blobs`] is that definition. [`BlobSums`] reaches the same y one transaction at a time, in the order in which a block's effects
//! are hashed; it is the native twin of what the settlement circuit does with each transaction. It needs no power of z that
//! depends on the number of transactions to come, because it reads a block's polynomial from its highest power:
//! `q(z) = c_0 + z^(13 n) h_n` with `h_0 = 0`, `h_{j+1} = h_j u^13 + sum_k c_{1+13j+k} u^(12-k)`, `u = 1/z`.

use agoge_protocol::limits::BLOB_ELEMENTS;
use agoge_protocol::{Element, TxEffects};
use ark_bls12_381::Fr;
use ark_ff::{AdditiveGroup, BigInt, Field, PrimeField};
use borsh::{BorshDeserialize, BorshSerialize};
use std::io::{Error, ErrorKind, Read, Result as IoResult, Write};

use crate::blob::{Coefficient, TX_COEFFICIENTS, first_coefficient, tx_coefficients};

/// Bits of a limb.
const LIMB_BITS: u32 = 28;
const LIMB_MASK: u128 = (1 << LIMB_BITS) - 1;
/// Bits of a limb of z and y.
const WIDE_LIMB_BITS: u32 = 2 * LIMB_BITS;

/// A number modulo r, the order of the BLS12-381 scalar field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scalar(Fr);

#[expect(
    clippy::arithmetic_side_effects,
    reason = "arithmetic of a field has no side effects"
)]
impl Scalar {
    /// Limbs of 28 bits that hold every number below r.
    pub const LIMBS: usize = 10;
    /// Limbs of 56 bits of z.
    pub const POINT_LIMBS: usize = 3;
    /// Limbs of 56 bits that hold every number below r.
    pub const WIDE_LIMBS: usize = 5;
    /// Zero.
    pub const ZERO: Self = Self(Fr::ZERO);
    /// One.
    pub const ONE: Self = Self(Fr::ONE);

    /// `sum_i columns[i] 2^(28 i) mod r`; columns may be wider than a limb.
    pub fn from_columns(columns: &[u64]) -> Self {
        let radix = Fr::from(1_u64 << LIMB_BITS);
        let add = |sum: Fr, column: &u64| sum * radix + Fr::from(*column);
        Self(columns.iter().rev().fold(Fr::ZERO, add))
    }

    /// The point z from its limbs of 56 bits, least significant first.
    pub fn from_point(z: [Element; Self::POINT_LIMBS]) -> Self {
        let radix = Fr::from(1_u64 << WIDE_LIMB_BITS);
        Self(
            z.iter()
                .rev()
                .fold(Fr::ZERO, |sum, limb| sum * radix + Fr::from(limb.get())),
        )
    }

    /// A small number.
    pub fn from_u64(number: u64) -> Self {
        Self(Fr::from(number))
    }

    /// The number below r in limbs of 28 bits, least significant first.
    pub fn to_limbs(self) -> [u32; Self::LIMBS] {
        // The mask leaves 28 bits.
        self.limbs(LIMB_BITS)
            .map(|limb| u32::try_from(limb & LIMB_MASK).unwrap_or(0))
    }

    /// The number below r in limbs of 56 bits, least significant first: the form of y among public inputs.
    pub fn to_wide_limbs(self) -> [Element; Self::WIDE_LIMBS] {
        let mask = (1 << WIDE_LIMB_BITS) - 1;
        // 56 bits are always canonical.
        self.limbs(WIDE_LIMB_BITS).map(|limb| {
            u64::try_from(limb & mask)
                .map_or(Element::ZERO, |limb| Element::new(limb).unwrap_or(Element::ZERO))
        })
    }

    /// The number's bits from `bits * i` on, at least `bits` of them.
    fn limbs<const N: usize>(self, bits: u32) -> [u128; N] {
        let BigInt([w0, w1, w2, w3]) = self.0.into_bigint();
        let words = [w0, w1, w2, w3, 0, 0].map(u128::from);
        let mut shift = 0;
        core::array::from_fn(|_| {
            let (word, bit) = (shift / 64, shift % 64);
            shift += bits as usize;
            match words.get(word..).unwrap_or_default() {
                [low, high, ..] => (low | (high << 64)) >> bit,
                _ => 0,
            }
        })
    }

    /// Sum.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }

    /// Product.
    #[must_use]
    pub fn times(self, other: Self) -> Self {
        Self(self.0 * other.0)
    }

    /// Power.
    #[must_use]
    pub fn power(self, exponent: u64) -> Self {
        Self(self.0.pow([exponent]))
    }

    /// Multiplicative inverse; none of 0.
    pub fn inverse(self) -> Option<Self> {
        self.0.inverse().map(Self)
    }

    fn from_coefficient(coefficient: &Coefficient) -> Self {
        Self::from_columns(&coefficient.map(u64::from))
    }
}

impl BorshSerialize for Scalar {
    fn serialize<W: Write>(&self, writer: &mut W) -> IoResult<()> {
        self.0.into_bigint().0.serialize(writer)
    }
}

impl BorshDeserialize for Scalar {
    fn deserialize_reader<R: Read>(reader: &mut R) -> IoResult<Self> {
        Fr::from_bigint(BigInt::new(BorshDeserialize::deserialize_reader(reader)?))
            .map(Self)
            .ok_or_else(|| Error::new(ErrorKind::InvalidData, "a scalar is not below the modulus"))
    }
}

/// `sum_i z^(4096 i) q_i(z)` for the blocks of an epoch in order, as limbs of 56 bits; z as limbs of 56 bits.
pub fn evaluate_blobs<'a>(
    blocks: impl IntoIterator<Item = &'a [TxEffects]>,
    z: [Element; Scalar::POINT_LIMBS],
) -> [Element; Scalar::WIDE_LIMBS] {
    let z = Scalar::from_point(z);
    let block_factor = z.power(BLOB_ELEMENTS as u64);
    let (mut y, mut base) = (Scalar::ZERO, Scalar::ONE);
    for effects in blocks {
        let mut weight = base;
        let first = [first_coefficient(effects.len() as u64)];
        for coefficient in first.into_iter().chain(effects.iter().flat_map(tx_coefficients)) {
            y = y.plus(Scalar::from_coefficient(&coefficient).times(weight));
            weight = weight.times(z);
        }
        base = base.times(block_factor);
    }
    y.to_wide_limbs()
}

/// The point z and what follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobPoint {
    inverse: Scalar,
    /// `1 / z^13`.
    tx_inverse: Scalar,
    /// `z^13`.
    tx_factor: Scalar,
    /// `z^4096`.
    block_factor: Scalar,
}

impl BlobPoint {
    /// From limbs of 56 bits. None for 0, which no hash gives.
    pub fn new(z: [Element; Scalar::POINT_LIMBS]) -> Option<Self> {
        let z = Scalar::from_point(z);
        let inverse = z.inverse()?;
        Some(Self {
            inverse,
            tx_inverse: inverse.power(TX_COEFFICIENTS as u64),
            tx_factor: z.power(TX_COEFFICIENTS as u64),
            block_factor: z.power(BLOB_ELEMENTS as u64),
        })
    }

    /// `1 / z`.
    pub const fn inverse(&self) -> Scalar {
        self.inverse
    }
}

/// Where the evaluation stands inside an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BlobSums {
    /// Sum over whole blocks; y after the last.
    pub total: Scalar,
    /// `h_n` of the block under way.
    pub block: Scalar,
    /// `z^(4096 i + 13 n)` for n transactions of block i.
    pub weight: Scalar,
    /// `z^(4096 i)`.
    pub base: Scalar,
}

impl BlobSums {
    /// Before an epoch's first block.
    pub const START: Self = Self {
        total: Scalar::ZERO,
        block: Scalar::ZERO,
        weight: Scalar::ONE,
        base: Scalar::ONE,
    };

    /// One transaction more in the block under way.
    pub fn add_tx(&mut self, point: &BlobPoint, effects: &TxEffects) {
        let coefficients = tx_coefficients(effects);
        let ascending = coefficients.iter().map(Scalar::from_coefficient);
        let tx = ascending.fold(Scalar::ZERO, |sum, c| sum.times(point.inverse).plus(c));
        self.block = self.block.times(point.tx_inverse).plus(tx);
        self.weight = self.weight.times(point.tx_factor);
    }

    /// The block under way ends with so many transactions.
    pub fn end_block(&mut self, point: &BlobPoint, tx_count: u64) {
        let first = Scalar::from_coefficient(&first_coefficient(tx_count));
        let block = self.weight.times(self.block).plus(self.base.times(first));
        self.base = self.base.times(point.block_factor);
        *self = Self {
            total: self.total.plus(block),
            block: Scalar::ZERO,
            weight: self.base,
            base: self.base,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::{BlobBytes, encode};
    use crate::fixture::{effects, withdrawing};
    use ark_ff::BigInteger;
    use proptest::prelude::*;

    fn blocks() -> Vec<Vec<TxEffects>> {
        vec![
            vec![],
            vec![effects(1), withdrawing(2)],
            (3..67).map(effects).collect(),
            vec![],
            vec![withdrawing(70)],
        ]
    }

    fn evaluate(blocks: &[Vec<TxEffects>], z: [u64; 3]) -> [Element; 5] {
        evaluate_blobs(blocks.iter().map(Vec::as_slice), point(z))
    }

    fn point(z: [u64; 3]) -> [Element; 3] {
        z.map(|limb| Element::new(limb).unwrap())
    }

    fn number(wide: [Element; 5]) -> Fr {
        let radix = Fr::from(1_u64 << 56);
        wide.iter()
            .rev()
            .fold(Fr::ZERO, |sum, limb| sum * radix + Fr::from(limb.get()))
    }

    /// The blobs' evaluations, weighted and added: the blob of the combined polynomial.
    fn combined(blocks: &[Vec<TxEffects>], z: Fr) -> BlobBytes {
        let mut sum = vec![Fr::ZERO; BLOB_ELEMENTS];
        let mut weight = Fr::ONE;
        for block in blocks {
            let blob = encode(block).unwrap();
            for (slot, bytes) in sum.iter_mut().zip(blob.chunks(32)) {
                *slot += weight * Fr::from_be_bytes_mod_order(bytes);
            }
            weight *= z.pow([4096_u64]);
        }
        let bytes: Vec<u8> = sum.iter().flat_map(|x| x.into_bigint().to_bytes_be()).collect();
        bytes.try_into().unwrap()
    }

    #[test]
    fn c_kzg_evaluates_the_combined_polynomial_to_the_same() {
        let settings = c_kzg::ethereum_kzg_settings(0);
        for z in [
            [0x12_3456_789a_bcde, 0xfe_dcba_9876_5432, 0x55_aa55_aa55_aa55],
            [(1 << 56) - 1; 3],
            [5, 0, 0],
        ] {
            let scalar = Scalar::from_point(point(z)).0;
            let blob = c_kzg::Blob::new(combined(&blocks(), scalar));
            let bytes: [u8; 32] = scalar.into_bigint().to_bytes_be().try_into().unwrap();
            let (_, y) = settings.compute_kzg_proof(&blob, &bytes.into()).unwrap();
            let y = Fr::from_be_bytes_mod_order(y.as_slice());
            assert_eq!(number(evaluate(&blocks(), z)), y, "{z:?}");
        }
    }

    #[test]
    fn sums_reach_the_same_y_one_transaction_at_a_time() {
        let z = [0x77_7777_0000_0001, 0xab_cdef_0123_4567, 3];
        let at = BlobPoint::new(point(z)).unwrap();
        let mut sums = BlobSums::START;
        for block in blocks() {
            block.iter().for_each(|tx| sums.add_tx(&at, tx));
            sums.end_block(&at, block.len() as u64);
        }
        assert_eq!(sums.total.to_wide_limbs(), evaluate(&blocks(), z));
    }

    #[test]
    fn order_of_blocks_and_place_of_transactions_count() {
        let z = [9, 8, 7];
        let whole = evaluate(&blocks(), z);
        let mut swapped = blocks();
        swapped.swap(1, 4);
        assert_ne!(evaluate(&swapped, z), whole);
        let mut moved = blocks();
        let tx = moved[1].pop().unwrap();
        moved[2].insert(0, tx);
        assert_ne!(evaluate(&moved, z), whole);
        assert_ne!(
            evaluate(&[vec![]], z),
            evaluate(&[vec![], vec![]], z),
            "empty blocks have a first coefficient"
        );
        assert_eq!(evaluate(&[vec![]], z)[0].get(), 1, "the version");
    }

    #[test]
    fn scalars_from_bytes_are_below_the_modulus() {
        let modulus = borsh::to_vec(&Fr::MODULUS.0).unwrap();
        assert!(borsh::from_slice::<Scalar>(&modulus).is_err());
        assert!(borsh::from_slice::<Scalar>(&[0xff; 32]).is_err());
    }

    #[test]
    fn the_point_zero_has_no_sums() {
        assert_eq!(BlobPoint::new(point([0; 3])), None);
        assert_eq!(evaluate(&blocks(), [0; 3])[0].get(), 1);
    }

    proptest! {
        #[test]
        fn limbs_say_the_number(columns in prop::collection::vec(any::<u64>(), 0..19)) {
            let scalar = Scalar::from_columns(&columns);
            let limbs = scalar.to_limbs();
            prop_assert!(limbs.iter().all(|limb| limb >> 28 == 0));
            prop_assert_eq!(Scalar::from_columns(&limbs.map(u64::from)), scalar);
            prop_assert_eq!(number(scalar.to_wide_limbs()), scalar.0);
            prop_assert_eq!(borsh::from_slice::<Scalar>(&borsh::to_vec(&scalar).unwrap()).unwrap(), scalar);
        }
    }
}
