//! The proof that L1 verifies, and the Solidity that verifies it.
//!
//! `config` says how such a proof is hashed.

pub(crate) mod config;
