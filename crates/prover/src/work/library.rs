//! What jobs are made from: transactions and witnesses of blocks, read when a job starts, so that an epoch's data are never all in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use agoge_protocol::limits::TREE_DEPTH;
use agoge_protocol::{BlockHash, Digest, Header, L2BlockNumber, Transaction, TxPublicInputs};
use agoge_state_transition::witness::{HeaderReader, StateBoundary, StateStep, WitnessError, block_steps};
use agoge_state_transition::{BlockContext, BlockLimits, NodeId, StateReader as _, Tree, hash, tree};
use agoge_store::{MinedAt, StepError, Store, StoreError, StoreView};
use borsh::{BorshDeserialize, BorshSerialize};

use super::recipes::{Recipe, Stream, StreamBlock, Unit};
use super::task::{SettlementUnit, Task};
use crate::epochs::{EpochBlock, EpochBlocks};
use crate::holdings;
use crate::jobs::{JobId, Shelf, ShelfError};
use crate::plan::Track;

/// Blocks whose transactions' public inputs are remembered: those of a few epochs, about 300 bytes a transaction.
const BLOCKS_MAX: usize = 256;

/// Why a job cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The state at a block's parent cannot be reached.
    #[error(transparent)]
    Step(#[from] StepError),
    /// The kept results failed.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
    /// The block has no witness: it can never be proven.
    #[error("block {number}: {source}")]
    Witness {
        /// The block.
        number: L2BlockNumber,
        /// Why.
        #[source]
        source: Box<WitnessError<StoreError, StoreError>>,
    },
    /// A block, a transaction or a result is no longer there.
    #[error("{what} is not there any more")]
    Missing {
        /// What.
        what: &'static str,
    },
    /// Steps do not follow each other.
    #[error(transparent)]
    Chain(#[from] agoge_state_transition::witness::StepError),
    /// A result that is needed was lost.
    #[error("the result of job {id} was lost")]
    Lost {
        /// The job.
        id: JobId,
    },
    /// A number is no element.
    #[error(transparent)]
    NotCanonical(#[from] agoge_protocol::NotCanonical),
}

/// A block's state witness, with both chains at zero.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BlockWitness {
    /// Before the first step.
    pub start: StateBoundary,
    /// Deposits, transactions, the end.
    pub steps: Vec<StateStep>,
}

/// Reads what jobs need.
#[derive(Debug)]
pub struct Library {
    store: Arc<Store>,
    shelf: Arc<Shelf>,
    genesis_id: Digest,
    limits: BlockLimits,
    /// Public inputs of the transactions of blocks.
    inputs: Mutex<BTreeMap<BlockHash, Arc<Vec<TxPublicInputs>>>>,
}

/// Headers of the store, for anchors.
struct Headers<'a, 'b>(&'a StoreView<'b>);

impl HeaderReader for Headers<'_, '_> {
    type Error = StoreError;

    fn header(&self, number: L2BlockNumber) -> Result<Option<Header>, StoreError> {
        Ok(self.0.block(number)?.map(|block| block.header))
    }
}

impl Library {
    /// Over a store and the kept results.
    pub fn new(store: Arc<Store>, shelf: Arc<Shelf>, genesis_id: Digest, limits: BlockLimits) -> Self {
        Self {
            store,
            shelf,
            genesis_id,
            limits,
            inputs: Mutex::default(),
        }
    }

    /// The kept results.
    pub fn shelf(&self) -> &Arc<Shelf> {
        &self.shelf
    }

    /// The stream of blocks up to the first whose client proofs are not all held. Witnesses are made on the way, while the state at the
    /// blocks' parents can still be reached.
    ///
    /// # Errors
    /// [`LibraryError`].
    pub fn stream(&self, blocks: &EpochBlocks) -> Result<Stream, LibraryError> {
        let mut stream = Stream {
            epoch: blocks.epoch.get(),
            genesis_id: self.genesis_id.to_b256(),
            start_archive: blocks.start_archive.to_b256(),
            blocks: Vec::new(),
            statement: None,
        };
        for block in &blocks.blocks {
            let Some(inputs) = self.inputs(block)? else { break };
            let planned = StreamBlock {
                block_hash: block.record.block_hash,
                deposits: block.deposits.len(),
                txs: inputs.iter().map(TxPublicInputs::tx_id).collect(),
            };
            self.make_witness(planned.witness_id(), block, &inputs)?;
            stream.blocks.push(planned);
        }
        Ok(stream)
    }

    /// Public inputs of a block's transactions; `None` while one is not held.
    fn inputs(&self, block: &EpochBlock) -> Result<Option<Arc<Vec<TxPublicInputs>>>, LibraryError> {
        let hash = block.record.block_hash;
        if let Some(inputs) = self.lock().get(&hash) {
            return Ok(Some(Arc::clone(inputs)));
        }
        let number = block.record.header.number;
        let Some(txs) = holdings::transactions(&self.store.view(), number)? else {
            return Ok(None);
        };
        let is_same = txs.len() == block.effects.len()
            && txs
                .iter()
                .zip(&block.effects)
                .all(|(tx, effects)| tx.effects() == *effects);
        if !is_same {
            // A reorg has put another block there.
            return Ok(None);
        }
        let inputs = Arc::new(txs.into_iter().map(|tx| tx.public_inputs).collect::<Vec<_>>());
        let mut known = self.lock();
        if known.len() >= BLOCKS_MAX {
            known.clear();
        }
        known.insert(hash, Arc::clone(&inputs));
        Ok(Some(inputs))
    }

    fn make_witness(
        &self,
        id: JobId,
        block: &EpochBlock,
        inputs: &[TxPublicInputs],
    ) -> Result<(), LibraryError> {
        if self.shelf.has(id) {
            return Ok(());
        }
        let header = &block.record.header;
        let number = header.number;
        let missing = LibraryError::Missing { what: "the parent" };
        let Some(parent) = number.previous() else {
            return Err(missing);
        };
        // Proven or not: a claimant delivers what others have proven, too.
        let view = self.store.view().state_at(parent)?;
        // The blocks were read before; a reorg may have put others there since.
        if view.archive_root()? != header.parent_archive {
            return Err(missing);
        }
        let deposits = u64::try_from(block.deposits.len()).unwrap_or(u64::MAX);
        let inbox_start = header.inbox_end.saturating_sub(deposits);
        let context = BlockContext {
            genesis_id: self.genesis_id,
            slot: header.slot,
            timestamp: header.timestamp,
            fee_recipient: header.fee_recipient,
            inbox_start,
            limits: self.limits,
        };
        let made =
            block_steps(&view, &Headers(&view), &context, &block.deposits, inputs).map_err(|source| {
                match source {
                    WitnessError::State(error) | WitnessError::Headers(error) => LibraryError::Store(error),
                    source => LibraryError::Witness {
                        number,
                        source: Box::new(source),
                    },
                }
            })?;
        if made.archive != block.record.free_fields.archive {
            return Err(LibraryError::Missing { what: "the block" });
        }
        let witness = BlockWitness {
            start: StateBoundary::at_start(&view, inbox_start)?,
            steps: made.steps,
        };
        self.shelf.put(id, &borsh::to_vec(&witness).unwrap_or_default())?;
        Ok(())
    }

    fn witness(&self, id: JobId) -> Result<BlockWitness, LibraryError> {
        let bytes = self.shelf.get(id)?.ok_or(LibraryError::Lost { id })?;
        match borsh::from_slice(&bytes) {
            Ok(witness) => Ok(witness),
            Err(_) => {
                // Written by another version.
                self.shelf.remove(id)?;
                Err(LibraryError::Lost { id })
            }
        }
    }

    /// Everything that a job needs, as a worker takes it.
    ///
    /// # Errors
    /// [`LibraryError`]; [`LibraryError::Lost`] names a result to be made again.
    pub fn task(&self, recipe: &Recipe, stream: &Stream, blocks: &EpochBlocks) -> Result<Task, LibraryError> {
        let statement = || {
            let statement = stream.statement.ok_or(LibraryError::Missing {
                what: "the statement",
            });
            statement.map(Box::new)
        };
        match recipe {
            Recipe::Leaf { track, before, units } => match track {
                Track::Transactions => self.transactions(stream, blocks, before, units),
                Track::State => self.state(stream, blocks, units),
                Track::Settlement => Ok(Task::Settlement {
                    statement: statement()?,
                    before: settlement_units(blocks, before)?,
                    steps: settlement_units(blocks, units)?,
                }),
            },
            Recipe::Merge { track, children } => Ok(Task::Merge {
                track: *track,
                children: children
                    .iter()
                    .map(|child| self.result(*child))
                    .collect::<Result<_, _>>()?,
            }),
            Recipe::Root { segments } => {
                let [transactions, state, settlement] = *segments;
                Ok(Task::Root {
                    statement: statement()?,
                    segments: Box::new([
                        self.result(transactions)?,
                        self.result(state)?,
                        self.result(settlement)?,
                    ]),
                    parent: self.parent(blocks)?.map(Box::new),
                })
            }
            Recipe::Wrap { root } => Ok(Task::Wrap {
                statement: statement()?,
                root: self.result(*root)?,
            }),
        }
    }

    fn result(&self, id: JobId) -> Result<Vec<u8>, LibraryError> {
        self.shelf.get(id)?.ok_or(LibraryError::Lost { id })
    }

    fn transactions(
        &self,
        stream: &Stream,
        blocks: &EpochBlocks,
        before: &[Unit],
        units: &[Unit],
    ) -> Result<Task, LibraryError> {
        let mut start = Digest::ZERO;
        for unit in before {
            start = tx_chain(start, &self.input(stream, blocks, *unit)?, self.genesis_id);
        }
        let view = self.store.view();
        let mut txs: Vec<Transaction> = Vec::with_capacity(units.len());
        for unit in units {
            let planned = planned_at(stream, unit.block)?;
            let at = MinedAt {
                number: block_at(blocks, unit.block)?.record.header.number,
                position: u16::try_from(unit.step).unwrap_or(u16::MAX),
            };
            let tx = view.mined_tx(at)?.ok_or(LibraryError::Missing {
                what: "a client proof",
            })?;
            if planned.txs.get(unit.step) != Some(&tx.id()) {
                return Err(self.replaced(planned));
            }
            txs.push(tx);
        }
        Ok(Task::Transactions { start, txs })
    }

    /// Public inputs of a unit of the transaction track, as planned.
    fn input(
        &self,
        stream: &Stream,
        blocks: &EpochBlocks,
        unit: Unit,
    ) -> Result<TxPublicInputs, LibraryError> {
        let planned = planned_at(stream, unit.block)?;
        let inputs = self.inputs(block_at(blocks, unit.block)?)?;
        let input = inputs.and_then(|inputs| inputs.get(unit.step).cloned());
        let input = input.ok_or(LibraryError::Missing {
            what: "a transaction",
        })?;
        if planned.txs.get(unit.step) == Some(&input.tx_id()) {
            Ok(input)
        } else {
            Err(self.replaced(planned))
        }
    }

    /// A reorg has put a transaction with the same effects and another anchor into the same block: all that was made of the block's
    /// transactions is made again.
    fn replaced(&self, planned: &StreamBlock) -> LibraryError {
        self.lock().remove(&planned.block_hash);
        LibraryError::Lost {
            id: planned.witness_id(),
        }
    }

    fn state(&self, stream: &Stream, blocks: &EpochBlocks, units: &[Unit]) -> Result<Task, LibraryError> {
        let first = units.first().copied().unwrap_or(Unit { block: 0, step: 0 });
        let (mut tx_chain_so_far, mut header_chain) = (Digest::ZERO, Digest::ZERO);
        for (position, block) in blocks.blocks.iter().enumerate().take(first.block) {
            for step in 0..block.effects.len() {
                let unit = Unit {
                    block: position,
                    step,
                };
                let input = self.input(stream, blocks, unit)?;
                tx_chain_so_far = tx_chain(tx_chain_so_far, &input, self.genesis_id);
            }
            let record = &block.record;
            header_chain =
                hash::header_chain_step(header_chain, record.header_hash, record.free_fields.archive);
        }
        let mut loaded: Option<(usize, BlockWitness)> = None;
        let mut start: Option<StateBoundary> = None;
        let mut steps = Vec::with_capacity(units.len());
        for unit in units {
            if loaded.as_ref().is_none_or(|(block, _)| *block != unit.block) {
                let id = planned_at(stream, unit.block)?.witness_id();
                loaded = Some((unit.block, self.witness(id)?));
            }
            let Some((_, witness)) = &loaded else { continue };
            if start.is_none() {
                let mut boundary = StateBoundary {
                    tx_chain: tx_chain_so_far,
                    header_chain,
                    ..witness.start
                };
                for step in witness.steps.iter().take(unit.step) {
                    boundary = boundary.apply(self.genesis_id, step)?;
                }
                start = Some(boundary);
            }
            steps.push(
                witness
                    .steps
                    .get(unit.step)
                    .cloned()
                    .ok_or(LibraryError::Missing {
                        what: "a step of the witness",
                    })?,
            );
        }
        Ok(Task::State {
            genesis_id: self.genesis_id,
            start: Box::new(start.ok_or(LibraryError::Missing { what: "the stream" })?),
            steps,
        })
    }

    /// The block before the first, with its siblings under the start archive: it was the last leaf then, so there is nothing to its right.
    fn parent(&self, blocks: &EpochBlocks) -> Result<Option<(Header, [Digest; TREE_DEPTH])>, LibraryError> {
        let missing = LibraryError::Missing { what: "the parent" };
        let first = block_at(blocks, 0)?.record.header.number;
        let Some(number) = first
            .previous()
            .filter(|number| *number != L2BlockNumber::GENESIS)
        else {
            return Ok(None);
        };
        let view = self.store.view();
        let Some(record) = view.block(number)? else {
            return Err(missing);
        };
        let Some(mut index) = number.get().checked_sub(1) else {
            return Err(missing);
        };
        let mut siblings = [Digest::ZERO; TREE_DEPTH];
        let empty = tree::empty_roots();
        for (level, (sibling, empty)) in (0_u8..).zip(siblings.iter_mut().zip(empty)) {
            *sibling = if index & 1 == 1 {
                // A complete subtree, which never changes again.
                let id = NodeId {
                    tree: Tree::Archive,
                    level,
                    index: index.saturating_sub(1),
                };
                view.node(id)?.unwrap_or(*empty)
            } else {
                *empty
            };
            index >>= 1;
        }
        Ok(Some((record.header, siblings)))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<BlockHash, Arc<Vec<TxPublicInputs>>>> {
        // Every change of the map is one call.
        self.inputs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tx_chain(accumulator: Digest, inputs: &TxPublicInputs, genesis_id: Digest) -> Digest {
    let effects = hash::tx_effects_of(inputs);
    hash::tx_chain_step(accumulator, effects, inputs.anchor(), genesis_id)
}

fn block_at(blocks: &EpochBlocks, position: usize) -> Result<&EpochBlock, LibraryError> {
    blocks
        .blocks
        .get(position)
        .ok_or(LibraryError::Missing { what: "a block" })
}

fn planned_at(stream: &Stream, position: usize) -> Result<&StreamBlock, LibraryError> {
    stream
        .blocks
        .get(position)
        .ok_or(LibraryError::Missing { what: "a block" })
}

fn settlement_units(blocks: &EpochBlocks, units: &[Unit]) -> Result<Vec<SettlementUnit>, LibraryError> {
    let unit = |unit: &Unit| {
        let block = block_at(blocks, unit.block)?;
        if let Some(deposit) = block.deposits.get(unit.step) {
            return Ok(SettlementUnit::Deposit(
                agoge_protocol::settlement::SettledDeposit {
                    partial: deposit.partial,
                    value: deposit.value,
                },
            ));
        }
        let position = unit.step.saturating_sub(block.deposits.len());
        Ok(match block.effects.get(position) {
            Some(effects) => SettlementUnit::Transaction(Box::new(effects.clone())),
            None => SettlementUnit::BlockEnd {
                header: Box::new(block.record.header.clone()),
                archive: block.record.free_fields.archive,
            },
        })
    };
    units.iter().map(unit).collect()
}
