//! What nodes say to each other about a slot. Byte layouts are in `docs/wire.md`.

use alloy_primitives::{Address, B256, Keccak256};
use alloy_sol_types::Eip712Domain;
use borsh::{BorshDeserialize, BorshSerialize};
use std::io::{Error, ErrorKind, Read, Result as IoResult};

use crate::eip712::{AttestationMessage, ProposalMessage, signing_digest};
use crate::limits::BLOCK_TXS_MAX;
use crate::signature::SignatureError;
use crate::{BlockHash, CompactSignature, Digest, FreeFields, Slot, TxId, U256};

/// A proposer's block: free fields, inbox hash, blob hash and the ids of its transactions in order.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize)]
pub struct Proposal {
    /// The fields that go to L1.
    pub free_fields: FreeFields,
    /// Archive root of the parent, the tip that the block builds on.
    pub parent_archive: Digest,
    /// Rolling hash of the inbox up to the block's inbox end.
    #[borsh(serialize_with = "crate::signature::write_b256")]
    pub inbox_hash: B256,
    /// EIP-4844 versioned hash of the block's blob.
    #[borsh(serialize_with = "crate::signature::write_b256")]
    pub blob_hash: B256,
    tx_ids: Vec<TxId>,
}

/// More transactions than any block may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("proposal lists {found} transactions, the limit is {BLOCK_TXS_MAX}")]
pub struct TooManyTxs {
    /// Ids found.
    pub found: usize,
}

impl Proposal {
    /// Puts a proposal together.
    ///
    /// # Errors
    /// [`TooManyTxs`].
    pub fn new(
        free_fields: FreeFields,
        parent_archive: Digest,
        inbox_hash: B256,
        blob_hash: B256,
        tx_ids: Vec<TxId>,
    ) -> Result<Self, TooManyTxs> {
        if tx_ids.len() > BLOCK_TXS_MAX {
            return Err(TooManyTxs { found: tx_ids.len() });
        }
        Ok(Self {
            free_fields,
            parent_archive,
            inbox_hash,
            blob_hash,
            tx_ids,
        })
    }

    /// Ids of the block's transactions, in order.
    pub fn tx_ids(&self) -> &[TxId] {
        &self.tx_ids
    }

    /// Slot the block is for.
    pub const fn slot(&self) -> Slot {
        self.free_fields.slot
    }

    /// What the committee attests to.
    pub fn block_hash(&self) -> BlockHash {
        self.free_fields
            .block_hash(self.parent_archive, self.inbox_hash, self.blob_hash)
    }

    /// Keccak of the concatenated transaction ids.
    pub fn body_hash(&self) -> B256 {
        let mut hasher = Keccak256::new();
        for id in &self.tx_ids {
            hasher.update(id.0);
        }
        hasher.finalize()
    }

    /// What the proposer signs.
    pub fn digest(&self, genesis_id: Digest, domain: &Eip712Domain) -> B256 {
        let message = ProposalMessage {
            genesisId: genesis_id.to_b256(),
            slot: U256::from(self.slot().get()),
            blockHash: self.block_hash(),
            bodyHash: self.body_hash(),
        };
        signing_digest(&message, domain)
    }
}

impl BorshDeserialize for Proposal {
    fn deserialize_reader<R: Read>(reader: &mut R) -> IoResult<Self> {
        let free_fields = FreeFields::deserialize_reader(reader)?;
        let parent_archive = Digest::deserialize_reader(reader)?;
        let inbox_hash = crate::signature::read_b256(reader)?;
        let blob_hash = crate::signature::read_b256(reader)?;
        let count = u32::deserialize_reader(reader)?;
        let found = usize::try_from(count).map_err(|e| Error::new(ErrorKind::InvalidData, e))?;
        if found > BLOCK_TXS_MAX {
            return Err(Error::new(ErrorKind::InvalidData, TooManyTxs { found }));
        }
        let tx_ids = (0..found)
            .map(|_| TxId::deserialize_reader(reader))
            .collect::<IoResult<Vec<_>>>()?;
        Ok(Self {
            free_fields,
            parent_archive,
            inbox_hash,
            blob_hash,
            tx_ids,
        })
    }
}

/// A proposal with its proposer's signature, as gossiped.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SignedProposal {
    /// The block.
    pub proposal: Proposal,
    /// By the slot's proposer.
    pub signature: CompactSignature,
}

