//! The store: opening, views, and the few ways to change it.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use agoge_protocol::limits::BLOB_BYTES;
use agoge_protocol::{B256, L1BlockNumber, Slot, Transaction, TxId};

use crate::backend::memory::MemoryBackend;
use crate::backend::rocks::RocksBackend;
use crate::backend::{Backend, Durability};
use crate::config::StoreConfig;
use crate::error::{OpenError, StepError, StoreError};
use crate::identity::{self, StoreIdentity};
use crate::lock::Lock;
use crate::pool::{self, PoolSize, Queued};
use crate::records::{L1Step, MinedAt, StepOutcome, Tips};
use crate::rows;
use crate::table::Table;
use crate::txn::Txn;
use crate::view::StoreView;
use crate::{apply, blobs, check, reads, state};

const DATABASE_FOLDER: &str = "db";

/// All that a node keeps, except what it has signed ([`crate::SigningGuard`]).
///
/// Every method blocks; callers on async threads wrap them. Changes are serialised; views never wait for them.
pub struct Store {
    backend: Box<dyn Backend>,
    config: StoreConfig,
    /// Held while a change is made, because it reads before it writes.
    writer: Mutex<()>,
    _lock: Option<Lock>,
}

impl core::fmt::Debug for Store {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Store")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Opens a data directory, or makes one where nothing is.
    ///
    /// # Errors
    /// [`OpenError`]. A directory of another network, instance or schema, or of another program, is left untouched.
    pub fn open(path: &Path, identity: &StoreIdentity, config: StoreConfig) -> Result<Self, OpenError> {
        let lock = identity::claim(path, identity)?;
        let corrupt = |source| OpenError::Corrupt {
            path: path.to_owned(),
            source,
        };
        let backend = RocksBackend::open(&path.join(DATABASE_FOLDER)).map_err(|e| corrupt(e.into()))?;
        let store = Self {
            backend: Box::new(backend),
            config,
            writer: Mutex::new(()),
            _lock: Some(lock),
        };
        store.write_genesis().map_err(corrupt)?;
        check::check(store.backend.snapshot().as_ref()).map_err(corrupt)?;
        Ok(store)
    }

    /// The same store in memory, gone when it is dropped.
    ///
    /// # Errors
    /// [`StoreError`]: none in fact, for memory does not fail.
    pub fn in_memory(config: StoreConfig) -> Result<Self, StoreError> {
        let backend = Box::new(MemoryBackend::default());
        let store = Self {
            backend,
            config,
            writer: Mutex::new(()),
            _lock: None,
        };
        store.write_genesis()?;
        Ok(store)
    }

