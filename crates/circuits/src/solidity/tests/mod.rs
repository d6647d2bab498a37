//! Rust and Solidity on the same vectors, in `contracts/test/vectors/epoch-proofs`:
//!
//! | file | content |
//! |---|---|
//! | `0.bin` to `19.bin` | public inputs, their hash and all challenges (8 bytes each), proof of the stand-in circuit |
//! | `mutations.bin`, `mutations-long.bin` | changes of these proofs, see `mutations` |
//! | `arithmetic.bin` | a, b, a b, 1/a in the extension (0 for 1/0) |
//! | `gates.bin` | a hash, values of constants and wires, and the sums of the filtered constraints of all gates |
//!
//! `AGOGE_WRITE_VECTORS=true AGOGE_WRITE_PROOFS=true cargo test -p agoge-circuits solidity` writes them anew; without the second
//! everything but the proofs.

use std::path::PathBuf;

use agoge_protocol::network::ClientProfile;
use plonky2::field::extension::FieldExtension;
use plonky2::field::types::{Field, PrimeField64, Sample};
use plonky2::hash::hash_types::HashOut;
use plonky2::plonk::circuit_data::{CommonCircuitData, VerifierCircuitData};
use plonky2::plonk::config::{GenericConfig, Hasher};
use plonky2::plonk::proof::ProofWithPublicInputs;
use plonky2::plonk::vars::EvaluationVars;
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;

use self::mutations::{Mutator, PUBLIC_INPUTS};
use self::stand_in::StandIn;
use super::config::{L1Config, write_elements};
use super::gates::Gates;
use super::generator::{poseidon_source, verifier_source};
use super::proof::{DecodeError, Shape, decode, encode};
use super::solidity_sources;
use super::verifier::{RefusedProof, verify};
use crate::{D, EpochVerifier, F};

mod mutations;
mod stand_in;

type Ext = <F as plonky2::field::extension::Extendable<D>>::Extension;
type PoseidonHash = <L1Config as GenericConfig<D>>::InnerHasher;

const HONEST: usize = 20;
const MUTATIONS: usize = 1_000;
const MUTATIONS_LONG: usize = 10_000;
const ARITHMETIC: usize = 256;
const GATES: usize = 6;
const WORD: usize = 8;

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Compares a file of the repository with what it should be, or writes it when vectors are written.
fn compare(path: &str, expected: &[u8]) {
    let path = repository().join(path);
    if writes_vectors() {
        std::fs::write(&path, expected).unwrap();
    }
    let found = std::fs::read(&path).unwrap();
    assert!(found == expected, "{} is not what Rust makes", path.display());
}

fn vector(name: &str) -> String {
    format!("contracts/test/vectors/epoch-proofs/{name}")
}

fn writes_vectors() -> bool {
    std::env::var("AGOGE_WRITE_VECTORS").is_ok_and(|value| value == "true")
}

/// The contract in the repository is that of the committed verifier data, byte for byte.
#[test]
fn the_contract_is_generated_from_the_verifier_data() {
    let verifier = EpochVerifier::new(ClientProfile::Default).unwrap();
    for source in solidity_sources(&verifier).unwrap() {
        let found = std::fs::read_to_string(repository().join(&source.path)).unwrap();
        assert!(
            found == source.text,
            "{} is not what `--example write_epoch_verifier` writes",
            source.path
        );
    }
}

/// What the contract's tests compare with: the hash of the public inputs and all challenges of a proof.
fn challenges(
    circuit: &VerifierCircuitData<F, L1Config, D>,
    proof: &ProofWithPublicInputs<F, L1Config, D>,
) -> Vec<u64> {
    let hash = PoseidonHash::hash_no_pad(&proof.public_inputs);
    let challenges = proof
        .get_challenges(hash, &circuit.verifier_only.circuit_digest, &circuit.common)
        .unwrap();
    let fri = &challenges.fri_challenges;
    let mut elements = hash.elements.to_vec();
    for values in [
        &challenges.plonk_betas,
        &challenges.plonk_gammas,
        &challenges.plonk_alphas,
    ] {
        elements.extend(values);
    }
    for value in [challenges.plonk_zeta, fri.fri_alpha]
        .iter()
        .chain(&fri.fri_betas)
    {
        elements.extend(FieldExtension::<D>::to_basefield_array(value));
    }
    elements.push(fri.fri_pow_response);
    let indices = fri
        .fri_query_indices
        .iter()
        .map(|index| u64::try_from(*index).unwrap());
    elements.iter().map(F::to_canonical_u64).chain(indices).collect()
}

