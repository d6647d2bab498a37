//! What the state machine wants done.

use agoge_protocol::messages::{Attestation, AttestationSet, Proposal, SignedProposal};
use agoge_protocol::rpc::Signal;
use agoge_protocol::{Address, B256, CompactSignature, Digest, Epoch, Slot};

use super::input::{Offer, Source};
use crate::duties::DutyRecord;

/// The kinds of messages a validator signs for a slot, each at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignKind {
    /// A block of one's own.
    Proposal,
    /// One's word for a block.
    Attestation,
    /// The word that lets a block and its attestations be sent to L1.
    Publication,
}

/// A signature is wanted; the guard decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignRequest {
    /// The key.
    pub attester: Address,
    /// The slot.
    pub slot: Slot,
    /// The kind.
    pub kind: SignKind,
    /// EIP-712 digest.
    pub digest: B256,
}

/// All that L1 needs of a block besides its blob. Equal bytes however often it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// The block.
    pub proposal: Proposal,
    /// Exactly the threshold of attestations, the lowest indices held when it was met.
    pub attestations: AttestationSet,
    /// The quote that is claimed with the block.
    pub offer: Option<Box<Offer>>,
    /// The payload that the block signals for.
    pub signal: Option<Signal>,
    /// By the proposer, over the block, the set, the claim and the signal.
    pub signature: CompactSignature,
}

/// What the network layer does with a gossip message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Pass it on.
    Accept,
    /// Drop it; nobody is to blame.
    Ignore,
    /// Drop it and penalise the peer that sent it.
    Reject,
}

/// Two different messages of one key, kind and slot: what Staking slashes for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Two proposals.
    Proposals(Box<[SignedProposal; 2]>),
    /// Two attestations.
    Attestations(Box<[Attestation; 2]>),
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Find out the committee of an epoch and tell it; asked again while it is needed and unknown.
    FindCommittee(Epoch),
    /// Build a block on the tip.
    BuildBlock {
        /// For this slot.
        slot: Slot,
        /// By this key.
        proposer: Address,
        /// On this archive.
        parent_archive: Digest,
        /// To be named in the answer.
        attempt: u8,
    },
    /// Get the proposal's transactions, verify them, execute them on the tip and compare the block hash.
    Reexecute(Box<SignedProposal>),
    /// Ask the guard, store, sign.
    Sign(SignRequest),
    /// Tell the network of one's own block.
    GossipProposal(Box<SignedProposal>),
    /// Tell the network of one's own attestation.
    GossipAttestation(Attestation),
    /// Send the block to L1, in its slot only.
    Publish(Box<Publication>),
    /// What becomes of a gossip message.
    Judge {
        /// The message.
        source: Source,
        /// The verdict.
        verdict: Verdict,
    },
    /// Somebody else signed two different things: to be reported to L1.
    Equivocation {
        /// Whose key.
        attester: Address,
        /// Checked: both are of that key, in a slot that it was in the committee of.
        evidence: Evidence,
    },
    /// One of this node's keys signed two different things, so somebody else uses it. Its duties are off from this step on; it is not
    /// reported, and must stay off until the operator has found the other.
    OwnKeyElsewhere {
        /// The key.
        attester: Address,
        /// As above.
        evidence: Evidence,
    },
    /// A duty ended.
    RecordDuty(DutyRecord),
}
