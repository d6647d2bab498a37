//! What a program needs of the machine it runs on: configuration from layers, private files, key files, and how it speaks to people.
//!
//! Node and prover read their configuration, open their keys and report errors in one way; what differs (which keys a file has, which
//! commands there are) stays with each program.

pub mod amount;
pub mod config;
pub mod keys;
pub mod report;