/// Public inputs, challenges and proof of an honest proof.
fn honest_file(circuit: &StandIn, seed: usize) -> Vec<u8> {
    let public = stand_in::public_inputs(u64::try_from(seed).unwrap());
    let proof = circuit.prove(&public);
    let mut bytes = vec![];
    write_elements(&mut bytes, &public);
    bytes.extend(
        challenges(&circuit.wrap.verifier_data(), &proof)
            .into_iter()
            .flat_map(u64::to_be_bytes),
    );
    bytes.extend(encode(&proof.proof));
    bytes
}

/// Public inputs and proof in one, as mutations see them.
fn honest(circuit: &VerifierCircuitData<F, L1Config, D>) -> Vec<Vec<u8>> {
    let proof_bytes = Shape::new(&circuit.common).proof_bytes();
    (0..HONEST)
        .map(|index| {
            let file = std::fs::read(repository().join(vector(&format!("{index}.bin")))).unwrap();
            [&file[..PUBLIC_INPUTS * WORD], &file[file.len() - proof_bytes..]].concat()
        })
        .collect()
}

/// Verifies public inputs and proof in one.
fn is_accepted(circuit: &VerifierCircuitData<F, L1Config, D>, bytes: &[u8]) -> bool {
    let (public, proof) = bytes.split_at(PUBLIC_INPUTS * WORD);
    let public: Vec<u64> = public
        .chunks(WORD)
        .map(|word| u64::from_be_bytes(word.try_into().unwrap()))
        .collect();
    if public
        .iter()
        .any(|number| *number >= agoge_protocol::element::MODULUS)
    {
        return false;
    }
    let public: Vec<F> = public.into_iter().map(F::from_canonical_u64).collect();
    match verify(circuit, &public, proof) {
        Ok(()) => true,
        Err(RefusedProof::Panicked) => panic!("plonky2 panicked"),
        Err(_) => false,
    }
}

#[test]
fn vectors_are_those_of_the_stand_in_circuit() {
    let circuit = StandIn::build();
    let data = circuit.wrap.verifier_data();
    compare(
        "contracts/test/verifier/StandInVerifier.sol",
        verifier_source("StandInVerifier", &data.common, &data.verifier_only)
            .unwrap()
            .as_bytes(),
    );
    compare(
        "contracts/src/proving/verifier/PoseidonTable.sol",
        poseidon_source().as_bytes(),
    );
    // Proofs are never the same twice: they are only made anew for another circuit.
    if std::env::var("AGOGE_WRITE_PROOFS").is_ok_and(|value| value == "true") {
        for seed in 0..HONEST {
            std::fs::write(
                repository().join(vector(&format!("{seed}.bin"))),
                honest_file(&circuit, seed),
            )
            .unwrap();
        }
    }

    let honest = honest(&data);
    for (index, bytes) in honest.iter().enumerate() {
        assert!(is_accepted(&data, bytes), "{index}");
        let (public, proof) = bytes.split_at(PUBLIC_INPUTS * WORD);
        let decoded = decode(proof, &data.common).unwrap();
        assert_eq!(encode(&decoded), proof, "a proof has one encoding");
        let file = std::fs::read(repository().join(vector(&format!("{index}.bin")))).unwrap();
        let proof = ProofWithPublicInputs {
            proof: decoded,
            public_inputs: stand_in::public_inputs(u64::try_from(index).unwrap()).to_vec(),
        };
        let expected: Vec<u8> = challenges(&data, &proof)
            .into_iter()
            .flat_map(u64::to_be_bytes)
            .collect();
        assert_eq!(&file[..public.len()], public);
        assert_eq!(
            &file[public.len()..public.len() + expected.len()],
            expected,
            "{index}"
        );
    }
    refuses_forms(&data, &honest[0]);
    refuses_mutations(&data, &honest, "mutations.bin", MUTATIONS, 1);
    refuses_mutations(&data, &honest, "mutations-long.bin", MUTATIONS_LONG, 2);
    compare(&vector("gates.bin"), &gate_vectors(&data.common));
}

