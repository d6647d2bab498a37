//! Tests of the node from outside.

mod chain;
mod consensus;
mod mempool;
mod support;
