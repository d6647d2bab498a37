//! Proofs of the tree as bytes and back.

use agoge_protocol::{Element, EpochPublicInputs};
use plonky2::plonk::circuit_data::VerifierCircuitData;
use plonky2::util::serialization::Write;

use super::config::TreeC;
use super::jobs::{RootProof, SegmentProof, Track};
use super::merge::{TrackVerifier, native_circuit_id};
use super::track::{Layout, TreeProof};
use crate::encoding::ProofLayout;
use crate::{BoxError, D, F, VerifyError, field};

/// Why a proof of the tree is refused. Whoever made it is wrong in every case.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// A track's segments have one number of public inputs.
    #[error("the segment has {found} public inputs, expected {expected}")]
    PublicInputs {
        /// Of the track.
        expected: usize,
        /// As given.
        found: usize,
    },
    /// The tree below is of another merge circuit.
    #[error("the segment is merged by another circuit")]
    MergeId,
    /// The proof itself.
    #[error(transparent)]
    Proof(#[from] VerifyError),
    /// The circuit's proofs have no byte layout; a fault of this program.
    #[error("the circuit's proofs have no layout")]
    Layout,
}

/// Checks segments of a track.
pub(super) struct SegmentVerifier {
    leaf: VerifierCircuitData<F, TreeC, D>,
    merge: VerifierCircuitData<F, TreeC, D>,
    parts: Layout,
    merge_id: [Element; 4],
    layout: ProofLayout,
}

impl SegmentVerifier {
    pub(super) fn new(track: &TrackVerifier) -> Result<Self, SegmentError> {
        Ok(Self {
            leaf: track.leaf_data(),
            merge: track.merge_data(),
            merge_id: native_circuit_id(&track.merge).0,
            layout: ProofLayout::new(&track.common).ok_or(SegmentError::Layout)?,
            parts: track.layout,
        })
    }

    /// Accepts a segment of the track's leaf, or of its merge over nothing else.
    pub(super) fn verified(&self, segment: &SegmentProof) -> Result<TreeProof, SegmentError> {
        let wrong_length = SegmentError::PublicInputs {
            expected: self.parts.len(),
            found: segment.public.len(),
        };
        let parts = self.parts.split(&segment.public).ok_or(wrong_length)?;
        let verifier = if segment.is_merge {
            if parts.merge_id != self.merge_id {
                return Err(SegmentError::MergeId);
            }
            &self.merge
        } else {
            &self.leaf
        };
        let public = segment.public.iter().copied().map(field::element).collect();
        Ok(self.layout.verified(verifier, public, &segment.bytes)?)
    }
}

/// Checks the root's proofs.
pub(super) struct RootVerifier {
    data: VerifierCircuitData<F, TreeC, D>,
    layout: ProofLayout,
}

impl RootVerifier {
    pub(super) fn new(data: &VerifierCircuitData<F, TreeC, D>) -> Result<Self, SegmentError> {
        Ok(Self {
            layout: ProofLayout::new(&data.common).ok_or(SegmentError::Layout)?,
            data: data.clone(),
        })
    }

    pub(super) fn verified(&self, root: &RootProof) -> Result<TreeProof, SegmentError> {
        let public = root.public_inputs.to_elements().map(field::element).to_vec();
        Ok(self.layout.verified(&self.data, public, &root.bytes)?)
    }
}

/// A segment as plain data.
pub(super) fn encode_segment(
    track: Track,
    is_merge: bool,
    proof: &TreeProof,
) -> Result<SegmentProof, BoxError> {
    Ok(SegmentProof {
        track,
        is_merge,
        public: proof.public_inputs.iter().copied().map(field::native).collect(),
        bytes: encode(proof)?,
    })
}

/// The root's proof as plain data.
pub(super) fn encode_root(proof: &TreeProof) -> Result<RootProof, BoxError> {
    let elements: Vec<Element> = proof.public_inputs.iter().copied().map(field::native).collect();
    let elements = elements
        .as_slice()
        .try_into()
        .map_err(|_| BoxError::from("the root has another number of public inputs"))?;
    Ok(RootProof {
        public_inputs: EpochPublicInputs::from_elements(elements),
        bytes: encode(proof)?,
    })
}

fn encode(proof: &TreeProof) -> Result<Vec<u8>, BoxError> {
    let mut bytes = Vec::new();
    bytes.write_proof(&proof.proof).map_err(|e| e.to_string())?;
    Ok(bytes)
}
