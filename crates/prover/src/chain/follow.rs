//! The actor that takes L1's events, in order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use agoge_l1_client::{Blob, BlobError, BlobSource, ChainStream, kzg};
use agoge_p2p::{P2pHandle, Request, Response, Target};
use agoge_protocol::{B256, ChainEvent, Epoch, L1Block, L1BlockNumber, Posted};
use agoge_store::{Store, Tips};
use agoge_supervisor::{Backoff, CancellationToken, Health, Spawner};
use futures::future::{BoxFuture, FutureExt as _};
use tokio::sync::watch;

use super::apply::{Applier, BlobsByHash};
use super::error::ChainError;

/// Pauses between tries for a blob.
const BLOB_PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(12));
/// L1's events that are held while a blob is waited for: twice what an ordinary reorg replaces, so one that takes the block back is seen.
const HELD_MAX: usize = 128;
/// Peers asked for one blob in one try.
const PEERS_ASKED_MAX: usize = 3;
/// Name of this component on health pages.
const HEALTH: &str = "chain";

/// Why a blob was not fetched.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct FetchError(#[from] BlobError);

/// Where blobs come from.
pub trait BlobFetcher: Send + Sync + 'static {
    /// The blob with a versioned hash, checked against it, of a transaction in an L1 block.
    fn fetch(&self, l1_block: L1Block, hash: B256) -> BoxFuture<'_, Result<Blob, FetchError>>;
}

impl BlobFetcher for BlobSource {
    fn fetch(&self, l1_block: L1Block, hash: B256) -> BoxFuture<'_, Result<Blob, FetchError>> {
        async move { Ok(Self::fetch(self, l1_block, hash).await?) }.boxed()
    }
}

/// Blobs from the configured sources, then from peers.
#[derive(Debug)]
pub struct Blobs {
    /// Beacon APIs and archives.
    pub source: BlobSource,
    /// Peers.
    pub p2p: P2pHandle,
    /// For the check of what a peer sends.
    pub spawner: Spawner,
}

impl BlobFetcher for Blobs {
    fn fetch(&self, l1_block: L1Block, hash: B256) -> BoxFuture<'_, Result<Blob, FetchError>> {
        async move {
            let error = match self.source.fetch(l1_block, hash).await {
                Ok(blob) => return Ok(blob),
                Err(error) => error,
            };
            self.ask_peers(hash).await.ok_or(FetchError(error))
        }
        .boxed()
    }
}

impl Blobs {
    async fn ask_peers(&self, hash: B256) -> Option<Blob> {
        let mut asked = Vec::new();
        for _ in 0..PEERS_ASKED_MAX {
            let target = Target::AnyExcept(asked.clone());
            let answer = self.p2p.request(target, Request::Blob(hash)).await.ok()?;
            asked.push(answer.peer);
            let Response::Blob(Some(bytes)) = answer.response else {
                continue;
            };
            let Ok(blob) = Blob::from_bytes(bytes) else {
                continue;
            };
            let checked = self.spawner.spawn_blocking("blob-check", move || {
                (kzg::versioned_hash(&blob).ok() == Some(hash)).then_some(blob)
            });
            if let Ok(Some(blob)) = checked.await {
                return Some(blob);
            }
        }
        None
    }
}

/// The chain as the store has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChainState {
    /// The newest L1 block followed.
    pub head: Option<L1Block>,
    /// Ends of the L2 chain.
    pub tips: Tips,
    /// Whether the head is L1's.
    pub is_synced: bool,
    /// Epoch of the first block on L1 that is not followed, for it can never be proven: it and those after it lack blocks here.
    pub unfollowed: Option<Epoch>,
    /// Changes since the start: a reorg may leave tips as they were, with other blocks below.
    pub version: u64,
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
    pub state: watch::Sender<ChainState>,
    /// Told why the chain is not followed.
    pub health: Health,
    /// For blocking work.
    pub spawner: Spawner,
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
            let applier = Arc::clone(&self.applier);
            match event {
                None => return Ok(()),
                Some(ChainEvent::Extended { block, events }) => {
                    let needs = applier.blob_needs(&events);
                    let fetched = self.fetch_all(blobs.as_ref(), block, &needs, &mut held, &cancel);
                    let blobs = match fetched.await {
                        Fetched::Blobs(blobs) => blobs,
                        Fetched::Gone => continue,
                        Fetched::Stopped => return Ok(()),
                    };
                    self.blocking(move || applier.extend(block, events, &blobs))
                        .await?;
                    self.finalize(&mut finalized).await?;
                    self.tell(block)?;
                }
                Some(ChainEvent::RolledBack { to }) => {
                    tracing::info!(l1_block = %to.number, hash = %to.hash, "L1 was reorganised");
                    self.blocking(move || applier.roll_back(&to)).await?;
                    self.tell(to)?;
                }
            }
        }
    }

    /// The blobs of all blocks of an L1 block.
    async fn fetch_all(
        &mut self,
        blobs: &dyn BlobFetcher,
        block: L1Block,
        needs: &[Posted],
        held: &mut VecDeque<ChainEvent>,
        cancel: &CancellationToken,
    ) -> Fetched<BlobsByHash> {
        let mut fetched = BlobsByHash::new();
        for posted in needs {
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
    ) -> Fetched<Blob> {
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
                        Ok(blob) => return Fetched::Blobs(blob),
                        Err(error) => error,
                    };
                    let slot = posted.free_fields.slot;
                    tracing::warn!(%slot, blob = %posted.blob_hash, %error, "blob not fetched; trying again");
                    self.health.set(HEALTH, Err(format!("waiting for the blob of slot {slot}: {error}")));
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

    fn tell(&self, head: L1Block) -> Result<(), ChainError> {
        let l1_head = self.stream.health().borrow().head;
        let is_caught_up = l1_head.is_none_or(|known| known.number <= head.number);
        let unfollowed = self.applier.unfollowed();
        let health = match &unfollowed {
            Some(bad) => Err(format!(
                "block {} on L1 cannot be proven: {}; the blocks before it still are, epoch {} not to its end",
                bad.number, bad.reason, bad.epoch
            )),
            None if is_caught_up => Ok(()),
            None => Err(format!("catching up with L1: at block {}", head.number)),
        };
        self.health.set(HEALTH, health);
        let tips = self.store.view().tips()?;
        crate::metrics::set_chain(head.number, tips);
        self.state.send_modify(|state| {
            *state = ChainState {
                head: Some(head),
                tips,
                is_synced: is_caught_up,
                unfollowed: unfollowed.map(|bad| bad.epoch),
                version: state.version.wrapping_add(1),
            };
        });
        Ok(())
    }

    /// Runs store work on the blocking pool; lost work means that the process is stopping.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, ChainError> + Send + 'static,
    ) -> Result<T, ChainError> {
        self.spawner.spawn_blocking("chain-apply", work).await?
    }
}

/// What became of waiting for blobs.
enum Fetched<T> {
    /// They are here.
    Blobs(T),
    /// L1 has taken the block with it back: the rollback is the next event held.
    Gone,
    /// The process is stopping, or L1's stream has ended.
    Stopped,
}

/// One attempt, after a pause.
fn pause_and_fetch<'a>(
    pause: Option<Duration>,
    blobs: &'a dyn BlobFetcher,
    block: L1Block,
    hash: B256,
) -> BoxFuture<'a, Result<Blob, FetchError>> {
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
