//! The L2 block header, hashed with Poseidon by `state-transition`.

use alloy_primitives::Address;
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::element::{Element, NotCanonical, address_limbs};
use crate::{Digest, L2BlockNumber, Slot};

/// Header of a block. Field order is that of the hash (`docs/protocol.md` section 8).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Header {
    /// The instance's genesis id: four limbs of 62 bits.
    pub genesis_id: Digest,
    /// Block number, from 1.
    pub number: L2BlockNumber,
    /// Slot of the block.
    pub slot: Slot,
    /// Unix seconds: genesis time + slot * slot seconds.
    pub timestamp: u64,
    /// Archive root before this header.
    pub parent_archive: Digest,
    /// Note tree root after the block.
    pub note_root: Digest,
    /// Leaves of the note tree after the block.
    pub note_count: u64,
    /// Nullifier tree root after the block.
    pub nullifier_root: Digest,
    /// Leaves of the nullifier tree after the block.
    pub nullifier_count: u64,
    /// Inbox deposits consumed up to and including the block.
    pub inbox_end: u64,
    /// Accumulator over consumed deposits and withdrawals.
    pub settlement_hash: Digest,
    /// Accumulator over transaction effects.
    pub effects_hash: Digest,
    /// L1 address credited with the fees.
    #[borsh(
        serialize_with = "crate::signature::write_address",
        deserialize_with = "crate::signature::read_address"
    )]
    pub fee_recipient: Address,
    /// Sum of fees, gwei, `< 2^60`.
    pub total_fees: u64,
    /// Number of transactions.
    pub tx_count: u64,
}

impl Header {
    /// Elements in a header's hash input.
    pub const LEN: usize = 35;

    /// The hash input.
    ///
    /// # Errors
    /// [`NotCanonical`] when one of the integer fields is not below the field modulus.
    pub fn to_elements(&self) -> Result<[Element; Self::LEN], NotCanonical> {
        let [recipient_0, recipient_1, recipient_2] = address_limbs(self.fee_recipient);
        let [g0, g1, g2, g3] = self.genesis_id.0;
        let [a0, a1, a2, a3] = self.parent_archive.0;
        let [n0, n1, n2, n3] = self.note_root.0;
        let [x0, x1, x2, x3] = self.nullifier_root.0;
        let [s0, s1, s2, s3] = self.settlement_hash.0;
        let [e0, e1, e2, e3] = self.effects_hash.0;
        Ok([
            g0,
            g1,
            g2,
            g3,
            Element::new(self.number.get())?,
            Element::new(self.slot.get())?,
            Element::new(self.timestamp)?,
            a0,
            a1,
            a2,
            a3,
            n0,
            n1,
            n2,
            n3,
            Element::new(self.note_count)?,
            x0,
            x1,
            x2,
            x3,
            Element::new(self.nullifier_count)?,
            Element::new(self.inbox_end)?,
            s0,
            s1,
            s2,
            s3,
            e0,
            e1,
            e2,
            e3,
            recipient_0,
            recipient_1,
            recipient_2,
            Element::new(self.total_fees)?,
            Element::new(self.tx_count)?,
        ])
    }
}
