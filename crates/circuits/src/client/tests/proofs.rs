//! Proof bytes: agreement with the native side, hostile encodings, profiles.

use std::sync::LazyLock;

use agoge_protocol::element::MODULUS;
use agoge_protocol::limits::CLIENT_PROOF_BYTES_MAX;
use agoge_protocol::{Address, TxPublicInputs, Withdrawal};
use proptest::prelude::*;
use rand::{Rng, RngCore};

use super::*;
use crate::client::prover::prove_values;
use crate::{ClientProver, ClientVerifier, InputNote, ProveError, VerifyError, WitnessError};

static PROVER: LazyLock<ClientProver> = LazyLock::new(|| ClientProver::new(ClientProfile::Testing).unwrap());
static PROOF: LazyLock<(TxPublicInputs, Vec<u8>)> = LazyLock::new(|| PROVER.prove(&witness(2)).unwrap());

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, failure_persistence: None, ..ProptestConfig::default() })]

    /// The bytes verify against the native public inputs, so the circuit computed the same.
    #[test]
    fn native_and_circuit_agree(seed: u64, dummies in 0..3_usize, withdraws: bool) {
        let mut witness = witness(seed);
        if dummies > 0 {
            witness.inputs[1] = InputNote::dummy(witness.inputs[1].spending_key, witness.inputs[1].rho);
            witness.outputs[0].value -= 300;
        }
        if dummies > 1 {
            witness.inputs[0] = InputNote::dummy(witness.inputs[0].spending_key, witness.inputs[0].rho);
            witness.outputs.iter_mut().for_each(|output| output.value = 0);
            (witness.fee, witness.withdrawal) = (0, Withdrawal::default());
        } else if !withdraws {
            witness.fee += witness.withdrawal.amount;
            witness.withdrawal = Withdrawal::default();
        }
        let expected = witness.public_inputs().unwrap();
        let circuit = &PROVER_CIRCUIT;
        let proof = circuit.data.prove(circuit.assign(&values(&witness)).unwrap()).unwrap();
        let found: Vec<u64> = proof.public_inputs.iter().map(PrimeField64::to_canonical_u64).collect();
        prop_assert_eq!(found, expected.to_elements().map(Element::get).to_vec());
        let (public_inputs, proof) = PROVER.prove(&witness).unwrap();
        prop_assert_eq!(&public_inputs, &expected);
        prop_assert!(PROVER.verifier().verify(&public_inputs, &proof).is_ok());
    }
}

static PROVER_CIRCUIT: LazyLock<ClientCircuit> = LazyLock::new(|| testing_circuit(None));

#[test]
fn a_broken_rule_is_named_before_proving() {
    let mut witness = witness(2);
    witness.fee += 1;
    let error = PROVER.prove(&witness).unwrap_err();
    assert!(
        matches!(
            error,
            ProveError::Witness(WitnessError::NotConserved {
                inputs: 1_000,
                outputs: 1_001
            })
        ),
        "{error:?}"
    );
}

#[test]
fn a_proof_is_about_its_own_public_inputs_only() {
    let (public_inputs, proof) = &*PROOF;
    let verifier = PROVER.verifier();
    verifier.verify(public_inputs, proof).unwrap();
    let other = |digest: Digest, element: usize| {
        let mut changed = digest;
        changed.0[element] = Element::new((digest.0[element].get() + 1) % MODULUS).unwrap();
        changed
    };
    let rebuild = |place: usize, element: usize| {
        let p = public_inputs;
        let mut digests = [
            p.genesis_id(),
            p.anchor(),
            p.nullifiers()[0],
            p.nullifiers()[1],
            p.commitments()[0],
            p.commitments()[1],
            p.ciphertext_hash(),
        ];
        let (mut fee, mut withdrawal) = (p.fee(), p.withdrawal());
        match place {
            0..7 => digests[place] = other(digests[place], element),
            7 => fee += 1,
            8 => withdrawal.amount += 1,
            _ => withdrawal.recipient.0[element * 6] ^= 1,
        }
        let [genesis_id, anchor, n0, n1, c0, c1, ciphertexts] = digests;
        TxPublicInputs::new(
            genesis_id,
            anchor,
            [n0, n1],
            [c0, c1],
            fee,
            withdrawal,
            ciphertexts,
        )
        .unwrap()
    };
    for place in 0..10 {
        for element in 0..4 {
            let changed = rebuild(place, element);
            assert_ne!(&changed, public_inputs);
            let error = verifier.verify(&changed, proof).unwrap_err();
            assert!(
                matches!(error, VerifyError::Invalid(_)),
                "place {place} element {element}: {error:?}"
            );
        }
    }
}

