//! The proof of a draft: the same jobs, workers and kept results as an epoch's.

use std::sync::Arc;
use std::time::Duration;

use agoge_protocol::Timing;
use agoge_store::Store;
use agoge_supervisor::{Lost, Spawner};

use super::draft::Draft;
use crate::epochs::{Claimant, Statement, StatementError, read_statement};
use crate::runtime::{Goal, Progress, ProofMaker};

/// Between two looks at the work.
const POLL: Duration = Duration::from_millis(500);

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// The statement cannot be made.
    #[error("the statement cannot be made: {0}")]
    Statement(#[from] StatementError),
    /// The draft is gone.
    #[error("the store does not have the draft any more")]
    Gone,
    /// No proof of these blocks exists.
    #[error("the blocks can never be proven: their data do not fit the circuits, see the log")]
    Impossible,
    /// No worker's results can be relied on.
    #[error("the worker returned wrong results; hint: test the machine's memory")]
    NoWorkers,
    /// Work was lost: the process is stopping.
    #[error(transparent)]
    Lost(#[from] Lost),
}

/// A draft as it is proven: its blocks and their statement.
///
/// # Errors
/// [`ProveError::Statement`], [`ProveError::Gone`], [`ProveError::Lost`].
pub(super) async fn goal(
    store: &Arc<Store>,
    claimant: Claimant,
    timing: Timing,
    draft: &Draft,
    spawner: &Spawner,
) -> Result<(Goal, Arc<Statement>), ProveError> {
    let (store, key) = (Arc::clone(store), draft.key.clone());
    let read = spawner.spawn_blocking("make-statement", move || {
        let read = read_statement(&store, &claimant, &timing, &key)?;
        let (blocks, statement) = read.ok_or(ProveError::Gone)?;
        let statement = Arc::new(statement);
        let goal = Goal {
            key,
            blocks: Arc::new(blocks),
            statement: Some(Arc::clone(&statement)),
        };
        Ok((goal, statement))
    });
    read.await?
}

/// Waits for the proof of a goal; `tell` hears how far it is.
///
/// # Errors
/// [`ProveError::Impossible`], [`ProveError::NoWorkers`].
pub(super) async fn proof(
    maker: &Arc<dyn ProofMaker>,
    goal: &Goal,
    tell: &(dyn Fn(&str) + Sync),
) -> Result<Arc<Vec<u8>>, ProveError> {
    maker.set_goals(vec![goal.clone()]);
    let mut told = Progress::default();
    loop {
        if let Some(proof) = maker.proof(goal) {
            return Ok(proof);
        }
        if maker.is_impossible(goal) {
            return Err(ProveError::Impossible);
        }
        if !maker.has_workers() {
            return Err(ProveError::NoWorkers);
        }
        let progress = maker.progress(goal.key.epoch);
        if progress.jobs.done != told.jobs.done {
            told = progress;
            tell(&format!(
                "{} jobs done, about {} s of work left",
                progress.jobs.done, progress.eta_seconds
            ));
        }
        tokio::time::sleep(POLL).await;
    }
}
