//! A full block to a blob and back.
fn main() {}
