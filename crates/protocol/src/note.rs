//! Deposits as the L1 inbox holds them.

use alloy_primitives::{B256, U256, keccak256};
use alloy_sol_types::SolValue;
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::Digest;
use crate::transaction::Ciphertext;

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
    /// Rolling hash of the inbox up to and including this deposit.
    #[borsh(
        serialize_with = "crate::signature::write_b256",
        deserialize_with = "crate::signature::read_b256"
    )]
    pub inbox_hash: B256,
}

/// The inbox's rolling hash after one more deposit: the low 216 bits of `keccak(abi(previous, partial, value))`; it starts at zero.
pub fn next_inbox_hash(previous: B256, partial: Digest, value: u64) -> B256 {
    let mut hash = keccak256(
        (
            U256::from_be_bytes(previous.0),
            partial.to_b256(),
            U256::from(value),
        )
            .abi_encode(),
    );
    let [first, second, third, fourth, fifth, ..] = &mut hash.0;
    for byte in [first, second, third, fourth, fifth] {
        *byte = 0;
    }
    hash
}
