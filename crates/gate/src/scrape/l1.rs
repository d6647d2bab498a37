//! What L1 says of the canonical instance.

use agoge_contract_bindings::staking::Staking;
use agoge_l1_client::{At, Contracts, L1Client};
use agoge_protocol::{Epoch, Slot, Timing};

use crate::evidence::L1Reading;

/// L1, and the contracts of the deployment file.
#[derive(Debug)]
pub(crate) struct L1Source {
    client: L1Client,
    contracts: Contracts,
}

impl L1Source {
    /// A source; the client's chain and contracts have been checked.
    pub(crate) const fn new(client: L1Client, contracts: Contracts) -> Self {
        Self { client, contracts }
    }

    /// Reads all of it as of one head, as far as L1 allows: `latest` may move between two calls, by a block.
    pub(super) async fn read(&self, timing: &Timing, slot: Slot) -> Result<L1Reading, String> {
        let head = self.client.head().await.map_err(words)?;
        let at = At::Latest;
        let reader = self.client.reader_of(self.contracts).map_err(words)?;
        let instances = reader.instances(at).await.map_err(words)?;
        let epoch = timing.epoch_of(slot);
        let is_canonical = |(_, entry): &(usize, &(_, Epoch))| entry.1 <= epoch;
        let (index, (rollup, _)) = instances
            .iter()
            .enumerate()
            .filter(is_canonical)
            .next_back()
            .ok_or_else(|| format!("the Registry has no instance for epoch {epoch}"))?;
        let contracts = Contracts {
            rollup: *rollup,
            ..self.contracts
        };
        let reader = self.client.reader_of(contracts).map_err(words)?;
        let call = Staking::isAllowListOnCall {};
        let (tips, validators, allow_list) = tokio::join!(
            reader.tips_at(at, head.time),
            reader.validator_set(at, epoch),
            self.client.view(self.contracts.staking, &call, at),
        );
        let tips = tips.map_err(words)?;
        let (pending, proven) = (tips.pending.get(), tips.proven.get());
        Ok(L1Reading {
            block: head.number.get(),
            time: head.time,
            instance: u32::try_from(index.saturating_add(1)).unwrap_or(u32::MAX),
            rollup: *rollup,
            pending,
            pending_slot: (pending > 0).then(|| tips.pending_slot.get()),
            proven,
            first_unproven_slot: (pending > proven).then(|| tips.first_unproven_slot.get()),
            validators: validators
                .ok()
                .map(|set| u64::try_from(set.len()).unwrap_or(u64::MAX)),
            is_allow_listed: allow_list.ok(),
        })
    }
}

fn words(error: impl core::fmt::Display) -> String {
    error.to_string()
}
