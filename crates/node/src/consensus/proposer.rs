//! The proposer's way through its slot: build, sign once, collect, publish the same bytes as often as needed.

use agoge_protocol::eip712::{PublicationMessage, attestations_hash, signing_digest};
use agoge_protocol::messages::{AttestationSet, Proposal, SignedProposal};
use agoge_protocol::rpc::Signal;
use agoge_protocol::{Address, B256, CompactSignature, Digest, L2BlockNumber, Slot, U256};

use super::attester::Candidate;
use super::collection::Collection;
use super::input::Offer;
use super::output::{Output, Publication, SignKind, SignRequest};
use super::slot::Context;
use super::window::Rules;
use crate::duties::{DutyOutcome, MissReason};

/// Blocks built for one slot: the tip may move while one is being built.
const ATTEMPTS_MAX: u8 = 8;
/// Times one publication is handed over: a revert, or an L1 reorg that removed it, inside the slot.
const SENDS_MAX: u8 = 6;

/// One slot of one own proposer.
#[derive(Debug)]
pub(super) struct Run {
    proposer: Address,
    phase: Phase,
    attempts: u8,
    sends: u8,
    why: MissReason,
}

/// What a publication brings along besides its block.
#[derive(Debug)]
struct Extras {
    offer: Option<Box<Offer>>,
    signal: Option<Signal>,
}

#[derive(Debug)]
enum Phase {
    Waiting,
    Building {
        parent: Digest,
    },
    /// No block was built on this parent: the next attempt comes with the next tick or step of the chain.
    BuildFailed {
        parent: Digest,
    },
    Built(Box<Proposal>),
    SigningProposal(Box<Proposal>),
    Collecting(Box<SignedProposal>),
    SigningPublication(Box<Proposal>, AttestationSet, Extras),
    /// After a failure (`failed_at` is the time of the L1 head then) it is tried again once there is a newer L1 block.
    Publishing {
        publication: Box<Publication>,
        is_in_flight: bool,
        failed_at: Option<u64>,
    },
    Landed {
        publication: Option<Box<Publication>>,
        number: L2BlockNumber,
    },
    Over,
}

impl Run {
    pub(super) const fn new(proposer: Address) -> Self {
        Self {
            proposer,
            phase: Phase::Waiting,
            attempts: 0,
            sends: 0,
            why: MissReason::TooSlow,
        }
    }

    pub(super) const fn proposer(&self) -> Address {
        self.proposer
    }

