//! Keys, notes, client proofs, deposits and transfers.
