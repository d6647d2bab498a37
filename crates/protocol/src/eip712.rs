//! EIP-712 messages of an instance (`docs/protocol.md` section 11). Golden vectors are shared with the forge tests.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::{Eip712Domain, SolStruct, SolValue, eip712_domain};

mod types {
    alloy_sol_types::sol! {
        struct Proposal {
            bytes32 genesisId;
            uint256 slot;
            bytes32 blockHash;
            bytes32 bodyHash;
        }
        struct Attestation {
            bytes32 genesisId;
            uint256 slot;
            bytes32 blockHash;
        }
        struct Publication {
            bytes32 genesisId;
            uint256 slot;
            bytes32 blockHash;
            bytes32 attestationsHash;
            bytes32 quoteDigest;
            address payload;
            bytes32 actionsHash;
        }
        struct Quote {
            address instance;
            uint256 epoch;
            bytes32 endArchive;
            uint256 validUntilSlot;
            uint256 bondAmount;
            address prover;
            uint256 basisPointFee;
            uint256 nonce;
        }
        struct Claim {
            address instance;
            uint256 slot;
            bytes32 quoteDigest;
        }
        struct Signal {
            address instance;
            uint256 slot;
            address payload;
            bytes32 actionsHash;
        }
        struct ProofOfPossession {
            address attester;
            address withdrawer;
            uint256 nonce;
        }
    }
}

pub use types::{
    Attestation as AttestationMessage, Claim as ClaimMessage, ProofOfPossession as ProofOfPossessionMessage,
    Proposal as ProposalMessage, Publication as PublicationMessage, Quote as QuoteMessage,
    Signal as SignalMessage,
};

/// The domain of a contract that verifies signatures.
pub fn domain(chain_id: u64, verifying_contract: Address) -> Eip712Domain {
    eip712_domain! {
        name: "Agoge",
        version: "1",
        chain_id: chain_id,
        verifying_contract: verifying_contract,
    }
}

/// What a key signs for a message under a domain.
pub fn signing_digest<M: SolStruct>(message: &M, domain: &Eip712Domain) -> B256 {
    message.eip712_signing_hash(domain)
}

/// Keccak of an attestation set as L1 receives it.
pub fn attestations_hash(bitmap: U256, signatures: &[u8]) -> B256 {
    keccak256((bitmap, Bytes::copy_from_slice(signatures)).abi_encode_params())
}
