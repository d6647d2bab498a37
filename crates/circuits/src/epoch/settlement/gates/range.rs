//! Ranges.

use plonky2::field::types::{Field, PrimeField64};

use super::arithmetic::Arithmetic;
use super::{Relation, WIRES};
use crate::F;

/// Every number of a row is below `4^digits`. Wires: the numbers, then each number's base-4 digits, lowest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Range {
    digits: usize,
}

impl Range {
    /// Below 2^28: the limbs of numbers modulo r, of blobs and of their quotients.
    pub(crate) const LIMB: Self = Self { digits: 14 };
    /// Below 2^36: the carries of a reduction.
    pub(crate) const CARRY: Self = Self { digits: 18 };

    /// Wire of an operation's number.
    pub(crate) const fn number(operation: usize) -> usize {
        operation
    }

    fn digits(&self, operation: usize) -> core::ops::Range<usize> {
        let start = self.operations() + operation * self.digits;
        start..start + self.digits
    }
}

impl Relation for Range {
    const NAME: &'static str = "Range";
    const DEGREE: usize = 4;

    fn parameter(&self) -> usize {
        self.digits
    }

    fn from_parameter(digits: usize) -> Option<Self> {
        [Self::LIMB, Self::CARRY]
            .into_iter()
            .find(|range| range.digits == digits)
    }

    fn operations(&self) -> usize {
        WIRES / (1 + self.digits)
    }

    fn wires(&self) -> usize {
        self.operations() * (1 + self.digits)
    }

    fn constraints(&self) -> usize {
        self.wires()
    }

    fn constrain<A: Arithmetic>(
        &self,
        arithmetic: &mut A,
        wire: impl Fn(usize) -> A::Value,
        mut emit: impl FnMut(A::Value),
    ) {
        for operation in 0..self.operations() {
            let number = arithmetic.number(self.digits(operation).map(&wire), 4);
            emit(arithmetic.subtract(number, wire(Self::number(operation))));
            for digit in self.digits(operation) {
                emit(arithmetic.base_4(wire(digit)));
            }
        }
    }

    fn inputs(&self, operation: usize) -> Vec<usize> {
        vec![Self::number(operation)]
    }

    fn complete(&self, operation: usize, inputs: &[F]) -> Vec<(usize, F)> {
        let number = inputs.first().map_or(0, PrimeField64::to_canonical_u64);
        self.digits(operation).zip(base_4(number)).collect()
    }
}

/// Base-4 digits, lowest first.
pub(super) fn base_4(number: u64) -> impl Iterator<Item = F> {
    (0..u64::BITS)
        .step_by(2)
        .map(move |shift| F::from_canonical_u64((number >> shift) & 3))
}
