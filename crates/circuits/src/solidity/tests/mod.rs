use std::path::Path;
use std::time::Instant;

use plonky2::field::extension::FieldExtension;
use plonky2::field::types::PrimeField64;
use plonky2::plonk::config::{GenericConfig, Hasher};

use super::config::{L1Config, write_elements};
use super::generator::{poseidon_source, verifier_source};
use super::proof::encode;
use super::verifier::verify;
use crate::{D, F};

mod stand_in;

/// Public inputs, challenges and proof as the contract's tests read them.
#[test]
fn write_dev() {
    let Ok(folder) = std::env::var("AGOGE_WRITE_DEV") else {
        return;
    };
    let folder = Path::new(&folder);
    let start = Instant::now();
    let circuit = stand_in::StandIn::build();
    println!(
        "build {:?} degree {}",
        start.elapsed(),
        circuit.wrap.common.degree_bits()
    );
    let common = &circuit.wrap.common;
    println!("constants {}", common.num_constants);
    std::fs::write(folder.join("PoseidonTable.sol"), poseidon_source()).unwrap();
    std::fs::write(
        folder.join("EpochProofVerifier.sol"),
        verifier_source(common, &circuit.wrap.verifier_only).unwrap(),
    )
    .unwrap();
    let count: u64 = std::env::var("COUNT").map_or(1, |value| value.parse().unwrap());
    for seed in 0..count {
        let start = Instant::now();
        let public = stand_in::public_inputs(seed);
        let proof = circuit.prove(&public);
        println!("prove {:?}", start.elapsed());
        let hash = <<L1Config as GenericConfig<D>>::InnerHasher as Hasher<F>>::hash_no_pad(&public);
        let challenges = proof
            .get_challenges(hash, &circuit.wrap.verifier_only.circuit_digest, common)
            .unwrap();
        let mut elements = public.to_vec();
        elements.extend(hash.elements);
        elements.extend(&challenges.plonk_betas);
        elements.extend(&challenges.plonk_gammas);
        elements.extend(&challenges.plonk_alphas);
        let ext = |value: &<F as plonky2::field::extension::Extendable<D>>::Extension| {
            FieldExtension::<D>::to_basefield_array(value)
        };
        elements.extend(ext(&challenges.plonk_zeta));
        elements.extend(ext(&challenges.fri_challenges.fri_alpha));
        for beta in &challenges.fri_challenges.fri_betas {
            elements.extend(ext(beta));
        }
        elements.push(challenges.fri_challenges.fri_pow_response);
        let mut bytes = vec![];
        write_elements(&mut bytes, &elements);
        for index in &challenges.fri_challenges.fri_query_indices {
            bytes.extend((*index as u64).to_be_bytes());
        }
        let encoded = encode(&proof.proof);
        println!(
            "proof {} bytes; pow {}",
            encoded.len(),
            challenges.fri_challenges.fri_pow_response.to_canonical_u64()
        );
        let start = Instant::now();
        verify(&circuit.wrap.verifier_data(), &public, &encoded).unwrap();
        println!("verify {:?}", start.elapsed());
        bytes.extend(encoded);
        std::fs::write(folder.join(format!("{seed}.bin")), bytes).unwrap();
    }
}
