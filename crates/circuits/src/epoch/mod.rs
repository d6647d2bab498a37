//! The circuits of an epoch proof (`docs/circuits.md`): three tracks over the epoch's stream of deposits, transactions and block ends,
//! each cut into segments that chain by their boundaries, and joined by the epoch root.

pub(crate) mod state;
pub(crate) mod track;
