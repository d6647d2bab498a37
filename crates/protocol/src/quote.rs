//! Proof quotes and claims (`docs/protocol.md` section 16.6): what a prover offers for an epoch, and how a proposer takes it.

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::Eip712Domain;
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::eip712::{ClaimMessage, QuoteMessage, signing_digest};
use crate::signature::SignatureError;
use crate::{CompactSignature, Digest, Epoch, Slot};

/// Basis points of the whole.
pub const BASIS_POINTS: u16 = 10_000;

/// A prover's offer to prove an epoch. Signed under ProverBonds' domain.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
pub struct Quote {
    /// The Rollup whose epoch it is.
    #[borsh(
        serialize_with = "crate::signature::write_address",
        deserialize_with = "crate::signature::read_address"
    )]
    pub instance: Address,
    /// The epoch, which is over.
    pub epoch: Epoch,
    /// Archive root after the epoch's last block.
    pub end_archive: Digest,
    /// Last slot in which it may be claimed.
    pub valid_until_slot: Slot,
    /// What the prover stakes on delivery, gwei.
    #[serde(with = "crate::rpc::decimal")]
    pub bond_amount_gwei: u64,
    /// Who signs, proves and is paid.
    #[borsh(
        serialize_with = "crate::signature::write_address",
        deserialize_with = "crate::signature::read_address"
    )]
    pub prover: Address,
    /// Share of the epoch's fees asked for, at most [`BASIS_POINTS`].
    pub basis_point_fee: u16,
    /// Tells quotes of one prover for one epoch apart.
    pub nonce: u64,
}

/// Why a quote is none, whoever signed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// More than everything.
    #[error("a fee of {found} basis points is above {BASIS_POINTS}")]
    FeeTooHigh {
        /// Fee asked for.
        found: u16,
    },
    /// Nobody would prove it.
    #[error("the quote names no prover")]
    NoProver,
    /// No signer, or a malleable signature.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// Signed by somebody else than the prover it names.
    #[error("the quote names prover {expected} but is signed by {found}")]
    ForeignSignature {
        /// Prover named.
        expected: Address,
        /// Signer found.
        found: Address,
    },
}

impl Quote {
    /// The bond in wei, as L1 counts it.
    pub fn bond_amount_wei(&self) -> U256 {
        U256::from(self.bond_amount_gwei).saturating_mul(U256::from(1_000_000_000_u64))
    }

    /// What the prover signs, and what a claim names. `domain` is that of ProverBonds.
    pub fn digest(&self, domain: &Eip712Domain) -> B256 {
        let message = QuoteMessage {
            instance: self.instance,
            epoch: U256::from(self.epoch.get()),
            endArchive: self.end_archive.to_b256(),
            validUntilSlot: U256::from(self.valid_until_slot.get()),
            bondAmount: self.bond_amount_wei(),
            prover: self.prover,
            basisPointFee: U256::from(self.basis_point_fee),
            nonce: U256::from(self.nonce),
        };
        signing_digest(&message, domain)
    }
}

/// A quote as it is gossiped and claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SignedQuote {
    /// The offer.
    pub quote: Quote,
    /// By its prover.
    pub signature: CompactSignature,
}

impl SignedQuote {
    /// Checks bounds, then the signature; cheap things first, so that garbage costs little.
    ///
    /// # Errors
    /// [`QuoteError`].
    pub fn check(&self, domain: &Eip712Domain) -> Result<(), QuoteError> {
        let Quote {
            prover,
            basis_point_fee,
            ..
        } = self.quote;
        if basis_point_fee > BASIS_POINTS {
            return Err(QuoteError::FeeTooHigh {
                found: basis_point_fee,
            });
        }
        if prover == Address::ZERO {
            return Err(QuoteError::NoProver);
        }
        let found = self.signature.recover(self.quote.digest(domain))?;
        if found != prover {
            return Err(QuoteError::ForeignSignature {
                expected: prover,
                found,
            });
        }
        Ok(())
    }
}

/// What a slot's proposer signs to claim a quote outside a block. `domain` is that of ProverBonds.
pub fn claim_digest(instance: Address, slot: Slot, quote_digest: B256, domain: &Eip712Domain) -> B256 {
    let message = ClaimMessage {
        instance,
        slot: U256::from(slot.get()),
        quoteDigest: quote_digest,
    };
    signing_digest(&message, domain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eip712::domain;
    use alloy_primitives::Signature;

    fn quote() -> Quote {
        Quote {
            instance: Address::repeat_byte(1),
            epoch: Epoch::new(5),
            end_archive: Digest::ZERO,
            valid_until_slot: Slot::new(200),
            bond_amount_gwei: 1_000_000_000,
            prover: Address::repeat_byte(2),
            basis_point_fee: 3_000,
            nonce: 1,
        }
    }

    fn signed(quote: Quote) -> SignedQuote {
        let signature = Signature::new(U256::from(1), U256::from(1), false);
        SignedQuote {
            quote,
            signature: CompactSignature::from_signature(&signature),
        }
    }

    #[test]
    fn hostile_quotes_are_refused() {
        let domain = domain(31_337, Address::repeat_byte(9));
        let mut greedy = quote();
        greedy.basis_point_fee = BASIS_POINTS + 1;
        assert_eq!(
            signed(greedy).check(&domain),
            Err(QuoteError::FeeTooHigh { found: 10_001 })
        );
        let mut nobody = quote();
        nobody.prover = Address::ZERO;
        assert_eq!(signed(nobody).check(&domain), Err(QuoteError::NoProver));
        assert!(matches!(
            signed(quote()).check(&domain),
            Err(QuoteError::ForeignSignature { .. } | QuoteError::Signature(_))
        ));
    }

    #[test]
    fn each_field_and_the_domain_change_the_digest() {
        let here = domain(31_337, Address::repeat_byte(9));
        let base = quote().digest(&here);
        let changes: [fn(&mut Quote); 8] = [
            |q| q.instance = Address::ZERO,
            |q| q.epoch = Epoch::new(6),
            |q| q.end_archive.0[3] = crate::Element::from_u32(1),
            |q| q.valid_until_slot = Slot::new(201),
            |q| q.bond_amount_gwei = 2,
            |q| q.prover = Address::ZERO,
            |q| q.basis_point_fee = 1,
            |q| q.nonce = 2,
        ];
        for change in changes {
            let mut other = quote();
            change(&mut other);
            assert_ne!(other.digest(&here), base);
        }
        assert_ne!(quote().digest(&domain(1, Address::repeat_byte(9))), base);
        assert_ne!(quote().digest(&domain(31_337, Address::repeat_byte(8))), base);
        let claim = |instance, slot| claim_digest(instance, Slot::new(slot), base, &here);
        assert_ne!(claim(Address::ZERO, 1), claim(Address::ZERO, 2));
        assert_ne!(claim(Address::ZERO, 1), claim(Address::repeat_byte(1), 1));
    }
}
