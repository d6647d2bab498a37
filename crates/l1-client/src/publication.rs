//! Calldata of a block's publication.

use agoge_contract_bindings::rollup::Rollup;
use agoge_protocol::messages::AttestationSet;
use agoge_protocol::{Address, B256, CompactSignature, FreeFields, U256, keccak256};
use alloy::primitives::Bytes;
use alloy::sol_types::SolCall;

/// What proves an epoch's committee to L1. The default proves nothing: enough for the genesis epochs, whose seed L1 knows, and for a
/// Rollup of version 1 once the epoch is set up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommitteeProof {
    /// The members, 20 bytes each: for a Rollup of version 2 once the epoch is set up, else empty.
    pub committee: Bytes,
    /// RLP header of the first L1 block at or after the entropy time, while the epoch is not set up.
    pub header: Bytes,
    /// RLP header of its parent.
    pub parent_header: Bytes,
}

impl CommitteeProof {
    /// The members of a committee, in order.
    pub fn of_members(members: &[Address]) -> Self {
        let committee: Vec<u8> = members.iter().flat_map(|member| member.0).collect();
        Self {
            committee: committee.into(),
            ..Self::default()
        }
    }
}

/// All that `propose` takes besides the blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// The block.
    pub free_fields: FreeFields,
    /// The committee's word.
    pub attestations: AttestationSet,
    /// A claim that goes with the block ([`crate::claim_bundle`]); empty without one. The publication signs its keccak.
    pub claim: Bytes,
    /// Payload signalled for, zero without one.
    pub payload: Address,
    /// Hash of the payload's actions, zero without one.
    pub actions_hash: B256,
    /// The proposer's signature over all of it.
    pub signature: CompactSignature,
    /// What proves the epoch's committee to L1 as it is when the block arrives.
    pub committee_proof: CommitteeProof,
}

/// What a publication signs for its claim: zero without one.
pub fn claim_hash(claim: &[u8]) -> B256 {
    if claim.is_empty() {
        B256::ZERO
    } else {
        keccak256(claim)
    }
}

impl Publication {
    /// Calldata of `propose`.
    pub fn propose_calldata(&self) -> Bytes {
        let (block, attestations, publication, proof) = self.parts();
        Rollup::proposeCall {
            _block: block,
            _attestations: attestations,
            _publication: publication,
            _committeeProof: proof,
            _claim: self.claim.clone(),
        }
        .abi_encode()
        .into()
    }

    /// Calldata of `validateProposal`, the same checks as a view.
    pub fn validate_calldata(&self, blob_hash: B256) -> Bytes {
        let (block, attestations, publication, proof) = self.parts();
        Rollup::validateProposalCall {
            _block: block,
            _blobHash: blob_hash,
            _attestations: attestations,
            _publication: publication,
            _committeeProof: proof,
            _claim: self.claim.clone(),
        }
        .abi_encode()
        .into()
    }

    fn parts(
        &self,
    ) -> (
        Rollup::Block,
        Rollup::Attestations,
        Rollup::Publication,
        Rollup::CommitteeProof,
    ) {
        let (r, vs) = self.signature.as_bytes().split_at(32);
        (
            Rollup::Block {
                slot: U256::from(self.free_fields.slot.get()),
                feeRecipient: self.free_fields.fee_recipient,
                inboxEnd: U256::from(self.free_fields.inbox_end),
                archive: self.free_fields.archive.to_b256(),
            },
            Rollup::Attestations {
                bitmap: U256::from(self.attestations.bitmap),
                signatures: Bytes::copy_from_slice(&self.attestations.signatures),
            },
            Rollup::Publication {
                quoteDigest: claim_hash(&self.claim),
                payload: self.payload,
                actionsHash: self.actions_hash,
                r: B256::from_slice(r),
                vs: B256::from_slice(vs),
            },
            Rollup::CommitteeProof {
                committee: self.committee_proof.committee.clone(),
                header: self.committee_proof.header.clone(),
                parentHeader: self.committee_proof.parent_header.clone(),
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_packed_as_the_contract_hashes_them() {
        let (first, second) = (Address::repeat_byte(0x11), Address::repeat_byte(0x22));
        let proof = CommitteeProof::of_members(&[first, second]);
        assert_eq!(proof.committee, [[0x11; 20], [0x22; 20]].concat());
        assert!(proof.header.is_empty() && proof.parent_header.is_empty());
        assert_eq!(CommitteeProof::of_members(&[]), CommitteeProof::default());
    }
}
