//! Verifying client proofs from committed data.

use agoge_protocol::network::ClientProfile;
use agoge_protocol::{B256, TxPublicInputs};
use plonky2::plonk::proof::ProofWithPublicInputs;

use super::verifier_data::{self, VerifierData};
use crate::encoding::ProofLayout;
use crate::field::element;
use crate::{BoxError, C, D, F};

/// Verifies client proofs of one profile. Cheap to build (no circuit is built) and to share.
///
/// Proof bytes do not contain the public inputs: what is verified is always about the [`TxPublicInputs`] at hand.
pub struct ClientVerifier {
    profile: ClientProfile,
    data: VerifierData,
    layout: ProofLayout,
}

/// The committed verifier data are not what this program was built for: the program's files are damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifierDataError {
    /// The file has another digest than the source names.
    #[error("verifier data of the {profile:?} profile have digest {found}, expected {expected}")]
    Digest {
        /// Which file.
        profile: ClientProfile,
        /// Digest in the source.
        expected: B256,
        /// Digest of the file.
        found: B256,
    },
    /// The file cannot be decoded.
    #[error("verifier data of the {profile:?} profile cannot be decoded")]
    Encoding {
        /// Which file.
        profile: ClientProfile,
    },
    /// The circuit has another number of public inputs than transactions.
    #[error("the circuit has {found} public inputs, transactions have {expected}")]
    PublicInputs {
        /// Of a transaction.
        expected: usize,
        /// Of the circuit.
        found: usize,
    },
}

/// Why proof bytes are refused. The sender is wrong in every case.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Proofs of a profile have one length.
    #[error("the proof has {found} bytes, expected {expected}")]
    WrongLength {
        /// Bytes of every proof of this profile.
        expected: usize,
        /// As given.
        found: usize,
    },
    /// A field element is `>= p`.
    #[error("the element at byte {offset} is {found:#x}, which is not below the field modulus")]
    NotCanonical {
        /// First byte of the element.
        offset: usize,
        /// As given.
        found: u64,
    },
    /// A Merkle path of another length than the circuit's.
    #[error("the path length at byte {offset} is not {expected}")]
    WrongPathLength {
        /// Where it stands.
        offset: usize,
        /// Siblings of a path in this place.
        expected: u8,
    },
    /// The shape is right and the proof is not one for these public inputs.
    #[error("the proof is not valid for these public inputs")]
    Invalid(#[source] BoxError),
    /// The proof system panicked on the bytes; no input is known that does this.
    #[error("the proof system failed on the proof")]
    Panicked,
}

impl ClientVerifier {
    /// Loads the committed verifier data of a profile. Which profile a chain may use is
    /// [`NetworkConfig`](agoge_protocol::NetworkConfig)'s rule.
    ///
    /// # Errors
    /// [`VerifierDataError`] when the program's own data are damaged.
    pub fn new(profile: ClientProfile) -> Result<Self, VerifierDataError> {
        let data = verifier_data::load(profile)?;
        let layout = ProofLayout::new(&data.common).ok_or(VerifierDataError::Encoding { profile })?;
        Ok(Self {
            profile,
            data,
            layout,
        })
    }

    /// The profile whose proofs are accepted.
    pub const fn profile(&self) -> ClientProfile {
        self.profile
    }

    /// Bytes of every proof of the profile.
    pub fn proof_bytes(&self) -> usize {
        self.layout.byte_len()
    }

    /// Accepts a proof iff it is the one canonical encoding of a valid proof for exactly these public inputs. Never panics;
    /// a few milliseconds of CPU, so async callers use a blocking thread.
    ///
    /// # Errors
    /// [`VerifyError`]: wrong length, element or path length (found before any cryptography), an invalid proof.
    pub fn verify(&self, public_inputs: &TxPublicInputs, proof: &[u8]) -> Result<(), VerifyError> {
        self.verified(public_inputs, proof).map(|_| ())
    }

    /// [`Self::verify`], and the proof for a circuit that verifies it again.
    pub(crate) fn verified(
        &self,
        public_inputs: &TxPublicInputs,
        proof: &[u8],
    ) -> Result<ProofWithPublicInputs<F, C, D>, VerifyError> {
        let public_inputs = public_inputs.to_elements().map(element).to_vec();
        self.layout.verified(&self.data, public_inputs, proof)
    }

    /// First byte of every field element of a proof.
    #[cfg(test)]
    pub(super) fn element_offsets(&self) -> Vec<usize> {
        self.layout.element_offsets()
    }

    pub(crate) const fn data(&self) -> &VerifierData {
        &self.data
    }
}

impl core::fmt::Debug for ClientVerifier {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ClientVerifier")
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}
