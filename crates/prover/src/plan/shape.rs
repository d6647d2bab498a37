//! The sizes of circuits, as far as a plan depends on them.

use core::num::NonZeroUsize;

/// One of the three tracks of an epoch proof.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    borsh::BorshSerialize,
    borsh::BorshDeserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Track {
    /// Client proofs, verified in batches.
    Transactions,
    /// The trees, from block to block.
    State,
    /// Settlement list and blobs; depends on the challenges.
    Settlement,
}

impl Track {
    /// All tracks.
    pub const ALL: [Self; 3] = [Self::Transactions, Self::State, Self::Settlement];

    /// Its word in logs, metrics and file names.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transactions => "transactions",
            Self::State => "state",
            Self::Settlement => "settlement",
        }
    }
}

/// Sizes of one track's circuits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrackShape {
    /// Units of a leaf.
    pub leaf_units: NonZeroUsize,
    /// Children of a merge, at least 2.
    pub arity: NonZeroUsize,
}

impl TrackShape {
    /// Sizes; values below the least are raised to it.
    pub const fn new(leaf_units: usize, arity: usize) -> Self {
        const TWO: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1);
        let leaf_units = match NonZeroUsize::new(leaf_units) {
            Some(units) => units,
            None => NonZeroUsize::MIN,
        };
        let arity = match NonZeroUsize::new(arity) {
            Some(arity) if arity.get() >= 2 => arity,
            _ => TWO,
        };
        Self { leaf_units, arity }
    }
}

/// Sizes of all tracks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanShape {
    /// Of [`Track::Transactions`].
    pub transactions: TrackShape,
    /// Of [`Track::State`].
    pub state: TrackShape,
    /// Of [`Track::Settlement`].
    pub settlement: TrackShape,
}

impl PlanShape {
    /// The sizes of a track.
    pub const fn track(&self, track: Track) -> TrackShape {
        match track {
            Track::Transactions => self.transactions,
            Track::State => self.state,
            Track::Settlement => self.settlement,
        }
    }
}
