//! Tests from outside: the layering of the workspace, and a whole network end to end.

mod chain;
mod layering;
