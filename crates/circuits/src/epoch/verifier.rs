//! Verifying what L1 verifies, from committed data.

use agoge_protocol::network::ClientProfile;
use agoge_protocol::{B256, EpochPublicInputs, keccak256};
use plonky2::plonk::circuit_data::VerifierCircuitData;

use super::circuits::CircuitsError;
use super::config::WrapC;
use super::jobs::EpochProof;
use super::serialization::EpochGates;
use crate::solidity::verifier::{self as l1, RefusedProof};
use crate::{D, F, field};

/// Decides on an epoch proof as the contract does. Cheap to build: no circuit is.
pub struct EpochVerifier {
    profile: ClientProfile,
    digest: B256,
    data: VerifierCircuitData<F, WrapC, D>,
}

/// The committed verifier data are not what this program was built for: the program's files are damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EpochVerifierError {
    /// The file has another digest than the source names.
    #[error("epoch verifier data of the {profile:?} profile have digest {found}, expected {expected}")]
    Digest {
        /// Which file.
        profile: ClientProfile,
        /// Digest in the source.
        expected: B256,
        /// Digest of the file.
        found: B256,
    },
    /// The file cannot be decoded.
    #[error("epoch verifier data of the {profile:?} profile cannot be decoded")]
    Encoding {
        /// Which file.
        profile: ClientProfile,
    },
}

/// Why an epoch proof is refused.
#[derive(Debug, thiserror::Error)]
#[error("the epoch proof is not valid")]
pub struct EpochVerifyError(#[source] RefusedProof);

/// A committed file and the keccak digest it must have.
const fn committed(profile: ClientProfile) -> (&'static [u8], &'static str) {
    match profile {
        ClientProfile::Default => (
            include_bytes!("../../data/epoch-default.bin"),
            "0x503807ee8a036f174e0f61e45a619cd2ab43a0e6598c7033c639c39ff3903e75",
        ),
        ClientProfile::Testing => (
            include_bytes!("../../data/epoch-testing.bin"),
            "0x43a7fa9702caa5197008c0aab5034327d2f85243ce13d392e82d5cfb6dd5c3b1",
        ),
    }
}

impl EpochVerifier {
    /// Loads the committed verifier data for epochs whose client proofs are of a profile.
    ///
    /// # Errors
    /// [`EpochVerifierError`] when the program's own data are damaged.
    pub fn new(profile: ClientProfile) -> Result<Self, EpochVerifierError> {
        let (bytes, pinned) = committed(profile);
        Self::decode(profile, bytes, pinned)
    }

    fn decode(profile: ClientProfile, bytes: &[u8], pinned: &str) -> Result<Self, EpochVerifierError> {
        let encoding = EpochVerifierError::Encoding { profile };
        let expected: B256 = pinned.parse().map_err(|_| encoding)?;
        let found = keccak256(bytes);
        if found != expected {
            return Err(EpochVerifierError::Digest {
                profile,
                expected,
                found,
            });
        }
        let data = VerifierCircuitData::from_bytes(bytes.to_vec(), &EpochGates).map_err(|_| encoding)?;
        if data.common.num_public_inputs != EpochPublicInputs::LEN {
            return Err(encoding);
        }
        Ok(Self {
            profile,
            digest: found,
            data,
        })
    }

    /// The verifier of a circuit that need not be committed.
    pub(super) fn of_circuit(
        profile: ClientProfile,
        data: VerifierCircuitData<F, WrapC, D>,
    ) -> Result<Self, CircuitsError> {
        Ok(Self {
            profile,
            digest: keccak256(encode(&data)?),
            data,
        })
    }

    /// The profile of the client proofs.
    pub const fn profile(&self) -> ClientProfile {
        self.profile
    }

    /// Keccak digest of the verifier data.
    pub const fn digest(&self) -> B256 {
        self.digest
    }

    pub(crate) const fn data(&self) -> &VerifierCircuitData<F, WrapC, D> {
        &self.data
    }

    /// Accepts a proof iff its bytes are the one encoding of a valid proof for its public inputs. Never panics; milliseconds.
    ///
    /// # Errors
    /// [`EpochVerifyError`].
    pub fn verify(&self, proof: &EpochProof) -> Result<(), EpochVerifyError> {
        let public = proof.public_inputs.to_elements().map(field::element);
        l1::verify(&self.data, &public, &proof.bytes).map_err(EpochVerifyError)
    }
}

/// The bytes that are committed for these verifier data.
pub(super) fn encode(data: &VerifierCircuitData<F, WrapC, D>) -> Result<Vec<u8>, CircuitsError> {
    data.to_bytes(&EpochGates)
        .map_err(|e| CircuitsError::ProofSystem(e.to_string().into()))
}

impl core::fmt::Debug for EpochVerifier {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("EpochVerifier")
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}
