//! What is gossiped: one topic for each kind, decoded before anybody sees it.

use agoge_protocol::limits::{ATTESTATION_BYTES_MAX, PROPOSAL_BYTES_MAX, QUOTE_BYTES_MAX, TX_BYTES_MAX};
use agoge_protocol::quote::SignedQuote;
use agoge_protocol::{Attestation, SignedProposal, Slot, Transaction, keccak256};

use crate::config::ForkDigest;
use crate::peer::PeerId;

/// Kinds of gossip; each has its topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GossipKind {
    /// Topic `tx`.
    Transaction,
    /// Topic `proposal`.
    Proposal,
    /// Topic `attestation`.
    Attestation,
    /// Topic `quote`.
    Quote,
}

impl GossipKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Transaction, Self::Proposal, Self::Attestation, Self::Quote];

    /// The kind's word in topics, metrics and records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transaction => "tx",
            Self::Proposal => "proposal",
            Self::Attestation => "attestation",
            Self::Quote => "quote",
        }
    }

    /// Bytes of an encoding at most.
    pub const fn bytes_max(self) -> usize {
        match self {
            Self::Transaction => TX_BYTES_MAX,
            Self::Proposal => PROPOSAL_BYTES_MAX,
            Self::Attestation => ATTESTATION_BYTES_MAX,
            Self::Quote => QUOTE_BYTES_MAX,
        }
    }

    /// Whether a slot depends on it. What a slot does not depend on may fill only half of the places for events.
    pub(crate) const fn is_urgent(self) -> bool {
        matches!(self, Self::Proposal | Self::Attestation)
    }

    /// The kind's topic, `/agoge/<fork digest>/<name>/1`.
    pub fn topic(self, fork: ForkDigest) -> String {
        format!("/agoge/{fork}/{}/1", self.name())
    }
}

/// A decoded message. Signatures, proofs and meaning are not checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GossipMessage {
    /// A transaction.
    Transaction(Box<Transaction>),
    /// A proposer's block.
    Proposal(SignedProposal),
    /// A committee member's word.
    Attestation(Attestation),
    /// A prover's offer to prove an epoch.
    Quote(Box<SignedQuote>),
}

/// Bytes that are no message of their topic's kind.
#[derive(Debug, thiserror::Error)]
#[error("malformed {kind}: {source}", kind = kind.name())]
pub(crate) struct Malformed {
    kind: GossipKind,
    #[source]
    source: std::io::Error,
}

impl GossipMessage {
    /// Its kind.
    pub const fn kind(&self) -> GossipKind {
        match self {
            Self::Transaction(_) => GossipKind::Transaction,
            Self::Proposal(_) => GossipKind::Proposal,
            Self::Attestation(_) => GossipKind::Attestation,
            Self::Quote(_) => GossipKind::Quote,
        }
    }

    /// The slot it is about; transactions and quotes are about none.
    pub const fn slot(&self) -> Option<Slot> {
        match self {
            Self::Transaction(_) | Self::Quote(_) => None,
            Self::Proposal(signed) => Some(signed.proposal.slot()),
            Self::Attestation(attestation) => Some(attestation.slot),
        }
    }

    /// The encoding, the only one there is.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let encoded = match self {
            Self::Transaction(tx) => borsh::to_vec(tx.as_ref()),
            Self::Proposal(signed) => borsh::to_vec(signed),
            Self::Attestation(attestation) => borsh::to_vec(attestation),
            Self::Quote(quote) => borsh::to_vec(quote.as_ref()),
        };
        // Writing to a vector cannot fail.
        encoded.unwrap_or_default()
    }

    /// Decodes all of `bytes`.
    pub(crate) fn decode(kind: GossipKind, bytes: &[u8]) -> Result<Self, Malformed> {
        let decoded = match kind {
            GossipKind::Transaction => borsh::from_slice(bytes).map(|tx| Self::Transaction(Box::new(tx))),
            GossipKind::Proposal => borsh::from_slice(bytes).map(Self::Proposal),
            GossipKind::Attestation => borsh::from_slice(bytes).map(Self::Attestation),
            GossipKind::Quote => borsh::from_slice(bytes).map(|quote| Self::Quote(Box::new(quote))),
        };
        decoded.map_err(|source| Malformed { kind, source })
    }
}

/// The id under which gossip knows a message: `keccak(topic ‖ 0x00 ‖ data)`. The topic is part of it, so that bytes sent on a wrong topic
/// cannot make the right message look like a duplicate.
pub(crate) fn message_id(topic: &str, data: &[u8]) -> [u8; 32] {
    let mut input = Vec::with_capacity(topic.len().saturating_add(data.len()).saturating_add(1));
    input.extend_from_slice(topic.as_bytes());
    input.push(0);
    input.extend_from_slice(data);
    keccak256(input).0
}

/// The node's judgement of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Valid and useful: passed on.
    Accept,
    /// Not passed on and nobody's fault: late, known, or our view of L1 differs.
    Ignore,
    /// Invalid by any view: not passed on, its sender is penalised.
    Reject,
}

/// Stands for a message that waits for its [`Verdict`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    pub(crate) id: [u8; 32],
    pub(crate) peer: PeerId,
    pub(crate) kind: GossipKind,
}

