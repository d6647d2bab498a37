use agoge_protocol::Digest;
use agoge_protocol::network::ClientProfile;
use agoge_state_transition::hash;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::client::tests::support;
use crate::epoch::leaf::LeafProver;
use crate::epoch::transactions::{
    BATCH_TRANSACTIONS, ProvenTransaction, TransactionsError, TransactionsInput, TransactionsLeaf,
};
use crate::{ClientProver, ClientVerifier, VerifyError, field};

fn shape() -> Shape {
    Shape {
        degree_bits: 13,
        ..toy_shape()
    }
}

fn transactions(count: u64) -> Vec<ProvenTransaction> {
    let prover = ClientProver::new(ClientProfile::Testing).unwrap();
    let prove = |seed| {
        let witness = support::witness(&mut ChaCha8Rng::seed_from_u64(seed));
        let (public_inputs, proof) = prover.prove(&witness).unwrap();
        ProvenTransaction { public_inputs, proof }
    };
    (0..count).map(prove).collect()
}

fn leaf(padding: &ProvenTransaction) -> TransactionsLeaf {
    let verifier = ClientVerifier::new(ClientProfile::Testing).unwrap();
    TransactionsLeaf::new(verifier, padding, 2).unwrap()
}

/// The chain by the protocol's own functions.
fn chain(start: Digest, transactions: &[ProvenTransaction]) -> Digest {
    transactions.iter().fold(start, |chain, tx| {
        let public = &tx.public_inputs;
        let effects = agoge_protocol::TxEffects {
            nullifiers: *public.nullifiers(),
            commitments: *public.commitments(),
            fee: public.fee(),
            withdrawal: public.withdrawal(),
            ciphertexts: [agoge_protocol::Ciphertext::from_bytes(&[0; 91]); 2],
        };
        let effects = hash::tx_effects(&effects, public.ciphertext_hash()).unwrap();
        hash::tx_chain_step(chain, effects, public.anchor(), public.genesis_id())
    })
}

#[test]
fn a_batch_chains_its_transactions_and_padding_adds_nothing() {
    let transactions = transactions(3);
    let leaf = leaf(&transactions[2]);
    let circuit = LeafProver::build(&leaf, &shape()).unwrap();
    let start = Digest([7_u32, 8, 9, 10].map(agoge_protocol::Element::from_u32));
    for count in 0..=2 {
        let input = TransactionsInput {
            start,
            transactions: transactions[..count].to_vec(),
        };
        assert_eq!(input.end(), chain(start, &transactions[..count]), "native twin");
        let proof = provable(&circuit.data, || circuit.prove(&leaf, &input)).unwrap();
        let expected = [field::digest(start), field::digest(input.end())].concat();
        assert_eq!(proof.public_inputs[..8], expected, "{count} transactions");
    }

    let mut too_many = TransactionsInput {
        start,
        transactions: transactions.clone(),
    };
    let error = circuit.prove(&leaf, &too_many).unwrap_err();
    assert!(matches!(
        error.downcast_ref(),
        Some(TransactionsError::TooMany { found: 3, limit: 2 })
    ));
    too_many.transactions.truncate(2);
    too_many.transactions[1].proof = transactions[0].proof.clone();
    let error = circuit.prove(&leaf, &too_many).unwrap_err();
    assert!(matches!(
        error.downcast_ref(),
        Some(TransactionsError::ClientProof {
            index: 1,
            reason: VerifyError::Invalid(_)
        })
    ));
}

/// The circuit itself refuses what the native check refuses before it.
#[test]
fn a_client_proof_about_other_public_inputs_has_no_batch() {
    let transactions = transactions(2);
    let leaf = leaf(&transactions[0]);
    let circuit = LeafProver::build(&leaf, &shape()).unwrap();
    let [first, second] = &transactions[..] else {
        panic!("two")
    };
    let verifier = ClientVerifier::new(ClientProfile::Testing).unwrap();
    let mut proof = verifier.verified(&first.public_inputs, &first.proof).unwrap();
    let honest = proof.clone();
    proof.public_inputs = second.public_inputs.to_elements().map(field::element).to_vec();
    let attempt = |proof: &_, is_needed| {
        provable(&circuit.data, || {
            circuit.prove_with(|targets, witness| {
                targets.assign_places(Digest::ZERO, &[(is_needed, proof), (false, &honest)], witness)
            })
        })
    };
    assert!(attempt(&honest, true).is_some());
    assert!(attempt(&proof, true).is_none());
    assert!(attempt(&proof, false).is_none(), "padding is verified too");
}

#[test]
fn inputs_are_bounded_when_they_are_read() {
    let transactions = transactions(1);
    let input = TransactionsInput {
        start: Digest::ZERO,
        transactions: vec![transactions[0].clone(); BATCH_TRANSACTIONS],
    };
    let bytes = borsh::to_vec(&input).unwrap();
    assert_eq!(borsh::from_slice::<TransactionsInput>(&bytes).unwrap(), input);
    let input = TransactionsInput {
        transactions: vec![transactions[0].clone(); BATCH_TRANSACTIONS + 1],
        ..input
    };
    assert!(borsh::from_slice::<TransactionsInput>(&borsh::to_vec(&input).unwrap()).is_err());
}
