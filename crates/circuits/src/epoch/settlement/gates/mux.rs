//! Choices between values.

use plonky2::field::types::Field;

use super::Relation;
use super::arithmetic::Arithmetic;
use crate::F;

/// `out = f_0 a + f_1 b + f_2 c`, 19 times with the same factors. Wires: the factors, then a, b, c and out of each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mux;

impl Mux {
    /// Values chosen in a row.
    pub(crate) const WIDTH: usize = 19;
    /// Values to choose from.
    pub(crate) const WAYS: usize = 3;

    /// Wire of a factor.
    pub(crate) const fn factor(way: usize) -> usize {
        way
    }

    /// Wire of the value that a way has at a place.
    pub(crate) const fn value(place: usize, way: usize) -> usize {
        Self::WAYS + place * (Self::WAYS + 1) + way
    }

    /// Wire of the outcome at a place.
    pub(crate) const fn outcome(place: usize) -> usize {
        Self::value(place, Self::WAYS)
    }

    fn choose<A: Arithmetic>(arithmetic: &mut A, wire: impl Fn(usize) -> A::Value, place: usize) -> A::Value {
        let mut sum = arithmetic.constant(F::ZERO);
        for way in 0..Self::WAYS {
            sum = arithmetic.multiply_add(wire(Self::factor(way)), wire(Self::value(place, way)), sum);
        }
        sum
    }
}

impl Relation for Mux {
    const NAME: &'static str = "Mux";
    const DEGREE: usize = 2;

    fn from_parameter(parameter: usize) -> Option<Self> {
        (parameter == 0).then_some(Self)
    }

    fn operations(&self) -> usize {
        Self::WIDTH
    }

    fn wires(&self) -> usize {
        Self::outcome(Self::WIDTH - 1) + 1
    }

    fn constraints(&self) -> usize {
        Self::WIDTH
    }

    fn constrain<A: Arithmetic>(
        &self,
        arithmetic: &mut A,
        wire: impl Fn(usize) -> A::Value,
        mut emit: impl FnMut(A::Value),
    ) {
        for place in 0..Self::WIDTH {
            let chosen = Self::choose(arithmetic, &wire, place);
            emit(arithmetic.subtract(chosen, wire(Self::outcome(place))));
        }
    }

    fn inputs(&self, place: usize) -> Vec<usize> {
        let values = (0..Self::WAYS).map(|way| Self::value(place, way));
        (0..Self::WAYS).map(Self::factor).chain(values).collect()
    }

    fn complete(&self, place: usize, inputs: &[F]) -> Vec<(usize, F)> {
        let (factors, values) = inputs.split_at(Self::WAYS.min(inputs.len()));
        let chosen = factors
            .iter()
            .zip(values)
            .map(|(factor, value)| *factor * *value)
            .sum();
        vec![(Self::outcome(place), chosen)]
    }
}