    /// Takes every step that is possible at this moment.
    pub(super) fn advance(
        &mut self,
        slot: Slot,
        collection: &Collection,
        candidate: Option<&Candidate>,
        ctx: &Context<'_>,
        out: &mut Vec<Output>,
    ) {
        let tip = ctx.view.tip;
        // Each turn either returns or moves to a later phase, or back to `Waiting`, which `attempts` bounds.
        loop {
            let next = match &mut self.phase {
                Phase::Waiting => match self.start(slot, candidate, ctx, out) {
                    Some(phase) => phase,
                    None => return,
                },
                Phase::Building { parent } | Phase::BuildFailed { parent } if *parent != tip.archive => {
                    Phase::Waiting
                }
                Phase::Built(proposal) if proposal.parent_archive != tip.archive => Phase::Waiting,
                Phase::Built(proposal) => {
                    if candidate.is_some() {
                        self.why = MissReason::SignedElsewhere;
                        Phase::Over
                    } else if let Err(why) = ctx.ready() {
                        self.why = why;
                        return;
                    } else if !ctx.is_on(self.proposer) {
                        self.why = MissReason::DutiesOff;
                        return;
                    } else if ctx.now_ms < ctx.rules.propose_from(slot) || !ctx.can_land(slot) {
                        return;
                    } else {
                        let digest = proposal.digest(ctx.rules.genesis_id, &ctx.rules.domain);
                        out.push(sign(self.proposer, slot, SignKind::Proposal, digest));
                        Phase::SigningProposal(proposal.clone())
                    }
                }
                Phase::Collecting(signed) => {
                    let block_hash = signed.proposal.block_hash();
                    let needed = ctx.rules.threshold();
                    let Some(set) = collection.pack(block_hash, needed) else {
                        self.why = too_few(collection.count(block_hash), needed);
                        return;
                    };
                    if !ctx.is_on(self.proposer) {
                        self.why = MissReason::DutiesOff;
                        return;
                    }
                    if let Err(why) = may_publish(slot, &signed.proposal, ctx) {
                        self.why = why;
                        return;
                    }
                    // Only one publication is ever signed: it claims the best quote of this moment and signals for what is wanted now.
                    let extras = Extras {
                        offer: ctx.offer_for(slot).cloned().map(Box::new),
                        signal: ctx.signal,
                    };
                    let digest = publication_digest(&signed.proposal, &set, &extras, ctx.rules);
                    out.push(sign(self.proposer, slot, SignKind::Publication, digest));
                    let proposal = Box::new(signed.proposal.clone());
                    Phase::SigningPublication(proposal, set, extras)
                }
                Phase::Publishing {
                    publication,
                    is_in_flight,
                    failed_at,
                } => {
                    if tip.archive == publication.proposal.free_fields.archive {
                        Phase::Landed {
                            publication: Some(publication.clone()),
                            number: tip.number,
                        }
                    } else if !*is_in_flight
                        && self.sends < SENDS_MAX
                        && failed_at.is_none_or(|time| ctx.view.head.time > time)
                    {
                        self.why = MissReason::NotPublished;
                        if let Err(why) = may_publish(slot, &publication.proposal, ctx) {
                            self.why = why;
                            return;
                        }
                        self.sends = self.sends.saturating_add(1);
                        *is_in_flight = true;
                        out.push(Output::Publish(publication.clone()));
                        return;
                    } else {
                        return;
                    }
                }
                // An L1 reorg took the block out again: the identical bytes may be sent while the slot lasts.
                Phase::Landed {
                    publication: Some(publication),
                    ..
                } if tip.archive == publication.proposal.parent_archive => {
                    self.why = MissReason::TipChanged;
                    Phase::Publishing {
                        publication: publication.clone(),
                        is_in_flight: false,
                        failed_at: None,
                    }
                }
                Phase::Building { .. }
                | Phase::BuildFailed { .. }
                | Phase::SigningProposal(_)
                | Phase::SigningPublication(..)
                | Phase::Landed { .. }
                | Phase::Over => return,
            };
            self.phase = next;
        }
    }

    /// The first step, or `None` while it cannot be taken.
    fn start(
        &mut self,
        slot: Slot,
        candidate: Option<&Candidate>,
        ctx: &Context<'_>,
        out: &mut Vec<Output>,
    ) -> Option<Phase> {
        let tip = ctx.view.tip;
        if tip.slot == Some(slot) {
            // Only this key can have made it: before a restart.
            return Some(Phase::Landed {
                publication: None,
                number: tip.number,
            });
        }
        if candidate.is_some() {
            self.why = MissReason::SignedElsewhere;
            return Some(Phase::Over);
        }
        if !ctx.can_land(slot) {
            // What was in the way before stays the reason.
            return None;
        }
        if let Err(why) = ctx.ready() {
            self.why = why;
            return None;
        }
        if !ctx.is_on(self.proposer) {
            self.why = MissReason::DutiesOff;
            return None;
        }
        self.why = MissReason::TooSlow;
        let is_next = ctx.rules.next_slot(&ctx.view.head, ctx.now_ms) == Some(slot);
        if !is_next || !ctx.rules.is_build_time(slot, &ctx.view.head, ctx.now_ms) || !ctx.tip_is_before(slot)
        {
            return None;
        }
        if self.attempts >= ATTEMPTS_MAX {
            return Some(Phase::Over);
        }
        self.attempts = self.attempts.saturating_add(1);
        out.push(Output::BuildBlock {
            slot,
            proposer: self.proposer,
            parent_archive: tip.archive,
            attempt: self.attempts,
        });
        Some(Phase::Building { parent: tip.archive })
    }

    /// The block asked for. One of an earlier attempt is dropped; after a failure [`Self::retry`] starts again.
    pub(super) fn on_built(&mut self, attempt: u8, result: Option<Box<Proposal>>) {
        let Phase::Building { parent } = self.phase else {
            return;
        };
        if attempt == self.attempts {
            self.phase = result.map_or(Phase::BuildFailed { parent }, Phase::Built);
        }
    }

