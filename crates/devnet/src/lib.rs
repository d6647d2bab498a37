//! A whole network on one machine: anvil, contracts, nodes, wallets, load and faults.