impl SignedProposal {
    /// Who signed.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn signer(&self, genesis_id: Digest, domain: &Eip712Domain) -> Result<Address, SignatureError> {
        self.signature.recover(self.proposal.digest(genesis_id, domain))
    }
}

/// One member's word for a block: 106 bytes on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Attestation {
    /// Slot of the block.
    pub slot: Slot,
    /// Position in the committee.
    pub index: u16,
    /// The block.
    #[borsh(
        serialize_with = "crate::signature::write_b256",
        deserialize_with = "crate::signature::read_b256"
    )]
    pub block_hash: BlockHash,
    /// By the member at `index`.
    pub signature: CompactSignature,
}

impl Attestation {
    /// What a member signs.
    pub fn digest(slot: Slot, block_hash: BlockHash, genesis_id: Digest, domain: &Eip712Domain) -> B256 {
        let message = AttestationMessage {
            genesisId: genesis_id.to_b256(),
            slot: U256::from(slot.get()),
            blockHash: block_hash,
        };
        signing_digest(&message, domain)
    }

    /// Who signed.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn signer(&self, genesis_id: Digest, domain: &Eip712Domain) -> Result<Address, SignatureError> {
        self.signature
            .recover(Self::digest(self.slot, self.block_hash, genesis_id, domain))
    }
}

/// Attestations of one block as L1 takes them: `floor(2n/3) + 1` are needed of a committee of `n`.
#[derive(Clone, Debug, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub struct AttestationSet {
    /// Bit i set: member i's signature is present.
    pub bitmap: u128,
    /// 64 bytes a signature, ascending committee index.
    pub signatures: Vec<u8>,
}

impl AttestationSet {
    /// Packs signatures keyed by committee index (`< 128`); the map's order is the set's.
    pub fn pack(signatures: &std::collections::BTreeMap<u16, CompactSignature>) -> Self {
        let mut set = Self::default();
        for (index, signature) in signatures {
            let Some(bit) = 1_u128.checked_shl(u32::from(*index)) else {
                continue;
            };
            set.bitmap |= bit;
            set.signatures.extend_from_slice(signature.as_bytes());
        }
        set
    }
}

/// Attestations needed of a committee of `n`: `floor(2n/3) + 1`.
pub fn attestation_threshold(committee_size: usize) -> usize {
    committee_size
        .saturating_mul(2)
        .checked_div(3)
        .unwrap_or(0)
        .saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{ATTESTATION_BYTES_MAX, PROPOSAL_BYTES_MAX};

    fn proposal(count: usize) -> Result<Proposal, TooManyTxs> {
        let free_fields = FreeFields {
            slot: Slot::new(3),
            fee_recipient: Address::ZERO,
            inbox_end: 4,
            archive: Digest::ZERO,
        };
        Proposal::new(
            free_fields,
            Digest::ZERO,
            B256::ZERO,
            B256::repeat_byte(1),
            vec![TxId(B256::repeat_byte(2)); count],
        )
    }

    #[test]
    fn proposals_are_bounded_on_both_sides_of_the_wire() {
        let largest = SignedProposal {
            proposal: proposal(BLOCK_TXS_MAX).unwrap(),
            signature: CompactSignature::from_bytes([1; 64]),
        };
        let bytes = borsh::to_vec(&largest).unwrap();
        assert!(bytes.len() <= PROPOSAL_BYTES_MAX, "{}", bytes.len());
        assert_eq!(borsh::from_slice::<SignedProposal>(&bytes).unwrap(), largest);
        assert_eq!(
            proposal(BLOCK_TXS_MAX + 1),
            Err(TooManyTxs {
                found: BLOCK_TXS_MAX + 1
            })
        );
        let mut forged = largest;
        forged.proposal.tx_ids.push(TxId(B256::ZERO));
        assert!(borsh::from_slice::<SignedProposal>(&borsh::to_vec(&forged).unwrap()).is_err());
    }

    #[test]
    fn attestations_are_small_and_thresholds_exact() {
        let attestation = Attestation {
            slot: Slot::new(1),
            index: 2,
            block_hash: B256::ZERO,
            signature: CompactSignature::from_bytes([0; 64]),
        };
        let bytes = borsh::to_vec(&attestation).unwrap();
        assert!(bytes.len() <= ATTESTATION_BYTES_MAX);
        assert_eq!(bytes.len(), 106);
        for (n, threshold) in [(16, 11), (24, 17), (48, 33), (1, 1), (3, 3)] {
            assert_eq!(attestation_threshold(n), threshold);
        }
    }
}
