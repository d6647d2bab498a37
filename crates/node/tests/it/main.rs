//! Tests of the node from outside.

mod consensus;
