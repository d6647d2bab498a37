//! Signing with this node's attester keys, always through the signing guard. A refusal is a value.

mod key;

pub use key::AttesterKey;
