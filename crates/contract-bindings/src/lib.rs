//! The contracts as Rust types, compiled from `contracts/src` by the build script: nothing here is copied by hand.
//!
//! Each module holds the `sol!` output of one deployed contract: calls, events, errors, structs, its bytecode, and a
//! generic instance for any alloy provider. The promises of every function are in `contracts/src/*/I*.sol`.

/// Clock and instance list (`contracts/src/governance/IRegistry.sol`).
pub mod registry {
    #![expect(
        missing_docs,
        reason = "generated from the ABI; documented in the Solidity interface"
    )]
    alloy::sol!(
        #[sol(rpc, all_derives)]
        Registry,
        concat!(env!("OUT_DIR"), "/artifacts/Registry.sol/Registry.json")
    );
}

/// Validators, stake and snapshotted sets (`contracts/src/staking/IStaking.sol`).
pub mod staking {
    #![expect(
        missing_docs,
        reason = "generated from the ABI; documented in the Solidity interface"
    )]
    alloy::sol!(
        #[sol(rpc, all_derives)]
        Staking,
        concat!(env!("OUT_DIR"), "/artifacts/Staking.sol/Staking.json")
    );
}

/// Blocks, committees and inbox (`contracts/src/rollup/IRollup.sol`, `IInbox.sol`): the calls of every version, and version 1's code.
pub mod rollup {
    #![expect(
        missing_docs,
        clippy::too_many_arguments,
        reason = "generated from the ABI; documented in the Solidity interface"
    )]
    alloy::sol!(
        #[sol(rpc, all_derives)]
        Rollup,
        concat!(env!("OUT_DIR"), "/artifacts/Rollup.sol/Rollup.json")
    );
}

/// The code of version 2, whose calls are those of [`rollup`].
pub mod rollup_v2 {
    /// Creation code, without the constructor's argument, which is [`super::rollup`]'s.
    pub use bytecode::RollupV2::BYTECODE;

    mod bytecode {
        #![expect(clippy::too_many_arguments, reason = "generated from the ABI")]
        alloy::sol!(
            RollupV2,
            concat!(env!("OUT_DIR"), "/artifacts/RollupV2.sol/RollupV2.json")
        );
    }
}

/// Bonds, quotes and claims of provers (`contracts/src/proving/IProverBonds.sol`).
pub mod prover_bonds {
    #![expect(
        missing_docs,
        reason = "generated from the ABI; documented in the Solidity interface"
    )]
    alloy::sol!(
        #[sol(rpc, all_derives)]
        ProverBonds,
        concat!(env!("OUT_DIR"), "/artifacts/ProverBonds.sol/ProverBonds.json")
    );
}

/// Public inputs of epoch proofs (`contracts/src/proving/IEpochStatement.sol`).
pub mod epoch_statement {
    #![expect(
        missing_docs,
        reason = "generated from the ABI; documented in the Solidity interface"
    )]
    alloy::sol!(
        #[sol(rpc, all_derives)]
        EpochStatement,
        concat!(
            env!("OUT_DIR"),
            "/artifacts/EpochStatement.sol/EpochStatement.json"
        )
    );
}

/// The verifier of epoch proofs, generated from the epoch circuit (`contracts/src/proving/IEpochProofVerifier.sol`).
pub mod epoch_proof_verifier {
    alloy::sol!(
        #[sol(rpc, all_derives)]
        EpochProofVerifier,
        concat!(
            env!("OUT_DIR"),
            "/artifacts/EpochProofVerifier.sol/EpochProofVerifier.json"
        )
    );
}

/// The verifier of a devnet that accepts empty proofs; cannot be deployed off chain 31337.
pub mod test_epoch_proof_verifier {
    alloy::sol!(
        #[sol(rpc, all_derives)]
        TestEpochProofVerifier,
        concat!(
            env!("OUT_DIR"),
            "/artifacts/TestEpochProofVerifier.sol/TestEpochProofVerifier.json"
        )
    );
}
