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

/// Times a look-up is begun again because L1 was reorganised under it.
const ATTEMPTS_MAX: usize = 4;

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
    /// Look-ups that failed since the last L1 block, so that nobody's questions make the node ask its L1 provider again and again.
    /// Bound: [`COMMITTEES_MAX`], oldest dropped.
    failures: BTreeMap<Epoch, Failure>,
    /// Counts reorgs, so that what was read before one is neither told nor remembered after it.
    reorgs: u64,
}

impl Known {
    fn fail(&mut self, epoch: Epoch, failure: Failure) {
        self.failures.insert(epoch, failure);
        while self.failures.len() > COMMITTEES_MAX {
            self.failures.pop_first();
        }
    }
}

/// Why a look-up failed, as far as it is remembered.
#[derive(Clone, Debug)]
enum Failure {
    NotYetKnown,
    SetTooSmall { found: usize, needed: usize },
    L1(String),
}

/// What a remembered failure of L1 was.
#[derive(Debug, thiserror::Error)]
#[error("{0} (not asked again before the next L1 block)")]
struct Remembered(String);

impl Failure {
    fn of(error: &CommitteeError) -> Self {
        match error {
            CommitteeError::NotYetKnown { .. } => Self::NotYetKnown,
            CommitteeError::SetTooSmall { found, needed, .. } => Self::SetTooSmall {
                found: *found,
                needed: *needed,
            },
            CommitteeError::L1 { source, .. } => Self::L1(source.to_string()),
        }
    }

    fn error(&self, epoch: Epoch) -> CommitteeError {
        match self {
            Self::NotYetKnown => CommitteeError::NotYetKnown { epoch },
            Self::SetTooSmall { found, needed } => CommitteeError::SetTooSmall {
                epoch,
                found: *found,
                needed: *needed,
            },
            Self::L1(text) => CommitteeError::L1 {
                epoch,
                source: Box::new(Remembered(text.clone())),
            },
        }
    }
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

    /// The committee of an epoch. A failure is remembered until [`Self::on_l1_block`].
    ///
    /// # Errors
    /// [`CommitteeError`].
    pub async fn get(&self, epoch: Epoch) -> Result<Committee, CommitteeError> {
        for _ in 0..ATTEMPTS_MAX {
            let reorgs = {
                let known = self.known();
                if let Some(committee) = known.committees.get(&epoch) {
                    return Ok(committee.clone());
                }
                if let Some(failure) = known.failures.get(&epoch) {
                    return Err(failure.error(epoch));
                }
                known.reorgs
            };
            let result = self.look_up(epoch).await;
            let mut known = self.known();
            if known.reorgs != reorgs {
                // What was read may be of the chain that is gone.
                continue;
            }
            match &result {
                Ok(committee) => {
                    known.committees.insert(epoch, committee.clone());
                    while known.committees.len() > COMMITTEES_MAX {
                        known.committees.pop_first();
                    }
                }
                Err(error) => known.fail(epoch, Failure::of(error)),
            }
            return result;
        }
        Err(CommitteeError::NotYetKnown { epoch })
    }

    /// Whether this is the epoch's committee by what is remembered: an answer that waited in a queue while L1 was reorganised is not.
    pub fn is_current(&self, epoch: Epoch, committee: &Committee) -> bool {
        self.known().committees.get(&epoch) == Some(committee)
    }

    /// L1 has a new block: what could not be found before may be found now.
    pub fn on_l1_block(&self) {
        self.known().failures.clear();
    }

    async fn look_up(&self, epoch: Epoch) -> Result<Committee, CommitteeError> {
        let l1 = |source: ReadError| CommitteeError::L1 { epoch, source };
        let seed = self.seed(epoch).await?;
        let set = self.inner.reader.validator_set(epoch).await.map_err(l1)?;
        let set = set.ok_or(CommitteeError::NotYetKnown { epoch })?;
        Committee::sample(epoch, seed, &set, self.inner.committee_size)
            .map_err(|SetTooSmall { found, needed }| CommitteeError::SetTooSmall { epoch, found, needed })
    }

    /// Forgets what depended on L1 blocks after `to`; returns the epochs concerned.
    pub fn on_rolled_back(&self, to: &L1Block) -> Vec<Epoch> {
        let timing = &self.inner.timing;
        let mut known = self.known();
        known.reorgs = known.reorgs.wrapping_add(1);
        known.failures.clear();
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
