//! Choices between lists of values by the same factors.

use plonky2::field::types::Field;
use plonky2::iop::target::Target;

use super::gates::{Custom, Mux};
use crate::{Builder, F};

/// Chooses by three factors. Values chosen by equal factors share rows, 19 in each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice([Target; Mux::WAYS]);

impl Choice {
    pub(super) const fn new(factors: [Target; Mux::WAYS]) -> Self {
        Self(factors)
    }

    /// `sum_way factors[way] values[way]`, element by element.
    pub(super) fn choose<const N: usize>(
        self,
        builder: &mut Builder,
        values: [&[Target; N]; Mux::WAYS],
    ) -> [Target; N] {
        let [a, b, c] = values;
        let mut out = [builder.zero(); N];
        for (slot, ((a, b), c)) in out.iter_mut().zip(a.iter().zip(b).zip(c)) {
            *slot = self.choose_one(builder, [*a, *b, *c]);
        }
        out
    }

    fn choose_one(self, builder: &mut Builder, values: [Target; Mux::WAYS]) -> Target {
        let row_key = self.0.map(place).as_flattened().to_vec();
        let (row, operation) = builder.find_slot(Custom(Mux), &row_key, &[]);
        if operation == 0 {
            for (way, factor) in self.0.into_iter().enumerate() {
                builder.connect(factor, Target::wire(row, Mux::factor(way)));
            }
        }
        for (way, value) in values.into_iter().enumerate() {
            builder.connect(value, Target::wire(row, Mux::value(operation, way)));
        }
        Target::wire(row, Mux::outcome(operation))
    }
}

/// A target's name among targets.
fn place(target: Target) -> [F; 3] {
    match target {
        Target::Wire(wire) => [0, wire.row, wire.column],
        Target::VirtualTarget { index } => [1, index, 0],
    }
    .map(F::from_canonical_usize)
}
