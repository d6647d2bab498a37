//! What is gossiped: one topic for each kind, decoded before anybody sees it.

use agoge_protocol::limits::{ATTESTATION_BYTES_MAX, PROPOSAL_BYTES_MAX, TX_BYTES_MAX};
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
}

impl GossipKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Transaction, Self::Proposal, Self::Attestation];

    /// The kind's word in topics, metrics and records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transaction => "tx",
            Self::Proposal => "proposal",
            Self::Attestation => "attestation",
        }
    }

    /// Bytes of an encoding at most.
    pub const fn bytes_max(self) -> usize {
        match self {
            Self::Transaction => TX_BYTES_MAX,
            Self::Proposal => PROPOSAL_BYTES_MAX,
            Self::Attestation => ATTESTATION_BYTES_MAX,
        }
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
        }
    }

    /// The slot it is about; transactions are about none.
    pub const fn slot(&self) -> Option<Slot> {
        match self {
            Self::Transaction(_) => None,
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