#[test]
fn truncated_and_extended_proofs_are_refused() {
    let (public_inputs, proof) = &*PROOF;
    let expected = PROVER.verifier().proof_bytes();
    assert_eq!(proof.len(), expected);
    let mut extended = proof.clone();
    extended.push(0);
    let lengths = (0..proof.len()).step_by(997).chain([proof.len() - 1]);
    for bytes in lengths
        .map(|length| &proof[..length])
        .chain([extended.as_slice()])
    {
        let error = PROVER.verifier().verify(public_inputs, bytes).unwrap_err();
        assert!(
            matches!(error, VerifyError::WrongLength { found, .. } if found == bytes.len()),
            "{error:?}"
        );
    }
}

#[test]
fn damaged_proofs_are_refused_without_a_panic() {
    let (public_inputs, proof) = &*PROOF;
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    for round in 0..400 {
        let mut damaged = proof.clone();
        let place = rng.gen_range(0..proof.len());
        match round % 4 {
            0 | 1 => damaged[place] ^= 1 << rng.gen_range(0..8),
            2 => rng.fill_bytes(&mut damaged[place..(place + 64).min(proof.len())]),
            _ => {
                let from = rng.gen_range(0..proof.len() - 64);
                damaged.copy_within(from..from + 64, place.min(proof.len() - 64));
            }
        }
        if damaged == *proof {
            continue;
        }
        let error = PROVER.verifier().verify(public_inputs, &damaged).unwrap_err();
        assert!(
            !matches!(error, VerifyError::Panicked),
            "round {round}, byte {place}"
        );
    }
}

/// Proof bytes with every element replaced and the path lengths kept.
fn refilled(proof: &[u8], mut element: impl FnMut() -> u64) -> Vec<u8> {
    let mut out = proof.to_vec();
    for place in PROVER.verifier().element_offsets() {
        out[place..place + 8].copy_from_slice(&element().to_le_bytes());
    }
    out
}

#[test]
fn well_shaped_nonsense_is_refused_without_a_panic() {
    let (public_inputs, proof) = &*PROOF;
    let mut rng = ChaCha8Rng::seed_from_u64(12);
    let check = |nonsense: Vec<u8>| {
        let error = PROVER.verifier().verify(public_inputs, &nonsense).unwrap_err();
        assert!(matches!(error, VerifyError::Invalid(_)), "{error:?}");
    };
    check(refilled(proof, || 0));
    check(refilled(proof, || 1));
    check(refilled(proof, || MODULUS - 1));
    for _ in 0..20 {
        check(refilled(proof, || rng.gen_range(0..MODULUS)));
    }
}

#[test]
fn elements_have_one_encoding() {
    let (public_inputs, proof) = &*PROOF;
    let offsets = PROVER.verifier().element_offsets();
    for place in offsets.iter().step_by(101).chain(offsets.last()) {
        for number in [MODULUS, MODULUS + 1, u64::MAX] {
            let mut alias = proof.clone();
            alias[*place..*place + 8].copy_from_slice(&number.to_le_bytes());
            let error = PROVER.verifier().verify(public_inputs, &alias).unwrap_err();
            assert!(
                matches!(error, VerifyError::NotCanonical { offset, found } if (offset, found) == (*place, number)),
                "{error:?}"
            );
        }
    }
}

