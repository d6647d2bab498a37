//! Random effects, the same for every run.

use agoge_protocol::element::MODULUS;
use agoge_protocol::{Ciphertext, Digest, Element, TxEffects, Withdrawal};
use rand::{Rng, RngCore};

/// Effects of a plain transfer.
pub(crate) fn effects(rng: &mut impl RngCore) -> TxEffects {
    let mut digest =
        || Digest([0; 4].map(|_| Element::new(rng.gen_range(0..MODULUS)).unwrap_or(Element::ZERO)));
    let (nullifiers, commitments) = ([digest(), digest()], [digest(), digest()]);
    let mut ciphertext = || {
        let mut bytes = [0; 91];
        rng.fill_bytes(&mut bytes);
        Ciphertext::from_bytes(&bytes)
    };
    let ciphertexts = [ciphertext(), ciphertext()];
    TxEffects {
        nullifiers,
        commitments,
        fee: 1_000,
        withdrawal: Withdrawal::default(),
        ciphertexts,
    }
}
