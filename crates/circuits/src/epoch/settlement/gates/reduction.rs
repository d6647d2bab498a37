//! Reduction modulo r.

use agoge_state_transition::Scalar;
use plonky2::field::types::{Field, PrimeField64};

use super::Relation;
use super::arithmetic::Arithmetic;
use crate::F;
use crate::epoch::settlement::scalar::{COLUMNS, LIMB_BITS, LIMBS, MODULUS};

/// `sum_k columns_k 2^(28 k) = q r + result` over the integers, provided that
///
/// * columns, as integers in `[0, p)`, are below `2^63`;
/// * the limbs of q and of the result are below `2^28`;
/// * the carries are below `2^36`.
///
/// The first is for the caller to know, the others are for `Range` rows. Wires: columns, q, result, carries; a carry wire holds
/// `carry + 2^32`. Column k states, modulo p,
///
/// `columns_k - (q r)_k - result_k + carry_{k-1} - 2^28 carry_k = 0`, no carry into column 0 and none out of the last.
///
/// Its left side lies strictly between -p and p, so it is 0 as an integer: `(q r)_k` has at most ten products of 28-bit limbs,
/// less than `2^59.33`, and a carry is in `[-2^32, 2^36 - 2^32)`, so the left side is less than `2^63 + 2^60 + 2^36` and more than
/// `-(2^59.33 + 2^28 + 2^32) - (2^64 - 2^60)`, which is above `-(2^64 - 2^58)`. Weighted with `2^(28 k)` the columns add up to
/// the statement. True carries have room: between `-2^31.4` and `2^35.1`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reduction;

/// What is added to carries, so that they are not negative.
const CARRY_OFFSET: u64 = 1 << 32;

impl Reduction {
    /// First wire of the quotient.
    pub(crate) const QUOTIENT: usize = COLUMNS;
    /// First wire of the result.
    pub(crate) const RESULT: usize = Self::QUOTIENT + LIMBS;
    /// First wire of the carries.
    pub(crate) const CARRY: usize = Self::RESULT + LIMBS;
    /// Carries, one fewer than columns.
    pub(crate) const CARRIES: usize = COLUMNS - 1;
}

impl Relation for Reduction {
    const NAME: &'static str = "Reduction";
    const DEGREE: usize = 1;

    fn from_parameter(parameter: usize) -> Option<Self> {
        (parameter == 0).then_some(Self)
    }

    fn wires(&self) -> usize {
        Self::CARRY + Self::CARRIES
    }

    fn constraints(&self) -> usize {
        COLUMNS
    }

    fn constrain<A: Arithmetic>(
        &self,
        arithmetic: &mut A,
        wire: impl Fn(usize) -> A::Value,
        mut emit: impl FnMut(A::Value),
    ) {
        let radix = F::from_canonical_u64(1 << LIMB_BITS);
        let offset = F::from_canonical_u64(CARRY_OFFSET);
        for k in 0..COLUMNS {
            let mut sum = wire(k);
            for (j, limb) in MODULUS.into_iter().enumerate() {
                if let Some(i) = k.checked_sub(j).filter(|i| *i < LIMBS) {
                    sum = arithmetic.scale_add(-F::from_canonical_u64(limb), wire(Self::QUOTIENT + i), sum);
                }
            }
            if k < LIMBS {
                sum = arithmetic.subtract(sum, wire(Self::RESULT + k));
            }
            // The offsets of both carries, in one constant.
            let mut constant = F::ZERO;
            if let Some(into) = k.checked_sub(1) {
                sum = arithmetic.scale_add(F::ONE, wire(Self::CARRY + into), sum);
                constant -= offset;
            }
            if k < Self::CARRIES {
                sum = arithmetic.scale_add(-radix, wire(Self::CARRY + k), sum);
                constant += radix * offset;
            }
            let constant = arithmetic.constant(constant);
            emit(arithmetic.scale_add(F::ONE, sum, constant));
        }
    }

    fn inputs(&self, _: usize) -> Vec<usize> {
        (0..COLUMNS).collect()
    }

    fn complete(&self, _: usize, inputs: &[F]) -> Vec<(usize, F)> {
        let columns: Vec<u64> = inputs.iter().map(PrimeField64::to_canonical_u64).collect();
        let result = Scalar::from_columns(&columns).to_limbs().map(u64::from);
        let (quotient, carries) = divide(&columns, &result);
        let values = quotient
            .into_iter()
            .chain(result)
            .chain(carries)
            .map(F::from_canonical_u64);
        (Self::QUOTIENT..).zip(values).collect()
    }
}

/// Quotient and carry wires of `(columns - result) / r`, which is a whole number, from its lowest limb up. That of r is 1, so
/// each quotient limb is what the limbs below leave in its column.
pub(super) fn divide(columns: &[u64], result: &[u64; LIMBS]) -> ([u64; LIMBS], [u64; Reduction::CARRIES]) {
    let mut quotient = [0_u64; LIMBS];
    let mut carries = [0_u64; Reduction::CARRIES];
    let mut carry = 0_i128;
    let limbs = |k: usize| result.get(k).copied().unwrap_or(0);
    for (k, column) in columns.iter().enumerate() {
        let lower: i128 = MODULUS
            .into_iter()
            .enumerate()
            .filter_map(|(j, limb)| Some((limb, *quotient.get(k.checked_sub(j)?)?)))
            .map(|(modulus, quotient)| i128::from(modulus) * i128::from(quotient))
            .sum();
        let mut rest = i128::from(*column) - i128::from(limbs(k)) - lower + carry;
        if let Some(limb) = quotient.get_mut(k) {
            *limb = u64::try_from(rest & ((1 << LIMB_BITS) - 1)).unwrap_or(0); // 28 bits always fit.
            rest -= i128::from(*limb);
        }
        carry = rest >> LIMB_BITS;
        if let Some(slot) = carries.get_mut(k) {
            // Only columns that the caller does not guarantee have carries below -2^32, and then there is no row.
            *slot = u64::try_from(carry + i128::from(CARRY_OFFSET)).unwrap_or(0);
        }
    }
    (quotient, carries)
}
