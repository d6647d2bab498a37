//! How the work of an epoch is cut into jobs. Pure.
//!
//! Each of the three tracks (`docs/circuits.md`) is a stream of units: client proofs, or deposits, transactions and block ends. A *leaf*
//! takes a fixed number of consecutive units, a *merge* joins up to `arity` neighbours. The cut depends on positions only, so a segment
//! that is full while the stream grows is the same segment when it has ended: work starts while blocks appear and nothing of it is lost.
//!
//! ```text
//! units   |0 .. k-1|k .. 2k-1|   ..   |last, maybe short|
//! level 0 |  leaf  |  leaf   |   ..   |      leaf       |
//! level 1 |      merge of `arity` leaves      | a neighbour that is alone is carried up |
//! ```

mod shape;
mod tree;

pub use shape::{PlanShape, Track, TrackShape};
pub use tree::{Node, Segment, SegmentTree, UNITS_MAX};
