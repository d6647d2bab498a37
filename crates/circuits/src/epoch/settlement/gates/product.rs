//! Products of multi-limb numbers.

use super::Relation;
use super::arithmetic::Arithmetic;
use crate::F;
use crate::epoch::settlement::scalar::{COLUMNS, LIMBS};

/// `sum_k (after_k - before_k) X^k = a(X) b(X) + c(X) d(X)` for polynomials of ten limbs. Wires: a, b, c, d, before, after.
#[derive(Clone, Debug, Default)]
pub(crate) struct Product;

impl Product {
    /// First wire of factor 0 to 3.
    pub(crate) const fn factor(which: usize) -> usize {
        which * LIMBS
    }

    /// First wire of the columns before.
    pub(crate) const BEFORE: usize = 4 * LIMBS;
    /// First wire of the columns after.
    pub(crate) const AFTER: usize = Self::BEFORE + COLUMNS;

    fn columns<A: Arithmetic>(
        arithmetic: &mut A,
        wire: impl Fn(usize) -> A::Value,
        mut column: impl FnMut(&mut A, usize, A::Value),
    ) {
        for k in 0..COLUMNS {
            let mut sum = wire(Self::BEFORE + k);
            for (left, right) in [(0, 1), (2, 3)] {
                for i in k.saturating_sub(LIMBS - 1)..=k.min(LIMBS - 1) {
                    let x = wire(Self::factor(left) + i);
                    let y = wire(Self::factor(right) + k - i);
                    sum = arithmetic.multiply_add(x, y, sum);
                }
            }
            column(arithmetic, k, sum);
        }
    }
}

impl Relation for Product {
    const NAME: &'static str = "Product";
    const DEGREE: usize = 2;

    fn from_parameter(parameter: usize) -> Option<Self> {
        (parameter == 0).then_some(Self)
    }

    fn wires(&self) -> usize {
        Self::AFTER + COLUMNS
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
        Self::columns(arithmetic, &wire, |arithmetic, k, sum| {
            emit(arithmetic.subtract(sum, wire(Self::AFTER + k)));
        });
    }

    fn inputs(&self, _: usize) -> Vec<usize> {
        (0..Self::AFTER).collect()
    }

    fn complete(&self, _: usize, inputs: &[F]) -> Vec<(usize, F)> {
        use super::arithmetic::OverPacked;
        use plonky2::field::types::Field;

        let mut after = Vec::with_capacity(COLUMNS);
        let wire = |wire: usize| inputs.get(wire).copied().unwrap_or(F::ZERO);
        let mut arithmetic = OverPacked::<F>(core::marker::PhantomData);
        Self::columns(&mut arithmetic, wire, |_, k, sum| {
            after.push((Self::AFTER + k, sum))
        });
        after
    }
}
