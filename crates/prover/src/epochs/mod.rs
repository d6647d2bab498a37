//! Epochs: which blocks they have, what their proofs say, and when to do what about them.

mod blocks;
mod policy;
mod statement;

pub use blocks::{BlocksError, EpochBlock, EpochBlocks};
pub use policy::{
    Action, ClaimFacts, ClaimView, EpochFacts, Moment, Policy, SubmitReason, decide, settlements,
};
pub use statement::{Claimant, Statement, StatementError, read_statement};
