//! What the challenges give to every unit of a leaf: powers of alpha and of the blob point z.

use agoge_protocol::limits::BLOB_ELEMENTS;
use agoge_protocol::settlement::{BLOCK_ELEMENTS, DEPOSIT_ELEMENTS, WITHDRAWAL_ELEMENTS};
use agoge_state_transition::blob::TX_COEFFICIENTS;
use plonky2::iop::ext_target::ExtensionTarget;
use plonky2::iop::target::Target;

use super::scalar::{self, ScalarTarget};
use super::unit::Constraint;
use crate::{Builder, D};

/// alpha, then z: the elements that all segments of an epoch share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ContextTargets {
    pub(crate) alpha: [Target; D],
    pub(crate) z: [Target; 3],
}

impl ContextTargets {
    /// The targets in order.
    pub(super) fn to_list(self) -> Vec<Target> {
        self.alpha.into_iter().chain(self.z).collect()
    }
}

/// Powers in a leaf.
pub(super) struct Powers {
    pub(super) alpha: ExtensionTarget<D>,
    /// alpha to the number of elements of a block end, a deposit, a withdrawal.
    pub(super) entries: [ExtensionTarget<D>; 3],
    /// `u^1 .. u^13` for `u = 1/z`.
    pub(super) inverses: [ScalarTarget; TX_COEFFICIENTS],
    /// `z^13`.
    pub(super) tx_factor: ScalarTarget,
    /// `z^4096`.
    pub(super) block_factor: ScalarTarget,
}

impl Powers {
    /// Computes the powers; `inverse` is free and becomes `1/z`, which exists unless z is 0. `omitted` is for tests.
    pub(super) fn new(
        builder: &mut Builder,
        context: &ContextTargets,
        inverse: &ScalarTarget,
        omitted: Option<Constraint>,
    ) -> Self {
        let alpha = ExtensionTarget(context.alpha);
        let entries = [BLOCK_ELEMENTS, DEPOSIT_ELEMENTS, WITHDRAWAL_ELEMENTS]
            .map(|elements| builder.exp_u64_extension(alpha, elements as u64));
        let z = point(builder, &context.z, omitted);
        if omitted != Some(Constraint::InverseLimbs) {
            for limb in inverse {
                scalar::assert_limb(builder, *limb);
            }
        }
        if omitted != Some(Constraint::Inverse) {
            assert_inverse(builder, &z, inverse);
        }
        let mut power = *inverse;
        let mut inverses = [*inverse; TX_COEFFICIENTS];
        for slot in inverses.iter_mut().skip(1) {
            power = scalar::multiply(builder, &power, inverse);
            *slot = power;
        }
        let mut squares = vec![z];
        let mut square = z;
        for _ in 0..BLOB_ELEMENTS.ilog2() {
            square = scalar::multiply(builder, &square, &square);
            squares.push(square);
        }
        // 13 in binary.
        let mut tx_factor = None;
        for (bit, square) in squares.iter().enumerate().take(4) {
            if (TX_COEFFICIENTS >> bit) & 1 == 1 {
                tx_factor = Some(match tx_factor {
                    None => *square,
                    Some(product) => scalar::multiply(builder, &product, square),
                });
            }
        }
        Self {
            alpha,
            entries,
            inverses,
            tx_factor: tx_factor.unwrap_or(z),
            block_factor: square,
        }
    }
}

/// z from its limbs of 56 bits, which this constrains.
fn point(builder: &mut Builder, wide: &[Target; 3], omitted: Option<Constraint>) -> ScalarTarget {
    let mut limbs = Vec::with_capacity(2 * wide.len());
    for limb in wide {
        let [low, middle, high] = scalar::split(builder, *limb);
        if omitted != Some(Constraint::PointLimbs) {
            builder.assert_zero(high);
        }
        limbs.extend([low, middle]);
    }
    scalar::padded(builder, &limbs)
}

/// `z inverse = 1 mod r`.
fn assert_inverse(builder: &mut Builder, z: &ScalarTarget, inverse: &ScalarTarget) {
    let product = scalar::multiply(builder, z, inverse);
    let one = builder.one();
    let one: ScalarTarget = scalar::padded(builder, &[one]);
    for (found, expected) in product.into_iter().zip(one) {
        builder.connect(found, expected);
    }
}
