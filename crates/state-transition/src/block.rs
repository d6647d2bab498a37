//! Execution of one block (`docs/protocol.md` section 8): deposits, then transactions, on top of the state after the parent.
//!
//! [`execute_block`] takes effects, as they come out of a blob. Whoever holds whole transactions uses [`crate::selection`], which adds the
//! rules that effects alone cannot show. Both run through [`Execution`].

use std::collections::{BTreeMap, BTreeSet};

use agoge_protocol::transaction::{NullifierKey, VALUE_BOUND, nullifier_key};
use agoge_protocol::{
    Address, Deposit, Digest, Element, FreeFields, Header, L2BlockNumber, NetworkConfig, Slot, TxEffects,
    Withdrawal,
};

use crate::error::{ExecutionError, Inconsistency, TxRejection};
use crate::hash;
use crate::state::{NullifierLeaf, StateDiff, StateReader, Tree, Write};
use crate::tree::{self, LEAVES_MAX};

/// What a block may carry, and the least fee; equal for all nodes of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockLimits {
    /// T.
    pub txs_max: usize,
    /// D.
    pub deposits_max: usize,
    /// W.
    pub withdrawals_max: usize,
    /// Least fee of a transaction, gwei. Checked where whole transactions are at hand, never when following L1.
    pub tx_fee_min: u64,
}

impl BlockLimits {
    /// The limits in a network file.
    pub const fn of(network: &NetworkConfig) -> Self {
        Self {
            txs_max: network.protocol.block_txs_max,
            deposits_max: network.protocol.block_deposits_max,
            withdrawals_max: network.protocol.block_withdrawals_max,
            tx_fee_min: network.fees.tx_fee_min_gwei,
        }
    }
}

/// What a block is besides its parent's state, its deposits and its transactions.
///
/// Block number and parent archive are not here: they follow from the state's archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockContext {
    /// The instance.
    pub genesis_id: Digest,
    /// Slot of the block; that it is after the parent's is checked by L1 and by the caller.
    pub slot: Slot,
    /// First second of the slot, Unix time.
    pub timestamp: u64,
    /// L1 address credited with the fees.
    pub fee_recipient: Address,
    /// Deposits consumed up to the parent: index of the first deposit of this block.
    pub inbox_start: u64,
    /// The network's limits.
    pub limits: BlockLimits,
}

/// Result of executing a block. Nothing is written: the caller applies [`Self::diff`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutedBlock {
    /// The header; it holds effects hash, settlement hash, fee total and both roots.
    pub header: Header,
    /// `H(HEADER; ...)`, the archive's new leaf.
    pub header_hash: Digest,
    /// Archive root after the block: what L1 must have posted.
    pub archive: Digest,
    /// Index in the note tree of the block's first commitment: deposits first, then two for each transaction.
    pub first_note_index: u64,
    /// Commitments of the block's deposits, in order.
    pub deposit_commitments: Vec<Digest>,
    /// Withdrawals in the order of their transactions.
    pub withdrawals: Vec<Withdrawal>,
    /// What to write.
    pub diff: StateDiff,
}

impl ExecutedBlock {
    /// What the block's proposer sends to L1 beside the blob.
    pub const fn free_fields(&self) -> FreeFields {
        FreeFields {
            slot: self.header.slot,
            fee_recipient: self.header.fee_recipient,
            inbox_end: self.header.inbox_end,
            archive: self.archive,
        }
    }
}

/// Executes a block from its effects, as found in a blob.
///
/// Anchors, fees and proofs cannot be seen in effects and are not checked: on L1 a block stands when its archive is the one computed here.
///
/// # Errors
/// [`ExecutionError`]; all but `State` and `Inconsistent` mean that no such block exists.
pub fn execute_block<S: StateReader>(
    state: &S,
    context: &BlockContext,
    deposits: &[Deposit],
    effects: &[TxEffects],
) -> Result<ExecutedBlock, ExecutionError<S::Error>> {
    let mut execution = Execution::start(state, context, deposits)?;
    for (index, effects) in effects.iter().enumerate() {
        let ciphertext_hash = hash::ciphertexts(&effects.ciphertexts);
        execution
            .push(effects, ciphertext_hash)
            .map_err(|error| error.at(index))?;
    }
    execution.finish()
}

/// Why one transaction could not be pushed: judged, or not decided.
pub(crate) enum PushError<E> {
    Rejected(TxRejection),
    Failed(ExecutionError<E>),
}

impl<E> From<TxRejection> for PushError<E> {
    fn from(reason: TxRejection) -> Self {
        Self::Rejected(reason)
    }
}

impl<E> PushError<E> {
    pub(crate) fn at(self, index: usize) -> ExecutionError<E> {
        match self {
            Self::Rejected(reason) => ExecutionError::Tx { index, reason },
            Self::Failed(error) => error,
        }
    }
}