#[cfg(test)]
mod tests {
    use super::*;
    use agoge_protocol::{
        Address, B256, Ciphertext, CompactSignature, Digest, Element, Epoch, FreeFields, Proposal, Quote,
        TxPublicInputs, Withdrawal,
    };
    use rand::{Rng, SeedableRng, rngs::StdRng};

    fn digest(seed: u32) -> Digest {
        Digest([seed; 4].map(Element::from_u32))
    }

    fn samples() -> [GossipMessage; 4] {
        let withdrawal = Withdrawal {
            amount: 6,
            recipient: Address::repeat_byte(0xaa),
        };
        let [anchor, hash] = [digest(2), digest(8)];
        let (nullifiers, commitments) = ([digest(3), digest(4)], [digest(5), digest(6)]);
        let inputs =
            TxPublicInputs::new(digest(1), anchor, nullifiers, commitments, 7, withdrawal, hash).unwrap();
        let tx = Transaction::new(inputs, [Ciphertext::from_bytes(&[1; 91]); 2], vec![0xbb; 10]).unwrap();
        let free_fields = FreeFields {
            slot: Slot::new(9),
            fee_recipient: Address::repeat_byte(0xcc),
            inbox_end: 10,
            archive: digest(11),
        };
        let signature = CompactSignature::from_bytes([0xdd; 64]);
        let proposal = Proposal::new(
            free_fields,
            digest(12),
            B256::repeat_byte(13),
            B256::repeat_byte(14),
            vec![tx.id(); 2],
        );
        [
            GossipMessage::Transaction(Box::new(tx)),
            GossipMessage::Proposal(SignedProposal {
                proposal: proposal.unwrap(),
                signature,
            }),
            GossipMessage::Attestation(Attestation {
                slot: Slot::new(9),
                index: 3,
                block_hash: B256::repeat_byte(15),
                signature,
            }),
            GossipMessage::Quote(Box::new(SignedQuote {
                quote: Quote {
                    instance: Address::repeat_byte(16),
                    epoch: Epoch::new(17),
                    end_archive: digest(18),
                    valid_until_slot: Slot::new(19),
                    bond_amount_gwei: 20,
                    prover: Address::repeat_byte(21),
                    basis_point_fee: 22,
                    nonce: 23,
                },
                signature,
            })),
        ]
    }

    /// The offsets that `docs/wire.md` tells.
    #[test]
    fn layouts_are_pinned() {
        let [tx, proposal, attestation, quote] = samples().map(|message| message.encode());
        assert_eq!(tx.len(), 472 + 10);
        for (at, first) in [
            (0, 1),
            (32, 2),
            (64, 3),
            (96, 4),
            (128, 5),
            (160, 6),
            (192, 7),
            (200, 6),
            (208, 0xaa),
            (228, 8),
        ] {
            assert_eq!(tx[at], first, "transaction at {at}");
        }
        assert_eq!(tx[260..268], [1, 1, 1, 1, 1, 1, 1, 0]);
        assert_eq!(tx[468..473], [10, 0, 0, 0, 0xbb]);
        assert_eq!(proposal.len(), 232 + 2 * 32);
        for (at, first) in [
            (0, 9),
            (8, 0xcc),
            (28, 10),
            (36, 11),
            (68, 12),
            (100, 13),
            (132, 14),
            (164, 2),
            (232, 0xdd),
        ] {
            assert_eq!(proposal[at], first, "proposal at {at}");
        }
        assert_eq!(attestation.len(), 106);
        for (at, first) in [(0, 9), (8, 3), (10, 15), (42, 0xdd)] {
            assert_eq!(attestation[at], first, "attestation at {at}");
        }
        assert_eq!(quote.len(), 170);
        for (at, first) in [
            (0, 16),
            (20, 17),
            (28, 18),
            (60, 19),
            (68, 20),
            (76, 21),
            (96, 22),
            (98, 23),
            (106, 0xdd),
        ] {
            assert_eq!(quote[at], first, "quote at {at}");
        }
        let topic = GossipKind::Transaction.topic(ForkDigest([0, 1, 0xab, 0xff]));
        assert_eq!(topic, "/agoge/0001abff/tx/1");
        assert_ne!(
            message_id(&topic, &[1]),
            message_id("/agoge/0001abff/proposal/1", &[1])
        );
    }

    #[test]
    fn mutated_messages_never_panic_and_have_one_encoding() {
        let mut rng = StdRng::seed_from_u64(1);
        for message in samples() {
            let encoding = message.encode();
            assert_eq!(GossipMessage::decode(message.kind(), &encoding).unwrap(), message);
            for _ in 0..20_000 {
                let mut bytes = encoding.clone();
                for _ in 0..rng.gen_range(1..4) {
                    let at = rng.gen_range(0..bytes.len());
                    bytes[at] = rng.r#gen();
                }
                bytes.truncate(rng.gen_range(0..2 * bytes.len()));
                if let Ok(decoded) = GossipMessage::decode(message.kind(), &bytes) {
                    assert_eq!(decoded.encode(), bytes);
                }
            }
        }
    }
}
