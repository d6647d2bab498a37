//! What a job must make, computed natively from its input: everything but the proof.

use agoge_protocol::{Element, EpochPublicInputs, NotCanonical};
use agoge_state_transition::Fingerprint;
use agoge_state_transition::witness::StepError;

use super::circuits::CircuitsError;
use super::jobs::{Job, JobOutput, MergeInput, RootInput, SegmentProof, Track};
use super::root::native::{Joined, check_joined, settled};
use super::segments::SegmentError;
use super::settlement::{SettlementInput, SettlementLeaf, SettlementStepError};
use super::state::{Boundary, StateInput, StateLeaf};
use super::track::{Layout, MERGE_ID, Segment};
use super::transactions::{TransactionsError, TransactionsInput, TransactionsLeaf};
use super::verifier::EpochVerifyError;
use crate::BoxError;

/// Why a job was not done, or its result not accepted.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The input is longer than the circuit.
    #[error("{found} units for a {track:?} circuit of {limit}")]
    TooLong {
        /// Of which track.
        track: Track,
        /// As given.
        found: usize,
        /// Units of a leaf, places of a merge.
        limit: usize,
    },
    /// A merge of nothing.
    #[error("a merge of no proofs")]
    NothingToMerge,
    /// A child is of another track or has another number of public inputs.
    #[error("child {index} is not a segment of the {expected:?} track")]
    WrongTrack {
        /// In the input.
        index: usize,
        /// What it should be.
        expected: Track,
    },
    /// A child does not start where the one before it ends, or has another context.
    #[error("child {index} does not follow the one before it")]
    NotInOrder {
        /// In the input.
        index: usize,
    },
    /// A step of the state track does not apply.
    #[error("step {position} of the state does not apply")]
    StateStep {
        /// In the input.
        position: usize,
        /// Why.
        #[source]
        reason: StepError,
    },
    /// A step of the settlement track cannot be taken.
    #[error("a settlement step cannot be taken")]
    SettlementStep(#[from] SettlementStepError),
    /// An integer is not below the field modulus.
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
    /// A proof that goes in is not valid.
    #[error("a proof that the job builds on is not valid")]
    Child(#[source] SegmentError),
    /// A client proof that goes in is not valid.
    #[error("a batch of transactions cannot be proven")]
    Transactions(#[from] TransactionsError),
    /// The root's segments and its parent do not make one epoch.
    #[error("the segments do not make an epoch: {broken} is broken")]
    NotJoined {
        /// The rule.
        broken: &'static str,
    },
    /// The circuits cannot be loaded.
    #[error(transparent)]
    Circuits(#[from] CircuitsError),
    /// The proof system found no proof. Inputs are checked before, so with tiny probability a division by zero; otherwise a
    /// fault of this program.
    #[error("the proof system failed")]
    Prover(#[source] BoxError),
    /// The proof system panicked.
    #[error("the proof system panicked")]
    Panicked,
    /// The result is about something else.
    #[error("the result is another job's")]
    Unexpected,
    /// The result's proof is not valid.
    #[error("the result's proof is not valid")]
    Proof(#[from] SegmentError),
    /// The result's proof for L1 is not valid.
    #[error("the result's proof for L1 is not valid")]
    EpochProof(#[from] EpochVerifyError),
}

impl JobError {
    /// Whether the input is wrong, so that trying again, here or elsewhere, cannot help.
    pub const fn is_input(&self) -> bool {
        matches!(
            self,
            Self::TooLong { .. }
                | Self::NothingToMerge
                | Self::WrongTrack { .. }
                | Self::NotInOrder { .. }
                | Self::StateStep { .. }
                | Self::SettlementStep(_)
                | Self::NotCanonical(_)
                | Self::Child(_)
                | Self::Transactions(_)
                | Self::NotJoined { .. }
        )
    }
}

/// Of what an attempt at a proof failed: errors about the input are told from the proof system's.
pub(super) fn attempt_error(error: BoxError) -> JobError {
    let error = match error.downcast::<TransactionsError>() {
        Ok(input) => return JobError::Transactions(*input),
        Err(error) => error,
    };
    match error.downcast::<NotCanonical>() {
        Ok(input) => JobError::NotCanonical(*input),
        Err(error) => JobError::Prover(error),
    }
}

/// A result without its proof.
pub(super) enum Expected {
    Segment {
        track: Track,
        is_merge: bool,
        /// Start, end and context.
        statement: Vec<Element>,
    },
    Root(EpochPublicInputs),
    Epoch(EpochPublicInputs),
}

impl Expected {
    /// What a job makes.
    pub(super) fn of(job: &Job) -> Result<Self, JobError> {
        match job {
            Job::Transactions(input) => of_transactions(input),
            Job::State(input) => of_state(input),
            Job::Settlement(input) => of_settlement(input),
            Job::Merge(input) => of_merge(input),
            Job::Root(input) => of_root(input),
            Job::Wrap(root) => Ok(Self::Epoch(root.public_inputs)),
        }
    }

    /// Whether a result says this.
    pub(super) fn is_met_by(&self, output: &JobOutput) -> bool {
        match (self, output) {
            (
                Self::Segment {
                    track,
                    is_merge,
                    statement,
                },
                JobOutput::Segment(segment),
            ) => {
                let Some(merge_id) = segment.public.strip_prefix(statement.as_slice()) else {
                    return false;
                };
                // A leaf's is zero: its statement is all that it says. A merge's is checked with its proof.
                segment.track == *track
                    && segment.is_merge == *is_merge
                    && merge_id.len() == MERGE_ID
                    && (*is_merge || merge_id == [Element::ZERO; MERGE_ID])
            }
            (Self::Root(public), JobOutput::Root(root)) => root.public_inputs == *public,
            (Self::Epoch(public), JobOutput::Epoch(proof)) => proof.public_inputs == *public,
            _ => false,
        }
    }
}

/// Where the parts of a track's public inputs are.
pub(super) const fn layout(track: Track) -> Layout {
    match track {
        Track::Transactions => Layout::of::<TransactionsLeaf>(),
        Track::State => Layout::of::<StateLeaf>(),
        Track::Settlement => Layout::of::<SettlementLeaf>(),
    }
}

fn check_length(track: Track, found: usize, limit: usize) -> Result<(), JobError> {
    if found <= limit {
        return Ok(());
    }
    Err(JobError::TooLong { track, found, limit })
}

fn leaf(track: Track, parts: [&[Element]; 3]) -> Expected {
    Expected::Segment {
        track,
        is_merge: false,
        statement: parts.concat(),
    }
}

fn of_transactions(input: &TransactionsInput) -> Result<Expected, JobError> {
    let track = Track::Transactions;
    check_length(track, input.transactions.len(), track.leaf_units())?;
    Ok(leaf(track, [&input.start.0, &input.end().0, &[]]))
}

fn of_state(input: &StateInput) -> Result<Expected, JobError> {
    let track = Track::State;
    check_length(track, input.steps.len(), track.leaf_units())?;
    let mut steps = input.steps.iter().enumerate();
    let end = steps.try_fold(input.start, |boundary, (position, step)| {
        boundary
            .apply(input.genesis_id, step)
            .map_err(|reason| JobError::StateStep { position, reason })
    })?;
    let (start, end) = (input.start.to_elements()?, end.to_elements()?);
    Ok(leaf(track, [&start, &end, &input.genesis_id.0]))
}

fn of_settlement(input: &SettlementInput) -> Result<Expected, JobError> {
    let track = Track::Settlement;
    check_length(track, input.steps.len(), track.leaf_units())?;
    let end = input.end()?.to_elements();
    let context = [&input.challenges.alpha[..], &input.challenges.z].concat();
    Ok(leaf(track, [&input.start.to_elements(), &end, &context]))
}

fn of_merge(input: &MergeInput) -> Result<Expected, JobError> {
    let track = input.track;
    check_length(track, input.children.len(), track.merge_children())?;
    let mut parts = input
        .children
        .iter()
        .enumerate()
        .map(|(index, child)| Ok::<_, JobError>((index, split(track, index, child)?)));
    let (_, first) = parts.next().ok_or(JobError::NothingToMerge)??;
    let mut last = first;
    for part in parts {
        let (index, part) = part?;
        if part.start != last.end || part.context != last.context {
            return Err(JobError::NotInOrder { index });
        }
        last = part;
    }
    Ok(Expected::Segment {
        track,
        is_merge: true,
        statement: [first.start, last.end, last.context].concat(),
    })
}

fn split(expected: Track, index: usize, child: &SegmentProof) -> Result<Segment<'_, Element>, JobError> {
    if child.track == expected
        && let Some(parts) = layout(expected).split(&child.public)
    {
        return Ok(parts);
    }
    Err(JobError::WrongTrack { index, expected })
}

/// The statement of an epoch from its segments, as the root's circuit joins them.
fn of_root(input: &RootInput) -> Result<Expected, JobError> {
    let transactions = split(Track::Transactions, 0, &input.transactions)?;
    let state = split(Track::State, 1, &input.state)?;
    let settlement = split(Track::Settlement, 2, &input.settlement)?;
    let wrong = |index, expected| JobError::WrongTrack { index, expected };
    let of_state = || wrong(1, Track::State);
    let start = Boundary::from_list(state.start).ok_or_else(of_state)?;
    let end = Boundary::from_list(state.end).ok_or_else(of_state)?;
    let genesis_id: [Element; 4] = state.context.try_into().map_err(|_| of_state())?;
    let of_settlement = || wrong(2, Track::Settlement);
    let [alpha_0, alpha_1, z0, z1, z2] = *settlement.context else {
        return Err(of_settlement());
    };
    let alpha = [alpha_0, alpha_1];
    let settled = settled(settlement.end).ok_or_else(of_settlement)?;
    check_joined(
        &Joined {
            transactions,
            start,
            end,
            genesis_id,
            settlement,
        },
        input.parent.as_ref(),
    )?;
    let mut list = Fingerprint::resume(alpha, settled.fingerprint);
    list.absorb(settled.block_count);
    Ok(Expected::Root(EpochPublicInputs {
        genesis_id: agoge_protocol::Digest(genesis_id),
        start_archive: agoge_protocol::Digest(start.archive),
        end_archive: agoge_protocol::Digest(end.archive),
        alpha,
        fingerprint: list.value(),
        z: [z0, z1, z2],
        y: settled.y,
    }))
}
