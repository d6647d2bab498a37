//! The actor that brings L1's word into the store, one L1 block at a time, and tells the rest of the node.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use agoge_l1_client::{Blob, ChainStream};
use agoge_protocol::{B256, ChainEvent, L1Block, L1BlockNumber, Posted};
use agoge_store::Store;
use agoge_supervisor::{Backoff, CancellationToken, Health, Spawner};
use futures::future::BoxFuture;
use tokio::sync::mpsc;

use super::apply::{Applier, BlobNeed, Blobs};
use super::committees::ReadError;
use super::error::ChainError;
use crate::consensus::ChainView;

/// Shortest and longest pause before a blob is asked for again.
const BLOB_PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(12));
/// L1's events that are held while a blob is waited for: twice what an ordinary reorg replaces, so one that takes the block back is seen.
const HELD_MAX: usize = 128;
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
        let mut held = VecDeque::new();
        loop {
            let event = match held.pop_front() {
                Some(event) => Some(event),
                None => tokio::select! {
                    () = cancel.cancelled() => return Ok(()),
                    event = self.stream.next() => event,
                },
            };
            let Some(event) = event else { return Ok(()) };
            match event {
                ChainEvent::Extended { block, events } => {
                    let needs = self.applier.blob_needs(&events);
                    let fetched = match self
                        .fetch_all(blobs.as_ref(), block, &needs, &mut held, &cancel)
                        .await
                    {
                        Fetched::Blobs(fetched) => fetched,
                        Fetched::Gone => continue,
                        Fetched::Stopped => return Ok(()),
                    };
                    let applier = Arc::clone(&self.applier);
                    self.blocking(move || applier.extend(block, events, &fetched))
                        .await?;
                    // What was at hand had to stay remembered until here.
                    drop(needs);
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

    /// The blobs of all blocks of an L1 block that are not at hand.
    async fn fetch_all(
        &mut self,
        blobs: &dyn BlobFetcher,
        block: L1Block,
        needs: &[BlobNeed],
        held: &mut VecDeque<ChainEvent>,
        cancel: &CancellationToken,
    ) -> Fetched<Blobs> {
        let mut fetched = Blobs::new();
        for need in needs {
            let BlobNeed::Fetch(posted) = need else { continue };
            match self.fetch(blobs, block, posted, held, cancel).await {
                Fetched::Blobs(blob) => fetched.insert(posted.blob_hash, blob),
                Fetched::Gone => return Fetched::Gone,
                Fetched::Stopped => return Fetched::Stopped,
            };
        }
        Fetched::Blobs(fetched)
    }

    /// The blob of a block, tried for as long as it takes. What L1 says meanwhile is held; when it takes the block back, only that is.
    async fn fetch(
        &mut self,
        blobs: &dyn BlobFetcher,
        block: L1Block,
        posted: &Posted,
        held: &mut VecDeque<ChainEvent>,
        cancel: &CancellationToken,
    ) -> Fetched<Box<Blob>> {
        let slot = posted.free_fields.slot;
        if take_back(held, block) {
            return Fetched::Gone;
        }
        let mut backoff = Backoff::new(BLOB_PAUSE.0, BLOB_PAUSE.1);
        let mut attempt = pause_and_fetch(None, blobs, block, posted.blob_hash);
        loop {
            tokio::select! {
                () = cancel.cancelled() => return Fetched::Stopped,
                fetched = &mut attempt => {
                    let error = match fetched {
                        Ok(blob) => return Fetched::Blobs(Box::new(blob)),
                        Err(error) => error,
                    };
                    tracing::warn!(%slot, blob = %posted.blob_hash, %error, "blob not fetched; trying again");
                    self.health.set(
                        HEALTH,
                        Err(format!("waiting for the blob of slot {slot}: {error}")),
                    );
                    attempt = pause_and_fetch(Some(backoff.next_pause()), blobs, block, posted.blob_hash);
                }
                event = self.stream.next(), if held.len() < HELD_MAX => {
                    let Some(event) = event else { return Fetched::Stopped };
                    held.push_back(event);
                    if take_back(held, block) {
                        return Fetched::Gone;
                    }
                }
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
        let store = Arc::clone(&self.store);
        let (tip, unfollowed, tips) = self
            .blocking(move || {
                let tips = store.view().tips()?;
                Ok((
                    applier.tip_at(next_time)?,
                    applier.unfollowed_at(next_time)?,
                    tips,
                ))
            })
            .await?;
        let l1_head = self.stream.health().borrow().head;
        let is_caught_up = l1_head.is_none_or(|known| known.number <= head.number);
        let state = match &unfollowed {
            Some(bad) => Err(format!(
                "block {} on L1 is not followed: {}",
                bad.number, bad.reason
            )),
            None if is_caught_up => Ok(()),
            None => Err(format!("catching up with L1: at block {}", head.number)),
        };
        self.health.set(HEALTH, state);
        crate::metrics::set_chain(head.number, tip.number, tips);
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

/// What became of waiting for blobs.
enum Fetched<T> {
    /// They are here.
    Blobs(T),
    /// L1 has taken the block with it back: the rollback is the next event held.
    Gone,
    /// The node is stopping, or L1's stream has ended.
    Stopped,
}

/// One attempt, after a pause.
fn pause_and_fetch<'a>(
    pause: Option<Duration>,
    blobs: &'a dyn BlobFetcher,
    block: L1Block,
    hash: B256,
) -> BoxFuture<'a, Result<Blob, ReadError>> {
    Box::pin(async move {
        if let Some(pause) = pause {
            tokio::time::sleep(pause).await;
        }
        blobs.fetch(block, hash).await
    })
}

/// Whether a rollback that is held takes `block` back, which is not applied. What was held before that rollback is void then.
fn take_back(held: &mut VecDeque<ChainEvent>, block: L1Block) -> bool {
    let is_of_block =
        |event: &ChainEvent| matches!(event, ChainEvent::RolledBack { to } if to.number < block.number);
    let Some(position) = held.iter().position(is_of_block) else {
        return false;
    };
    held.drain(..position);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(number: u64) -> L1Block {
        L1Block {
            number: L1BlockNumber::new(number),
            hash: B256::with_last_byte(1),
            parent_hash: B256::ZERO,
            time: number,
            prevrandao: B256::ZERO,
        }
    }

    #[test]
    fn only_a_rollback_below_the_block_takes_it_back_and_voids_what_came_before() {
        let extended = |number| ChainEvent::Extended {
            block: block(number),
            events: Vec::new(),
        };
        let back = |number| ChainEvent::RolledBack { to: block(number) };
        let mut held = VecDeque::from([extended(11), extended(12), back(10), extended(11)]);
        assert!(!take_back(&mut held, block(10)), "the block itself stays");
        assert_eq!(held.len(), 4);
        held.extend([back(9), extended(10)]);
        assert!(take_back(&mut held, block(10)));
        assert_eq!(held, [back(9), extended(10)]);
    }
}
