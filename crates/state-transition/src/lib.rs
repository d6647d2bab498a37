//! Trees and block execution of Layer 2: from a state and transactions to new roots and effects. Pure, storage behind a trait.
#![deny(clippy::arithmetic_side_effects)]

pub mod hash;
