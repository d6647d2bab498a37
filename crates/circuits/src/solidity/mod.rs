//! The proof that L1 verifies, and the Solidity that verifies it.
//!
//! | | |
//! |---|---|
//! | `config` | how such a proof is hashed |
//! | `proof` | its bytes |
//! | `verifier` | the same decision as the contract's, in Rust |
//! | `generator`, `gates` | the contract of a circuit |

pub(crate) mod config;
mod gates;
pub(crate) mod generator;
pub(crate) mod proof;
#[cfg(test)]
mod tests;
pub(crate) mod verifier;
