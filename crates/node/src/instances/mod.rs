//! Which instances of the Rollup this node runs (`docs/protocol.md` 17.4): a pure state machine, fed with the Registry's list at the L1 head.
//! The runtime carries its inputs in and its outputs out.

mod plan;
mod words;

pub use plan::Plan;
pub use words::{Input, InstanceState, InstanceView, Launch, Output, Unknown};

#[cfg(test)]
mod tests;
