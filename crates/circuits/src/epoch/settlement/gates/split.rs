//! Elements as limbs.

use plonky2::field::types::{Field, PrimeField64};

use super::Relation;
use super::arithmetic::Arithmetic;
use super::range::base_4;
use crate::F;

/// Elements with their limbs of 28, 28 and 8 bits, of the one number below p.
///
/// Wires of an operation: element and limbs; behind those of all, 32 base-4 digits and `inverse`. Without more, the elements
/// below `2^32 - 1` would have two splits, n and n + p. A 64-bit number `2^32 high + low` is below p unless `high` is all ones
/// and `low` is not 0, which `low (1 - (high - (2^32 - 1)) inverse) = 0` rules out whatever the inverse.
#[derive(Clone, Debug, Default)]
pub(crate) struct Split;

impl Split {
    const OPERATIONS: usize = 3;
    const ROUTED: usize = 4;
    const DIGITS: usize = 32;
    /// Digits and inverse.
    const UNROUTED: usize = Self::DIGITS + 1;
    /// Where each limb's digits end.
    const LIMBS: [core::ops::Range<usize>; 3] = [0..14, 14..28, 28..32];
    const HIGH: u64 = 0xffff_ffff;

    /// Wire of an operation's element.
    pub(crate) const fn element(operation: usize) -> usize {
        operation * Self::ROUTED
    }

    /// Wires of an operation's limbs, lowest first.
    pub(crate) const fn limbs(operation: usize) -> [usize; 3] {
        let element = Self::element(operation);
        [element + 1, element + 2, element + 3]
    }

    const fn digits(operation: usize) -> core::ops::Range<usize> {
        let start = Self::OPERATIONS * Self::ROUTED + operation * Self::UNROUTED;
        start..start + Self::DIGITS
    }

    const fn inverse(operation: usize) -> usize {
        Self::digits(operation).end
    }
}

impl Relation for Split {
    const NAME: &'static str = "Split";
    const DEGREE: usize = 4;

    fn from_parameter(parameter: usize) -> Option<Self> {
        (parameter == 0).then_some(Self)
    }

    fn operations(&self) -> usize {
        Self::OPERATIONS
    }

    fn wires(&self) -> usize {
        Self::OPERATIONS * (Self::ROUTED + Self::UNROUTED)
    }

    fn constraints(&self) -> usize {
        // Three limbs, the element and the canonical form, beside the digits.
        Self::OPERATIONS * (5 + Self::DIGITS)
    }

    fn constrain<A: Arithmetic>(
        &self,
        arithmetic: &mut A,
        wire: impl Fn(usize) -> A::Value,
        mut emit: impl FnMut(A::Value),
    ) {
        for operation in 0..Self::OPERATIONS {
            let digits = Self::digits(operation);
            let digits_of =
                |part: core::ops::Range<usize>| digits.clone().skip(part.start).take(part.len()).map(&wire);
            for (limb, part) in Self::limbs(operation).into_iter().zip(Self::LIMBS) {
                let number = arithmetic.number(digits_of(part).collect::<Vec<_>>().into_iter(), 4);
                emit(arithmetic.subtract(number, wire(limb)));
            }
            let [low, high] = [0..16, 16..32].map(|half| digits_of(half).collect::<Vec<_>>());
            let low = arithmetic.number(low.into_iter(), 4);
            let high = arithmetic.number(high.into_iter(), 4);
            let number = arithmetic.scale_add(F::from_canonical_u64(1 << 32), high, low);
            emit(arithmetic.subtract(number, wire(Self::element(operation))));
            let all_ones = arithmetic.constant(-F::from_canonical_u64(Self::HIGH));
            let difference = arithmetic.scale_add(F::ONE, high, all_ones);
            let minus_one = arithmetic.constant(F::NEG_ONE);
            let zero = arithmetic.constant(F::ZERO);
            let not_all_ones = arithmetic.multiply_add(difference, wire(Self::inverse(operation)), minus_one);
            emit(arithmetic.multiply_add(low, not_all_ones, zero));
            for digit in digits.clone() {
                emit(arithmetic.base_4(wire(digit)));
            }
        }
    }

    fn inputs(&self, operation: usize) -> Vec<usize> {
        vec![Self::element(operation)]
    }

    fn complete(&self, operation: usize, inputs: &[F]) -> Vec<(usize, F)> {
        let number = inputs.first().map_or(0, PrimeField64::to_canonical_u64);
        let mask = (1 << 28) - 1;
        let limbs = [number & mask, (number >> 28) & mask, number >> 56].map(F::from_canonical_u64);
        let difference = F::from_canonical_u64(number >> 32) - F::from_canonical_u64(Self::HIGH);
        let inverse = difference.try_inverse().unwrap_or(F::ZERO);
        Self::limbs(operation)
            .into_iter()
            .zip(limbs)
            .chain(Self::digits(operation).zip(base_4(number)))
            .chain([(Self::inverse(operation), inverse)])
            .collect()
    }
}
