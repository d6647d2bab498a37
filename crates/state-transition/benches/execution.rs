//! Execution.
fn main() {}
