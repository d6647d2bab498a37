//! Two different messages of one key, kind and slot: what Staking slashes for (`docs/protocol.md` section 11).

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use crate::eip712::{AttestationMessage, ProposalMessage, domain, signing_digest};
use crate::messages::{Attestation, SignedProposal};
use crate::signature::SignatureError;
use crate::{CompactSignature, Digest, Slot, U256};

/// Messages of which a key may sign one per slot and instance; the order is the contract's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// A block of one's own.
    Proposal,
    /// One's word for a block.
    Attestation,
}

/// One of the two messages, as far as L1 needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedHashes {
    /// The signed block hash.
    pub block_hash: B256,
    /// The signed body hash; zero for an attestation, which has none.
    pub body_hash: B256,
    /// By the equivocator.
    pub signature: CompactSignature,
}

/// Evidence as L1 takes it. What it proves, and of whom, is for [`Self::culprit`] to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Equivocation {
    /// The Rollup under whose domain both were signed.
    pub instance: Address,
    /// The genesis id in both.
    pub genesis_id: Digest,
    /// The slot in both.
    pub slot: Slot,
    /// What was signed twice.
    pub kind: MessageKind,
    /// The two.
    pub messages: [SignedHashes; 2],
}

/// Why two messages are no equivocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotEquivocation {
    /// L1 would see one message.
    #[error("both messages are the same")]
    Same,
    /// Two keys signed.
    #[error("the messages are of two keys, {first} and {second}")]
    SignersDiffer {
        /// Of the first.
        first: Address,
        /// Of the second.
        second: Address,
    },
    /// A signature names nobody.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

impl Equivocation {
    /// Of two proposals of an instance.
    pub fn of_proposals(instance: Address, genesis_id: Digest, pair: &[SignedProposal; 2]) -> Self {
        let [first, _] = pair;
        Self {
            instance,
            genesis_id,
            slot: first.proposal.slot(),
            kind: MessageKind::Proposal,
            messages: pair.each_ref().map(|signed| SignedHashes {
                block_hash: signed.proposal.block_hash(),
                body_hash: signed.proposal.body_hash(),
                signature: signed.signature,
            }),
        }
    }

    /// Of two attestations of an instance.
    pub fn of_attestations(instance: Address, genesis_id: Digest, pair: &[Attestation; 2]) -> Self {
        let [first, _] = pair;
        Self {
            instance,
            genesis_id,
            slot: first.slot,
            kind: MessageKind::Attestation,
            messages: pair.each_ref().map(|attestation| SignedHashes {
                block_hash: attestation.block_hash,
                body_hash: B256::ZERO,
                signature: attestation.signature,
            }),
        }
    }

    /// Whose key signed both, by the rules of `Staking.slash`. Whether it is staked only L1 knows.
    ///
    /// # Errors
    /// [`NotEquivocation`]: L1 would refuse it whatever it knows.
    pub fn culprit(&self, chain_id: u64) -> Result<Address, NotEquivocation> {
        let [first, second] = self.digests(chain_id);
        if first == second {
            return Err(NotEquivocation::Same);
        }
        let [one, other] = &self.messages;
        let (first, second) = (one.signature.recover(first)?, other.signature.recover(second)?);
        if first == second {
            Ok(first)
        } else {
            Err(NotEquivocation::SignersDiffer { first, second })
        }
    }

