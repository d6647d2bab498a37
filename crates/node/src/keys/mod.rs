//! Key files: Ethereum keystore v3 as Foundry and geth write it, 0600 in directories of 0700.
