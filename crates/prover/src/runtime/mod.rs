//! The prover as supervised tasks.
//!
//! `stack` is what runs for one instance of the Rollup, in a group of its own; `shared` is what the instances have in common: L1, the one
//! sender, the key, circuits and worker (`proving`), the bond (`commitments`). [`agoge_l1_client::instances`] follows the Registry and starts
//! and stops stacks; `board` knows which run and gathers what they say.

mod board;
mod commitments;
mod coordinator;
mod error;
mod facts;
mod fetcher;
mod local;
mod network;
mod outside;
mod proving;
mod seams;
mod shared;
mod stack;
mod start;
mod status;

pub(crate) use local::open_store;
pub(crate) use shared::foreign_verifier;

pub use board::Board;
pub use commitments::Commitments;
pub use coordinator::{Coordinator, CoordinatorError, CoordinatorRules, Signer};
pub use error::{ForeignVerifier, StartError};
pub use facts::{FactRules, FactsError, Held, OpenEpoch, OpenEpochs, read as read_open_epochs};
pub use fetcher::{FetchRules, incomplete as incomplete_blocks};
pub use proving::Proving;
pub use seams::{Goal, GoalKey, Outside, Progress, ProofMaker, TestProofs};
pub use start::{ProverParts, start};
pub use status::{EpochStatus, InstanceStatus, ListedInstance, ProverStatus, serve_status};