/// A block in the making.
pub(crate) struct Execution<'a, S> {
    state: &'a S,
    context: &'a BlockContext,
    first_note_index: u64,
    first_nullifier_index: u64,
    deposit_commitments: Vec<Digest>,
    commitments: Vec<Digest>,
    /// Entries of the nullifier table that this block made or changed.
    touched: BTreeMap<NullifierKey, NullifierLeaf>,
    /// Keys that this block inserted.
    inserted: BTreeSet<NullifierKey>,
    withdrawals: Vec<Withdrawal>,
    settlement_hash: Digest,
    effects_hash: Digest,
    total_fees: u64,
    tx_count: usize,
}

impl<'a, S: StateReader> Execution<'a, S> {
    /// Begins with the block's deposits.
    pub(crate) fn start(
        state: &'a S,
        context: &'a BlockContext,
        deposits: &[Deposit],
    ) -> Result<Self, ExecutionError<S::Error>> {
        let limit = context.limits.deposits_max;
        if deposits.len() > limit {
            return Err(ExecutionError::TooManyDeposits {
                found: deposits.len(),
                limit,
            });
        }
        let mut settlement_hash = Digest::ZERO;
        let mut deposit_commitments = Vec::with_capacity(deposits.len());
        for (expected, deposit) in (context.inbox_start..).zip(deposits) {
            let Deposit {
                index,
                partial,
                value,
                ..
            } = *deposit;
            if index != expected {
                return Err(ExecutionError::DepositOrder {
                    expected,
                    found: index,
                });
            }
            if value >= VALUE_BOUND {
                return Err(ExecutionError::DepositValue { index, value });
            }
            let amount = Element::new(value).map_err(ExecutionError::Header)?;
            let rho = hash::deposit_rho(context.genesis_id, index).map_err(ExecutionError::Header)?;
            deposit_commitments.push(hash::commitment(partial, amount, rho));
            settlement_hash = hash::deposit_step(settlement_hash, partial, amount);
        }
        let count = |tree| state.leaf_count(tree).map_err(ExecutionError::State);
        Ok(Self {
            state,
            context,
            first_note_index: count(Tree::Note)?,
            first_nullifier_index: count(Tree::Nullifier)?,
            commitments: deposit_commitments.clone(),
            deposit_commitments,
            touched: BTreeMap::new(),
            inserted: BTreeSet::new(),
            withdrawals: Vec::new(),
            settlement_hash,
            effects_hash: Digest::ZERO,
            total_fees: 0,
            tx_count: 0,
        })
    }

    /// Adds a transaction, or leaves the block as it was. `ciphertext_hash` must be that of `effects.ciphertexts`.
    pub(crate) fn push(
        &mut self,
        effects: &TxEffects,
        ciphertext_hash: Digest,
    ) -> Result<(), PushError<S::Error>> {
        effects.check().map_err(TxRejection::Malformed)?;
        let limits = &self.context.limits;
        if self.tx_count >= limits.txs_max {
            return Err(TxRejection::BlockFull {
                limit: limits.txs_max,
            }
            .into());
        }
        let withdrawal = effects.withdrawal;
        if withdrawal.amount > 0 && self.withdrawals.len() >= limits.withdrawals_max {
            return Err(TxRejection::WithdrawalsFull {
                limit: limits.withdrawals_max,
            }
            .into());
        }
        let (fee, total) = (effects.fee, self.total_fees);
        let total_fees = total
            .checked_add(fee)
            .filter(|sum| *sum < VALUE_BOUND)
            .ok_or(TxRejection::FeeTotal { fee, total })?;
        let [first, second] = &effects.nullifiers;
        let lows = [
            (first, self.stored_low(first)?),
            (second, self.stored_low(second)?),
        ];
        let not_canonical = |e| PushError::Failed(ExecutionError::Header(e));
        let amount = Element::new(withdrawal.amount).map_err(not_canonical)?;
        let tx_hash = hash::tx_effects(effects, ciphertext_hash).map_err(not_canonical)?;
        for (nullifier, low) in lows {
            self.insert(nullifier_key(nullifier), low)?;
        }
        self.commitments.extend(effects.commitments);
        self.effects_hash = hash::effects_step(self.effects_hash, tx_hash);
        if withdrawal.amount > 0 {
            self.settlement_hash = hash::withdrawal_step(self.settlement_hash, withdrawal.recipient, amount);
            self.withdrawals.push(withdrawal);
        }
        self.total_fees = total_fees;
        self.tx_count = self.tx_count.saturating_add(1);
        Ok(())
    }

    /// The stored entry below a nullifier that neither the state nor this block has.
    fn stored_low(&self, nullifier: &Digest) -> Result<(NullifierKey, NullifierLeaf), PushError<S::Error>> {
        let key = nullifier_key(nullifier);
        if self.inserted.contains(&key) {
            return Err(TxRejection::Conflict {
                nullifier: *nullifier,
            }
            .into());
        }
        let found = self
            .state
            .low_leaf(key)
            .map_err(|e| PushError::Failed(ExecutionError::State(e)))?;
        match found {
            Some((low, _)) if low == key => Err(TxRejection::NullifierSpent {
                nullifier: *nullifier,
            }
            .into()),
            Some((low, leaf)) if low < key => Ok((low, leaf)),
            _ => Err(PushError::Failed(ExecutionError::Inconsistent(
                Inconsistency::MissingLowLeaf(key),
            ))),
        }
    }

