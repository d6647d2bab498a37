//! A track: segments of a stream, proven apart and merged in order.
//!
//! Public inputs of every segment proof: start boundary, end boundary, context, merge id. Two segments chain when one's end is the other's
//! start and their contexts are equal.

use plonky2::iop::target::Target;
use plonky2::iop::witness::PartialWitness;

use crate::{BoxError, Builder, F};

/// Elements of a merge id: the hash of the merge circuit's verifier data.
pub(crate) const MERGE_ID: usize = 4;

/// The circuit that proves one segment of a track.
pub(crate) trait Leaf {
    /// Everything that a segment is proven from.
    type Input;
    /// Targets that [`Self::assign`] sets.
    type Targets;
    /// Elements of a boundary.
    const BOUNDARY: usize;
    /// Elements of the context, equal in all segments of a proof.
    const CONTEXT: usize;

    /// Adds the constraints. Registers no public inputs: the track does, in its order.
    fn build(&self, builder: &mut Builder) -> LeafCircuit<Self::Targets>;

    /// Sets every free target for an input.
    ///
    /// # Errors
    /// The input does not fit the circuit.
    fn assign(
        &self,
        targets: &Self::Targets,
        input: &Self::Input,
        witness: &mut PartialWitness<F>,
    ) -> Result<(), BoxError>;
}

/// What [`Leaf::build`] leaves behind.
pub(crate) struct LeafCircuit<T> {
    /// For [`Leaf::assign`].
    pub(crate) targets: T,
    /// [`Leaf::BOUNDARY`] targets.
    pub(crate) start: Vec<Target>,
    /// [`Leaf::BOUNDARY`] targets.
    pub(crate) end: Vec<Target>,
    /// [`Leaf::CONTEXT`] targets.
    pub(crate) context: Vec<Target>,
}
