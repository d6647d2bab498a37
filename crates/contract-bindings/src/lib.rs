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

/// Blocks, committees and inbox of version 1 (`contracts/src/rollup/IRollup.sol`, `IInbox.sol`).
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
