//! Waiting for a node to say that something has happened.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::node::NodeError;

/// Between two looks at a node.
const POLL: Duration = Duration::from_millis(500);

/// How long a command waits.
pub(super) struct Patience {
    end: Instant,
}

impl Patience {
    pub(super) fn new(seconds: u64) -> Self {
        Self {
            end: Instant::now() + Duration::from_secs(seconds),
        }
    }

    /// A node that does not answer for a moment does not end the wait: `None`.
    pub(super) fn tolerate<T>(&self, answer: Result<T, NodeError>) -> Result<Option<T>, NodeError> {
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(NodeError::NoAnswer { .. }) if Instant::now() < self.end => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Waits until the next look; `false` when there is none.
    pub(super) async fn pause(&self) -> bool {
        if Instant::now() >= self.end {
            return false;
        }
        sleep(POLL).await;
        true
    }
}
