//! A track's leaf circuit: the statement, laid out so that it has its merge's shape.
//!
//! The gates are found by building: a merge must be able to evaluate every gate of a leaf and its own.

use plonky2::field::types::Field;
use plonky2::gates::gate::GateRef;
use plonky2::gates::noop::NoopGate;
use plonky2::iop::witness::{PartialWitness, WitnessWrite};
use plonky2::plonk::circuit_data::CircuitData;

use super::config::TreeC;
use super::merge::{self, MergeTargets};
use super::track::{Layout, Leaf, LeafCircuit, MERGE_ID, Shape, TrackError, TreeCommon, TreeProof};
use crate::gadgets::DigestTarget;
use crate::{BoxError, Builder, D, F};

/// A track's leaf circuit with everything that proving needs.
pub(crate) struct LeafProver<L: Leaf> {
    pub(crate) data: CircuitData<F, TreeC, D>,
    targets: LeafTargets<L>,
}

struct LeafTargets<L: Leaf> {
    statement: L::Targets,
    merge_id: DigestTarget,
}

impl<L: Leaf> LeafProver<L> {
    /// Builds the leaf with the gates that its merge needs.
    pub(crate) fn build(leaf: &L, shape: &Shape) -> Result<Self, TrackError> {
        let gates = track_gates(leaf, shape)?;
        let (mut builder, targets) = constrain_leaf(leaf, shape);
        finish(&mut builder, &gates, shape);
        let data = builder.build::<TreeC>();
        check_degree("leaf", &data.common, shape)?;
        Ok(Self { data, targets })
    }

    /// The leaf with data that were built before.
    pub(crate) fn with_data(leaf: &L, shape: &Shape, data: CircuitData<F, TreeC, D>) -> Self {
        let (_, targets) = constrain_leaf(leaf, shape);
        Self { data, targets }
    }

    /// The shape of leaf and merge, without building either.
    #[cfg(test)]
    pub(crate) fn common(leaf: &L, shape: &Shape) -> Result<TreeCommon, TrackError> {
        let gates = track_gates(leaf, shape)?;
        let (mut builder, _) = constrain_leaf(leaf, shape);
        finish(&mut builder, &gates, shape);
        Ok(builder.mock_build::<TreeC>().common)
    }

    /// Rows of the statement itself: without padding, public inputs' hash and constants.
    #[cfg(test)]
    pub(crate) fn rows(leaf: &L, shape: &Shape) -> usize {
        constrain_leaf(leaf, shape).0.num_gates()
    }

    /// One attempt at a proof.
    pub(crate) fn prove(&self, leaf: &L, input: &L::Input) -> Result<TreeProof, BoxError> {
        self.prove_with(|targets, witness| leaf.assign(targets, input, witness))
    }

    /// One attempt at a proof of whatever is assigned.
    pub(super) fn prove_with(
        &self,
        assign: impl FnOnce(&L::Targets, &mut PartialWitness<F>) -> Result<(), BoxError>,
    ) -> Result<TreeProof, BoxError> {
        let mut witness = PartialWitness::new();
        assign(&self.targets.statement, &mut witness)?;
        witness.set_target_arr(&self.targets.merge_id, &[F::ZERO; MERGE_ID])?;
        Ok(self.data.prove(witness)?)
    }
}

/// The leaf's statement with its public inputs.
fn constrain_leaf<L: Leaf>(leaf: &L, shape: &Shape) -> (Builder, LeafTargets<L>) {
    let mut builder = Builder::new(shape.config.clone());
    let LeafCircuit {
        targets,
        start,
        end,
        context,
    } = leaf.build(&mut builder);
    debug_assert_eq!(
        (start.len(), end.len(), context.len()),
        (L::BOUNDARY, L::BOUNDARY, L::CONTEXT)
    );
    let merge_id = builder.add_virtual_target_arr();
    for part in [start, end, context, merge_id.to_vec()] {
        builder.register_public_inputs(&part);
    }
    let targets = LeafTargets {
        statement: targets,
        merge_id,
    };
    (builder, targets)
}

/// Every gate of a track's circuits: those of the leaf and those that a merge needs to verify a circuit with all of them.
fn track_gates<L: Leaf>(leaf: &L, shape: &Shape) -> Result<Vec<GateRef<F, D>>, TrackError> {
    let (mut builder, _) = constrain_leaf(leaf, shape);
    finish(&mut builder, &[], shape);
    let mut common = builder.mock_build::<TreeC>().common;
    // The second round adds the gates that verify the first one's, the third must add none.
    for _ in 0..3 {
        let mut builder = Builder::new(shape.config.clone());
        // Gates do not depend on the number of children: two are the fewest that meet.
        let targets = MergeTargets::allocate(&mut builder, &common, 2);
        let any = builder.add_virtual_verifier_data(shape.config.fri_config.cap_height);
        merge::constrain(&mut builder, &targets, &any, &common, Layout::of::<L>(), None);
        finish(&mut builder, &common.gates, shape);
        let next = builder.mock_build::<TreeC>().common;
        if next.gates == common.gates {
            return Ok(common.gates);
        }
        let (mut builder, _) = constrain_leaf(leaf, shape);
        finish(&mut builder, &next.gates, shape);
        common = builder.mock_build::<TreeC>().common;
    }
    Err(TrackError::Gates)
}

/// Adds these gates to the circuit's set, and rows of nothing until it has more than half of the track's rows.
pub(super) fn finish(builder: &mut Builder, gates: &[GateRef<F, D>], shape: &Shape) {
    for gate in gates {
        builder.add_gate_to_gate_set(gate.clone());
    }
    while builder.num_gates() <= 1 << (shape.degree_bits - 1) {
        builder.add_gate(NoopGate, vec![]);
    }
}

pub(super) fn check_degree(
    circuit: &'static str,
    common: &TreeCommon,
    shape: &Shape,
) -> Result<(), TrackError> {
    let found = common.degree_bits();
    if found == shape.degree_bits {
        return Ok(());
    }
    Err(TrackError::Degree {
        circuit,
        expected: shape.degree_bits,
        found,
    })
}
