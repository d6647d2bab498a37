//! Why a deployment does not go on.

use std::path::PathBuf;

use agoge_l1_client::{CallError, RpcError, SendOutcome, SenderError};
use agoge_protocol::exit::ExitCode;
use agoge_protocol::{Address, B256};

use crate::plan::NotDeployable;

/// Why a deployment does not go on. What was created before stays and is in the state file.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// There is no plan.
    #[error(transparent)]
    Plan(#[from] NotDeployable),
    /// L1 did not answer.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// A view failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The key could not send.
    #[error(transparent)]
    Sender(#[from] SenderError),
    /// The constructor refuses, for instance because a number of the network file breaks a rule.
    #[error("creating {name} would revert: {source}; nothing was sent")]
    Refused {
        /// Contract.
        name: &'static str,
        /// Why.
        #[source]
        source: CallError,
    },
    /// The transaction ended otherwise than mined.
    #[error("creating {name}: {outcome}")]
    NotMined {
        /// Contract.
        name: &'static str,
        /// How it ended.
        outcome: Box<SendOutcome>,
    },
    /// The deployer sent something else, so the addresses that the contracts name are void.
    #[error(
        "the deployer {deployer} has nonce {found}, {expected} was expected: it sent another transaction, and the contracts created so far name \
         addresses that will never be theirs; nothing more was sent"
    )]
    NonceMoved {
        /// Who deploys.
        deployer: Address,
        /// Where the plan stands.
        expected: u64,
        /// On L1.
        found: u64,
    },
    /// L1 does not have what the state file says.
    #[error("{name} at {address} has code hash {found}, the state file says {expected}")]
    Lost {
        /// Contract.
        name: String,
        /// Where.
        address: Address,
        /// Of the state file.
        expected: B256,
        /// On L1.
        found: B256,
    },
    /// What is on L1 is not what this build creates.
    #[error("{name} at {address} is not what this build creates there")]
    OtherCode {
        /// Contract.
        name: &'static str,
        /// Where.
        address: Address,
    },
    /// The state file cannot be used.
    #[error("state file {}: {reason}", path.display())]
    StateFile {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The state file is of another deployment.
    #[error("state file {} is of another deployment: {difference} differs", path.display())]
    OtherPlan {
        /// The file.
        path: PathBuf,
        /// What differs.
        difference: &'static str,
    },
    /// A transaction of the deployer waits in the pool.
    #[error("a transaction of the deployer {deployer} was sent before and is in no block yet")]
    Pending {
        /// Who deploys.
        deployer: Address,
    },
}

impl DeployError {
    /// What to do.
    pub fn hint(&self) -> String {
        match self {
            Self::Plan(_) => "correct the flags or the network file".to_owned(),
            Self::Rpc(error) => error.cause.hint().to_owned(),
            Self::Call(_) => "check the L1 endpoint, then run the same command again: it goes on".to_owned(),
            Self::Sender(_) | Self::NotMined { .. } => {
                "run the same command again: it goes on at the missing step".to_owned()
            }
            Self::Refused { .. } => {
                "correct the network file or the genesis time; with contracts created already, begin anew: move the state file away".to_owned()
            }
            Self::NonceMoved { .. } | Self::Lost { .. } | Self::OtherCode { .. } => {
                "begin anew: move the state file away and deploy with an account that sends nothing else".to_owned()
            }
            Self::StateFile { .. } => "repair or move the file away; without it a deployment begins anew".to_owned(),
            Self::OtherPlan { .. } => {
                "give the flags of the deployment that was begun, or move the state file away to begin anew".to_owned()
            }
            Self::Pending { .. } => "wait until it is mined, then run the same command again".to_owned(),
        }
    }

    /// The exit code of a program that ends with it.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Plan(_) => ExitCode::Usage,
            Self::Rpc(error) | Self::Call(CallError::Rpc(error)) if error.is_wrong_chain() => {
                ExitCode::WrongNetwork
            }
            Self::Rpc(_) | Self::Call(_) | Self::Sender(_) => ExitCode::Failed,
            Self::Refused { .. } => ExitCode::SimulationReverts,
            Self::NotMined { outcome, .. } => outcome.exit_code(),
            Self::Lost { .. } | Self::OtherCode { .. } => ExitCode::WrongNetwork,
            Self::NonceMoved { .. } | Self::StateFile { .. } | Self::OtherPlan { .. } => {
                ExitCode::Precondition
            }
            Self::Pending { .. } => ExitCode::TimedOut,
        }
    }
}
