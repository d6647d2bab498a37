//! Provers' quotes (`docs/protocol.md` 16.6): which are kept and passed on, and which one a proposer claims with its block.
//!
//! `pool` is the pure, bounded memory of the cheapest quotes; `refusal` says why one is not taken; `bonds` looks provers' bonds up without
//! letting anybody make the node ask its L1 provider without end; `service` puts them together. A quote costs nothing to make, so everything that is cheap
//! is checked before its signature, and its bond before it is kept.

mod bonds;
mod pool;
mod refusal;
mod service;

pub use bonds::BondReader;
pub use pool::{EPOCH_QUOTES_MAX, Kept, QuotePool};
pub use refusal::QuoteRefusal;
pub use service::{QuoteRules, Quotes};