/// Refused before any cryptography, for exactly the reason.
fn refuses_forms(circuit: &VerifierCircuitData<F, L1Config, D>, honest: &[u8]) {
    let proof = &honest[PUBLIC_INPUTS * WORD..];
    let longer = [proof, &[0]].concat();
    for bytes in [&proof[1..], longer.as_slice(), &[]] {
        let expected = DecodeError::WrongLength {
            expected: proof.len(),
            found: bytes.len(),
        };
        assert_eq!(decode(bytes, &circuit.common).unwrap_err(), expected);
    }
    let shape = Shape::new(&circuit.common);
    let offset = 3 * shape.cap_nodes * super::config::NODE_BYTES;
    let mut bytes = proof.to_vec();
    bytes[offset..offset + WORD].copy_from_slice(&agoge_protocol::element::MODULUS.to_be_bytes());
    let expected = DecodeError::NotCanonical {
        offset,
        found: agoge_protocol::element::MODULUS,
    };
    assert_eq!(decode(&bytes, &circuit.common).unwrap_err(), expected);
}

/// The mutations of a seed are those of the file. Rust verifies the first thousand of any file here: they take 5 s.
fn refuses_mutations(
    circuit: &VerifierCircuitData<F, L1Config, D>,
    honest: &[Vec<u8>],
    name: &str,
    count: usize,
    seed: u64,
) {
    let mut rng = ChaCha12Rng::seed_from_u64(seed);
    let mutator = Mutator::new(&Shape::new(&circuit.common), honest);
    let mut file = vec![];
    for index in 0..count {
        let mutation = mutator.draw(&mut rng);
        mutation.encode(&mut file);
        if index < MUTATIONS {
            assert!(!is_accepted(circuit, &mutation.apply(honest)), "{name} {index}");
        }
    }
    compare(&vector(name), &file);
}

/// The filtered constraints of all gates at random values, at values of only p - 1, and at zeros.
fn gate_vectors(common: &CommonCircuitData<F, D>) -> Vec<u8> {
    let mut rng = ChaCha12Rng::seed_from_u64(3);
    let gates = Gates::new(common).unwrap();
    let mut bytes = vec![];
    for case in 0..GATES {
        let mut draw = || match case {
            0 => Ext::from_basefield_array([F::NEG_ONE; D]),
            1 => Ext::ZERO,
            _ => Ext::sample(&mut rng),
        };
        let constants: Vec<Ext> = (0..common.num_constants).map(|_| draw()).collect();
        let wires: Vec<Ext> = (0..common.config.num_wires).map(|_| draw()).collect();
        let hash = HashOut {
            elements: core::array::from_fn(|_| FieldExtension::<D>::to_basefield_array(&draw())[0]),
        };
        let mut sums = vec![Ext::ZERO; common.num_gate_constraints];
        for ((gate, (_, selector, group)), row) in common.gates.iter().zip(&gates.rows).zip(0..) {
            let vars = EvaluationVars {
                local_constants: &constants,
                local_wires: &wires,
                public_inputs_hash: &hash,
            };
            let constraints = gate
                .0
                .eval_filtered(vars, row, *selector, group.clone(), gates.selectors, 0);
            for (sum, constraint) in sums.iter_mut().zip(constraints) {
                *sum += constraint;
            }
        }
        write_elements(&mut bytes, &hash.elements);
        for value in constants.iter().chain(&wires).chain(&sums) {
            write_elements(&mut bytes, &FieldExtension::<D>::to_basefield_array(value));
        }
    }
    bytes
}

#[test]
fn extension_arithmetic_vectors() {
    let mut rng = ChaCha12Rng::seed_from_u64(4);
    let edges = [F::ZERO, F::ONE, F::NEG_ONE, F::from_canonical_u64(1 << 32)];
    let edge = |index: usize| Ext::from_basefield_array([edges[index % 4], edges[index / 4 % 4]]);
    let mut bytes = vec![];
    for index in 0..ARITHMETIC {
        // All pairs of 16 edges would be all; half of the cases are pairs of edges, half are random.
        let (a, b) = match index {
            0..128 => (edge(index), edge(index * 7 / 16 + index)),
            _ => (Ext::sample(&mut rng), Ext::sample(&mut rng)),
        };
        let inverse = a.try_inverse().unwrap_or(Ext::ZERO);
        for value in [a, b, a * b, inverse] {
            write_elements(&mut bytes, &FieldExtension::<D>::to_basefield_array(&value));
        }
    }
    compare(&vector("arithmetic.bin"), &bytes);
}
