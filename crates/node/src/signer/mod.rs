//! Signing with this node's attester keys, always through the signing guard. A refusal is a value.

mod key;
mod service;

pub use key::AttesterKey;
pub use service::{SignError, Signer};
