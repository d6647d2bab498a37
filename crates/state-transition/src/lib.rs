//! Trees and block execution: from a state and transactions to new roots and effects. Pure, storage behind a trait.
