//! Deposits as the L1 inbox holds them.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::transaction::Ciphertext;
use crate::Digest;

/// One entry of an instance's inbox.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Deposit {
    /// Position in the inbox, from 0.
    pub index: u64,
    /// `H(PARTIAL; pk, r)`, chosen by the depositor.
    pub partial: Digest,
    /// Gwei, `< 2^60`.
    pub value: u64,
    /// Opens the note for its owner.
    pub ciphertext: Ciphertext,
    /// L1 time of the block with the deposit, Unix seconds.
    pub time: u64,
}