    fn digests(&self, chain_id: u64) -> [B256; 2] {
        let domain = domain(chain_id, self.instance);
        let (genesis_id, slot) = (self.genesis_id.to_b256(), U256::from(self.slot.get()));
        self.messages.map(|message| match self.kind {
            MessageKind::Proposal => signing_digest(
                &ProposalMessage {
                    genesisId: genesis_id,
                    slot,
                    blockHash: message.block_hash,
                    bodyHash: message.body_hash,
                },
                &domain,
            ),
            MessageKind::Attestation => signing_digest(
                &AttestationMessage {
                    genesisId: genesis_id,
                    slot,
                    blockHash: message.block_hash,
                },
                &domain,
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FreeFields, Proposal};
    use alloy::signers::SignerSync as _;
    use alloy::signers::local::PrivateKeySigner;

    const CHAIN: u64 = 31_337;
    const ROLLUP: Address = Address::repeat_byte(9);

    fn sign(key: u8, digest: B256) -> CompactSignature {
        let key = PrivateKeySigner::from_bytes(&B256::repeat_byte(key)).unwrap();
        CompactSignature::from_signature(&key.sign_hash_sync(&digest).unwrap())
    }

    fn attestation(key: u8, slot: u64, block: u8) -> Attestation {
        let (slot, block_hash) = (Slot::new(slot), B256::repeat_byte(block));
        let digest = Attestation::digest(slot, block_hash, Digest::ZERO, &domain(CHAIN, ROLLUP));
        Attestation {
            slot,
            index: 3,
            block_hash,
            signature: sign(key, digest),
        }
    }

    fn proposal(key: u8, inbox_end: u64) -> SignedProposal {
        let fields = FreeFields {
            slot: Slot::new(5),
            fee_recipient: Address::ZERO,
            inbox_end,
            archive: Digest::ZERO,
        };
        let proposal = Proposal::new(fields, Digest::ZERO, B256::ZERO, B256::ZERO, Vec::new()).unwrap();
        let signature = sign(key, proposal.digest(Digest::ZERO, &domain(CHAIN, ROLLUP)));
        SignedProposal { proposal, signature }
    }

    fn of_attestations(pair: [Attestation; 2]) -> Equivocation {
        Equivocation::of_attestations(ROLLUP, Digest::ZERO, &pair)
    }

    #[test]
    fn two_messages_of_one_key_name_it_and_nothing_else_does() {
        let attested = |key, slot, block| attestation(key, slot, block);
        let one = of_attestations([attested(1, 5, 1), attested(1, 5, 2)]);
        let culprit = one.culprit(CHAIN).unwrap();
        assert_eq!(
            Ok(culprit),
            attested(1, 5, 1).signer(Digest::ZERO, &domain(CHAIN, ROLLUP))
        );

        let proposals = Equivocation::of_proposals(ROLLUP, Digest::ZERO, &[proposal(1, 0), proposal(1, 1)]);
        assert_eq!(
            (proposals.culprit(CHAIN), proposals.slot),
            (Ok(culprit), Slot::new(5))
        );

        let same = of_attestations([attested(1, 5, 1), attested(1, 5, 1)]);
        assert_eq!(same.culprit(CHAIN), Err(NotEquivocation::Same));
        for (what, pair) in [
            ("two keys", [attested(1, 5, 1), attested(2, 5, 2)]),
            ("two slots", [attested(1, 5, 1), attested(1, 6, 2)]),
        ] {
            let found = of_attestations(pair).culprit(CHAIN);
            assert!(
                matches!(found, Err(NotEquivocation::SignersDiffer { .. })),
                "{what}: {found:?}"
            );
        }
        assert_ne!(one.culprit(CHAIN + 1), Ok(culprit), "another chain's domain");
        let elsewhere = Equivocation {
            instance: Address::ZERO,
            ..one
        };
        assert_ne!(elsewhere.culprit(CHAIN), Ok(culprit), "another instance's domain");
        let other_kind = Equivocation {
            kind: MessageKind::Proposal,
            ..one
        };
        assert_ne!(other_kind.culprit(CHAIN), Ok(culprit), "signed as attestations");
        let mut broken = one;
        broken.messages[1].signature = CompactSignature::from_bytes([0; 64]);
        assert!(matches!(
            broken.culprit(CHAIN),
            Err(NotEquivocation::Signature(_))
        ));
    }

    #[test]
    fn evidence_is_the_same_after_a_file() {
        let one = of_attestations([attestation(1, 5, 1), attestation(1, 5, 2)]);
        let text = serde_json::to_string(&one).unwrap();
        assert_eq!(serde_json::from_str::<Equivocation>(&text).unwrap(), one);
        assert!(serde_json::from_str::<Equivocation>(&text.replace("attestation", "publication")).is_err());
    }
}
