//! The pure index of the pool: what stays, what leaves, in which order transactions are taken into blocks.
//!
//! * Order: higher fee first, then smaller id. (Proofs of a profile have one length, so fee per byte would order the same.)
//! * Full: the last in that order leaves, be it the newcomer. So pools that saw the same transactions, in whatever order, and no
//!   conflicts hold the same ones.
//! * Conflict (a shared nullifier key): the queued one stays unless the newcomer pays at least a tenth more than all that it would replace.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use agoge_protocol::transaction::{NullifierKey, nullifier_key};
use agoge_protocol::{Digest, Transaction, TxEffects, TxId};

use super::reason::RefuseReason;

/// Bounds of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolLimits {
    /// Transactions.
    pub count_max: usize,
    /// Bytes of their encodings.
    pub bytes_max: usize,
}

/// What is known of a queued transaction without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    bytes: usize,
    anchor: Digest,
    /// All that a blob tells of it. A few hundred bytes, so they are compared whole rather than by a digest.
    effects: TxEffects,
}

/// Place in the order of the pool: smallest first into a block, largest first out of a full pool.
type Rank = (Reverse<u64>, TxId);

/// A transaction was taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Insertion {
    /// Those that it replaced, at most two.
    pub replaced: Vec<TxId>,
    /// Those that had to leave for want of room.
    pub evicted: Vec<TxId>,
}

/// The index.
#[derive(Debug)]
pub struct Pool {
    limits: PoolLimits,
    /// Bound: `limits.count_max`, exceeded only by [`Self::restore`].
    entries: BTreeMap<TxId, Entry>,
    ranks: BTreeSet<Rank>,
    spenders: BTreeMap<NullifierKey, TxId>,
    bytes: usize,
}

impl Pool {
    /// An empty pool.
    pub const fn new(limits: PoolLimits) -> Self {
        Self {
            limits,
            entries: BTreeMap::new(),
            ranks: BTreeSet::new(),
            spenders: BTreeMap::new(),
            bytes: 0,
        }
    }

    /// Whether the transaction would be taken, before anything expensive is done for it.
    ///
    /// # Errors
    /// [`RefuseReason::AlreadyQueued`], [`RefuseReason::Conflict`], [`RefuseReason::PoolFull`].
    pub fn check(&self, id: TxId, tx: &Transaction, bytes: usize) -> Result<(), RefuseReason> {
        self.plan(id, tx, bytes).map(drop)
    }

    /// Takes a transaction whose rules and proof have been checked.
    ///
    /// # Errors
    /// As [`Self::check`]; nothing changes then.
    pub fn insert(&mut self, id: TxId, tx: &Transaction, bytes: usize) -> Result<Insertion, RefuseReason> {
        let insertion = self.plan(id, tx, bytes)?;
        for gone in insertion.replaced.iter().chain(&insertion.evicted) {
            self.remove(*gone);
        }
        self.add(id, tx, bytes);
        Ok(insertion)
    }

    /// Takes back a transaction that was stored or mined before: whatever conflicts with it leaves, and the bounds are restored by
    /// eviction, which may hit the transaction itself.
    pub fn restore(&mut self, id: TxId, tx: &Transaction, bytes: usize) -> Insertion {
        if self.entries.contains_key(&id) {
            return Insertion::default();
        }
        let replaced = self.conflicts(tx);
        for gone in &replaced {
            self.remove(*gone);
        }
        self.add(id, tx, bytes);
        let mut evicted = Vec::new();
        while self.is_above_limits() {
            let Some((_, last)) = self.ranks.last().copied() else {
                break;
            };
            self.remove(last);
            evicted.push(last);
        }
        Insertion { replaced, evicted }
    }

    /// Removes a transaction; whether it was there.
    pub fn remove(&mut self, id: TxId) -> bool {
        let Some(entry) = self.entries.remove(&id) else {
            return false;
        };
        self.ranks.remove(&(Reverse(entry.effects.fee), id));
        for key in entry.effects.nullifiers.each_ref().map(nullifier_key) {
            self.spenders.remove(&key);
        }
        self.bytes = self.bytes.saturating_sub(entry.bytes);
        true
    }

