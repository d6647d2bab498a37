//! What a step does to the boundary: the native twin of one unit of the state circuit.

use agoge_protocol::transaction::{NullifierKey, VALUE_BOUND, nullifier_key};
use agoge_protocol::{Digest, Element, Header, L2BlockNumber, NotCanonical};

use super::boundary::{GrowingTree, OpenBlock, StateBoundary};
use super::step::{BlockEndStep, DepositStep, LowLeaf, PairPath, StateStep, TransactionStep};
use crate::hash;
use crate::state::{NullifierLeaf, Tree};
use crate::tree::{LEAVES_MAX, MerklePath};

/// Which path or which root a step got wrong, or which rule it breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// A deposit after a transaction of its block.
    #[error("a deposit follows transaction {tx_count} of its block")]
    DepositAfterTransaction {
        /// Transactions so far.
        tx_count: u64,
    },
    /// The tree has as many leaves as the circuit can append.
    #[error("the {tree:?} tree has no room")]
    TreeFull {
        /// Which tree.
        tree: Tree,
    },
    /// The nullifier tree starts with one leaf and grows by two, so its count is odd.
    #[error("the nullifier tree has {count} leaves, an even number")]
    EvenNullifierCount {
        /// Of the boundary.
        count: u64,
    },
    /// A path of a place for new leaves leads to another root.
    #[error("the path in the {tree:?} tree leads to {found}, the root is {expected}")]
    AppendPath {
        /// Which tree.
        tree: Tree,
        /// Of the boundary.
        expected: Digest,
        /// Of the path.
        found: Digest,
    },
    /// The path of a low leaf leads to another root.
    #[error("the entry below nullifier {nullifier} leads to {found}, the root is {expected}")]
    LowLeafPath {
        /// 0 or 1.
        nullifier: usize,
        /// Of the tree at that moment.
        expected: Digest,
        /// Of the path.
        found: Digest,
    },
    /// The low leaf does not enclose the key.
    #[error("the entry {low:?} with next key {next:?} does not enclose nullifier {nullifier}")]
    NotEnclosed {
        /// 0 or 1.
        nullifier: usize,
        /// Key of the low leaf.
        low: NullifierKey,
        /// Its next key.
        next: NullifierKey,
    },
    /// The header that should have the anchor is not in the parent's archive.
    #[error("the header of block {number} is not in the parent's archive at index {index}")]
    AnchorPath {
        /// The header's.
        number: L2BlockNumber,
        /// The path's.
        index: u64,
    },
    /// The header's note root is not the anchor.
    #[error("the anchor is {anchor}, the header of block {number} has another note root")]
    WrongAnchor {
        /// The transaction's.
        anchor: Digest,
        /// The header's.
        number: L2BlockNumber,
    },
    /// The transaction, or the anchor's header, is of another instance.
    #[error("genesis id is {found}, expected {expected}")]
    WrongGenesis {
        /// Of the epoch.
        expected: Digest,
        /// As given.
        found: Digest,
    },
    /// The block's fees reach 2^60.
    #[error("fee of {fee} gwei on top of {total} reaches 2^60")]
    FeeTotal {
        /// The transaction's.
        fee: u64,
        /// The block's so far.
        total: u64,
    },
    /// A count or position is at the end of its range.
    #[error("{0} cannot grow")]
    Overflow(&'static str),
    /// An integer is not below the field's modulus.
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
}

impl StateBoundary {
    /// The boundary after a step.
    ///
    /// # Errors
    /// [`StepError`] when the circuit would have no proof of the step.
    pub fn apply(&self, genesis_id: Digest, step: &StateStep) -> Result<Self, StepError> {
        match step {
            StateStep::Deposit(step) => self.deposit(genesis_id, step),
            StateStep::Transaction(step) => self.transaction(genesis_id, step),
            StateStep::BlockEnd(step) => self.block_end(genesis_id, step),
        }
    }

