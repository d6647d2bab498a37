//! Equivocations of others on their way to L1: kept until Staking has slashed for them, or never will.
//!
//! What comes in was checked by [`crate::consensus`] (two messages of one member of the slot's committee) and is checked again by
//! [`agoge_protocol::Equivocation::culprit`], by the rules of the contract. The runtime's reporter carries it out; here is what it decides by.

mod queue;
mod window;

pub(crate) use queue::{AddError, Ended, Key, Pace, Queue, Tried, turn_ms};
pub(crate) use window::{LOOK_AHEAD_SLOTS, free_until};