    /// Links a key between the entry below it and that entry's successor.
    fn insert(
        &mut self,
        key: NullifierKey,
        stored_low: (NullifierKey, NullifierLeaf),
    ) -> Result<(), PushError<S::Error>> {
        // What this block made or changed hides what is stored.
        let touched_low = self
            .touched
            .range(..key)
            .next_back()
            .map(|(low, leaf)| (*low, *leaf));
        let (low, leaf) = match touched_low {
            Some(touched) if touched.0 >= stored_low.0 => touched,
            _ => stored_low,
        };
        if leaf.next_key != NullifierLeaf::ZERO_KEY && leaf.next_key <= key {
            return Err(PushError::Failed(ExecutionError::Inconsistent(
                Inconsistency::BrokenOrder { low, key },
            )));
        }
        let inserted = u64::try_from(self.inserted.len()).unwrap_or(u64::MAX);
        let index = self.first_nullifier_index.saturating_add(inserted);
        self.touched.insert(
            low,
            NullifierLeaf {
                next_key: key,
                ..leaf
            },
        );
        self.touched.insert(
            key,
            NullifierLeaf {
                index,
                next_key: leaf.next_key,
            },
        );
        self.inserted.insert(key);
        Ok(())
    }

    /// Computes roots, header and archive.
    pub(crate) fn finish(self) -> Result<ExecutedBlock, ExecutionError<S::Error>> {
        let Self {
            state,
            context,
            first_note_index,
            ..
        } = self;
        let mut writes = Vec::new();

        let notes: BTreeMap<u64, Digest> = (first_note_index..).zip(self.commitments).collect();
        let note_count = grown(Tree::Note, first_note_index, notes.len())?;
        let note_root = tree::update(state, Tree::Note, notes, note_count, &mut writes)?;

        let nullifier_count = grown(Tree::Nullifier, self.first_nullifier_index, self.inserted.len())?;
        let leaves = self
            .touched
            .iter()
            .map(|(key, leaf)| (leaf.index, leaf.digest(*key)))
            .collect();
        let nullifier_root = tree::update(state, Tree::Nullifier, leaves, nullifier_count, &mut writes)?;
        writes.extend(self.touched.into_iter().map(|(key, leaf)| Write::Nullifier {
            key,
            leaf: Some(leaf),
        }));

        let archive_index = state.leaf_count(Tree::Archive).map_err(ExecutionError::State)?;
        let archive_count = grown(Tree::Archive, archive_index, 1)?;
        let number = L2BlockNumber::new(archive_count);
        let deposits = u64::try_from(self.deposit_commitments.len()).unwrap_or(u64::MAX);
        let header = Header {
            genesis_id: context.genesis_id,
            number,
            slot: context.slot,
            timestamp: context.timestamp,
            parent_archive: tree::root(state, Tree::Archive).map_err(ExecutionError::State)?,
            note_root,
            note_count,
            nullifier_root,
            nullifier_count,
            inbox_end: context.inbox_start.saturating_add(deposits),
            settlement_hash: self.settlement_hash,
            effects_hash: self.effects_hash,
            fee_recipient: context.fee_recipient,
            total_fees: self.total_fees,
            tx_count: u64::try_from(self.tx_count).unwrap_or(u64::MAX),
        };
        let header_hash = hash::header(&header).map_err(ExecutionError::Header)?;
        let leaf = BTreeMap::from([(archive_index, header_hash)]);
        let archive = tree::update(state, Tree::Archive, leaf, archive_count, &mut writes)?;

        writes.extend([
            Write::LeafCount {
                tree: Tree::Note,
                count: note_count,
            },
            Write::LeafCount {
                tree: Tree::Nullifier,
                count: nullifier_count,
            },
            Write::LeafCount {
                tree: Tree::Archive,
                count: archive_count,
            },
        ]);
        if state.anchor(note_root).map_err(ExecutionError::State)?.is_none() {
            writes.push(Write::Anchor {
                note_root,
                block: Some(number),
            });
        }
        Ok(ExecutedBlock {
            header,
            header_hash,
            archive,
            first_note_index,
            deposit_commitments: self.deposit_commitments,
            withdrawals: self.withdrawals,
            diff: StateDiff::new(writes),
        })
    }
}

fn grown<E>(tree: Tree, count: u64, more: usize) -> Result<u64, ExecutionError<E>> {
    u64::try_from(more)
        .ok()
        .and_then(|more| count.checked_add(more))
        .filter(|sum| *sum <= LEAVES_MAX)
        .ok_or(ExecutionError::TreeFull { tree })
}

#[cfg(test)]
mod tests;
