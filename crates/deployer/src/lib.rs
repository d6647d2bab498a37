//! What a network consists of on L1, how it is created, and how that is checked.
//!
//! A [`Plan`] is the list of creations with their constructor arguments, all from the network file, a few choices and the deployer's nonce:
//! contracts that name each other get the addresses that the nonce will give them. A [`Deployer`] carries it out step by step; L1 and a state
//! file say where it stands, so a run that was killed goes on. [`verify()`] derives in the same way what must be found on L1.

mod config;
mod deployer;
mod error;
mod plan;
mod relations;
mod rollup;
mod state;
mod verify;

pub use deployer::Deployer;
pub use error::DeployError;
pub use plan::{Creation, NetworkChoices, NotDeployable, Plan, RollupChoices, Verifier};
pub use rollup::verify_rollup;
pub use state::{StateFile, Step};
pub use verify::{Finding, Verdict, verify};
