//! Bringing an instance's store to L1's head, without peers: blobs come from the configured sources only.

use std::sync::Arc;
use std::time::Duration;

use agoge_l1_client::{BlobSource, ClientError, Contracts, L1Client, RpcError};
use agoge_protocol::L1Block;
use agoge_store::{Store, StoreError};
use agoge_supervisor::{Ended, Group, GroupLabel, Health, Lost, Spawner};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::chain::{Applier, ChainFollower, ChainRules, ChainState};

/// Time that the follower has to end.
const GRACE: Duration = Duration::from_secs(15);
/// L1 blocks between two words about the way.
const TELL_EVERY: u64 = 1_000;

/// Why the store is not at L1's head.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// L1 did not answer.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// There is no deployment to begin at.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Following failed.
    #[error("following L1: {reason}")]
    Failed {
        /// Why, in words.
        reason: String,
    },
    /// Nothing was followed for too long.
    #[error("no L1 block was followed within {seconds} s: {reason}")]
    Stuck {
        /// Seconds waited for the next.
        seconds: u64,
        /// What it waits for, in words.
        reason: String,
    },
    /// Work was lost: the process is stopping.
    #[error(transparent)]
    Lost(#[from] Lost),
}

/// What following an instance needs.
#[derive(Clone, Debug)]
pub struct Catching {
    /// L1.
    pub l1: L1Client,
    /// The instance's contracts.
    pub contracts: Contracts,
    /// Where it goes.
    pub store: Arc<Store>,
    /// The network's numbers.
    pub rules: ChainRules,
    /// How long the next L1 block may take.
    pub patience: Duration,
    /// Starts its tasks.
    pub spawner: Spawner,
}

impl Catching {
    /// Follows L1 to the block that is its head now, or to a later one; then nothing follows any more.
    ///
    /// # Errors
    /// [`FollowError`].
    pub async fn up(&self, tell: &(dyn Fn(&str) + Sync)) -> Result<(), FollowError> {
        let target = self.l1.head().await?;
        let known = self.store.view().l1_head()?;
        if known.is_some_and(|known| known.block.hash == target.hash) {
            return Ok(());
        }
        let label = GroupLabel {
            key: "task",
            value: "append".into(),
        };
        let group = Group::new(&self.spawner, label);
        let reached = self.follow(&group.spawner(), target, tell).await;
        group.spawner().stop();
        let Ended { failure, .. } = group.ended(GRACE).await;
        match (reached, failure) {
            (Err(FollowError::Failed { .. }), Some((task, failure))) => Err(FollowError::Failed {
                reason: format!("{task}: {failure}"),
            }),
            (reached, _) => reached,
        }
    }

    async fn follow(
        &self,
        spawner: &Spawner,
        target: L1Block,
        tell: &(dyn Fn(&str) + Sync),
    ) -> Result<(), FollowError> {
        let (store, rules) = (Arc::clone(&self.store), self.rules);
        let read = spawner.spawn_blocking("read-queue", move || Applier::new(store, rules));
        let applier = Arc::new(read.await??);
        let (follower, stream) = self
            .l1
            .follower_of(self.contracts, self.store.view().l1_cursor()?)?;
        spawner.spawn("l1-follower", follower.run(spawner.token()));
        let (state, followed) = watch::channel(ChainState::default());
        let health = Health::new();
        let follower = ChainFollower {
            stream,
            applier,
            store: Arc::clone(&self.store),
            state,
            health: health.clone(),
            spawner: spawner.clone(),
        };
        let blobs: Arc<BlobSource> = Arc::new(self.l1.blobs());
        spawner.spawn("chain-follower", follower.run(blobs, spawner.token()));
        self.watch(followed, &health, spawner, target, tell).await
    }

    /// Waits until the target is followed, or until nothing moves.
    async fn watch(
        &self,
        mut followed: watch::Receiver<ChainState>,
        health: &Health,
        spawner: &Spawner,
        target: L1Block,
        tell: &(dyn Fn(&str) + Sync),
    ) -> Result<(), FollowError> {
        let (cancel, mut told) = (spawner.token(), 0_u64);
        let failed = || FollowError::Failed {
            reason: "it stopped".to_owned(),
        };
        let mut end = Instant::now() + self.patience;
        loop {
            tokio::select! {
                () = cancel.cancelled() => return Err(failed()),
                () = sleep_until(end) => {
                    let words = health.not_ready().into_iter().map(|part| part.reason);
                    let reason = words.last().unwrap_or_else(|| "L1 says nothing new".to_owned());
                    return Err(FollowError::Stuck { seconds: self.patience.as_secs(), reason });
                }
                changed = followed.changed() => if changed.is_err() {
                    return Err(failed());
                },
            }
            end = Instant::now() + self.patience;
            let head = followed.borrow_and_update().head;
            let Some(number) = head.map(|head| head.number) else {
                continue;
            };
            if number >= target.number {
                return Ok(());
            }
            if number.get() >= told.saturating_add(TELL_EVERY) {
                told = number.get();
                tell(&format!("L1 block {number} of {}", target.number));
            }
        }
    }
}
