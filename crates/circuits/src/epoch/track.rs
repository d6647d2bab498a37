//! Tracks: streams that are proven in segments, which are merged.
//!
//! ```text
//! merge ── merge ── leaf, leaf, ...        public inputs of every one:
//!       │        └─ ...                    start boundary ‖ end boundary ‖ context ‖ merge id
//!       └─ leaf
//! ```
//!
//! Given segments whose boundaries meet and whose contexts are equal, a merge is the segment from the first one's start to
//! the last one's end. A leaf and the merge of its track have the same [`CommonCircuitData`], so a merge takes both.
//!
//! **Which circuit a child is of.** The leaf's verifier data are constants of the merge. Its own cannot be: a merge takes
//! them as a witness, checks merges below with them and shows their hash as its *merge id*; children that are merges must
//! show the same one. So a whole tree is of one merge circuit, and who uses a tree compares the merge id at the top with the
//! true one. A leaf's merge id means nothing.
//!
//! **Absent children.** A merge has a fixed number of places. One that is not needed holds the first child's proof again and
//! is gated to pass the boundary on. The first child is never absent.

use plonky2::iop::target::Target;
use plonky2::iop::witness::PartialWitness;
use plonky2::plonk::circuit_data::{CircuitConfig, CommonCircuitData, VerifierOnlyCircuitData};
use plonky2::plonk::proof::ProofWithPublicInputs;

use super::config::TreeC;
use crate::{BoxError, Builder, D, F};

/// What a leaf of a track says: from a start boundary, these inputs lead to this end boundary, in this context.
pub(crate) trait Leaf {
    /// What is proven.
    type Input;
    /// Where an input is put.
    type Targets;
    /// Elements of a boundary.
    const BOUNDARY: usize;
    /// Elements of the context, the same in all segments of a track.
    const CONTEXT: usize;

    /// Adds the statement to a circuit.
    fn build(&self, builder: &mut Builder) -> LeafCircuit<Self::Targets>;

    /// Sets the targets, start boundary and context included, to an input's values.
    fn assign(
        &self,
        targets: &Self::Targets,
        input: &Self::Input,
        witness: &mut PartialWitness<F>,
    ) -> Result<(), BoxError>;
}

/// A leaf's statement in a circuit.
pub(crate) struct LeafCircuit<T> {
    pub(crate) targets: T,
    pub(crate) start: Vec<Target>,
    pub(crate) end: Vec<Target>,
    pub(crate) context: Vec<Target>,
}

/// A proof with its public inputs.
pub(crate) type TreeProof = ProofWithPublicInputs<F, TreeC, D>;
/// What stands for a circuit in its parents.
pub(crate) type TreeVerifier = VerifierOnlyCircuitData<TreeC, D>;
/// The shape of leaf and merge.
pub(crate) type TreeCommon = CommonCircuitData<F, D>;

/// How a track's circuits are laid out.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) config: CircuitConfig,
    /// Log2 of the rows of leaf and merge.
    pub(crate) degree_bits: usize,
    /// Places of a merge.
    pub(crate) arity: usize,
}

/// Why a track's circuits do not fit together; a fault of this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TrackError {
    /// A circuit has more rows than its track allows.
    #[error("the {circuit} has 2^{found} rows, the track has 2^{expected}")]
    Degree {
        circuit: &'static str,
        expected: usize,
        found: usize,
    },
    /// The merge has a gate that the leaf has not, or another shape.
    #[error("leaf and merge differ in shape")]
    Shape,
    /// The gates that a merge needs for its children do not settle.
    #[error("the gate set of the track does not settle")]
    Gates,
}

/// Where the parts of a segment's public inputs are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) boundary: usize,
    pub(crate) context: usize,
}

/// A segment's public inputs in parts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment<'a, T> {
    pub(crate) start: &'a [T],
    pub(crate) end: &'a [T],
    pub(crate) context: &'a [T],
    pub(crate) merge_id: &'a [T],
}

impl Layout {
    pub(crate) const fn of<L: Leaf>() -> Self {
        Self {
            boundary: L::BOUNDARY,
            context: L::CONTEXT,
        }
    }

    pub(crate) const fn len(self) -> usize {
        2 * self.boundary + self.context + MERGE_ID
    }

    /// The parts; `None` for another number of elements.
    pub(crate) fn split<T>(self, public: &[T]) -> Option<Segment<'_, T>> {
        if public.len() != self.len() {
            return None;
        }
        let (start, rest) = public.split_at_checked(self.boundary)?;
        let (end, rest) = rest.split_at_checked(self.boundary)?;
        let (context, merge_id) = rest.split_at_checked(self.context)?;
        Some(Segment {
            start,
            end,
            context,
            merge_id,
        })
    }
}

/// Elements of a merge id.
pub(crate) const MERGE_ID: usize = 4;
