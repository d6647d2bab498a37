//! The client circuit: a shielded transaction of two notes in and two notes out (`docs/protocol.md` section 7,
//! `docs/circuits.md`).

mod circuit;
pub(crate) mod prover;
mod values;
pub(crate) mod verifier;
mod verifier_data;
pub(crate) mod witness;

#[cfg(test)]
pub(crate) mod tests;
