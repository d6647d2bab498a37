//! Why following L1 paused or stopped.

use agoge_protocol::{Address, B256, L1BlockNumber};
use agoge_supervisor::{ActorError, Severity};

use super::decode::DecodeError;
use crate::rpc::RpcError;

/// Why a pass over L1 gave nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FollowerError {
    /// A request failed.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// Answers do not fit each other: the head moved between two requests, or several nodes hide behind one URL.
    #[error("L1 answers contradict each other: {0}")]
    Inconsistent(String),
    /// The endpoint's head is far behind what was followed.
    #[error("the L1 head went back from {followed} to {head}; waiting for it to return")]
    HeadWentBack {
        /// Last block followed.
        followed: L1BlockNumber,
        /// The endpoint's head.
        head: L1BlockNumber,
    },
    /// A log of our contracts is no event that we know.
    #[error("log {log_index} of {contract} in L1 block {block} with topic {topic}: {source}")]
    Undecodable {
        /// Contract.
        contract: Address,
        /// L1 block.
        block: L1BlockNumber,
        /// Position in the block.
        log_index: u64,
        /// First topic, zero if there is none.
        topic: B256,
        /// Why.
        #[source]
        source: DecodeError,
    },
    /// No common ancestor within the allowed depth.
    #[error(
        "L1 replaced more than {limit} blocks below {followed}; hint: check the L1 endpoint, then resync from L1 (delete the node's chain data)"
    )]
    ReorgTooDeep {
        /// Blocks that may be replaced.
        limit: u64,
        /// Last block followed.
        followed: L1BlockNumber,
    },
}

impl FollowerError {
    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Rpc(error) => error.cause.hint(),
            Self::Inconsistent(_) => {
                "normal for a moment after a reorg; if it stays, use one L1 node per URL"
            }
            Self::HeadWentBack { .. } => "the endpoint is syncing or was rewound; check the L1 node",
            Self::Undecodable { .. } => "the deployment may need a newer version of this program",
            Self::ReorgTooDeep { .. } => "check the L1 endpoint, then resync from L1",
        }
    }
}

impl ActorError for FollowerError {
    fn severity(&self) -> Severity {
        match self {
            Self::Rpc(_) | Self::Inconsistent(_) | Self::HeadWentBack { .. } => Severity::Retry,
            Self::Undecodable { .. } | Self::ReorgTooDeep { .. } => Severity::Fatal,
        }
    }
}
