//! The merge circuit of a track, and how a circuit above takes a segment.

use agoge_protocol::{Digest, Element};
use agoge_state_transition::hash::{self, CIRCUIT};
use plonky2::hash::hash_types::{HashOutTarget, MerkleCapTarget};
use plonky2::iop::target::{BoolTarget, Target};
use plonky2::iop::witness::{PartialWitness, WitnessWrite};
use plonky2::plonk::circuit_data::{CircuitData, VerifierCircuitData, VerifierCircuitTarget};
use plonky2::plonk::config::GenericHashOut;
use plonky2::plonk::proof::ProofWithPublicInputsTarget;

use super::config::TreeC;
use super::leaf::{check_degree, finish};
use super::track::{Layout, Segment, Shape, TrackError, TreeCommon, TreeProof, TreeVerifier};
use crate::gadgets::{self, DigestTarget};
use crate::{BoxError, Builder, D, F, field};

/// The checks that are not wiring. Each has a test in which only this one is broken: the same proofs have a merge as soon
/// as it is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// A child that is a merge shows this merge's id.
    MergeId,
    /// A child starts where the one before it ends.
    Order,
    /// All children have one context.
    Context,
}

/// A merge circuit with everything that proving needs.
pub(crate) struct MergeProver {
    pub(crate) data: CircuitData<F, TreeC, D>,
    targets: MergeTargets,
}

/// A proof to merge.
pub(crate) struct Child<'a> {
    pub(crate) proof: &'a TreeProof,
    pub(crate) is_merge: bool,
}

impl MergeProver {
    /// Builds the merge of a leaf with this verifier data and shape. `omitted` leaves a check out, for tests.
    pub(crate) fn build(
        common: &TreeCommon,
        leaf: &TreeVerifier,
        layout: Layout,
        shape: &Shape,
        omitted: Option<Check>,
    ) -> Result<Self, TrackError> {
        let mut builder = Builder::new(shape.config.clone());
        let targets = MergeTargets::allocate(&mut builder, common, shape.arity);
        let leaf = builder.constant_verifier_data::<TreeC>(leaf);
        constrain(&mut builder, &targets, &leaf, common, layout, omitted);
        finish(&mut builder, &common.gates, shape);
        let data = builder.build::<TreeC>();
        check_degree("merge", &data.common, shape)?;
        if data.common == *common {
            Ok(Self { data, targets })
        } else {
            Err(TrackError::Shape)
        }
    }

    /// Rows of a merge of so many children: without padding, public inputs' hash and constants.
    #[cfg(test)]
    pub(super) fn rows(common: &TreeCommon, layout: Layout, shape: &Shape) -> usize {
        let mut builder = Builder::new(shape.config.clone());
        let targets = MergeTargets::allocate(&mut builder, common, shape.arity);
        let leaf = builder.add_virtual_verifier_data(shape.config.fri_config.cap_height);
        constrain(&mut builder, &targets, &leaf, common, layout, None);
        builder.num_gates()
    }

    /// The merge with data that were built before.
    pub(crate) fn with_data(shape: &Shape, data: CircuitData<F, TreeC, D>) -> Self {
        let mut builder = Builder::new(shape.config.clone());
        let targets = MergeTargets::allocate(&mut builder, &data.common, shape.arity);
        Self { data, targets }
    }

