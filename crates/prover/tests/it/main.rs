//! The prover from outside: its pool with hostile workers, and its decisions over a real store.

mod chain;
mod coordinator;
mod pool;
mod support;
