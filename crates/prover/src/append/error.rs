//! Why nothing is appended.

use agoge_l1_client::kzg::KzgError;
use agoge_l1_client::{AppendState, CallError, Openness, RpcError, SendOutcome, SenderError};
use agoge_store::StoreError;
use agoge_supervisor::Lost;

use super::appender::TRIES_MAX;
use super::draft::DraftError;
use super::follow::FollowError;
use super::prove::ProveError;

/// Why an append cannot be made now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", words(.0))]
pub struct NotNow(pub AppendState);

fn words(state: &AppendState) -> String {
    match state.openness {
        Openness::Open => "the instance is open".to_owned(),
        Openness::Closed => {
            "the instance is not open to all yet: it has a committee, or had one until lately".to_owned()
        }
        Openness::Appended => {
            "somebody has appended in this epoch, and there is one append an epoch".to_owned()
        }
        Openness::Unproven => format!(
            "block {} of a committee waits for its proof",
            state.tips.proven.next()
        ),
    }
}

/// Why nothing was appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Not at this moment.
    #[error(transparent)]
    NotNow(#[from] NotNow),
    /// There are no blocks.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// L1 cannot be followed.
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// There is no proof.
    #[error(transparent)]
    Prove(#[from] ProveError),
    /// L1 did not answer.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// A view failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The draft cannot be taken back.
    #[error("the draft cannot be taken back: {0}")]
    TakeBack(#[from] agoge_store::StepError),
    /// The KZG library failed.
    #[error(transparent)]
    Kzg(#[from] KzgError),
    /// The transaction could not be made or followed.
    #[error(transparent)]
    Sender(#[from] SenderError),
    /// The transaction ended otherwise than mined.
    #[error("{0}")]
    Outcome(Box<SendOutcome>),
    /// Others appended first, each time.
    #[error("others appended first, {TRIES_MAX} times; hint: try again")]
    Overtaken,
    /// Whoever was asked said no.
    #[error("declined: nothing was sent")]
    Declined,
    /// Work was lost: the process is stopping.
    #[error(transparent)]
    Lost(#[from] Lost),
}