    /// Time has passed or the chain has moved: a build that failed may be tried again.
    pub(super) fn retry(&mut self) {
        if matches!(self.phase, Phase::BuildFailed { .. }) {
            self.phase = Phase::Waiting;
        }
    }

    /// The proposal's signature; returns the proposal to gossip.
    pub(super) fn on_proposal_signed(
        &mut self,
        signature: Option<CompactSignature>,
    ) -> Option<Box<SignedProposal>> {
        let Phase::SigningProposal(proposal) = &self.phase else {
            return None;
        };
        let Some(signature) = signature else {
            self.refuse();
            return None;
        };
        let signed = Box::new(SignedProposal {
            proposal: proposal.as_ref().clone(),
            signature,
        });
        self.phase = Phase::Collecting(signed.clone());
        Some(signed)
    }

    /// The publication's signature.
    pub(super) fn on_publication_signed(&mut self, signature: Option<CompactSignature>) {
        let Phase::SigningPublication(proposal, set, extras) = &self.phase else {
            return;
        };
        let Some(signature) = signature else {
            return self.refuse();
        };
        let publication = Publication {
            proposal: proposal.as_ref().clone(),
            attestations: set.clone(),
            offer: extras.offer.clone(),
            signal: extras.signal,
            signature,
        };
        self.phase = Phase::Publishing {
            publication: Box::new(publication),
            is_in_flight: false,
            failed_at: None,
        };
    }

    /// The end of a transaction. One that was mined stays in flight until the chain shows the block.
    pub(super) fn on_published(&mut self, was_taken: bool, head_time: u64) {
        if let Phase::Publishing {
            is_in_flight,
            failed_at,
            ..
        } = &mut self.phase
        {
            *is_in_flight = was_taken;
            *failed_at = (!was_taken).then_some(head_time);
            self.why = MissReason::NotPublished;
        }
    }

    /// What came of it, once the slot is over.
    pub(super) fn outcome(&self, rules: &Rules) -> DutyOutcome {
        match &self.phase {
            Phase::Landed { number, .. } => DutyOutcome::Published {
                number: *number,
                attestations: u16::try_from(rules.threshold()).unwrap_or(u16::MAX),
            },
            _ => DutyOutcome::Missed {
                reason: self.why.clone(),
            },
        }
    }

    fn refuse(&mut self) {
        self.why = MissReason::GuardRefused;
        self.phase = Phase::Over;
    }
}

/// Whether the signed block can be sent at this moment, neither too early nor too late for its slot, and on the tip it was built on.
fn may_publish(slot: Slot, proposal: &Proposal, ctx: &Context<'_>) -> Result<(), MissReason> {
    ctx.ready()?;
    if ctx.view.tip.archive != proposal.parent_archive {
        return Err(MissReason::TipChanged);
    }
    let is_not_early = ctx.rules.is_last_head_before(slot, &ctx.view.head)
        || ctx.now_ms / 1_000 >= ctx.rules.timing.slot_start(slot);
    if is_not_early && ctx.can_land(slot) {
        Ok(())
    } else {
        Err(MissReason::NotPublished)
    }
}

fn publication_digest(proposal: &Proposal, set: &AttestationSet, extras: &Extras, rules: &Rules) -> B256 {
    let message = PublicationMessage {
        genesisId: rules.genesis_id.to_b256(),
        slot: U256::from(proposal.slot().get()),
        blockHash: proposal.block_hash(),
        attestationsHash: attestations_hash(U256::from(set.bitmap), &set.signatures),
        quoteDigest: extras
            .offer
            .as_ref()
            .map_or(B256::ZERO, |offer| offer.bundle_hash),
        payload: extras.signal.map_or(Address::ZERO, |signal| signal.payload),
        actionsHash: extras.signal.map_or(B256::ZERO, |signal| signal.actions_hash),
    };
    signing_digest(&message, &rules.domain)
}

const fn sign(attester: Address, slot: Slot, kind: SignKind, digest: B256) -> Output {
    Output::Sign(SignRequest {
        attester,
        slot,
        kind,
        digest,
    })
}

fn too_few(found: usize, needed: usize) -> MissReason {
    let narrow = |n| u16::try_from(n).unwrap_or(u16::MAX);
    MissReason::TooFewAttestations {
        found: narrow(found),
        needed: narrow(needed),
    }
}
