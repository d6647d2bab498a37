//! A whole network on one machine: anvil, contracts, validators, provers, wallets, faults; the demo and the end-to-end tests.

pub mod anvil;
pub mod cli;
pub mod demo;
pub mod deploy;
pub mod faults;
pub mod govctl;
pub mod keys;
pub mod network;
pub mod node_process;
pub mod plan;
pub mod process;
pub mod prover_process;
pub mod wallets;
pub mod watch;
