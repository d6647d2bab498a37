//! Sizes of the product's circuits. `docs/circuits.md` has the rows that each fills.

use super::config::{ROOT, TREE, WRAP};
use super::jobs::Track;
use super::track::Shape;
use plonky2::plonk::circuit_data::CircuitConfig;

/// Places of a merge of the transaction track.
pub(super) const TRANSACTION_MERGE: usize = 6;
/// Places of a merge of the state track.
pub(super) const STATE_MERGE: usize = 3;
/// Places of a merge of the settlement track.
pub(super) const SETTLEMENT_MERGE: usize = 3;
/// Log2 of the root's rows.
pub(super) const ROOT_DEGREE_BITS: usize = 14;
/// Log2 of the wrap's rows.
pub(super) const WRAP_DEGREE_BITS: usize = 12;

impl Track {
    /// Leaf and merge of the track.
    pub(super) fn shape(self) -> Shape {
        let degree_bits = match self {
            Self::Transactions => 15,
            Self::State | Self::Settlement => 14,
        };
        Shape {
            config: TREE.circuit_config(),
            degree_bits,
            arity: self.merge_children(),
        }
    }
}

pub(super) fn root_config() -> CircuitConfig {
    ROOT.circuit_config()
}

pub(super) fn wrap_config() -> CircuitConfig {
    WRAP.circuit_config()
}
