//! `govctl`: everything that people do with the network's contracts from a terminal.
//!
//! A command reads what it needs of L1, says what it would send, simulates it, asks, and sends. Nothing is sent on bad input, and what is done
//! already is said, not done again.

mod cli;
mod commands;
mod failure;
mod flags;
mod governance;
mod input;
mod node;
mod payload;
mod send;
mod session;
mod show;

pub use cli::main;
