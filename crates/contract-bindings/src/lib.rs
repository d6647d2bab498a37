//! Compiles contracts/ with foundry-compilers and exposes sol! types with conversions to protocol.
