//! Whole transactions: the rules that a proposer and an attester check beyond those of effects, and the choice of a block's transactions.

use agoge_protocol::{Deposit, Digest, Transaction, TxEffects};

use crate::block::{BlockContext, BlockLimits, ExecutedBlock, Execution, PushError};
use crate::error::{ExecutionError, TxRejection};
use crate::hash;
use crate::state::StateReader;

/// Why a transaction was not judged, or was refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckError<E> {
    /// A read failed: nothing is known about the transaction.
    #[error("state: {0}")]
    State(#[source] E),
    /// The transaction does not apply to this state.
    #[error(transparent)]
    Rejected(#[from] TxRejection),
}

/// Checks a transaction against the state alone, before it is queued. Its proof is for `circuits`.
///
/// # Errors
/// [`CheckError`].
pub fn check_transaction<S: StateReader>(
    state: &S,
    genesis_id: Digest,
    limits: &BlockLimits,
    tx: &Transaction,
) -> Result<(), CheckError<S::Error>> {
    check_stateless(genesis_id, limits, tx)?;
    check_anchor(state, tx)?;
    for nullifier in tx.public_inputs.nullifiers() {
        let key = agoge_protocol::transaction::nullifier_key(nullifier);
        let low = state.low_leaf(key).map_err(CheckError::State)?;
        if low.is_some_and(|(low, _)| low == key) {
            return Err(TxRejection::NullifierSpent {
                nullifier: *nullifier,
            }
            .into());
        }
    }
    Ok(())
}

/// The rules that need no state: instance, least fee, ciphertext hash. Returns the ciphertext hash.
///
/// # Errors
/// [`TxRejection`]; the sender is wrong in every case.
pub fn check_stateless(
    genesis_id: Digest,
    limits: &BlockLimits,
    tx: &Transaction,
) -> Result<Digest, TxRejection> {
    let inputs = &tx.public_inputs;
    if inputs.genesis_id() != genesis_id {
        return Err(TxRejection::WrongGenesis {
            expected: genesis_id,
            found: inputs.genesis_id(),
        });
    }
    if inputs.fee() < limits.tx_fee_min {
        return Err(TxRejection::FeeTooLow {
            found: inputs.fee(),
            minimum: limits.tx_fee_min,
        });
    }
    let (computed, claimed) = (hash::ciphertexts(&tx.ciphertexts), inputs.ciphertext_hash());
    if computed != claimed {
        return Err(TxRejection::CiphertextHash { computed, claimed });
    }
    Ok(computed)
}

fn check_anchor<S: StateReader>(state: &S, tx: &Transaction) -> Result<(), CheckError<S::Error>> {
    let anchor = tx.public_inputs.anchor();
    match state.anchor(anchor).map_err(CheckError::State)? {
        Some(_) => Ok(()),
        None => Err(TxRejection::UnknownAnchor { anchor }.into()),
    }
}

impl<E> From<CheckError<E>> for PushError<E> {
    fn from(error: CheckError<E>) -> Self {
        match error {
            CheckError::State(source) => Self::Failed(ExecutionError::State(source)),
            CheckError::Rejected(reason) => Self::Rejected(reason),
        }
    }
}

fn push_tx<S: StateReader>(
    execution: &mut Execution<'_, S>,
    state: &S,
    context: &BlockContext,
    tx: &Transaction,
) -> Result<TxEffects, PushError<S::Error>> {
    let ciphertext_hash = check_stateless(context.genesis_id, &context.limits, tx)?;
    check_anchor(state, tx)?;
    let effects = tx.effects();
    execution.push(&effects, ciphertext_hash)?;
    Ok(effects)
}

/// Executes exactly these transactions, as an attester does with a proposal.
///
/// # Errors
/// [`ExecutionError`]; `Tx` names the first transaction that does not belong in the block.
pub fn execute_txs<'t, S: StateReader>(
    state: &S,
    context: &BlockContext,
    deposits: &[Deposit],
    txs: impl IntoIterator<Item = &'t Transaction>,
) -> Result<ExecutedBlock, ExecutionError<S::Error>> {
    let mut execution = Execution::start(state, context, deposits)?;
    for (index, tx) in txs.into_iter().enumerate() {
        push_tx(&mut execution, state, context, tx).map_err(|error| error.at(index))?;
    }
    execution.finish()
}

/// A proposer's block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// The block.
    pub block: ExecutedBlock,
    /// Effects of its transactions, in order: what goes into the blob.
    pub effects: Vec<TxEffects>,
    /// Positions in the queue of its transactions, ascending.
    pub included: Vec<usize>,
    /// Positions that were looked at and do not fit, with the reason.
    pub skipped: Vec<(usize, TxRejection)>,
}

/// Builds a block from the queue in its order: what does not apply is skipped, and the look ends when the block is full.
///
/// The queue's length bounds the work; [`TxRejection::is_about_this_block`] tells whom to keep queued.
///
/// # Errors
/// [`ExecutionError`], never `Tx`.
pub fn select<'t, S: StateReader>(
    state: &S,
    context: &BlockContext,
    deposits: &[Deposit],
    queue: impl IntoIterator<Item = &'t Transaction>,
) -> Result<Selection, ExecutionError<S::Error>> {
    let mut execution = Execution::start(state, context, deposits)?;
    let (mut effects, mut included, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
    for (position, tx) in queue.into_iter().enumerate() {
        if included.len() >= context.limits.txs_max {
            break;
        }
        match push_tx(&mut execution, state, context, tx) {
            Ok(of_tx) => {
                effects.push(of_tx);
                included.push(position);
            }
            Err(PushError::Rejected(reason)) => skipped.push((position, reason)),
            Err(PushError::Failed(error)) => return Err(error),
        }
    }
    Ok(Selection {
        block: execution.finish()?,
        effects,
        included,
        skipped,
    })
}

#[cfg(test)]
mod tests;
