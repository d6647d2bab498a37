//! The work of an epoch proof in pieces that a worker can be given, with their results.
//!
//! Everything here is plain data with bounds: jobs and results come from files and from other machines. A job's result is
//! known beforehand except for the proof: [`EpochProver::check`](super::prover::EpochProver::check) accepts no other.

use agoge_protocol::{B256, Element, EpochPublicInputs, keccak256};
use borsh::{BorshDeserialize, BorshSerialize};
use std::io::{Read, Result as IoResult};

use super::bytes;
use super::root::ParentHeader;
use super::settlement::SettlementInput;
use super::state::StateInput;
use super::transactions::TransactionsInput;

/// Children of a merge at most, in any track.
pub const MERGE_CHILDREN_MAX: usize = 7;
/// Bytes of a segment's or root's proof at most.
pub const TREE_PROOF_BYTES_MAX: usize = 250_000;
/// Bytes of the proof that L1 verifies at most.
pub const EPOCH_PROOF_BYTES_MAX: usize = 60_000;
/// Public inputs of a segment at most.
const SEGMENT_ELEMENTS_MAX: usize = 256;

/// One of the three streams that an epoch is proven as (`docs/circuits.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub enum Track {
    /// Client proofs.
    Transactions,
    /// Trees and headers.
    State,
    /// What L1 settles; needs the challenges.
    Settlement,
}

/// A proof of a segment of a track.
#[derive(Clone, PartialEq, Eq, BorshSerialize)]
pub struct SegmentProof {
    /// Of which track.
    pub track: Track,
    /// Whether it is a merge or a leaf.
    pub is_merge: bool,
    /// Start boundary, end boundary, context, merge id.
    pub public: Vec<Element>,
    /// The proof without its public inputs.
    pub bytes: Vec<u8>,
}

impl BorshDeserialize for SegmentProof {
    fn deserialize_reader<R: Read>(reader: &mut R) -> IoResult<Self> {
        Ok(Self {
            track: BorshDeserialize::deserialize_reader(reader)?,
            is_merge: BorshDeserialize::deserialize_reader(reader)?,
            public: bytes::read_list(reader, SEGMENT_ELEMENTS_MAX)?,
            bytes: bytes::read(reader, TREE_PROOF_BYTES_MAX)?,
        })
    }
}

impl core::fmt::Debug for SegmentProof {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SegmentProof")
            .field("track", &self.track)
            .field("is_merge", &self.is_merge)
            .finish_non_exhaustive()
    }
}

/// The epoch root's proof.
#[derive(Clone, PartialEq, Eq, BorshSerialize)]
pub struct RootProof {
    /// What it says.
    pub public_inputs: EpochPublicInputs,
    /// The proof without its public inputs.
    pub bytes: Vec<u8>,
}

impl BorshDeserialize for RootProof {
    fn deserialize_reader<R: Read>(reader: &mut R) -> IoResult<Self> {
        Ok(Self {
            public_inputs: BorshDeserialize::deserialize_reader(reader)?,
            bytes: bytes::read(reader, TREE_PROOF_BYTES_MAX)?,
        })
    }
}

impl core::fmt::Debug for RootProof {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("RootProof")
            .field("public_inputs", &self.public_inputs)
            .finish_non_exhaustive()
    }
}

/// The proof that L1 verifies.
#[derive(Clone, PartialEq, Eq, BorshSerialize)]
pub struct EpochProof {
    /// What it says.
    pub public_inputs: EpochPublicInputs,
    /// The proof as the contract takes it.
    pub bytes: Vec<u8>,
}

impl BorshDeserialize for EpochProof {
    fn deserialize_reader<R: Read>(reader: &mut R) -> IoResult<Self> {
        Ok(Self {
            public_inputs: BorshDeserialize::deserialize_reader(reader)?,
            bytes: bytes::read(reader, EPOCH_PROOF_BYTES_MAX)?,
        })
    }
}

impl core::fmt::Debug for EpochProof {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("EpochProof")
            .field("public_inputs", &self.public_inputs)
            .finish_non_exhaustive()
    }
}

