//! Committees: drawn here as L1 draws them, from the frozen set and the epoch's seed (`docs/protocol.md` section 12).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agoge_protocol::sampling::{Committee, SetTooSmall, genesis_seed, seed};
use agoge_protocol::{Address, B256, Digest, Epoch, L1Block, Timing};
use agoge_store::Store;
use futures::future::BoxFuture;

use crate::query::CommitteeError;

/// Committees remembered.
const COMMITTEES_MAX: usize = 16;

/// A failure of whoever reads L1.
pub type ReadError = Box<dyn core::error::Error + Send + Sync>;

/// What is read from L1 to draw a committee.
pub trait SetReader: Send + Sync + 'static {
    /// The ordered set of an epoch; `None` while it is not frozen.
    fn validator_set(&self, epoch: Epoch) -> BoxFuture<'_, Result<Option<Vec<Address>>, ReadError>>;
    /// The first L1 block with at least this time; `None` while there is none.
    fn first_block_at(&self, time: u64) -> BoxFuture<'_, Result<Option<L1Block>, ReadError>>;
}

/// Finds and remembers committees. Clones are the same.
#[derive(Clone)]
pub struct Committees {
    inner: Arc<Inner>,
}

struct Inner {
    reader: Arc<dyn SetReader>,
    store: Arc<Store>,
    timing: Timing,
    genesis_id: Digest,
    chain_id: u64,
    rollup: Address,
    committee_size: usize,
    /// Bound: [`COMMITTEES_MAX`], oldest dropped.
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    committees: BTreeMap<Epoch, Committee>,
    /// Counts reorgs, so that what was read before one is not remembered after it.
    reorgs: u64,
}

impl core::fmt::Debug for Committees {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Committees")
            .field("rollup", &self.inner.rollup)
            .finish_non_exhaustive()
    }
}

impl Committees {
    /// Committees of one instance.
    pub fn new(
        reader: Arc<dyn SetReader>,
        store: Arc<Store>,
        timing: Timing,
        instance: (u64, Address, Digest),
        committee_size: usize,
    ) -> Self {
        let (chain_id, rollup, genesis_id) = instance;
        let known = Mutex::default();
        Self {
            inner: Arc::new(Inner {
                reader,
                store,
                timing,
                genesis_id,
                chain_id,
                rollup,
                committee_size,
                known,
            }),
        }
    }

    /// The committee of an epoch.
    ///
    /// # Errors
    /// [`CommitteeError`].
    pub async fn get(&self, epoch: Epoch) -> Result<Committee, CommitteeError> {
        let reorgs = {
            let known = self.known();
            if let Some(committee) = known.committees.get(&epoch) {
                return Ok(committee.clone());
            }
            known.reorgs
        };
        let l1 = |source: ReadError| CommitteeError::L1 { epoch, source };
        let seed = self.seed(epoch).await?;
        let set = self.inner.reader.validator_set(epoch).await.map_err(l1)?;
        let set = set.ok_or(CommitteeError::NotYetKnown { epoch })?;
        let committee = Committee::sample(epoch, seed, &set, self.inner.committee_size)
            .map_err(|SetTooSmall { found, needed }| CommitteeError::SetTooSmall { epoch, found, needed })?;
        let mut known = self.known();
        if known.reorgs == reorgs {
            known.committees.insert(epoch, committee.clone());
            while known.committees.len() > COMMITTEES_MAX {
                known.committees.pop_first();
            }
        }
        Ok(committee)
    }

    /// Forgets what depended on L1 blocks after `to`; returns the epochs concerned.
    pub fn on_rolled_back(&self, to: &L1Block) -> Vec<Epoch> {
        let timing = &self.inner.timing;
        let mut known = self.known();
        known.reorgs = known.reorgs.wrapping_add(1);
        let is_gone =
            |epoch: &Epoch| timing.entropy_time(*epoch).unwrap_or(timing.freeze_time(*epoch)) > to.time;
        let gone: Vec<Epoch> = known.committees.keys().copied().filter(is_gone).collect();
        for epoch in &gone {
            known.committees.remove(epoch);
        }
        gone
    }

    async fn seed(&self, epoch: Epoch) -> Result<B256, CommitteeError> {
        let inner = &self.inner;
        let Some(time) = inner.timing.entropy_time(epoch) else {
            return Ok(genesis_seed(inner.chain_id, inner.rollup));
        };
        let stored = inner.store.view().seed(epoch);
        if let Some(seed) = stored.map_err(|e| CommitteeError::L1 {
            epoch,
            source: Box::new(e),
        })? {
            return Ok(seed);
        }
        let block = inner.reader.first_block_at(time).await;
        let block = block.map_err(|source| CommitteeError::L1 { epoch, source })?;
        let block = block.ok_or(CommitteeError::NotYetKnown { epoch })?;
        Ok(seed(inner.genesis_id, epoch, block.prevrandao))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Each change leaves the map whole.
        self.inner.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
