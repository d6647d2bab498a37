//! Calldata of a block's publication.

use agoge_contract_bindings::rollup::Rollup;
use agoge_protocol::messages::AttestationSet;
use agoge_protocol::{Address, B256, CompactSignature, FreeFields, U256, keccak256};
use alloy::primitives::Bytes;
use alloy::sol_types::SolCall;

/// RLP headers that prove an epoch's seed to L1; taken from [`crate::RollupReader::entropy_block`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedProof {
    /// The first L1 block at or after the entropy time.
    pub header: Bytes,
    /// Its parent.
    pub parent_header: Bytes,
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
    /// Only for the first publication of an epoch after the genesis epochs.
    pub seed_proof: Option<SeedProof>,
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
            _seedProof: proof,
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
            _seedProof: proof,
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
        Rollup::SeedProof,
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
            self.seed_proof.as_ref().map_or_else(
                || Rollup::SeedProof {
                    header: Bytes::new(),
                    parentHeader: Bytes::new(),
                },
                |proof| Rollup::SeedProof {
                    header: proof.header.clone(),
                    parentHeader: proof.parent_header.clone(),
                },
            ),
        )
    }
}
