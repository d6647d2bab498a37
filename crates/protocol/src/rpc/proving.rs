//! Words of the RPC about proofs: quotes, claims, epochs.

use alloy_primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};

use super::decimal;
use crate::chain::ClaimOutcome;
use crate::{Digest, Epoch, L1BlockNumber, L2BlockNumber, Quote, SignedQuote, Slot};

/// Epochs that one `agoge_epochs` may ask for.
pub const EPOCHS_RANGE_MAX: u64 = 64;

/// Element of `agoge_quotes`: a quote whose signature and bond were checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RpcQuote {
    /// EIP-712 digest.
    pub digest: B256,
    /// The quote.
    #[serde(flatten)]
    pub quote: Quote,
    /// The prover's signature, 64 bytes.
    pub signature: Bytes,
}

impl RpcQuote {
    /// A quote as it is answered.
    pub fn new(digest: B256, signed: &SignedQuote) -> Self {
        Self {
            digest,
            quote: signed.quote,
            signature: Bytes::copy_from_slice(signed.signature.as_bytes()),
        }
    }
}

/// Element of `agoge_epochs`: how far an epoch has come on L1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RpcEpoch {
    /// The epoch.
    pub epoch: Epoch,
    /// Its first slot.
    pub first_slot: Slot,
    /// Its last slot.
    pub last_slot: Slot,
    /// Whether its last slot is over by the clock of L1.
    pub is_over: bool,
    /// Its first block; `null` without blocks.
    pub first_block: Option<L2BlockNumber>,
    /// Its last block so far; `null` without blocks.
    pub last_block: Option<L2BlockNumber>,
    /// Archive root after its last block; `null` without blocks.
    pub end_archive: Option<Digest>,
    /// Blocks of it that are proven.
    pub proven_blocks: u64,
    /// Its claim; `null` while nobody has claimed it.
    pub claim: Option<RpcClaim>,
    /// Proofs that L1 took, in order.
    pub proofs: Vec<RpcEpochProof>,
}

/// A claim as it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RpcClaim {
    /// The claimant.
    pub prover: Address,
    /// Its share of the fees, basis points.
    pub basis_point_fee: u16,
    /// Its bond, gwei, rounded down.
    #[serde(with = "decimal")]
    pub bond_gwei: u64,
    /// EIP-712 digest of its quote.
    pub quote_digest: B256,
    /// L1 block with the claim.
    pub l1_block: L1BlockNumber,
    /// First slot in which it can no longer deliver; `null` until the epoch before is proven.
    pub deadline_slot: Option<Slot>,
    /// How it ended; `null` while it is open.
    pub outcome: Option<ClaimOutcome>,
    /// What the claimant lost, gwei, rounded down.
    #[serde(with = "decimal")]
    pub slashed_gwei: u64,
    /// What of it went to other provers, gwei, rounded down.
    #[serde(with = "decimal")]
    pub rescued_gwei: u64,
}

/// An accepted epoch proof as it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RpcEpochProof {
    /// Who is paid for it.
    pub prover: Address,
    /// Its first block.
    pub from: L2BlockNumber,
    /// Its last block.
    pub to: L2BlockNumber,
    /// First block that it settled; `to + 1` if it only delivered a claim.
    pub settled_from: L2BlockNumber,
    /// L1 block that took it.
    pub l1_block: L1BlockNumber,
}

/// Why `agoge_sendQuote` refuses: the `data.code` of its error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QuoteRejection {
    /// The bytes are no canonical signed quote.
    Malformed,
    /// For another instance.
    WrongInstance,
    /// Fee, prover or signature are wrong.
    Invalid,
    /// The bond is below the least.
    BondTooSmall,
    /// Nobody can claim it in this slot or later.
    NotClaimable,
    /// The epoch ends in another archive.
    WrongArchive,
    /// It is kept already.
    Known,
    /// Cheaper quotes are kept.
    NotCheaper,
    /// The prover's deposit does not cover the bond.
    NoBond,
}

impl QuoteRejection {
    /// All reasons, in the order of their codes.
    pub const ALL: [Self; 9] = [
        Self::Malformed,
        Self::WrongInstance,
        Self::Invalid,
        Self::BondTooSmall,
        Self::NotClaimable,
        Self::WrongArchive,
        Self::Known,
        Self::NotCheaper,
        Self::NoBond,
    ];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "AGOGE-QUOTE-001",
            Self::WrongInstance => "AGOGE-QUOTE-002",
            Self::Invalid => "AGOGE-QUOTE-003",
            Self::BondTooSmall => "AGOGE-QUOTE-004",
            Self::NotClaimable => "AGOGE-QUOTE-005",
            Self::WrongArchive => "AGOGE-QUOTE-006",
            Self::Known => "AGOGE-QUOTE-007",
            Self::NotCheaper => "AGOGE-QUOTE-008",
            Self::NoBond => "AGOGE-QUOTE-009",
        }
    }

    /// The reason of a code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CompactSignature;

    #[test]
    fn a_quote_is_one_flat_object_and_comes_back() {
        let quote = Quote {
            instance: Address::repeat_byte(1),
            epoch: Epoch::new(2),
            end_archive: Digest::ZERO,
            valid_until_slot: Slot::new(3),
            bond_amount_gwei: u64::MAX,
            prover: Address::repeat_byte(4),
            basis_point_fee: 5,
            nonce: 6,
        };
        let signature = CompactSignature::from_bytes([7; 64]);
        let answer = RpcQuote::new(B256::repeat_byte(8), &SignedQuote { quote, signature });
        let json = serde_json::to_value(&answer).unwrap();
        assert_eq!(json["bond_amount_gwei"], "18446744073709551615");
        assert_eq!(json["epoch"], 2);
        assert_eq!(json["signature"].as_str().unwrap().len(), 130);
        assert_eq!(serde_json::from_value::<RpcQuote>(json).unwrap(), answer);
    }

    #[test]
    fn rejection_codes_are_distinct() {
        let codes: std::collections::BTreeSet<_> = QuoteRejection::ALL.iter().map(|r| r.code()).collect();
        assert_eq!(codes.len(), QuoteRejection::ALL.len());
        assert_eq!(
            QuoteRejection::from_code("AGOGE-QUOTE-008"),
            Some(QuoteRejection::NotCheaper)
        );
    }
}
