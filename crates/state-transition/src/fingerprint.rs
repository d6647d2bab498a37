//! Fingerprint of the settlement list (`docs/protocol.md` section 16.3): its elements as digits in base alpha, over the quadratic
//! extension of the field.
//!
//! Two lists of n elements at most have the same fingerprint at no more than n of the `p^2` alphas, and alpha is drawn from both.
//! `circuits` has the twin inside a proof, `contracts` the one that L1 computes from calldata.

use agoge_protocol::Element;
use plonky2::field::extension::quadratic::QuadraticExtension;
use plonky2::field::goldilocks_field::GoldilocksField;
use plonky2::field::types::{Field, PrimeField64};

type Extension = QuadraticExtension<GoldilocksField>;

/// The accumulator while a list is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    alpha: Extension,
    accumulator: Extension,
}

impl Fingerprint {
    /// The accumulator of no elements: 1. (0 would not see leading zeros.)
    pub const EMPTY: [Element; 2] = [Element::from_u32(1), Element::ZERO];

    /// Begins a list.
    pub fn new(alpha: [Element; 2]) -> Self {
        Self::resume(alpha, Self::EMPTY)
    }

    /// Goes on with a list whose first elements led to `accumulator`.
    pub fn resume(alpha: [Element; 2], accumulator: [Element; 2]) -> Self {
        Self {
            alpha: extension(alpha),
            accumulator: extension(accumulator),
        }
    }

    /// `accumulator * alpha + element`.
    #[expect(
        clippy::arithmetic_side_effects,
        reason = "arithmetic of a field has no side effects"
    )]
    pub fn absorb(&mut self, element: Element) {
        self.accumulator = self.accumulator * self.alpha + extension([element, Element::ZERO]);
    }

    /// The fingerprint so far, `v_0 + v_1 X`.
    pub fn value(&self) -> [Element; 2] {
        // A canonical number is below the modulus by definition.
        self.accumulator
            .0
            .map(|field| Element::new(field.to_canonical_u64()).unwrap_or(Element::ZERO))
    }
}

/// The fingerprint of a whole list at alpha.
pub fn fingerprint(elements: impl IntoIterator<Item = Element>, alpha: [Element; 2]) -> [Element; 2] {
    let mut fingerprint = Fingerprint::new(alpha);
    for element in elements {
        fingerprint.absorb(element);
    }
    fingerprint.value()
}

fn extension(limbs: [Element; 2]) -> Extension {
    QuadraticExtension(limbs.map(|limb| GoldilocksField::from_canonical_u64(limb.get())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use agoge_protocol::element::MODULUS;
    use proptest::prelude::*;

    const P: u128 = MODULUS as u128;

    /// Schoolbook arithmetic in `F_p[X] / (X^2 - 7)`.
    fn by_hand(elements: &[u64], alpha: [u64; 2]) -> [u64; 2] {
        let [a0, a1] = alpha.map(u128::from);
        let [mut v0, mut v1] = [1_u128, 0];
        for element in elements {
            let low = (v0 * a0 % P + 7 * (v1 * a1 % P) + u128::from(*element)) % P;
            v1 = (v0 * a1 % P + v1 * a0 % P) % P;
            v0 = low;
        }
        [v0, v1].map(|v| u64::try_from(v).unwrap())
    }

    fn elements(numbers: &[u64]) -> Vec<Element> {
        numbers.iter().map(|n| Element::new(*n).unwrap()).collect()
    }

    fn of(numbers: &[u64], alpha: [u64; 2]) -> [u64; 2] {
        let [a0, a1] = alpha.map(|n| Element::new(n).unwrap());
        fingerprint(elements(numbers), [a0, a1]).map(Element::get)
    }

    proptest! {
        #[test]
        fn it_is_horner_in_the_extension(
            numbers in prop::collection::vec(0..MODULUS, 0..20),
            alpha in [0..MODULUS, 0..MODULUS],
        ) {
            prop_assert_eq!(of(&numbers, alpha), by_hand(&numbers, alpha));
        }

        /// A list cut anywhere and resumed is the same list.
        #[test]
        fn a_list_resumes(numbers in prop::collection::vec(0..MODULUS, 1..20), alpha in [0..MODULUS, 0..MODULUS], cut in 0_usize..20) {
            let list = elements(&numbers);
            let alpha = alpha.map(|n| Element::new(n).unwrap());
            let (head, tail) = list.split_at(cut.min(list.len()));
            let mut resumed = Fingerprint::resume(alpha, fingerprint(head.iter().copied(), alpha));
            tail.iter().for_each(|element| resumed.absorb(*element));
            prop_assert_eq!(resumed.value(), fingerprint(list, alpha));
        }
    }

    #[test]
    fn leading_zeros_and_order_count() {
        let alpha = [MODULUS - 3, 12_345];
        let lists: [&[u64]; 6] = [&[], &[0], &[0, 0], &[0, 1], &[1, 0], &[1]];
        for (i, a) in lists.iter().enumerate() {
            for b in lists.iter().skip(i + 1) {
                assert_ne!(of(a, alpha), of(b, alpha), "{a:?} and {b:?}");
            }
        }
    }
}
