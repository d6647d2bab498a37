//! The actor that completes blocks: client proofs of every unproven block, as soon as it is on L1, and of proven blocks that are still to
//! be delivered for a claim of ours.

use core::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use agoge_protocol::{Address, BlockHash, Epoch, L2BlockNumber, Timing};
use agoge_store::{Store, StoreError, StoreView};
use agoge_supervisor::{CancellationToken, Health, Spawner};
use tokio::sync::watch;

use crate::chain::ChainState;
use crate::holdings::{self, Holdings};

/// Between two tries for what peers did not have.
const PAUSE: Duration = Duration::from_secs(1);
/// Blocks looked at in one round.
const BLOCKS_MAX: usize = 512;
/// Name of this component on health pages.
const HEALTH: &str = "client_proofs";

/// The actor.
#[derive(Debug)]
pub(super) struct Fetcher {
    pub(super) holdings: Holdings,
    pub(super) store: Arc<Store>,
    pub(super) chain: watch::Receiver<ChainState>,
    pub(super) health: Health,
    pub(super) spawner: Spawner,
    pub(super) rules: FetchRules,
}

/// Which blocks are completed.
#[derive(Clone, Copy, Debug)]
pub struct FetchRules {
    /// Who we are.
    pub me: Address,
    /// How time is cut.
    pub timing: Timing,
    /// P.
    pub proof_window_epochs: u64,
}

impl Fetcher {
    /// Runs until cancelled.
    pub(super) async fn run(mut self, cancel: CancellationToken) -> Result<(), Infallible> {
        self.health.register(HEALTH);
        loop {
            let work = async {
                let missing = self.round().await;
                self.health.set(HEALTH, missing);
            };
            tokio::select! {
                () = cancel.cancelled() => return Ok(()),
                () = work => {}
            }
            tokio::select! {
                () = cancel.cancelled() => return Ok(()),
                () = tokio::time::sleep(PAUSE) => {}
                changed = self.chain.changed() => if changed.is_err() {
                    return Ok(());
                },
            }
        }
    }

    /// Tries once for every block that is to be proven; says what is missing after that.
    async fn round(&self) -> Result<(), String> {
        let (store, rules) = (Arc::clone(&self.store), self.rules);
        let incomplete = self
            .spawner
            .spawn_blocking("incomplete-blocks", move || incomplete(&store.view(), &rules))
            .await
            .map_err(|lost| lost.to_string())?
            .map_err(|error| format!("the store cannot be read: {error}"))?;
        let mut missing = 0_usize;
        for (number, block_hash) in incomplete {
            match self.holdings.complete(number, block_hash).await {
                Ok(count) => missing = missing.saturating_add(count),
                Err(error) => return Err(error.to_string()),
            }
        }
        match missing {
            0 => Ok(()),
            count => Err(format!(
                "no peer has {count} client proofs of blocks that are to be proven"
            )),
        }
    }
}

/// Blocks that are to be proven or delivered and lack client proofs, at most [`BLOCKS_MAX`].
///
/// # Errors
/// [`StoreError`].
pub fn incomplete(
    view: &StoreView<'_>,
    rules: &FetchRules,
) -> Result<Vec<(L2BlockNumber, BlockHash)>, StoreError> {
    let tips = view.tips()?;
    let first = first_claimed(view, rules)?.map_or(tips.proven.next(), |first| first.min(tips.proven.next()));
    let numbers = (first.get()..=tips.pending.get()).map(L2BlockNumber::new);
    let mut incomplete = Vec::new();
    for number in numbers {
        if incomplete.len() >= BLOCKS_MAX {
            break;
        }
        if holdings::missing(view, number)?.is_some_and(|missing| !missing.is_empty())
            && let Some(block) = view.block(number)?
        {
            incomplete.push((number, block.block_hash));
        }
    }
    Ok(incomplete)
}

/// First block of the oldest epoch that we have claimed and can still deliver.
fn first_claimed(view: &StoreView<'_>, rules: &FetchRules) -> Result<Option<L2BlockNumber>, StoreError> {
    let timing = &rules.timing;
    let Some(slot) = view.l1_head()?.and_then(|head| timing.slot_at(head.block.time)) else {
        return Ok(None);
    };
    let now = timing.epoch_of(slot).get();
    let oldest = Epoch::new(now.saturating_sub(rules.proof_window_epochs));
    for claim in view.open_claims(oldest)? {
        let is_late = claim.deadline.is_some_and(|deadline| slot >= deadline);
        if claim.prover != rules.me || is_late {
            continue;
        }
        let slots = timing.first_slot(claim.epoch)..timing.first_slot(claim.epoch.next());
        if let Some((first, _)) = view.blocks_of_slots(slots)? {
            return Ok(Some(first));
        }
    }
    Ok(None)
}
