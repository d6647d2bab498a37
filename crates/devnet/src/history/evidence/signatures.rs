//! What attester keys signed, wherever it was seen: on the wire, or in calls that reached L1.

use std::sync::Arc;

use agoge_contract_bindings::governance_proposer::GovernanceProposer;
use agoge_contract_bindings::rollup::Rollup;
use agoge_protocol::eip712::{self, PublicationMessage, SignalMessage, signing_digest};
use agoge_protocol::{
    Address, Attestation, B256, CompactSignature, Digest, FreeFields, Slot, U256, keccak256,
};
use alloy::sol_types::SolCall;

use super::l1::Call;
use super::wire::Instance;

/// What a key may sign once a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A block for the slot.
    Proposal,
    /// A word for the slot's block.
    Attestation,
    /// The publication of the block, with its attestation set, on L1.
    Publication,
    /// A signal for a payload, sent by itself.
    Signal,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Proposal, Self::Attestation, Self::Publication, Self::Signal];

    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proposal => "proposal",
            Self::Attestation => "attestation",
            Self::Publication => "publication",
            Self::Signal => "signal",
        }
    }

    /// In words, for a count.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Proposal => "proposals",
            Self::Attestation => "attestations",
            Self::Publication => "publications",
            Self::Signal => "signals",
        }
    }
}

/// Where a signature was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A line of a file, from 1.
    Line(Arc<str>, u64),
    /// A transaction on L1.
    L1(B256),
}

impl core::fmt::Display for Place {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Line(file, line) => write!(f, "{file}:{line}"),
            Self::L1(hash) => write!(f, "L1 transaction {hash}"),
        }
    }
}

/// A key's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Number of the instance.
    pub instance: u32,
    /// Who signed.
    pub signer: Address,
    /// For which slot.
    pub slot: u64,
    /// What.
    pub digest: B256,
    /// Where it was seen.
    pub place: Place,
}

/// What a `propose` is judged by.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The Rollup.
    pub instance: Instance,
    /// Archives of the blocks that the call may have been built on.
    pub parents: &'a [B256],
    /// Inbox hash after so many deposits; `None` beyond the last.
    pub inbox_hash: &'a dyn Fn(u64) -> Option<B256>,
    /// The committee and its proposer of a slot.
    pub committee: &'a dyn Fn(u64) -> Option<(Vec<Address>, Address)>,
}

/// What was signed in a call of a Rollup: `None` if it is no `propose`, or one that nobody can be held to, since it was built on a block
/// that L1 has replaced or forged by its sender.
pub fn in_propose(call: &Call, context: Context<'_>) -> Option<Vec<(Kind, Signed)>> {
    let propose = Rollup::proposeCall::abi_decode(&call.input).ok()?;
    let slot = u64::try_from(propose._block.slot).ok()?;
    let inbox_end = u64::try_from(propose._block.inboxEnd).ok()?;
    let inbox_hash = (context.inbox_hash)(inbox_end)?;
    let (members, proposer) = (context.committee)(slot)?;
    let free_fields = FreeFields {
        slot: Slot::new(slot),
        fee_recipient: propose._block.feeRecipient,
        inbox_end,
        archive: Digest::from_b256(propose._block.archive).ok()?,
    };
    let instance = context.instance;
    let domain = eip712::domain(instance.chain_id, instance.rollup);
    let word = |signer, digest| Signed {
        instance: instance.number,
        signer,
        slot,
        digest,
        place: Place::L1(call.hash),
    };
    let (publication, attestations) = (&propose._publication, &propose._attestations);
    let blob_hash = *call.blobs.first()?;
    for parent in context.parents {
        let parent = Digest::from_b256(*parent).ok()?;
        let block_hash = free_fields.block_hash(parent, inbox_hash, blob_hash);
        let message = PublicationMessage {
            genesisId: instance.genesis_id.to_b256(),
            slot: U256::from(slot),
            blockHash: block_hash,
            attestationsHash: eip712::attestations_hash(attestations.bitmap, &attestations.signatures),
            quoteDigest: publication.quoteDigest,
            payload: publication.payload,
            actionsHash: publication.actionsHash,
        };
        let digest = signing_digest(&message, &domain);
        if signer(publication.r, publication.vs, digest) != Some(proposer) {
            continue;
        }
        let mut all = vec![(Kind::Publication, word(proposer, digest))];
        let digest = Attestation::digest(Slot::new(slot), block_hash, instance.genesis_id, &domain);
        for signature in attestations.signatures.as_chunks::<64>().0 {
            let signer = CompactSignature::from_bytes(*signature).recover(digest).ok();
            let member = signer.filter(|signer| members.contains(signer));
            all.extend(member.map(|member| (Kind::Attestation, word(member, digest))));
        }
        return Some(all);
    }
    None
}

/// What was signed in a call of the GovernanceProposer.
pub fn in_signal(
    call: &Call,
    chain_id: u64,
    number_of: impl Fn(Address) -> Option<u32>,
) -> Option<(Kind, Signed)> {
    let signal = GovernanceProposer::signalWithSignatureCall::abi_decode(&call.input)
        .ok()?
        ._signal;
    let message = SignalMessage {
        instance: signal.instance,
        slot: signal.slot,
        payload: signal.payload,
        actionsHash: signal.actionsHash,
    };
    let digest = signing_digest(&message, &eip712::domain(chain_id, call.to));
    let signed = Signed {
        instance: number_of(signal.instance)?,
        signer: signer(signal.r, signal.vs, digest)?,
        slot: u64::try_from(signal.slot).ok()?,
        digest,
        place: Place::L1(call.hash),
    };
    Some((Kind::Signal, signed))
}

fn signer(r: B256, vs: B256, digest: B256) -> Option<Address> {
    let mut bytes = [0; 64];
    let (first, second) = bytes.split_at_mut(32);
    first.copy_from_slice(r.as_slice());
    second.copy_from_slice(vs.as_slice());
    CompactSignature::from_bytes(bytes).recover(digest).ok()
}

/// What a Rollup keeps of a committee: keccak of its members' addresses.
pub fn commitment(members: &[Address]) -> B256 {
    let packed: Vec<u8> = members.iter().flat_map(|member| member.0).collect();
    keccak256(packed)
}
