//! Keys, notes, client proofs, deposits, transfers and withdrawals.
//!
//! A wallet reads every block's effects, tries to open each ciphertext with its viewing key and keeps its own copy of the note tree. So it
//! never asks a node about one note: the node learns the wallet's IP address, when it acts and which transactions it hands over, nothing else.
//! What a node says is checked against itself and against what was read before; `docs/wallet-guide.md` says what a lying node can still do.

pub mod book;
pub mod cipher;
pub mod cli;
pub mod deposit;
pub mod dir;
pub mod exit;
pub mod keyfile;
pub mod l1;
pub mod node;
pub mod scan;
pub mod seed;
pub mod sent;
pub mod transfer;
pub mod tree;
pub mod withdrawal;

use agoge_protocol::Transaction;

/// A transaction as `agoge_sendTransaction` takes it: 0x hex of its borsh encoding.
pub fn raw_transaction(tx: &Transaction) -> String {
    // Writing to a vector cannot fail.
    format!("0x{}", hex::encode(borsh::to_vec(tx).unwrap_or_default()))
}
