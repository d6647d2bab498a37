//! The settlement track: from the headers that the state track yields to what L1 compares, the fingerprint of the settlement
//! list and the value of the blobs. Only this track depends on challenges.
//!
//! A leaf takes [`SettlementLeaf::units`] steps of the epoch's stream, one after the other; what one does is in [`unit`], and
//! `docs/circuits.md` argues its arithmetic modulo r. Every segment of an epoch has the context alpha (2), z (3).

mod boundary;
mod choice;
pub(crate) mod gates;
mod input;
mod powers;
mod scalar;
#[cfg(test)]
mod tests;
mod unit;
mod values;

use agoge_state_transition::BlobPoint;
use plonky2::field::types::Field;
use plonky2::iop::target::Target;
use plonky2::iop::witness::{PartialWitness, WitnessWrite};

pub(crate) use boundary::BoundaryTargets;
pub use boundary::SettlementBoundary;
pub use input::{SettlementChallenges, SettlementInput, SettlementStep, SettlementStepError};

use super::track::{Leaf, LeafCircuit};
use crate::field::element;
use crate::{BoxError, Builder, F};
use powers::{ContextTargets, Powers};
use scalar::ScalarTarget;
use unit::{Constraint, Unit};
use values::UnitValues;

/// Units of a leaf in 2^14 rows.
pub(crate) const UNITS: usize = 240;

/// The leaf circuit of the settlement track.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SettlementLeaf {
    units: usize,
    omitted: Option<Constraint>,
}

impl SettlementLeaf {
    /// A leaf of so many steps.
    pub(crate) const fn new(units: usize) -> Self {
        Self { units, omitted: None }
    }

    /// Steps that an input may have.
    #[cfg(test)]
    pub(crate) const fn units(&self) -> usize {
        self.units
    }
}

/// Free targets of a leaf.
pub(crate) struct SettlementTargets {
    start: Vec<Target>,
    context: ContextTargets,
    /// `1/z`.
    inverse: ScalarTarget,
    units: Vec<UnitValues<Target>>,
}

/// Why an input has no proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SettlementAssignError {
    /// The segment is too long.
    #[error("a segment of {found} steps for a leaf of {limit}")]
    TooManySteps {
        /// Steps found.
        found: usize,
        /// Units of the leaf.
        limit: usize,
    },
    /// A value does not exist in the circuit.
    #[error(transparent)]
    Step(#[from] SettlementStepError),
}

impl Leaf for SettlementLeaf {
    type Input = SettlementInput;
    type Targets = SettlementTargets;
    const BOUNDARY: usize = SettlementBoundary::LEN;
    const CONTEXT: usize = 5;

    fn build(&self, builder: &mut Builder) -> LeafCircuit<SettlementTargets> {
        let start = BoundaryTargets::free(builder);
        let context = ContextTargets {
            alpha: builder.add_virtual_target_arr(),
            z: builder.add_virtual_target_arr(),
        };
        let inverse = builder.add_virtual_target_arr();
        let powers = Powers::new(builder, &context, &inverse, self.omitted);
        let mut state = start.clone();
        let units = (0..self.units)
            .map(|_| {
                let values = UnitValues::from_fn(|| builder.add_virtual_target());
                let mut unit = Unit {
                    builder,
                    powers: &powers,
                    omitted: self.omitted,
                };
                state = unit.step(&values, &state);
                values
            })
            .collect();
        let targets = SettlementTargets {
            start: start.to_list(),
            context,
            inverse,
            units,
        };
        LeafCircuit {
            start: targets.start.clone(),
            end: state.to_list(),
            context: context.to_list(),
            targets,
        }
    }

    fn assign(
        &self,
        targets: &SettlementTargets,
        input: &SettlementInput,
        witness: &mut PartialWitness<F>,
    ) -> Result<(), BoxError> {
        let found = input.steps.len();
        if found > self.units {
            return Err(SettlementAssignError::TooManySteps {
                found,
                limit: self.units,
            }
            .into());
        }
        let steps = input.steps.iter().map(UnitValues::new);
        let padding = core::iter::repeat_with(|| Ok(UnitValues::padding()));
        let units = steps
            .chain(padding)
            .take(self.units)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| SettlementAssignError::Step(e.into()))?;
        let point = BlobPoint::new(input.challenges.z)
            .ok_or(SettlementAssignError::Step(SettlementStepError::PointIsZero))?;
        let inverse = point.inverse().to_limbs().map(F::from_canonical_u32);
        targets.assign(input, &inverse, &units, witness)
    }
}

impl SettlementTargets {
    /// Sets the targets; `units` has a leaf's number of them.
    fn assign(
        &self,
        input: &SettlementInput,
        inverse: &[F; scalar::LIMBS],
        units: &[UnitValues<F>],
        witness: &mut PartialWitness<F>,
    ) -> Result<(), BoxError> {
        let SettlementChallenges { alpha, z } = input.challenges;
        let mut set = |targets: &[Target], values: &mut dyn Iterator<Item = F>| {
            targets
                .iter()
                .zip(values)
                .try_for_each(|(target, value)| witness.set_target(*target, value))
        };
        set(
            &self.start,
            &mut input.start.to_elements().into_iter().map(element),
        )?;
        let challenges = alpha.into_iter().chain(z).map(element);
        set(&self.context.to_list(), &mut challenges.into_iter())?;
        set(&self.inverse, &mut inverse.iter().copied())?;
        for (targets, values) in self.units.iter().zip(units) {
            set(&targets.to_list(), &mut values.to_list().into_iter())?;
        }
        Ok(())
    }
}
