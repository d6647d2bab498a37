//! What is committed against what the source makes.

use std::path::PathBuf;

use agoge_protocol::element::MODULUS;
use agoge_protocol::network::ClientProfile;
use agoge_protocol::{Element, EpochPublicInputs};

use super::files::Folder;
use crate::epoch::jobs::EpochProof;
use crate::{EpochProver, EpochVerifier};

fn from_root(path: &str) -> Vec<u8> {
    std::fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)).unwrap()
}

/// The proof that the contract's tests verify.
fn proof() -> EpochProof {
    let file = from_root("contracts/test/vectors/epoch-proofs/epoch-default.bin");
    let (words, rest) = file.as_chunks::<8>();
    assert_eq!(8 * words.len() + rest.len(), file.len());
    let inputs = words.first_chunk::<{ EpochPublicInputs::LEN }>().unwrap();
    EpochProof {
        public_inputs: EpochPublicInputs::from_elements(
            &inputs.map(|word| Element::new(u64::from_be_bytes(word)).unwrap()),
        ),
        bytes: file[8 * EpochPublicInputs::LEN..].to_vec(),
    }
}

#[test]
fn the_contracts_proof_is_accepted_for_its_own_public_inputs_only() {
    let verifier = EpochVerifier::new(ClientProfile::Default).unwrap();
    let proof = proof();
    verifier.verify(&proof).unwrap();
    let elements = proof.public_inputs.to_elements();
    for index in 0..elements.len() {
        let mut changed = elements;
        changed[index] = Element::new((changed[index].get() + 1) % MODULUS).unwrap();
        let changed = EpochProof {
            public_inputs: EpochPublicInputs::from_elements(&changed),
            bytes: proof.bytes.clone(),
        };
        assert!(verifier.verify(&changed).is_err(), "{index}");
    }
    let testing = EpochVerifier::new(ClientProfile::Testing).unwrap();
    assert!(testing.verify(&proof).is_err(), "of the other profile");
}

/// Every circuit is built from the source, and the last one's verifier data are those in `data/`.
fn committed_data_are_those_of_the_source(profile: ClientProfile, file: &str) {
    let folder = Folder::new();
    let data = EpochProver::build_verifier_data(&folder.0, profile).unwrap();
    assert!(
        data == from_root(&format!("crates/circuits/data/{file}")),
        "{file} is not what `--example write_epoch_verifier_data` writes"
    );
}

#[test]
fn the_committed_verifier_data_are_those_of_the_source_slow() {
    committed_data_are_those_of_the_source(ClientProfile::Default, "epoch-default.bin");
}

#[test]
fn the_committed_verifier_data_of_the_testing_profile_are_those_of_the_source_slow() {
    committed_data_are_those_of_the_source(ClientProfile::Testing, "epoch-testing.bin");
}