#[test]
fn path_lengths_have_one_value() {
    let (public_inputs, proof) = &*PROOF;
    let elements = PROVER.verifier().element_offsets();
    let mut lengths = vec![];
    let mut end = 0;
    for offset in elements {
        lengths.extend(end..offset);
        end = offset + 8;
    }
    assert!(lengths.len() > 100);
    for place in lengths.into_iter().step_by(7) {
        for change in [1, 0x80] {
            let mut damaged = proof.clone();
            damaged[place] ^= change;
            let error = PROVER.verifier().verify(public_inputs, &damaged).unwrap_err();
            assert!(
                matches!(error, VerifyError::WrongPathLength { offset, .. } if offset == place),
                "{error:?}"
            );
        }
    }
}

#[test]
fn proofs_of_another_circuit_of_the_same_shape_are_refused() {
    let (public_inputs, _) = &*PROOF;
    let other = testing_circuit(Some(Constraint::Conservation));
    let proof = prove_values(&other, &values(&witness(2))).unwrap();
    assert_eq!(proof.len(), PROVER.verifier().proof_bytes());
    let error = PROVER.verifier().verify(public_inputs, &proof).unwrap_err();
    assert!(matches!(error, VerifyError::Invalid(_)), "{error:?}");
}

#[test]
fn the_default_profile_proves_hides_and_keeps_to_its_own_slow() {
    let prover = ClientProver::new(ClientProfile::Default).unwrap();
    let witness = witness(3);
    let (public_inputs, first) = prover.prove(&witness).unwrap();
    let (again, second) = prover.prove(&witness).unwrap();
    assert_eq!(public_inputs, again);
    let changed = first.iter().zip(&second).filter(|(a, b)| a != b).count();
    assert!(changed > first.len() / 2, "only {changed} bytes differ");
    assert_eq!(first.len(), second.len());
    assert!(first.len() <= CLIENT_PROOF_BYTES_MAX);

    let verifier = ClientVerifier::new(ClientProfile::Default).unwrap();
    assert!(verifier.verify(&public_inputs, &first).is_ok());
    let mut damaged = first.clone();
    damaged[50_000] ^= 1;
    assert!(verifier.verify(&public_inputs, &damaged).is_err());

    assert!(
        PROVER.verifier().verify(&public_inputs, &first).is_err(),
        "default proof, testing verifier"
    );
    let (public_inputs, testing) = PROVER.prove(&witness).unwrap();
    assert!(
        verifier.verify(&public_inputs, &testing).is_err(),
        "testing proof, default verifier"
    );
}

#[test]
fn circuits_keep_their_degree_and_rows_in_reserve() {
    // 5 rows hash the public inputs, 1 binds the hash, 6 hold constants.
    const AROUND: usize = 12;
    // plonky2's count for 17 queries, 15 folding points, a final polynomial of 2: 3 * 17 * (1 + 2 * 15 + 2 * 2) + 10.
    const BLINDING: usize = 1_795;
    let testing = ClientCircuit::relation_rows(ClientProfile::Testing) + AROUND;
    let default = ClientCircuit::relation_rows(ClientProfile::Default) + AROUND + BLINDING;
    assert!(testing * 100 <= 128 * 97, "{testing} of 128 rows");
    assert!(default * 100 <= 2_048 * 97, "{default} of 2,048 rows");
    assert_eq!(PROVER.degree_bits(), 7);
    assert_eq!(
        ClientVerifier::new(ClientProfile::Default)
            .unwrap()
            .data()
            .common
            .degree_bits(),
        11
    );
    assert!(PROVER.verifier().proof_bytes() <= CLIENT_PROOF_BYTES_MAX);
}

#[test]
fn withdrawals_to_the_highest_address_have_a_proof() {
    let mut witness = witness(4);
    witness.withdrawal.recipient = Address::repeat_byte(0xff);
    assert!(PROVER.prove(&witness).is_ok());
}
