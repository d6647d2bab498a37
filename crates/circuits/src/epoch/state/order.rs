//! `a < b` for keys of two elements, element 0 first, as numbers below the modulus.
//!
//! Only the first elements that differ decide, and of these only the first halves of 32 bits that differ. The prover says which: it may
//! skip what is equal and nothing else, and what it compares must be less.
//!
//! A split of 64 bits has two forms for numbers below 2^32 - 1, `x` and `x + p`. The second has a high half of all ones and a low half
//! above 0, and no canonical number has.

use agoge_protocol::Element;
use plonky2::field::types::Field;
use plonky2::iop::target::{BoolTarget, Target};

use super::unit::{Constraint, Relation};
use crate::{F, gadgets};

/// Bits of a half.
const HALF_BITS: u32 = 32;
/// The high half of all ones.
const HALF_MAX: u64 = (1 << HALF_BITS) - 1;

/// The halves of a number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Halves<T> {
    pub(super) high: T,
    pub(super) low: T,
    /// `1 / (2^32 - 1 - high)`, or anything when the high half is all ones.
    pub(super) inverse: T,
}

/// What shows that one key is below another.
#[derive(Clone, Copy, Debug)]
pub(super) struct OrderValues<T> {
    /// Whether elements 0 are equal, so that elements 1 decide.
    pub(super) is_first_equal: T,
    /// Whether the high halves of the deciding elements are equal, so that the low ones decide.
    pub(super) is_high_equal: T,
    /// Of the deciding element of the smaller key.
    pub(super) smaller: Halves<T>,
    /// Of the deciding element of the larger key.
    pub(super) larger: Halves<T>,
}

impl<T: Copy> OrderValues<T> {
    pub(super) fn from_fn(next: &mut impl FnMut() -> T) -> Self {
        let mut halves = || Halves {
            high: next(),
            low: next(),
            inverse: next(),
        };
        let (smaller, larger) = (halves(), halves());
        Self {
            is_first_equal: next(),
            is_high_equal: next(),
            smaller,
            larger,
        }
    }

    pub(super) fn extend(&self, list: &mut Vec<T>) {
        for halves in [self.smaller, self.larger] {
            list.extend([halves.high, halves.low, halves.inverse]);
        }
        list.extend([self.is_first_equal, self.is_high_equal]);
    }
}

impl Halves<F> {
    pub(super) fn of(number: u64) -> Self {
        let high = number >> HALF_BITS;
        Self::from_numbers(high, number & HALF_MAX)
    }

    /// The halves as a prover may claim them.
    pub(super) fn from_numbers(high: u64, low: u64) -> Self {
        let high = F::from_noncanonical_u64(high);
        let distance = F::from_canonical_u64(HALF_MAX) - high;
        Self {
            high,
            low: F::from_noncanonical_u64(low),
            inverse: distance.try_inverse().unwrap_or(F::ZERO),
        }
    }
}

impl OrderValues<F> {
    /// For keys of which the first is below the second; for others the constraints fail.
    pub(super) fn of(smaller: [Element; 2], larger: [Element; 2]) -> Self {
        let ([a0, a1], [b0, b1]) = (smaller, larger);
        let is_first_equal = a0 == b0;
        let (a, b) = if is_first_equal { (a1, b1) } else { (a0, b0) };
        let (a, b) = (a.get(), b.get());
        Self {
            is_first_equal: F::from_bool(is_first_equal),
            is_high_equal: F::from_bool(a >> HALF_BITS == b >> HALF_BITS),
            smaller: Halves::of(a),
            larger: Halves::of(b),
        }
    }
}

impl Relation<'_> {
    /// `smaller < larger`, unless `skip` is 1. Five rows of range checks.
    pub(super) fn assert_less(
        &mut self,
        smaller: [Target; 2],
        larger: [Target; 2],
        values: &OrderValues<Target>,
        skip: Option<Target>,
    ) {
        for flag in [values.is_first_equal, values.is_high_equal] {
            self.assert_flag(Constraint::OrderFlags, flag);
        }
        let ([a0, a1], [b0, b1]) = (smaller, larger);
        self.equal_when(Constraint::EqualIsSkipped, values.is_first_equal, a0, b0);
        let first_equal = BoolTarget::new_unsafe(values.is_first_equal);
        let a = self.builder.select(first_equal, a1, a0);
        let b = self.builder.select(first_equal, b1, b0);

        self.split(a, &values.smaller);
        self.split(b, &values.larger);
        let (a, b) = (values.smaller, values.larger);
        self.equal_when(Constraint::EqualIsSkipped, values.is_high_equal, a.high, b.high);
        let high_equal = BoolTarget::new_unsafe(values.is_high_equal);
        let a = self.builder.select(high_equal, a.low, a.high);
        let b = self.builder.select(high_equal, b.low, b.high);

        self.enforce(Constraint::OrderDifference, |builder| {
            let difference = builder.sub(b, a);
            let above = builder.add_const(difference, F::NEG_ONE);
            let above = match skip {
                // `above * (1 - skip)`
                Some(skip) => builder.arithmetic(F::NEG_ONE, F::ONE, above, skip, above),
                None => above,
            };
            gadgets::assert_bits(builder, above, HALF_BITS);
        });
    }

    /// `number = high * 2^32 + low` as integers.
    fn split(&mut self, number: Target, halves: &Halves<Target>) {
        let Halves { high, low, inverse } = *halves;
        self.enforce(Constraint::HalvesAreTheNumber, |builder| {
            let sum = builder.mul_const_add(F::from_canonical_u64(1 << HALF_BITS), high, low);
            builder.connect(sum, number);
        });
        self.enforce(Constraint::HalfRange, |builder| {
            gadgets::assert_bits(builder, high, HALF_BITS);
            gadgets::assert_bits(builder, low, HALF_BITS);
        });
        // `low * (1 - (2^32 - 1 - high) * inverse) = 0`: with a high half of all ones that is `low = 0`, whatever the inverse.
        self.enforce(Constraint::CanonicalHalves, |builder| {
            let one = builder.one();
            let max = builder.constant(F::from_canonical_u64(HALF_MAX));
            let distance = builder.sub(max, high);
            let is_max = builder.arithmetic(F::NEG_ONE, F::ONE, distance, inverse, one);
            let product = builder.mul(low, is_max);
            builder.assert_zero(product);
        });
    }
}