    /// One attempt at merging 1 to arity proofs. `own` are verifier data of merges among the children, this circuit's
    /// unless a test says otherwise.
    pub(crate) fn prove(&self, children: &[Child<'_>], own: &TreeVerifier) -> Result<TreeProof, BoxError> {
        let Some(first) = children.first() else {
            return Err("a merge needs a proof".into());
        };
        if children.len() > self.targets.children.len() {
            return Err("too many proofs for one merge".into());
        }
        let mut witness = PartialWitness::new();
        witness.set_verifier_data_target(&self.targets.own, own)?;
        let mut given = children.iter();
        for place in &self.targets.children {
            let child = given.next();
            if let Some(present) = place.is_present {
                witness.set_bool_target(present, child.is_some())?;
            }
            let child = child.unwrap_or(first);
            witness.set_bool_target(place.is_merge, child.is_merge)?;
            witness.set_proof_with_pis_target(&place.proof, child.proof)?;
        }
        Ok(self.data.prove(witness)?)
    }
}

/// The free values of a merge.
pub(super) struct MergeTargets {
    children: Vec<Place>,
    own: VerifierCircuitTarget,
}

struct Place {
    proof: ProofWithPublicInputsTarget<D>,
    is_merge: BoolTarget,
    /// None for the first, which is always there.
    is_present: Option<BoolTarget>,
}

impl MergeTargets {
    /// Allocates the targets before anything else, so that [`MergeProver::with_data`] gets the same ones without building.
    pub(super) fn allocate(builder: &mut Builder, common: &TreeCommon, arity: usize) -> Self {
        let cap_height = common.config.fri_config.cap_height;
        let children = (0..arity)
            .map(|index| Place {
                proof: builder.add_virtual_proof_with_pis(common),
                is_merge: builder.add_virtual_bool_target_unsafe(),
                is_present: (index > 0).then(|| builder.add_virtual_bool_target_unsafe()),
            })
            .collect();
        let own = builder.add_virtual_verifier_data(cap_height);
        Self { children, own }
    }
}

/// Adds the merge's constraints and public inputs.
pub(super) fn constrain(
    builder: &mut Builder,
    targets: &MergeTargets,
    leaf: &VerifierCircuitTarget,
    common: &TreeCommon,
    layout: Layout,
    omitted: Option<Check>,
) {
    let own_id = circuit_id(builder, &targets.own);
    let mut merged: Option<Merged> = None;
    for place in &targets.children {
        builder.assert_bool(place.is_merge);
        let verifier = select_verifier(builder, place.is_merge, &targets.own, leaf);
        builder.verify_proof::<TreeC>(&place.proof, &verifier, common);
        let Some(child) = layout.split(&place.proof.public_inputs) else {
            continue; // The children's common data say how many public inputs there are.
        };
        if omitted != Some(Check::MergeId) {
            connect_if(builder, place.is_merge, child.merge_id, &own_id);
        }
        match (&mut merged, place.is_present) {
            (Some(merged), Some(is_present)) => merged.append(builder, &child, is_present, omitted),
            _ => merged = Some(Merged::first(&child)),
        }
    }
    if let Some(Merged { start, end, context }) = merged {
        for part in [start, end, context, own_id.to_vec()] {
            builder.register_public_inputs(&part);
        }
    }
}

/// What the children so far make together.
struct Merged {
    start: Vec<Target>,
    end: Vec<Target>,
    context: Vec<Target>,
}

impl Merged {
    fn first(child: &Segment<'_, Target>) -> Self {
        Self {
            start: child.start.to_vec(),
            end: child.end.to_vec(),
            context: child.context.to_vec(),
        }
    }

    fn append(
        &mut self,
        builder: &mut Builder,
        child: &Segment<'_, Target>,
        is_present: BoolTarget,
        omitted: Option<Check>,
    ) {
        builder.assert_bool(is_present);
        if omitted != Some(Check::Order) {
            connect_if(builder, is_present, child.start, &self.end);
        }
        // An absent child holds the first one's proof, so its context is the same too.
        if omitted != Some(Check::Context) {
            for (of_child, common) in child.context.iter().zip(&self.context) {
                builder.connect(*of_child, *common);
            }
        }
        for (end, of_child) in self.end.iter_mut().zip(child.end) {
            *end = builder.select(is_present, *of_child, *end);
        }
    }
}

/// What a circuit above a track knows of it: constants.
#[derive(Clone, Debug)]
pub(crate) struct TrackVerifier {
    pub(crate) common: TreeCommon,
    pub(crate) leaf: TreeVerifier,
    pub(crate) merge: TreeVerifier,
    pub(crate) layout: Layout,
}

impl TrackVerifier {
    /// Verifier data of the leaf.
    pub(super) fn leaf_data(&self) -> VerifierCircuitData<F, TreeC, D> {
        VerifierCircuitData {
            verifier_only: self.leaf.clone(),
            common: self.common.clone(),
        }
    }

