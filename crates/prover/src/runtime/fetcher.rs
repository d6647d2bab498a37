//! The actor that completes blocks: client proofs of every unproven block, as soon as it is on L1.

use core::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use agoge_protocol::{BlockHash, L2BlockNumber};
use agoge_store::{Store, StoreError};
use agoge_supervisor::{CancellationToken, Health};
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

    /// Tries once for every unproven block; says what is missing after that.
    async fn round(&self) -> Result<(), String> {
        let incomplete = self
            .incomplete()
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

    fn incomplete(&self) -> Result<Vec<(L2BlockNumber, BlockHash)>, StoreError> {
        let view = self.store.view();
        let tips = view.tips()?;
        let mut incomplete = Vec::new();
        let mut number = tips.proven.next();
        while number <= tips.pending && incomplete.len() < BLOCKS_MAX {
            if holdings::missing(&view, number)?.is_some_and(|missing| !missing.is_empty())
                && let Some(block) = view.block(number)?
            {
                incomplete.push((number, block.block_hash));
            }
            number = number.next();
        }
        Ok(incomplete)
    }
}
