//! `govctl` from outside: the program itself, against anvil.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that panics has failed, which is what it should do"
)]

mod bad_input;
mod lifecycle;
mod signals;
mod support;
mod upgrade;
