//! A gate's constraints are written once, over [`Arithmetic`], and evaluated in three settings: by a verifier over the
//! extension field, by a prover over packed base field elements, and inside a circuit that verifies proofs.

use core::marker::PhantomData;

use plonky2::field::extension::{Extendable, FieldExtension};
use plonky2::field::packed::PackedField;
use plonky2::field::types::Field;
use plonky2::iop::ext_target::ExtensionTarget;

use crate::{Builder, D, F};

/// The extension field.
pub(crate) type Extension = <F as Extendable<D>>::Extension;

/// Sums and products in one of the three settings.
pub(crate) trait Arithmetic {
    /// A wire's value.
    type Value: Copy;

    /// A constant.
    fn constant(&mut self, value: F) -> Self::Value;
    /// `factor * x + addend`.
    fn scale_add(&mut self, factor: F, x: Self::Value, addend: Self::Value) -> Self::Value;
    /// `x * y + addend`.
    fn multiply_add(&mut self, x: Self::Value, y: Self::Value, addend: Self::Value) -> Self::Value;

    /// `x - y`.
    fn subtract(&mut self, x: Self::Value, y: Self::Value) -> Self::Value {
        self.scale_add(F::NEG_ONE, y, x)
    }

    /// `sum_i digits[i] base^i`, digits of the lowest weight first.
    fn number(&mut self, digits: impl DoubleEndedIterator<Item = Self::Value>, base: u64) -> Self::Value {
        let base = F::from_canonical_u64(base);
        let mut digits = digits.rev();
        let Some(mut sum) = digits.next() else {
            return self.constant(F::ZERO);
        };
        for digit in digits {
            sum = self.scale_add(base, sum, digit);
        }
        sum
    }

    /// Zero exactly for 0, 1, 2 and 3: `x (x - 1) (x - 2) (x - 3) = t (t + 2)` with `t = x^2 - 3 x`.
    fn base_4(&mut self, x: Self::Value) -> Self::Value {
        let minus_three = self.constant(-F::from_canonical_u64(3));
        let difference = self.scale_add(F::ONE, x, minus_three);
        let zero = self.constant(F::ZERO);
        let t = self.multiply_add(x, difference, zero);
        let two = self.constant(F::TWO);
        let factor = self.scale_add(F::ONE, t, two);
        self.multiply_add(t, factor, zero)
    }
}

/// A verifier's point.
pub(super) struct OverExtension;

impl Arithmetic for OverExtension {
    type Value = Extension;

    fn constant(&mut self, value: F) -> Extension {
        FieldExtension::<D>::from_basefield(value)
    }

    fn scale_add(&mut self, factor: F, x: Extension, addend: Extension) -> Extension {
        FieldExtension::<D>::scalar_mul(&x, factor) + addend
    }

    fn multiply_add(&mut self, x: Extension, y: Extension, addend: Extension) -> Extension {
        x * y + addend
    }
}

/// A prover's points, several at once.
pub(super) struct OverPacked<P>(pub(super) PhantomData<P>);

impl<P: PackedField<Scalar = F>> Arithmetic for OverPacked<P> {
    type Value = P;

    fn constant(&mut self, value: F) -> P {
        P::from(value)
    }

    fn scale_add(&mut self, factor: F, x: P, addend: P) -> P {
        x * factor + addend
    }

    fn multiply_add(&mut self, x: P, y: P, addend: P) -> P {
        x * y + addend
    }
}

/// A verifier's point inside a circuit; each operation is a tenth of a row.
pub(super) struct InCircuit<'a>(pub(super) &'a mut Builder);

impl Arithmetic for InCircuit<'_> {
    type Value = ExtensionTarget<D>;

    fn constant(&mut self, value: F) -> ExtensionTarget<D> {
        self.0
            .constant_extension(FieldExtension::<D>::from_basefield(value))
    }

    fn scale_add(
        &mut self,
        factor: F,
        x: ExtensionTarget<D>,
        addend: ExtensionTarget<D>,
    ) -> ExtensionTarget<D> {
        self.0.mul_const_add_extension(factor, x, addend)
    }

    fn multiply_add(
        &mut self,
        x: ExtensionTarget<D>,
        y: ExtensionTarget<D>,
        addend: ExtensionTarget<D>,
    ) -> ExtensionTarget<D> {
        self.0.mul_add_extension(x, y, addend)
    }
}
