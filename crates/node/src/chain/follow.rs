//! The actor that brings L1's word into the store, one L1 block at a time, and tells the rest of the node.

use std::sync::Arc;
use std::time::Duration;

use agoge_l1_client::{Blob, ChainStream};
use agoge_protocol::{B256, ChainEvent, L1Block, L1BlockNumber, L1Event};
use agoge_store::Store;
use agoge_supervisor::{Backoff, CancellationToken, Health, Spawner};
use futures::future::BoxFuture;
use tokio::sync::mpsc;

use super::apply::Applier;
use super::committees::ReadError;
use super::error::ChainError;
use crate::consensus::ChainView;

/// Shortest and longest pause before a blob is asked for again.
const BLOB_PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(12));
/// Name of this component on health pages.
const HEALTH: &str = "chain";

/// Where blobs come from.
pub trait BlobFetcher: Send + Sync + 'static {
    /// The blob with a versioned hash, checked against it, of a transaction in an L1 block.
    fn fetch(&self, l1_block: L1Block, hash: B256) -> BoxFuture<'_, Result<Blob, ReadError>>;
}

/// What the follower tells the rest of the node, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainNotice {
    /// L1 blocks after this one are gone: what was read from them is void.
    RolledBack(L1Block),
    /// The chain as it stands.
    View(ChainView),
}

/// What the follower is made of.
#[derive(Debug)]
pub struct ChainFollower {
    /// L1, as it is followed.
    pub stream: ChainStream,
    /// Where it goes.
    pub applier: Arc<Applier>,
    /// For what L1 calls final.
    pub store: Arc<Store>,
    /// Told of every step.
    pub notices: mpsc::Sender<ChainNotice>,
    /// Told why the chain is not followed.
    pub health: Health,
    /// For blocking work.
    pub spawner: Spawner,
    /// Seconds between L1 blocks.
    pub l1_slot_seconds: u64,
}

impl ChainFollower {
    /// Follows until cancelled or until L1's stream ends.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn run(
        mut self,
        blobs: Arc<dyn BlobFetcher>,
        cancel: CancellationToken,
    ) -> Result<(), ChainError> {
        self.health.register(HEALTH);
        let mut finalized = None;
        loop {
            let event = tokio::select! {
                () = cancel.cancelled() => return Ok(()),
                event = self.stream.next() => event,
            };
            let Some(event) = event else { return Ok(()) };
            match event {
                ChainEvent::Extended { block, events } => {
                    let Some(blob) = self.blob(blobs.as_ref(), block, &events, &cancel).await else {
                        return Ok(());
                    };
                    let applier = Arc::clone(&self.applier);
                    self.blocking(move || applier.extend(block, events, blob.as_ref()))
                        .await?;
                    self.finalize(&mut finalized).await?;
                    self.tell(block).await?;
                }
                ChainEvent::RolledBack { to } => {
                    tracing::info!(l1_block = %to.number, hash = %to.hash, "L1 was reorganised");
                    metrics::counter!(crate::metrics::L1_REORGS).increment(1);
                    let applier = Arc::clone(&self.applier);
                    self.blocking(move || applier.roll_back(&to)).await?;
                    // The receiver outlives this task except while the process stops.
                    self.notices.send(ChainNotice::RolledBack(to)).await.ok();
                    self.tell(to).await?;
                }
            }
        }
    }

    /// The blob that following `events` needs: `Some(None)` when none is needed, `None` when cancelled. Tried for as long as it takes.
    async fn blob(
        &self,
        blobs: &dyn BlobFetcher,
        block: L1Block,
        events: &[L1Event],
        cancel: &CancellationToken,
    ) -> Option<Option<Blob>> {
        let Some(wanted) = self.applier.wanted_blob(events) else {
            return Some(None);
        };
        let mut backoff = Backoff::new(BLOB_PAUSE.0, BLOB_PAUSE.1);
        loop {
            let fetched = tokio::select! {
                () = cancel.cancelled() => return None,
                fetched = blobs.fetch(block, wanted.blob_hash) => fetched,
            };
            let error = match fetched {
                Ok(blob) => return Some(Some(blob)),
                Err(error) => error,
            };
            let slot = wanted.free_fields.slot;
            tracing::warn!(%slot, blob = %wanted.blob_hash, %error, "blob not fetched; trying again");
            self.health.set(
                HEALTH,
                Err(format!("waiting for the blob of slot {slot}: {error}")),
            );
            tokio::select! {
                () = cancel.cancelled() => return None,
                () = tokio::time::sleep(backoff.next_pause()) => {}
            }
        }
    }

    async fn finalize(&self, known: &mut Option<L1BlockNumber>) -> Result<(), ChainError> {
        let finalized = self.stream.health().borrow().finalized;
        let Some(number) = finalized.filter(|_| finalized != *known) else {
            return Ok(());
        };
        *known = finalized;
        let store = Arc::clone(&self.store);
        self.blocking(move || Ok(store.finalize_l1(number).map(drop)?))
            .await
    }

    async fn tell(&self, head: L1Block) -> Result<(), ChainError> {
        let next_time = head.time.saturating_add(self.l1_slot_seconds);
        let applier = Arc::clone(&self.applier);
        let tip = self.blocking(move || applier.tip_at(next_time)).await?;
        let l1_head = self.stream.health().borrow().head;
        let is_caught_up = l1_head.is_none_or(|known| known.number <= head.number);
        let unfollowed = self.applier.unfollowed();
        let state = match &unfollowed {
            Some(bad) => Err(format!(
                "block {} on L1 is not followed: {}",
                bad.number, bad.reason
            )),
            None if is_caught_up => Ok(()),
            None => Err(format!("catching up with L1: at block {}", head.number)),
        };
        self.health.set(HEALTH, state);
        crate::metrics::set_chain(head.number, tip.number);
        let view = ChainView {
            head,
            tip,
            is_synced: is_caught_up && unfollowed.is_none(),
        };
        // The receiver outlives this task except while the process stops.
        self.notices.send(ChainNotice::View(view)).await.ok();
        Ok(())
    }

    /// Runs store work on the blocking pool; lost work means that the process is stopping.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, ChainError> + Send + 'static,
    ) -> Result<T, ChainError> {
        self.spawner
            .spawn_blocking("chain-apply", work)
            .await
            .map_err(ChainError::Lost)?
    }
}
