//! Coefficients to evaluations and back, in EIP-4844's order.
//!
//! EIP-4844 takes the roots of unity `7^(i * (r - 1) / 4096)` in bit-reversed order; 7 is also the generator from which ark derives its
//! domain. (Another generator would permute the evaluations; the tests check against c-kzg.)

use std::sync::LazyLock;

use agoge_protocol::limits::{BLOB_BYTES, BLOB_ELEMENTS};
use ark_bls12_381::Fr;
use ark_ff::{BigInt, PrimeField};
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};

use super::limbs::{COEFFICIENT_LIMBS, Coefficient};
use super::{BlobBytes, BlobError};

#[expect(
    clippy::expect_used,
    reason = "the scalar field has roots of unity of order 2^32, so of order 2^12"
)]
static DOMAIN: LazyLock<Radix2EvaluationDomain<Fr>> =
    LazyLock::new(|| Radix2EvaluationDomain::new(BLOB_ELEMENTS).expect("a root of unity of order 4,096"));

/// The blob of a polynomial whose coefficients begin with `coefficients` (at most 4,096) and continue with zeros.
pub(super) fn evaluate(coefficients: &[Coefficient]) -> Box<BlobBytes> {
    let mut values: Vec<Fr> = coefficients.iter().map(to_scalar).collect();
    DOMAIN.fft_in_place(&mut values);
    let mut out = Box::new([0; BLOB_BYTES]);
    let (words, _) = out.as_chunks_mut::<8>();
    let (scalars, _) = words.as_chunks_mut::<4>();
    for (position, scalar) in scalars.iter_mut().enumerate() {
        let value = values.get(bit_reversed(position)).copied().unwrap_or_default();
        for (bytes, word) in scalar.iter_mut().rev().zip(value.into_bigint().0) {
            *bytes = word.to_be_bytes();
        }
    }
    out
}

/// The 4,096 coefficients of the polynomial in a blob.
pub(super) fn interpolate(blob: &BlobBytes) -> Result<Vec<Coefficient>, BlobError> {
    let (words, _) = blob.as_chunks::<8>();
    let (scalars, _) = words.as_chunks::<4>();
    let scalar = |position| {
        let bytes: [[u8; 8]; 4] = scalars.get(position).copied().unwrap_or_default();
        let [high, b, c, low] = bytes.map(u64::from_be_bytes);
        Fr::from_bigint(BigInt::new([low, c, b, high])).ok_or(BlobError::ScalarNotCanonical { position })
    };
    let mut values = (0..BLOB_ELEMENTS)
        .map(|i| scalar(bit_reversed(i)))
        .collect::<Result<Vec<Fr>, _>>()?;
    DOMAIN.ifft_in_place(&mut values);
    let limbs = |(position, value)| to_limbs(value).ok_or(BlobError::CoefficientTooWide { position });
    values.into_iter().enumerate().map(limbs).collect()
}

/// Bits of a `usize` that a position does not use.
const UNUSED_BITS: u32 = usize::BITS - BLOB_ELEMENTS.ilog2();

/// The twelve bits of a position in reverse order.
const fn bit_reversed(position: usize) -> usize {
    position.reverse_bits() >> UNUSED_BITS
}

fn to_scalar(limbs: &Coefficient) -> Fr {
    let [a, b, c, d, e, f, g, h, i] = limbs.map(u128::from);
    let low = a | (b << 28) | (c << 56) | (d << 84) | (e << 112);
    let high = (e >> 16) | (f << 12) | (g << 40) | (h << 68) | (i << 96);
    let halves = [low, high].map(|half| [(half & 0xffff_ffff_ffff_ffff) as u64, (half >> 64) as u64]);
    let [[w0, w1], [w2, w3]] = halves;
    // 252 bits are below the modulus, which has 255.
    Fr::from_bigint(BigInt::new([w0, w1, w2, w3])).unwrap_or_default()
}

/// `None` from 2^252 on.
fn to_limbs(value: Fr) -> Option<Coefficient> {
    let BigInt([w0, w1, w2, w3]) = value.into_bigint();
    let join = |low, high| u128::from(low) | (u128::from(high) << 64);
    let (low, high) = (join(w0, w1), join(w2, w3));
    if high >> 124 != 0 {
        return None;
    }
    let wide: [u128; COEFFICIENT_LIMBS] = [
        low,
        low >> 28,
        low >> 56,
        low >> 84,
        (low >> 112) | (high << 16),
        high >> 12,
        high >> 40,
        high >> 68,
        high >> 96,
    ];
    Some(wide.map(|limb| (limb & 0x0fff_ffff) as u32))
}
