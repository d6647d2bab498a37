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
    use alloy::primitives::{B256, hex};

    /// Digest of the circuit whose proofs it accepts: four field elements of 8 bytes, as its transcript begins with.
    pub const CIRCUIT_DIGEST: B256 = match hex::const_decode_to_array(env!("EPOCH_CIRCUIT_DIGEST").as_bytes())
    {
        Ok(digest) => B256::new(digest),
        // The build script gives 64 hex digits.
        Err(_) => B256::ZERO,
    };

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

/// Signals and nominations (`contracts/src/governance/IGovernanceProposer.sol`).
pub mod governance_proposer {
    #![expect(
        missing_docs,
        reason = "generated from the ABI; documented in the Solidity interface"
    )]
    alloy::sol!(
        #[sol(rpc, all_derives)]
        GovernanceProposer,
        concat!(
            env!("OUT_DIR"),
            "/artifacts/GovernanceProposer.sol/GovernanceProposer.json"
        )
    );
}

/// Votes and proposals (`contracts/src/governance/IGovernance.sol` and OpenZeppelin's Governor).
pub mod governance {
    #![expect(
        missing_docs,
        clippy::too_many_arguments,
        reason = "generated from the ABI; documented in the Solidity interface"
    )]
    alloy::sol!(
        #[sol(rpc, all_derives)]
        Governance,
        concat!(env!("OUT_DIR"), "/artifacts/Governance.sol/Governance.json")
    );
}

/// Execution after a delay, and the treasury (OpenZeppelin's TimelockController).
pub mod timelock {
    #![expect(
        missing_docs,
        reason = "generated from the ABI; documented in the Solidity interface"
    )]
    alloy::sol!(
        #[sol(rpc, all_derives)]
        Timelock,
        concat!(env!("OUT_DIR"), "/artifacts/Timelock.sol/Timelock.json")
    );
}

/// A payload that adds a Rollup to the Registry.
pub mod upgrade_payload {
    alloy::sol!(
        #[sol(rpc, all_derives)]
        UpgradePayload,
        concat!(
            env!("OUT_DIR"),
            "/artifacts/UpgradePayload.sol/UpgradePayload.json"
        )
    );
}

/// A payload that lets everybody stake.
pub mod allow_list_off_payload {
    alloy::sol!(
        #[sol(rpc, all_derives)]
        AllowListOffPayload,
        concat!(
            env!("OUT_DIR"),
            "/artifacts/AllowListOffPayload.sol/AllowListOffPayload.json"
        )
    );
}
