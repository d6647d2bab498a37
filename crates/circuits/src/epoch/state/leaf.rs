//! A segment of the state track: N units in a row.

use std::io::{Read, Result as IoResult};

use agoge_protocol::{Digest, NotCanonical};
use agoge_state_transition::witness::{StateBoundary, StateStep, StepError};
use borsh::{BorshDeserialize, BorshSerialize};
use plonky2::iop::target::Target;
use plonky2::iop::witness::{PartialWitness, WitnessWrite};

use super::boundary::Boundary;
use super::unit::{Constraint, Relation};
use super::values::UnitValues;
use crate::epoch::bytes;
use crate::epoch::track::{Leaf, LeafCircuit};
use crate::field::{digest, element};
use crate::gadgets::DigestTarget;
use crate::{BoxError, Builder, F};

/// Units of the product's leaf: what 2^14 rows hold with 3 % to spare.
pub const STATE_UNITS: usize = 43;

/// What a segment is proven from.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize)]
pub struct StateInput {
    /// The instance.
    pub genesis_id: Digest,
    /// Boundary before the first step.
    pub start: StateBoundary,
    /// At most [`STATE_UNITS`] steps in order; fewer are padded.
    pub steps: Vec<StateStep>,
}

impl BorshDeserialize for StateInput {
    fn deserialize_reader<R: Read>(reader: &mut R) -> IoResult<Self> {
        Ok(Self {
            genesis_id: BorshDeserialize::deserialize_reader(reader)?,
            start: BorshDeserialize::deserialize_reader(reader)?,
            steps: bytes::read_list(reader, STATE_UNITS)?,
        })
    }
}

/// Why an input has no proof.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateInputError {
    /// More steps than units.
    #[error("{found} steps, a segment has {limit}")]
    TooManySteps {
        /// As given.
        found: usize,
        /// Units.
        limit: usize,
    },
    /// A step does not apply.
    #[error("step {position}: {reason}")]
    Step {
        /// In the input.
        position: usize,
        /// Why.
        #[source]
        reason: StepError,
    },
    /// An integer of the boundary is not below the modulus.
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
}

/// The leaf of the state track.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StateLeaf {
    units: usize,
    omitted: Option<Constraint>,
}

/// Free targets of a segment.
pub(crate) struct StateTargets {
    start: Boundary<Target>,
    genesis_id: DigestTarget,
    units: Vec<UnitValues<Target>>,
}

impl StateLeaf {
    /// The product's leaf.
    pub(crate) const fn new() -> Self {
        Self::with_units(STATE_UNITS)
    }

    /// A leaf of another size, for tests.
    pub(crate) const fn with_units(units: usize) -> Self {
        Self { units, omitted: None }
    }

    #[cfg(test)]
    pub(super) const fn without(self, omitted: Constraint) -> Self {
        Self {
            omitted: Some(omitted),
            ..self
        }
    }

    /// The values of every unit.
    ///
    /// # Errors
    /// [`StateInputError`].
    pub(super) fn values(&self, input: &StateInput) -> Result<Vec<UnitValues<F>>, StateInputError> {
        if input.steps.len() > self.units {
            return Err(StateInputError::TooManySteps {
                found: input.steps.len(),
                limit: self.units,
            });
        }
        let genesis_id = input.genesis_id;
        let mut boundary = input.start;
        let mut values = Vec::with_capacity(self.units);
        for (position, step) in input.steps.iter().enumerate() {
            let after = boundary
                .apply(genesis_id, step)
                .map_err(|reason| StateInputError::Step { position, reason })?;
            let unit = UnitValues::of_step(genesis_id, &boundary, &after, step)
                .map_err(|reason| StateInputError::Step { position, reason })?;
            values.push(unit);
            boundary = after;
        }
        values.resize_with(self.units, || UnitValues::padding(genesis_id, &boundary));
        Ok(values)
    }

    /// Sets the targets, whatever the values.
    pub(super) fn set(
        targets: &StateTargets,
        genesis_id: Digest,
        start: &[F],
        values: &[UnitValues<F>],
        witness: &mut PartialWitness<F>,
    ) -> Result<(), BoxError> {
        let boundary = targets.start.to_list().into_iter().zip(start.iter().copied());
        let genesis_id = targets.genesis_id.into_iter().zip(digest(genesis_id));
        for (target, value) in boundary.chain(genesis_id) {
            witness.set_target(target, value)?;
        }
        for (targets, values) in targets.units.iter().zip(values) {
            for (target, value) in targets.to_list().into_iter().zip(values.to_list()) {
                witness.set_target(target, value)?;
            }
        }
        Ok(())
    }
}

impl Leaf for StateLeaf {
    type Input = StateInput;
    type Targets = StateTargets;
    const BOUNDARY: usize = StateBoundary::LEN;
    /// Genesis id.
    const CONTEXT: usize = 4;

    fn build(&self, builder: &mut Builder) -> LeafCircuit<StateTargets> {
        let start = Boundary::from_fn(|| builder.add_virtual_target());
        let genesis_id: DigestTarget = builder.add_virtual_target_arr();
        let mut units = Vec::with_capacity(self.units);
        let mut end = start;
        for _ in 0..self.units {
            let values = UnitValues::from_fn(|| builder.add_virtual_target());
            let mut relation = Relation {
                builder,
                omitted: self.omitted,
                genesis_id,
            };
            end = relation.unit(&end, &values);
            units.push(values);
        }
        LeafCircuit {
            targets: StateTargets {
                start,
                genesis_id,
                units,
            },
            start: start.to_list(),
            end: end.to_list(),
            context: genesis_id.to_vec(),
        }
    }

    fn assign(
        &self,
        targets: &StateTargets,
        input: &StateInput,
        witness: &mut PartialWitness<F>,
    ) -> Result<(), BoxError> {
        let values = self.values(input)?;
        let start = input
            .start
            .to_elements()
            .map_err(StateInputError::NotCanonical)?
            .map(element);
        Self::set(targets, input.genesis_id, &start, &values, witness)
    }
}
