//! What is of the node as a whole: its instances, and what its operator may tell it.

use core::future::Future;

use agoge_protocol::rpc::{RpcGovernance, Signal};
use agoge_protocol::{Address, Digest};

use super::NodeQueries;
use agoge_l1_client::instances::InstanceView;

/// The instances that a node runs. [`crate::runtime::NodeHandle`] implements it; tests of the RPC layer bring a fake.
pub trait Instances: Clone + Send + Sync + 'static {
    /// One of them.
    type Queries: NodeQueries;

    /// The instance that is canonical now.
    ///
    /// # Errors
    /// [`NotRunning`].
    fn canonical(&self) -> Result<Self::Queries, NotRunning>;

    /// The instance with a genesis id.
    ///
    /// # Errors
    /// [`NotRunning`].
    fn instance(&self, genesis_id: Digest) -> Result<Self::Queries, NotRunning>;

    /// All that the Registry lists, oldest first.
    fn instances(&self) -> Vec<InstanceView>;

    /// Where governance stands on L1, a few seconds old at most, and what this node signals for; or why L1 does not tell.
    fn governance(&self) -> impl Future<Output = Result<RpcGovernance, String>> + Send;
}

/// What the operator may tell a node. [`crate::runtime::NodeHandle`] implements it.
pub trait NodeCommands: Clone + Send + Sync + 'static {
    /// Switches the duties of one of this node's keys, in every instance. Kept across restarts.
    fn set_duties(
        &self,
        attester: Address,
        is_on: bool,
    ) -> impl Future<Output = Result<(), CommandError>> + Send;

    /// Replaces the set of attester keys (secret keys are read by the caller from the key directory).
    fn replace_keys(
        &self,
        keys: Vec<crate::signer::AttesterKey>,
    ) -> impl Future<Output = Result<(), CommandError>> + Send;

    /// The signing guard's interchange JSON.
    fn export_guard(&self) -> impl Future<Output = Result<String, CommandError>> + Send;

    /// Merges an interchange JSON into the signing guard; never loosens it.
    fn import_guard(&self, json: String) -> impl Future<Output = Result<(), CommandError>> + Send;

    /// Chooses what this node's blocks signal for, or that they signal for nothing. Kept across restarts.
    fn set_signal(&self, signal: Option<Signal>) -> impl Future<Output = Result<(), CommandError>> + Send;
}

/// An instance that does not answer here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRunning {
    /// The Registry lists none with this genesis id, as far as this node knows.
    #[error("no instance with genesis id {genesis_id} is known")]
    Unknown {
        /// As asked.
        genesis_id: Digest,
    },
    /// It is listed, and this node does not run it now.
    #[error("instance {number} does not run here: {reason}")]
    Down {
        /// Its number.
        number: u32,
        /// Why.
        reason: String,
    },
}

/// A command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// This node holds no such key.
    #[error("this node holds no key for attester {attester}")]
    UnknownAttester {
        /// As asked.
        attester: Address,
    },
    /// Nobody should signal for it.
    #[error("not set: {reason}")]
    Payload {
        /// Why.
        reason: String,
    },
    /// L1 did not answer.
    #[error("L1 did not answer: {0}")]
    L1(#[source] Box<dyn core::error::Error + Send + Sync>),
    /// The signing guard refused the change.
    #[error("the signing guard refused: {0}")]
    Guard(#[source] Box<dyn core::error::Error + Send + Sync>),
    /// The store cannot be written.
    #[error("the node's store cannot be written: {0}")]
    Storage(#[source] Box<dyn core::error::Error + Send + Sync>),
    /// The node is stopping.
    #[error("the node is stopping")]
    Stopping,
}
