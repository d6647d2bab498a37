//! The validator and full node.
//!
//! `consensus` decides (a pure state machine); `chain` follows L1 into the store; `mempool` keeps what waits; `signer` signs through the
//! guard; `publisher` sends; `runtime` wires them as supervised tasks; `query` is what the RPC sees.

pub mod consensus;
pub mod config;
pub mod duties;
pub mod keys;
pub mod mempool;
pub mod query;
pub mod signer;