    /// A view of the store as it is at this moment.
    pub fn view(&self) -> StoreView<'_> {
        StoreView::new(self.backend.snapshot())
    }

    /// The store as it would be after a step, which is not stored: what a further block of the same L1 block is executed on.
    ///
    /// # Errors
    /// [`StepError`].
    pub fn preview(&self, step: L1Step) -> Result<StoreView<'_>, StepError> {
        let mut txn = Txn::new(self.backend.snapshot());
        apply::apply(&mut txn, &self.config, step)?;
        Ok(StoreView::new(Box::new(txn)))
    }

    /// Stores an L1 block and all it changes, or nothing. A step with changes is on the disk when this returns; an empty one follows with
    /// the next, because L1 tells it again.
    ///
    /// # Errors
    /// [`StepError`].
    pub fn apply_l1_block(&self, step: L1Step) -> Result<StepOutcome, StepError> {
        let durability = if step.changes.is_empty() {
            Durability::Later
        } else {
            Durability::Now
        };
        let (_writer, mut txn) = self.begin();
        let outcome = apply::apply(&mut txn, &self.config, step)?;
        self.backend.write(txn.into_batch(), durability)?;
        Ok(outcome)
    }

    /// Returns to a recorded L1 block, which stays. Each L1 block after it is taken back at once, one after the other: cut short by a
    /// crash, the store stands at one of them, and the same call continues.
    ///
    /// # Errors
    /// [`StepError::TooDeep`] when `number` is not recorded with this hash; nothing is changed then.
    pub fn rollback_l1(&self, number: L1BlockNumber, hash: B256) -> Result<StepOutcome, StepError> {
        let (_writer, mut txn) = self.begin();
        let target = StoreView::new(self.backend.snapshot()).l1_record(number)?;
        if target.is_none_or(|record| record.block.hash != hash) {
            let oldest = rows::first_number(&txn, Table::L1Blocks)?.map(L1BlockNumber::new);
            return Err(StepError::TooDeep { number, hash, oldest });
        }
        let mut total = StepOutcome {
            tips: reads::tips(&txn)?,
            ..StepOutcome::default()
        };
        // Each round removes one recorded L1 block.
        while reads::l1_head(&txn)?.is_some_and(|head| head.block.number > number) {
            if let Some(step) = apply::roll_back_one(&mut txn)? {
                total.absorb(step);
            }
            self.backend.write(txn.into_batch(), Durability::Now)?;
            txn = Txn::new(self.backend.snapshot());
        }
        Ok(total)
    }

    /// Records that an L1 block is final: what was proven after it is finalized. Unknown blocks change nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn finalize_l1(&self, number: L1BlockNumber) -> Result<Tips, StoreError> {
        let (_writer, mut txn) = self.begin();
        let mut tips = reads::tips(&txn)?;
        let record = StoreView::new(self.backend.snapshot()).l1_record(number)?;
        if let Some(proven) = record
            .map(|record| record.proven)
            .filter(|proven| *proven > tips.finalized)
        {
            tips.finalized = proven;
            txn.set(Table::Meta, rows::meta::TIPS.to_vec(), Some(rows::encode(&tips)));
            self.backend.write(txn.into_batch(), Durability::Later)?;
        }
        Ok(tips)
    }

    /// Keeps a queued transaction over a restart. When [`Queued::Full`], nothing is kept: the mempool decides what leaves.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn queue_tx(&self, tx: &Transaction) -> Result<Queued, StoreError> {
        let (_writer, mut txn) = self.begin();
        let limits = PoolSize {
            count: self.config.queued_txs_max,
            bytes: self.config.queued_bytes_max,
        };
        let queued = pool::queue(&mut txn, tx, limits)?;
        self.backend.write(txn.into_batch(), Durability::Later)?;
        Ok(queued)
    }

    /// Removes transactions from the queue; returns how many were there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn remove_queued(&self, ids: &[TxId]) -> Result<usize, StoreError> {
        let (_writer, mut txn) = self.begin();
        let mut removed = 0_usize;
        for id in ids {
            removed = removed.saturating_add(usize::from(pool::remove(&mut txn, *id)?));
        }
        self.backend.write(txn.into_batch(), Durability::Later)?;
        Ok(removed)
    }

    /// Keeps a transaction of a recent block that arrived after the block; whether the block has it there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn keep_mined_tx(&self, at: MinedAt, tx: &Transaction) -> Result<bool, StoreError> {
        let (_writer, mut txn) = self.begin();
        let kept = pool::keep_mined(&mut txn, &self.config, at, tx)?;
        self.backend.write(txn.into_batch(), Durability::Later)?;
        Ok(kept)
    }

    /// Archives a blob whose hash the caller has checked. The oldest leave when the archive's bounds are reached.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn put_blob(&self, slot: Slot, hash: B256, blob: &[u8; BLOB_BYTES]) -> Result<(), StoreError> {
        let (_writer, mut txn) = self.begin();
        blobs::put(&mut txn, &self.config, slot, hash, blob)?;
        self.backend.write(txn.into_batch(), Durability::Later)
    }

    fn write_genesis(&self) -> Result<(), StoreError> {
        let (_writer, mut txn) = self.begin();
        state::write_genesis(&mut txn)?;
        self.backend.write(txn.into_batch(), Durability::Now)
    }

    fn begin(&self) -> (MutexGuard<'_, ()>, Txn<'_>) {
        // A change that panicked wrote all or nothing: what is stored is whole.
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        (writer, Txn::new(self.backend.snapshot()))
    }
}

#[cfg(test)]
impl Store {
    /// Writes rows as damage would.
    pub(crate) fn write_raw(&self, batch: crate::backend::Batch, durability: Durability) {
        self.backend.write(batch, durability).unwrap();
    }
}