    /// The queued transaction that has exactly these effects: how a mined transaction, which has no id in a blob, is recognised.
    pub fn with_effects(&self, effects: &TxEffects) -> Option<TxId> {
        let [first, _] = &effects.nullifiers;
        let id = self.spenders.get(&nullifier_key(first)).copied()?;
        let entry = self.entries.get(&id)?;
        (entry.effects == *effects).then_some(id)
    }

    /// Queued transactions that spend what these effects spend; at most two.
    pub fn spending_the_same(&self, effects: &TxEffects) -> BTreeSet<TxId> {
        effects
            .nullifiers
            .iter()
            .filter_map(|nullifier| self.spenders.get(&nullifier_key(nullifier)).copied())
            .collect()
    }

    /// Ids and anchors, in the order of ids.
    pub fn anchors(&self) -> impl Iterator<Item = (TxId, Digest)> {
        self.entries.iter().map(|(id, entry)| (*id, entry.anchor))
    }

    /// Ids and anchors, in the order in which they are taken into blocks.
    pub fn best(&self) -> impl Iterator<Item = (TxId, Digest)> {
        self.ranks
            .iter()
            .filter_map(|(_, id)| Some((*id, self.entries.get(id)?.anchor)))
    }

    /// The lowest fee queued, gwei.
    pub fn lowest_fee(&self) -> Option<u64> {
        self.ranks.last().map(|(Reverse(fee), _)| *fee)
    }

    /// Whether a transaction is queued.
    pub fn contains(&self, id: TxId) -> bool {
        self.entries.contains_key(&id)
    }

    /// Transactions queued.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is queued.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes queued.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    fn plan(&self, id: TxId, tx: &Transaction, bytes: usize) -> Result<Insertion, RefuseReason> {
        if self.entries.contains_key(&id) {
            return Err(RefuseReason::AlreadyQueued);
        }
        let fee = tx.public_inputs.fee();
        let replaced = self.conflicts(tx);
        if let Some(with) = replaced.first().copied() {
            // At most two fees below 2^60 each.
            let sum = replaced
                .iter()
                .filter_map(|id| self.entries.get(id))
                .map(|e| e.effects.fee)
                .fold(0, u64::saturating_add);
            let needed = sum.saturating_add((sum / 10).max(1));
            if fee < needed {
                return Err(RefuseReason::Conflict { with, needed });
            }
        }
        let freed = replaced
            .iter()
            .filter_map(|id| self.entries.get(id))
            .map(|e| e.bytes)
            .sum::<usize>();
        let mut count = self
            .entries
            .len()
            .saturating_sub(replaced.len())
            .saturating_add(1);
        let mut total = self.bytes.saturating_sub(freed).saturating_add(bytes);
        let mut evicted = Vec::new();
        let mut last = self.ranks.iter().rev().filter(|(_, id)| !replaced.contains(id));
        while count > self.limits.count_max || total > self.limits.bytes_max {
            let Some((Reverse(lowest), victim)) = last.next() else {
                return Err(RefuseReason::PoolFull { lowest: fee });
            };
            if (Reverse(*lowest), *victim) <= (Reverse(fee), id) {
                return Err(RefuseReason::PoolFull { lowest: *lowest });
            }
            evicted.push(*victim);
            count = count.saturating_sub(1);
            total = total.saturating_sub(self.entries.get(victim).map_or(0, |e| e.bytes));
        }
        Ok(Insertion { replaced, evicted })
    }

    fn conflicts(&self, tx: &Transaction) -> Vec<TxId> {
        let keys = tx.public_inputs.nullifiers().each_ref().map(nullifier_key);
        let ids: BTreeSet<TxId> = keys
            .iter()
            .filter_map(|key| self.spenders.get(key).copied())
            .collect();
        ids.into_iter().collect()
    }

    fn add(&mut self, id: TxId, tx: &Transaction, bytes: usize) {
        let entry = Entry {
            bytes,
            anchor: tx.public_inputs.anchor(),
            effects: tx.effects(),
        };
        for key in entry.effects.nullifiers.each_ref().map(nullifier_key) {
            self.spenders.insert(key, id);
        }
        self.ranks.insert((Reverse(entry.effects.fee), id));
        self.bytes = self.bytes.saturating_add(bytes);
        self.entries.insert(id, entry);
    }

    fn is_above_limits(&self) -> bool {
        self.entries.len() > self.limits.count_max || self.bytes > self.limits.bytes_max
    }
}

#[cfg(test)]
mod tests;
