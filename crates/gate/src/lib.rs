//! `agoge-gate`: whether a network may go to the public, decided from evidence.
//!
//! `watch` writes down what it sees of a network in every slot; `check` judges the requirements of a phase on it; the train keeps the week's
//! states, the signed decisions and the words for participants. docs/gates.md is for whoever runs it.

mod chain;
mod cli;
mod commands;
mod evidence;
mod failure;
mod judge;
mod requirement;
#[cfg(test)]
mod sample;
mod scrape;
mod statement;
mod train;
mod watch;

pub use cli::main;
