//! What the state track of an epoch proof is given (`docs/circuits.md`): a block as a sequence of [`StateStep`]s, each with the paths that
//! show what it does to the trees.
//!
//! ```text
//! state before a block + BlockContext + deposits + transactions -> block_steps -> Vec<StateStep>
//! StateBoundary + StateStep -> StateBoundary::apply -> the next StateBoundary      (the native twin of one unit of the circuit)
//! ```
//!
//! Leaves are appended in *aligned pairs*, because a pair needs one path. So between steps a tree may lag by one leaf: [`GrowingTree`]
//! says which. At the end of a block nothing lags, and the roots are those of [`crate::execute_block`].

mod apply;
mod boundary;
mod build;
mod overlay;
mod step;
#[cfg(test)]
mod tests;

pub use apply::StepError;
pub use boundary::{GrowingTree, OpenBlock, StateBoundary};
pub use build::{BlockSteps, HeaderReader, WitnessError, block_steps};
pub use step::{BlockEndStep, DepositStep, LowLeaf, PairPath, StateStep, TransactionStep};
