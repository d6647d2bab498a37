//! Which instances of the Rollup a program runs (`docs/protocol.md` 17.4), and the actor that runs them.
//!
//! [`Plan`] is a pure state machine, fed with the Registry's list at the L1 head. The actor carries its inputs in and its outputs out: it
//! looks at Rollups and starts, stops and restarts a *stack* for each of them, which is what [`Stacks`] says it is.

mod actor;
mod plan;
mod shared_plan;
mod stack;
mod words;

pub use actor::{Surroundings, start};
pub use plan::Plan;
pub use shared_plan::SharedPlan;
pub use stack::{Stacks, health_of};
pub use words::{Input, InstanceState, InstanceView, Launch, Output, Unknown};

#[cfg(test)]
mod tests;
