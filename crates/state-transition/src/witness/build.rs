//! From a state and a block to its steps.

use std::collections::BTreeMap;
use std::convert::Infallible;

use agoge_protocol::transaction::{NullifierKey, nullifier_key};
use agoge_protocol::{Deposit, Digest, Element, Header, L2BlockNumber, NotCanonical, TxPublicInputs};

use super::apply::StepError;
use super::boundary::{GrowingTree, StateBoundary};
use super::overlay::Overlay;
use super::step::{BlockEndStep, DepositStep, LowLeaf, PairPath, StateStep, TransactionStep};
use crate::BlockContext;
use crate::error::Inconsistency;
use crate::hash;
use crate::state::{NullifierLeaf, StateReader, Tree};
use crate::tree::{self, MerklePath};

/// Where headers of earlier blocks are found: an anchor is shown by the header that has it.
pub trait HeaderReader {
    /// Why a read failed. Never "not found".
    type Error: core::error::Error + Send + Sync + 'static;

    /// The header of a block; `None` when it is not known.
    ///
    /// # Errors
    /// The store's.
    fn header(&self, number: L2BlockNumber) -> Result<Option<Header>, Self::Error>;
}

/// Headers in memory, beside [`crate::MemoryState`].
impl HeaderReader for BTreeMap<L2BlockNumber, Header> {
    type Error = Infallible;

    fn header(&self, number: L2BlockNumber) -> Result<Option<Header>, Infallible> {
        Ok(self.get(&number).cloned())
    }
}

/// A block as steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockSteps {
    /// Deposits, transactions, the end.
    pub steps: Vec<StateStep>,
    /// Archive root after the block: compare it with the one posted.
    pub archive: Digest,
}

/// Why a block has no steps. `E` is the state's error, `H` that of the headers.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum WitnessError<E, H> {
    /// A read of the state failed.
    #[error("state: {0}")]
    State(#[source] E),
    /// A read of a header failed.
    #[error("headers: {0}")]
    Headers(#[source] H),
    /// The stored state contradicts itself.
    #[error("stored state is inconsistent: {0}")]
    Inconsistent(Inconsistency),
    /// A deposit is not the next one of the inbox.
    #[error("deposit has inbox index {found}, expected {expected}")]
    DepositOrder {
        /// The next index.
        expected: u64,
        /// The deposit's.
        found: u64,
    },
    /// No block of the parent's archive has the anchor: the block cannot be proven.
    #[error("transaction {index}: anchor {anchor} is the note root of no block")]
    UnknownAnchor {
        /// Position in the block.
        index: usize,
        /// The transaction's.
        anchor: Digest,
    },
    /// The header that has the anchor is not known.
    #[error("transaction {index}: the header of block {number} is missing")]
    MissingHeader {
        /// Position in the block.
        index: usize,
        /// Block that has the anchor.
        number: L2BlockNumber,
    },
    /// A nullifier is in the tree already: the block cannot be proven.
    #[error("transaction {index}: nullifier {nullifier} is spent")]
    NullifierSpent {
        /// Position in the block.
        index: usize,
        /// The nullifier.
        nullifier: Digest,
    },
    /// A step made here does not apply.
    #[error("step {position}: {reason}")]
    Step {
        /// Position among the block's steps.
        position: usize,
        /// Why.
        #[source]
        reason: StepError,
    },
}

/// The steps of one block on the state after its parent. Every step is applied once before it is returned, so wrong reads are found here
/// and not by a prover.
///
/// Reads about 250 nodes and hashes about 700 times for a transaction; holds what the block changes in memory.
///
/// # Errors
/// [`WitnessError`].
pub fn block_steps<S: StateReader, H: HeaderReader>(
    state: &S,
    headers: &H,
    context: &BlockContext,
    deposits: &[Deposit],
    txs: &[TxPublicInputs],
) -> Result<BlockSteps, WitnessError<S::Error, H::Error>> {
    let boundary = StateBoundary::at_start(state, context.inbox_start).map_err(WitnessError::State)?;
    let mut walk = Walk {
        state,
        headers,
        trees: Overlay::new(state),
        genesis_id: context.genesis_id,
        boundary,
        steps: Vec::new(),
    };
    for deposit in deposits {
        walk.deposit(deposit)?;
    }
    for (index, inputs) in txs.iter().enumerate() {
        walk.transaction(index, inputs)?;
    }
    walk.end(context)?;
    Ok(BlockSteps {
        steps: walk.steps,
        archive: walk.boundary.archive,
    })
}

/// Within a block.
struct Walk<'a, S, H> {
    state: &'a S,
    headers: &'a H,
    trees: Overlay<'a, S>,
    genesis_id: Digest,
    boundary: StateBoundary,
    steps: Vec<StateStep>,
}

type Outcome<T, S, H> = Result<T, WitnessError<<S as StateReader>::Error, <H as HeaderReader>::Error>>;