    fn deposit(&self, genesis_id: Digest, step: &DepositStep) -> Result<Self, StepError> {
        if self.block.tx_count != 0 {
            return Err(StepError::DepositAfterTransaction {
                tx_count: self.block.tx_count,
            });
        }
        let value = Element::new(step.value)?;
        let rho = hash::deposit_rho(genesis_id, self.inbox_index)?;
        let note = hash::commitment(step.partial, value, rho);
        Ok(Self {
            notes: append(Tree::Note, &self.notes, &step.note_path, &[note])?,
            inbox_index: add(self.inbox_index, 1, "the inbox index")?,
            block: OpenBlock {
                settlement_hash: hash::deposit_step(self.block.settlement_hash, step.partial, value),
                ..self.block
            },
            ..*self
        })
    }

    fn transaction(&self, genesis_id: Digest, step: &TransactionStep) -> Result<Self, StepError> {
        let inputs = &step.inputs;
        self.check_anchor(genesis_id, step)?;
        let (fee, total) = (inputs.fee(), self.block.total_fees);
        let total_fees = total
            .checked_add(fee)
            .filter(|sum| *sum < VALUE_BOUND)
            .ok_or(StepError::FeeTotal { fee, total })?;
        let tx_hash = hash::tx_effects_of(inputs);
        let withdrawal = inputs.withdrawal();
        let settlement_hash = if withdrawal.amount > 0 {
            let amount = Element::new(withdrawal.amount)?;
            hash::withdrawal_step(self.block.settlement_hash, withdrawal.recipient, amount)
        } else {
            self.block.settlement_hash
        };
        Ok(Self {
            notes: append(Tree::Note, &self.notes, &step.note_path, inputs.commitments())?,
            nullifiers: self.insert(step)?,
            block: OpenBlock {
                settlement_hash,
                effects_hash: hash::effects_step(self.block.effects_hash, tx_hash),
                total_fees,
                tx_count: add(self.block.tx_count, 1, "the number of transactions")?,
            },
            tx_chain: hash::tx_chain_step(self.tx_chain, tx_hash, inputs.anchor(), genesis_id),
            ..*self
        })
    }

    fn check_anchor(&self, genesis_id: Digest, step: &TransactionStep) -> Result<(), StepError> {
        let header = &step.anchor_header;
        if let Some(found) = [step.inputs.genesis_id(), header.genesis_id]
            .into_iter()
            .find(|found| *found != genesis_id)
        {
            return Err(StepError::WrongGenesis {
                expected: genesis_id,
                found,
            });
        }
        let number = header.number;
        if header.note_root != step.inputs.anchor() {
            return Err(StepError::WrongAnchor {
                anchor: step.inputs.anchor(),
                number,
            });
        }
        if !step.anchor_path.verify(hash::header(header)?, self.archive) {
            return Err(StepError::AnchorPath {
                number,
                index: step.anchor_path.index,
            });
        }
        Ok(())
    }

    /// The odd leaf and nullifier 0 enter as a pair, both low leaves are changed, nullifier 1 becomes the odd leaf.
    fn insert(&self, step: &TransactionStep) -> Result<GrowingTree, StepError> {
        let [first, second] = step.inputs.nullifiers().each_ref().map(nullifier_key);
        let [first_low, second_low] = &step.low_leaves;
        let leaf = hash::nullifier_leaf(first, first_low.next_key);
        let tree = append(Tree::Nullifier, &self.nullifiers, &step.nullifier_path, &[leaf])?;
        let root = relink(0, tree.root, first, first_low)?;
        let root = relink(1, root, second, second_low)?;
        Ok(GrowingTree {
            root,
            count: room(Tree::Nullifier, tree.count, 1)?,
            odd_leaf: hash::nullifier_leaf(second, second_low.next_key),
            is_odd_leaf_in: false,
        })
    }

    /// The header with which the block ends, once the odd leaves are in.
    ///
    /// # Errors
    /// [`StepError::Overflow`] when there is no next block number.
    pub fn header(&self, genesis_id: Digest, step: &BlockEndStep) -> Result<Header, StepError> {
        Ok(Header {
            genesis_id,
            number: L2BlockNumber::new(add(self.number.get(), 1, "the block number")?),
            slot: step.slot,
            timestamp: step.timestamp,
            parent_archive: self.archive,
            note_root: self.notes.root,
            note_count: self.notes.count,
            nullifier_root: self.nullifiers.root,
            nullifier_count: self.nullifiers.count,
            inbox_end: self.inbox_index,
            settlement_hash: self.block.settlement_hash,
            effects_hash: self.block.effects_hash,
            fee_recipient: step.fee_recipient,
            total_fees: self.block.total_fees,
            tx_count: self.block.tx_count,
        })
    }

