//! Tests from outside: what Solidity and Rust must agree on.

mod proving;
