//! The prover from outside: its pool with hostile workers, and its decisions over a real store.

mod coordinator;
mod pool;
mod support;