    fn block_end(&self, genesis_id: Digest, step: &BlockEndStep) -> Result<Self, StepError> {
        let whole = Self {
            notes: append(Tree::Note, &self.notes, &step.note_path, &[])?,
            nullifiers: append(Tree::Nullifier, &self.nullifiers, &step.nullifier_path, &[])?,
            ..*self
        };
        let header = whole.header(genesis_id, step)?;
        let header_hash = hash::header(&header)?;
        let path = MerklePath {
            index: room(Tree::Archive, self.number.get(), 0)?,
            siblings: step.archive_siblings,
        };
        let found = path.root(Digest::ZERO);
        if found != self.archive {
            return Err(StepError::AppendPath {
                tree: Tree::Archive,
                expected: self.archive,
                found,
            });
        }
        let archive = path.root(header_hash);
        Ok(Self {
            archive,
            number: header.number,
            block: OpenBlock::default(),
            header_chain: hash::header_chain_step(self.header_chain, header_hash, archive),
            ..whole
        })
    }
}

/// Appends at most one leaf to an odd count, at most two to an even one; with two to an odd one the second becomes the odd leaf. Without
/// leaves it puts the odd leaf in.
fn append(
    kind: Tree,
    tree: &GrowingTree,
    path: &PairPath,
    leaves: &[Digest],
) -> Result<GrowingTree, StepError> {
    let index = room(kind, tree.count, 0)?;
    let is_odd = index & 1 == 1;
    if kind == Tree::Nullifier && !is_odd {
        return Err(StepError::EvenNullifierCount { count: index });
    }
    let odd_leaf = tree.odd_leaf;
    let old_left = if tree.is_odd_leaf_in {
        odd_leaf
    } else {
        Digest::ZERO
    };
    let found = path.root(index, [old_left, Digest::ZERO]);
    if found != tree.root {
        return Err(StepError::AppendPath {
            tree: kind,
            expected: tree.root,
            found,
        });
    }
    let mut new = leaves.iter().copied();
    let left = if is_odd {
        odd_leaf
    } else {
        new.next().unwrap_or(Digest::ZERO)
    };
    let right = new.next();
    let waiting = new.next();
    let count = room(kind, index, leaves.len())?;
    let odd_leaf = match (count & 1, waiting) {
        (1, Some(leaf)) => leaf,
        (1, None) => left,
        _ => Digest::ZERO,
    };
    Ok(GrowingTree {
        root: path.root(index, [left, right.unwrap_or(Digest::ZERO)]),
        count,
        odd_leaf,
        is_odd_leaf_in: waiting.is_none(),
    })
}

/// Makes `key` the successor of its low leaf.
fn relink(nullifier: usize, root: Digest, key: NullifierKey, low: &LowLeaf) -> Result<Digest, StepError> {
    let is_below_next = low.next_key == NullifierLeaf::ZERO_KEY || key < low.next_key;
    if low.key >= key || !is_below_next {
        return Err(StepError::NotEnclosed {
            nullifier,
            low: low.key,
            next: low.next_key,
        });
    }
    let leaf = hash::nullifier_leaf(low.key, low.next_key);
    if !low.path.verify(leaf, root) {
        return Err(StepError::LowLeafPath {
            nullifier,
            expected: root,
            found: low.path.root(leaf),
        });
    }
    Ok(low.path.root(hash::nullifier_leaf(low.key, key)))
}

/// `count + more`, where `count` must still be an index: the circuit's indices have 32 bits.
fn room(tree: Tree, count: u64, more: usize) -> Result<u64, StepError> {
    u64::try_from(more)
        .ok()
        .filter(|_| count < LEAVES_MAX)
        .and_then(|more| count.checked_add(more))
        .ok_or(StepError::TreeFull { tree })
}

fn add(number: u64, more: u64, what: &'static str) -> Result<u64, StepError> {
    number.checked_add(more).ok_or(StepError::Overflow(what))
}
