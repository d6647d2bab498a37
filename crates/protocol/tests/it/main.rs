//! Tests from outside: what Solidity and Rust must agree on.

#[cfg(test)]
mod decoders;
#[cfg(test)]
mod proving;
