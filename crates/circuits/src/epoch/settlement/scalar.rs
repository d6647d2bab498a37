//! Numbers modulo the BLS12-381 scalar field's order r, inside a proof: ten limbs of 28 bits, not necessarily below r.
//!
//! Products are sums of columns, which stay below `2^63` and so are the same in the field as over the integers; one [`reduce`]
//! brings them back to limbs.

use plonky2::field::types::Field;
use plonky2::iop::target::Target;

use super::gates::{Custom, Product, Range, Reduction, Split};
use crate::{Builder, F};

/// Bits of a limb.
pub(crate) const LIMB_BITS: usize = 28;
/// Limbs of a number modulo r.
pub(crate) const LIMBS: usize = 10;
/// Columns of a product of two numbers.
pub(crate) const COLUMNS: usize = 2 * LIMBS - 1;
/// r, lowest limb first.
pub(crate) const MODULUS: [u64; LIMBS] = [
    0x000_0001, 0xfff_fff0, 0xe5b_feff, 0xa40_2fff, 0x805_53bd, 0x080_9a1d, 0x833_39d8, 0x299_d7d4,
    0x3ed_a753, 0x7,
];

/// Limbs, each below `2^28`.
pub(crate) type ScalarTarget = [Target; LIMBS];
/// Sums of products of limbs.
pub(crate) type ColumnsTarget = [Target; COLUMNS];

/// Constrains a number below `2^28`. A ninth of a row.
pub(crate) fn assert_limb(builder: &mut Builder, limb: Target) {
    assert_range(builder, Range::LIMB, limb);
}

/// Constrains a number below `2^bits`, `bits` up to 28. Two ninths of a row: the number and its multiple by `2^(28 - bits)`
/// are both below `2^28`, and as the first is, the second has not wrapped.
pub(crate) fn assert_short_limb(builder: &mut Builder, limb: Target, bits: usize) {
    debug_assert!(bits <= LIMB_BITS);
    assert_limb(builder, limb);
    let shifted = builder.mul_const(F::from_canonical_u64(1 << (LIMB_BITS - bits)), limb);
    assert_limb(builder, shifted);
}

fn assert_range(builder: &mut Builder, range: Range, number: Target) {
    let (row, operation) = Custom(range).operation(builder);
    builder.connect(number, Target::wire(row, Range::number(operation)));
}

/// An element's one number below p in limbs of 28, 28 and 8 bits, lowest first. A third of a row.
pub(crate) fn split(builder: &mut Builder, element: Target) -> [Target; 3] {
    let (row, operation) = Custom(Split).operation(builder);
    builder.connect(element, Target::wire(row, Split::element(operation)));
    Split::limbs(operation).map(|wire| Target::wire(row, wire))
}

/// `before + a b + c d`, column by column. One row.
pub(crate) fn multiply_add(
    builder: &mut Builder,
    factors: [&ScalarTarget; 4],
    before: &ColumnsTarget,
) -> ColumnsTarget {
    let row = builder.add_gate(Custom(Product), vec![]);
    for (which, factor) in factors.into_iter().enumerate() {
        connect(builder, row, Product::factor(which), factor);
    }
    connect(builder, row, Product::BEFORE, before);
    wires(row, Product::AFTER)
}

/// Limbs of a number that is congruent to the columns modulo r. The columns are below `2^63`, which the caller knows. About six
/// rows.
pub(crate) fn reduce(builder: &mut Builder, columns: &ColumnsTarget) -> ScalarTarget {
    let row = builder.add_gate(Custom(Reduction), vec![]);
    connect(builder, row, 0, columns);
    let quotient: ScalarTarget = wires(row, Reduction::QUOTIENT);
    let result: ScalarTarget = wires(row, Reduction::RESULT);
    let carries: [Target; Reduction::CARRIES] = wires(row, Reduction::CARRY);
    for limb in quotient.into_iter().chain(result) {
        assert_limb(builder, limb);
    }
    for carry in carries {
        assert_range(builder, Range::CARRY, carry);
    }
    result
}

/// A number congruent to `a b` modulo r.
pub(crate) fn multiply(builder: &mut Builder, a: &ScalarTarget, b: &ScalarTarget) -> ScalarTarget {
    let zero = zero(builder);
    let columns = [builder.zero(); COLUMNS];
    let columns = multiply_add(builder, [a, b, &zero, &zero], &columns);
    reduce(builder, &columns)
}

/// Zero.
pub(crate) fn zero(builder: &mut Builder) -> ScalarTarget {
    [builder.zero(); LIMBS]
}

/// The lowest limbs, and zeros.
pub(crate) fn padded<const N: usize>(builder: &mut Builder, lowest: &[Target]) -> [Target; N] {
    let mut limbs = [builder.zero(); N];
    for (slot, limb) in limbs.iter_mut().zip(lowest) {
        *slot = *limb;
    }
    limbs
}

fn connect(builder: &mut Builder, row: usize, first: usize, targets: &[Target]) {
    for (wire, target) in (first..).zip(targets) {
        builder.connect(*target, Target::wire(row, wire));
    }
}

fn wires<const N: usize>(row: usize, first: usize) -> [Target; N] {
    core::array::from_fn(|i| Target::wire(row, first + i))
}
