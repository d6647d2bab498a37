//! The validator and full node.
//!
//! `consensus` decides (a pure state machine); `chain` follows L1 into the store; `mempool` keeps what waits; `signer` signs through the
//! guard; `publisher` sends; `quotes` keeps what provers offer; `signals` keeps what proposers
//! signal for; `evidence` keeps equivocations until L1 has slashed for them; `runtime` wires them as supervised tasks; `query` is what the RPC sees.

pub mod chain;
pub mod cli;
pub mod config;
pub mod consensus;
pub mod duties;
mod evidence;
mod files;
pub mod keys;
pub mod mempool;
mod metrics;
pub mod publisher;
pub mod query;
pub mod quotes;
pub mod rpc;
pub mod runtime;
pub mod signals;
pub mod signer;
