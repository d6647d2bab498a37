use super::config::*;
use super::stand_in::StandInRoot;
use super::wrap::WrapCircuit;
use crate::encoding::*;
#[test]
fn probe_wrap() {
    let t = std::time::Instant::now();
    let root = StandInRoot::build();
    println!(
        "root {} rows gates {} {:?}",
        root.data.common.degree_bits(),
        root.data.common.gates.len(),
        t.elapsed()
    );
    for g in &root.data.common.gates {
        println!("  {}", g.0.id().chars().take(80).collect::<String>());
    }
    for routed in [80, 72, 64, 60, 56, 48, 40] {
        let c = Layer {
            routed_wires: routed,
            ..WRAP
        }
        .circuit_config();
        let rows = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| WrapCircuit::rows(c, &root.data.verifier_data())));
        println!("wrap routed {routed}: {rows:?}");
    }
}
#[test]
fn probe_wrap_prove() {
    let root = StandInRoot::build();
    let t = std::time::Instant::now();
    let proof = root.prove(&[agoge_protocol::Element::ZERO; 24]).unwrap();
    println!("root proof {:?}", t.elapsed());
    let t = std::time::Instant::now();
    let wrap = WrapCircuit::build(WRAP.circuit_config(), &root.data.verifier_data());
    println!(
        "wrap build {:?} degree {} gates {} consts {}",
        t.elapsed(),
        wrap.data.common.degree_bits(),
        wrap.data.common.gates.len(),
        wrap.data.common.num_constants
    );
    let t = std::time::Instant::now();
    let proof = wrap.prove(&proof).unwrap();
    println!("wrap proof {:?}", t.elapsed());
    let mut bytes = vec![];
    plonky2::util::serialization::Write::write_proof(&mut bytes, &proof.proof).unwrap();
    let layout = ProofLayout::new(&wrap.data.common, DigestForm::Keccak(25)).unwrap();
    println!("{} {}", bytes.len(), layout.byte_len());
    layout.check(&bytes).unwrap();
    wrap.data.verify(proof).unwrap();
}
