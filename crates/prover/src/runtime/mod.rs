//! The prover as supervised tasks.

mod coordinator;
mod facts;
mod fetcher;
mod network;
mod outside;
mod seams;
mod start;
mod status;

pub use coordinator::{Coordinator, CoordinatorError, CoordinatorRules, Signer};
pub use facts::{FactRules, FactsError, Held, OpenEpoch, OpenEpochs, read as read_open_epochs};
pub use fetcher::{FetchRules, incomplete as incomplete_blocks};
pub use seams::{Goal, GoalKey, Outside, Progress, ProofMaker, TestProofs};
pub use start::{ProverParts, StartError, genesis_id, open_store, start};
pub use status::{EpochStatus, ProverStatus, serve_status};
