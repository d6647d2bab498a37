//! The proof that L1 verifies, and the Solidity that verifies it.
//!
//! | | |
//! |---|---|
//! | `config` | how such a proof is hashed |
//! | `proof` | its bytes |
//! | `verifier` | the same decision as the contract's, in Rust |
//! | `generator`, `gates` | the contract of a circuit |

use crate::epoch::verifier::EpochVerifier;

pub(crate) mod config;
mod gates;
pub(crate) mod generator;
pub(crate) mod proof;
#[cfg(test)]
mod tests;
pub(crate) mod verifier;

pub use self::generator::GenerateError;

/// A Solidity source that this crate writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoliditySource {
    /// Path in the repository.
    pub path: String,
    /// The whole file.
    pub text: String,
}

/// The sources that follow from these verifier data, the contract and the numbers of Poseidon. Those of the default client profile
/// are in the repository; no contract verifies epochs of the testing profile.
///
/// # Errors
/// [`GenerateError`] for a circuit that the contract is not written for.
pub fn solidity_sources(verifier: &EpochVerifier) -> Result<[SoliditySource; 2], GenerateError> {
    let name = "EpochProofVerifier";
    let data = verifier.data();
    Ok([
        SoliditySource {
            path: format!("contracts/src/proving/verifier/{name}.sol"),
            text: generator::verifier_source(name, &data.common, &data.verifier_only)?,
        },
        SoliditySource {
            path: "contracts/src/proving/verifier/PoseidonTable.sol".to_owned(),
            text: generator::poseidon_source(),
        },
    ])
}