impl<S: StateReader, H: HeaderReader> Walk<'_, S, H> {
    fn deposit(&mut self, deposit: &Deposit) -> Outcome<(), S, H> {
        let expected = self.boundary.inbox_index;
        if deposit.index != expected {
            return Err(WitnessError::DepositOrder {
                expected,
                found: deposit.index,
            });
        }
        let note = self.deposited_note(deposit).map_err(|e| self.refused(e.into()))?;
        let step = DepositStep {
            partial: deposit.partial,
            value: deposit.value,
            note_path: self.append(Tree::Note, self.boundary.notes, &[note])?,
        };
        self.push(StateStep::Deposit(Box::new(step)))
    }

    fn deposited_note(&self, deposit: &Deposit) -> Result<Digest, NotCanonical> {
        let rho = hash::deposit_rho(self.genesis_id, deposit.index)?;
        let value = Element::new(deposit.value)?;
        Ok(hash::commitment(deposit.partial, value, rho))
    }

    fn transaction(&mut self, index: usize, inputs: &TxPublicInputs) -> Outcome<(), S, H> {
        let (anchor_header, anchor_path) = self.anchor(index, inputs.anchor())?;
        let [first, second] = *inputs.nullifiers();
        let nullifiers = self.boundary.nullifiers;

        let first_key = nullifier_key(&first);
        let first_low = self.below(index, first)?;
        let first_leaf = NullifierLeaf {
            index: nullifiers.count,
            next_key: first_low.1.next_key,
        };
        // Before the paths of low leaves are taken, because the odd leaf can be one of them, and the new leaf the second.
        let nullifier_path = self.append(Tree::Nullifier, nullifiers, &[first_leaf.digest(first_key)])?;
        let first_low = self.relink(first_low, first_key)?;
        self.trees.enter(first_key, first_leaf);

        let second_key = nullifier_key(&second);
        let second_low = self.below(index, second)?;
        let second_leaf = NullifierLeaf {
            index: nullifiers.count.saturating_add(1),
            next_key: second_low.1.next_key,
        };
        let second_low = self.relink(second_low, second_key)?;
        self.trees.enter(second_key, second_leaf);

        let step = TransactionStep {
            inputs: inputs.clone(),
            anchor_header,
            anchor_path,
            note_path: self.append(Tree::Note, self.boundary.notes, inputs.commitments())?,
            nullifier_path,
            low_leaves: [first_low, second_low],
        };
        self.push(StateStep::Transaction(Box::new(step)))
    }

    fn end(&mut self, context: &BlockContext) -> Outcome<(), S, H> {
        let number = self.boundary.number.get();
        let archive_siblings = self
            .trees
            .siblings(Tree::Archive, number, 0)
            .map_err(WitnessError::State)?;
        let step = BlockEndStep {
            slot: context.slot,
            timestamp: context.timestamp,
            fee_recipient: context.fee_recipient,
            note_path: self.append(Tree::Note, self.boundary.notes, &[])?,
            nullifier_path: self.append(Tree::Nullifier, self.boundary.nullifiers, &[])?,
            archive_siblings,
        };
        self.push(StateStep::BlockEnd(Box::new(step)))
    }

    /// Applies a step and keeps it.
    fn push(&mut self, step: StateStep) -> Outcome<(), S, H> {
        self.boundary = self
            .boundary
            .apply(self.genesis_id, &step)
            .map_err(|reason| self.refused(reason))?;
        self.steps.push(step);
        Ok(())
    }

    const fn refused<A, B>(&self, reason: StepError) -> WitnessError<A, B> {
        WitnessError::Step {
            position: self.steps.len(),
            reason,
        }
    }

    /// The path of the pair at the end of a tree, in which the odd leaf and those of the new leaves that belong to the pair are then set.
    fn append(&mut self, kind: Tree, tree: GrowingTree, leaves: &[Digest]) -> Outcome<PairPath, S, H> {
        let count = tree.count;
        let siblings = self.trees.siblings(kind, count, 1).map_err(WitnessError::State)?;
        let odd_leaf = (count & 1 == 1 && !tree.is_odd_leaf_in).then_some((count ^ 1, tree.odd_leaf));
        let new = (count..=count | 1).zip(leaves.iter().copied());
        for (index, leaf) in odd_leaf.into_iter().chain(new) {
            self.trees.set(kind, index, leaf).map_err(WitnessError::State)?;
        }
        Ok(PairPath { siblings })
    }

    /// The entry below a nullifier that is not in the tree.
    fn below(&self, index: usize, nullifier: Digest) -> Outcome<(NullifierKey, NullifierLeaf), S, H> {
        let key = nullifier_key(&nullifier);
        match self.trees.low_leaf(key).map_err(WitnessError::State)? {
            Some((found, _)) if found == key => Err(WitnessError::NullifierSpent { index, nullifier }),
            Some(low) => Ok(low),
            None => Err(WitnessError::Inconsistent(Inconsistency::MissingLowLeaf(key))),
        }
    }

    /// The low leaf with its path, which then leads to `key`.
    fn relink(
        &mut self,
        (low_key, low): (NullifierKey, NullifierLeaf),
        key: NullifierKey,
    ) -> Outcome<LowLeaf, S, H> {
        let siblings = self
            .trees
            .siblings(Tree::Nullifier, low.index, 0)
            .map_err(WitnessError::State)?;
        let changed = NullifierLeaf { next_key: key, ..low };
        self.trees
            .set(Tree::Nullifier, low.index, changed.digest(low_key))
            .map_err(WitnessError::State)?;
        self.trees.enter(low_key, changed);
        Ok(LowLeaf {
            key: low_key,
            next_key: low.next_key,
            path: MerklePath {
                index: low.index,
                siblings,
            },
        })
    }

    /// The header with an anchor, and its path in the parent's archive.
    fn anchor(&self, index: usize, anchor: Digest) -> Outcome<(Header, MerklePath), S, H> {
        let unknown = WitnessError::UnknownAnchor { index, anchor };
        let number = self.state.anchor(anchor).map_err(WitnessError::State)?;
        let Some((number, place)) = number.and_then(|number| Some((number, number.get().checked_sub(1)?)))
        else {
            return Err(unknown);
        };
        let path = tree::path(self.state, Tree::Archive, place).map_err(WitnessError::State)?;
        let path = path.ok_or(unknown)?;
        let header = self.headers.header(number).map_err(WitnessError::Headers)?;
        let header = header.ok_or(WitnessError::MissingHeader { index, number })?;
        Ok((header, path))
    }
}
