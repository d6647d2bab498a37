//! The client circuit's verifier data: committed files, pinned by digest, so that a node builds no circuit.

use agoge_protocol::network::ClientProfile;
use agoge_protocol::{B256, TxPublicInputs, keccak256};
use plonky2::gates::arithmetic_base::ArithmeticGate;
use plonky2::gates::base_sum::BaseSumGate;
use plonky2::gates::constant::ConstantGate;
use plonky2::gates::noop::NoopGate;
use plonky2::gates::poseidon::PoseidonGate;
use plonky2::gates::public_input::PublicInputGate;
use plonky2::plonk::circuit_data::VerifierCircuitData;
use plonky2::util::serialization::{GateSerializer, IoResult};
use plonky2::{get_gate_tag_impl, impl_gate_serializer, read_gate_impl};

use super::verifier::VerifierDataError;
use crate::{C, D, F};

pub(crate) type VerifierData = VerifierCircuitData<F, C, D>;

/// The gates of the client circuit and no others.
struct ClientGates;

impl GateSerializer<F, D> for ClientGates {
    impl_gate_serializer! {
        ClientGates,
        NoopGate,
        ConstantGate,
        PublicInputGate,
        ArithmeticGate,
        BaseSumGate<4>,
        PoseidonGate<F, D>
    }
}

/// A committed file and the keccak digest it must have.
const fn committed(profile: ClientProfile) -> (&'static [u8], &'static str) {
    match profile {
        ClientProfile::Default => (
            include_bytes!("../../data/client-default.bin"),
            "0x68bd509078145cb762c622e034cc42db8389352670b3d19d67e42d14738dc170",
        ),
        ClientProfile::Testing => (
            include_bytes!("../../data/client-testing.bin"),
            "0x494cff7e6cb13fdadebb0a7f5324ebdf45df6f3c4515394225eb5133c133fb4a",
        ),
    }
}

/// The committed data of a profile.
pub(super) fn load(profile: ClientProfile) -> Result<VerifierData, VerifierDataError> {
    let (bytes, pinned) = committed(profile);
    decode(profile, bytes, pinned)
}

/// Decodes verifier data after checking their digest.
fn decode(profile: ClientProfile, bytes: &[u8], pinned: &str) -> Result<VerifierData, VerifierDataError> {
    let found = keccak256(bytes);
    let expected: B256 = pinned
        .parse()
        .map_err(|_| VerifierDataError::Encoding { profile })?;
    if found != expected {
        return Err(VerifierDataError::Digest {
            profile,
            expected,
            found,
        });
    }
    let data = VerifierData::from_bytes(bytes.to_vec(), &ClientGates)
        .map_err(|_| VerifierDataError::Encoding { profile })?;
    if data.common.num_public_inputs != TxPublicInputs::LEN {
        return Err(VerifierDataError::PublicInputs {
            expected: TxPublicInputs::LEN,
            found: data.common.num_public_inputs,
        });
    }
    Ok(data)
}

/// The bytes that are committed for this data; fails on a gate that is not the client circuit's.
pub(super) fn encode(data: &VerifierData) -> IoResult<Vec<u8>> {
    data.to_bytes(&ClientGates)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ClientProver;

    const PROFILES: [ClientProfile; 2] = [ClientProfile::Default, ClientProfile::Testing];

    #[test]
    fn committed_data_are_those_of_the_circuits_byte_for_byte() {
        for profile in PROFILES {
            let built = ClientProver::build_verifier_data(profile).unwrap();
            let hint = "run the example write_verifier_data, pin the digests it prints";
            assert_eq!(built, committed(profile).0, "{profile:?}: {hint}");
            assert!(load(profile).is_ok());
        }
    }

    #[test]
    fn data_with_another_digest_are_refused() {
        for profile in PROFILES {
            let (bytes, pinned) = committed(profile);
            let mut tampered = bytes.to_vec();
            tampered[40] ^= 1;
            let error = decode(profile, &tampered, pinned).err();
            assert!(
                matches!(error, Some(VerifierDataError::Digest { .. })),
                "{error:?}"
            );
            let truncated = &bytes[..bytes.len() - 1];
            let error = decode(profile, truncated, &keccak256(truncated).to_string()).err();
            assert_eq!(error, Some(VerifierDataError::Encoding { profile }));
        }
    }

    #[test]
    fn every_profile_has_33_public_inputs_and_three_challenges_and_only_the_default_hides() {
        for profile in PROFILES {
            let common = load(profile).unwrap().common;
            assert_eq!(common.num_public_inputs, TxPublicInputs::LEN);
            assert_eq!(common.config.num_challenges, 3);
            let is_default = profile == ClientProfile::Default;
            assert_eq!(common.config.zero_knowledge, is_default);
            assert_eq!(common.fri_params.hiding, is_default);
            let fri = &common.config.fri_config;
            let conjectured_bits = fri.rate_bits * fri.num_query_rounds + fri.proof_of_work_bits as usize;
            assert!(conjectured_bits >= 100, "{profile:?}: {conjectured_bits}");
        }
    }
}