    /// Verifier data of the merge.
    pub(super) fn merge_data(&self) -> VerifierCircuitData<F, TreeC, D> {
        VerifierCircuitData {
            verifier_only: self.merge.clone(),
            common: self.common.clone(),
        }
    }
}

/// A segment's proof in a circuit above the track.
pub(crate) struct SegmentTarget {
    pub(crate) proof: ProofWithPublicInputsTarget<D>,
    pub(crate) is_merge: BoolTarget,
}

impl SegmentTarget {
    pub(crate) fn allocate(builder: &mut Builder, track: &TrackVerifier) -> Self {
        Self {
            proof: builder.add_virtual_proof_with_pis(&track.common),
            is_merge: builder.add_virtual_bool_target_unsafe(),
        }
    }

    pub(crate) fn assign(
        &self,
        witness: &mut PartialWitness<F>,
        proof: &TreeProof,
        is_merge: bool,
    ) -> Result<(), BoxError> {
        witness.set_bool_target(self.is_merge, is_merge)?;
        Ok(witness.set_proof_with_pis_target(&self.proof, proof)?)
    }

    /// Constrains the proof to be of the track's leaf or of its merge over its own kind all the way down.
    /// `check_merge_id` is false in tests only.
    pub(crate) fn constrain(&self, builder: &mut Builder, track: &TrackVerifier, check_merge_id: bool) {
        builder.assert_bool(self.is_merge);
        let merge = builder.constant_verifier_data::<TreeC>(&track.merge);
        let leaf = builder.constant_verifier_data::<TreeC>(&track.leaf);
        let verifier = select_verifier(builder, self.is_merge, &merge, &leaf);
        builder.verify_proof::<TreeC>(&self.proof, &verifier, &track.common);
        let id = circuit_id(builder, &merge);
        if let Some(segment) = track.layout.split(&self.proof.public_inputs)
            && check_merge_id
        {
            connect_if(builder, self.is_merge, segment.merge_id, &id);
        }
    }
}

/// `condition * (a - b) = 0` for every pair.
pub(super) fn connect_if(builder: &mut Builder, condition: BoolTarget, a: &[Target], b: &[Target]) {
    for (a, b) in a.iter().zip(b) {
        let difference = builder.sub(*a, *b);
        let broken = builder.mul(condition.target, difference);
        builder.assert_zero(broken);
    }
}

fn select_verifier(
    builder: &mut Builder,
    condition: BoolTarget,
    yes: &VerifierCircuitTarget,
    no: &VerifierCircuitTarget,
) -> VerifierCircuitTarget {
    let mut select = |yes: &HashOutTarget, no: &HashOutTarget| {
        let mut selected = *no;
        for ((slot, yes), no) in selected.elements.iter_mut().zip(yes.elements).zip(no.elements) {
            *slot = builder.select(condition, yes, no);
        }
        selected
    };
    let circuit_digest = select(&yes.circuit_digest, &no.circuit_digest);
    let caps = yes.constants_sigmas_cap.0.iter().zip(&no.constants_sigmas_cap.0);
    VerifierCircuitTarget {
        circuit_digest,
        constants_sigmas_cap: MerkleCapTarget(caps.map(|(yes, no)| select(yes, no)).collect()),
    }
}

/// `H(CIRCUIT; digest, cap)`: which circuit verifier data are of.
fn circuit_id(builder: &mut Builder, verifier: &VerifierCircuitTarget) -> DigestTarget {
    let mut inputs = [builder.zero(); CIRCUIT.inputs()];
    let caps = verifier.constants_sigmas_cap.0.iter();
    let elements = core::iter::once(&verifier.circuit_digest)
        .chain(caps)
        .flat_map(|hash| hash.elements);
    for (slot, element) in inputs.iter_mut().zip(elements) {
        *slot = element;
    }
    gadgets::hash(builder, CIRCUIT, &inputs)
}

/// Native twin of [`circuit_id`].
pub(crate) fn native_circuit_id(verifier: &TreeVerifier) -> Digest {
    let mut inputs = [Element::ZERO; CIRCUIT.inputs()];
    let elements = verifier.circuit_digest.to_vec().into_iter().chain(
        verifier
            .constants_sigmas_cap
            .0
            .iter()
            .flat_map(|hash| hash.to_vec()),
    );
    for (slot, element) in inputs.iter_mut().zip(elements) {
        *slot = field::native(element);
    }
    hash::hash(CIRCUIT, &inputs)
}
