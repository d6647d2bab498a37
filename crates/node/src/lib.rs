//! The validator and full node.
