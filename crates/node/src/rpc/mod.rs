//! The node's JSON-RPC: `agoge_*` for everybody on this machine, `agogeAdmin_*` behind a token on a port of its own.
//!
//! `/` is answered for the instance that is canonical now, `/instances/<genesis id>` for that one.
//!
//! HTTP POST only. Bodies, batches, connections and times are bounded; a foreign `Host` and any `Origin` are refused, so a web page cannot
//! reach a node through its visitor's browser. No method takes or returns a private or viewing key. Wire types: `agoge_protocol::rpc`.

mod admin;
mod answer;
mod error;
mod gate;
mod network;
mod params;
mod public;
mod route;
mod server;
mod token;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;

pub use admin::{AdminContext, KeyReload};
pub use public::RpcContext;
pub use server::{RpcAddresses, RpcServeError, serve};
pub use token::{AdminToken, TokenError};