/// Proofs of a track to merge.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize)]
pub struct MergeInput {
    /// The track of every child.
    pub track: Track,
    /// In order, each starting where the one before it ends; at least one, at most [`Track::merge_children`].
    pub children: Vec<SegmentProof>,
}

impl BorshDeserialize for MergeInput {
    fn deserialize_reader<R: Read>(reader: &mut R) -> IoResult<Self> {
        Ok(Self {
            track: BorshDeserialize::deserialize_reader(reader)?,
            children: bytes::read_list(reader, MERGE_CHILDREN_MAX)?,
        })
    }
}

/// What the epoch root is proven from: one segment of each track, leaf or merge.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct RootInput {
    /// All transactions.
    pub transactions: SegmentProof,
    /// All blocks.
    pub state: SegmentProof,
    /// The same blocks.
    pub settlement: SegmentProof,
    /// The block before the first; none for genesis.
    pub parent: Option<ParentHeader>,
}

/// A piece of work.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Job {
    /// A leaf of the transaction track.
    Transactions(TransactionsInput),
    /// A leaf of the state track.
    State(StateInput),
    /// A leaf of the settlement track.
    Settlement(SettlementInput),
    /// A merge.
    Merge(MergeInput),
    /// The epoch root.
    Root(Box<RootInput>),
    /// The proof for L1.
    Wrap(RootProof),
}

/// What a job makes.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum JobOutput {
    /// Of leaves and merges.
    Segment(SegmentProof),
    /// Of the root.
    Root(RootProof),
    /// Of the wrap.
    Epoch(EpochProof),
}

/// A job's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct JobId(pub [u8; 32]);

impl core::fmt::Display for JobId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        B256::from(self.0).fmt(f)
    }
}

impl Job {
    /// The name of this work under circuits with this digest
    /// ([`EpochProver::circuits_digest`](super::prover::EpochProver::circuits_digest)): the same for the same statement, whichever
    /// proofs of the parts are at hand, because proofs are randomised.
    pub fn id(&self, circuits_digest: B256) -> JobId {
        let mut message = b"AGOGE_JOB_V1".to_vec();
        message.extend(circuits_digest.0);
        let mut add = |value: &dyn Fn(&mut Vec<u8>) -> IoResult<()>| {
            // Writing to memory does not fail.
            drop(value(&mut message));
        };
        match self {
            Self::Transactions(input) => {
                add(&|out| (0_u8, input.start).serialize(out));
                for transaction in &input.transactions {
                    add(&|out| transaction.public_inputs.serialize(out));
                }
            }
            Self::State(input) => add(&|out| {
                1_u8.serialize(out)?;
                input.serialize(out)
            }),
            Self::Settlement(input) => add(&|out| {
                2_u8.serialize(out)?;
                input.serialize(out)
            }),
            Self::Merge(input) => {
                add(&|out| (3_u8, input.track).serialize(out));
                for child in &input.children {
                    add(&|out| child.serialize_statement(out));
                }
            }
            Self::Root(input) => add(&|out| {
                4_u8.serialize(out)?;
                for segment in [&input.transactions, &input.state, &input.settlement] {
                    segment.serialize_statement(out)?;
                }
                input.parent.serialize(out)
            }),
            Self::Wrap(root) => add(&|out| (5_u8, root.public_inputs).serialize(out)),
        }
        JobId(keccak256(&message).0)
    }
}

impl SegmentProof {
    fn serialize_statement(&self, out: &mut Vec<u8>) -> IoResult<()> {
        (self.track, self.is_merge, &self.public).serialize(out)
    }
}

impl Track {
    /// Places of the track's merge.
    pub const fn merge_children(self) -> usize {
        match self {
            Self::Transactions => super::shapes::TRANSACTION_MERGE,
            Self::State => super::shapes::STATE_MERGE,
            Self::Settlement => super::shapes::SETTLEMENT_MERGE,
        }
    }

    /// Steps or transactions of the track's leaf.
    pub const fn leaf_units(self) -> usize {
        match self {
            Self::Transactions => super::transactions::BATCH_TRANSACTIONS,
            Self::State => super::state::STATE_UNITS,
            Self::Settlement => super::settlement::UNITS,
        }
    }
}
