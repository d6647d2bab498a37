//! An attester's way through a slot: hold the first proposal until it may be judged, re-execute it, sign once.

use std::collections::BTreeMap;

use agoge_protocol::messages::{Attestation, SignedProposal};
use agoge_protocol::{Address, BlockHash, CompactSignature, Slot};

use super::output::{Output, SignKind, SignRequest};
use super::slot::{Context, SlotState};
use crate::duties::{DutyOutcome, MissReason};

/// Re-executions of one proposal: the tip may move while it is being re-executed.
const EXECUTIONS_MAX: u8 = 4;

/// The proposal that this node may attest to: the first that the slot's proposer signed.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) signed: Box<SignedProposal>,
    block_hash: BlockHash,
    phase: Phase,
    executions: u8,
    why: MissReason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Held,
    Executing,
    Verified,
    Refused,
}

/// One own key in the slot's committee.
#[derive(Debug)]
pub(super) struct Member {
    index: u16,
    phase: MemberPhase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MemberPhase {
    Idle,
    Signing(BlockHash),
    Attested(BlockHash),
    Refused,
}

impl Candidate {
    /// A proposal from the network: nothing of it is believed.
    pub(super) fn received(signed: Box<SignedProposal>) -> Self {
        Self::new(signed, Phase::Held)
    }

    /// A proposal that this node built, so executed, itself.
    pub(super) fn own(signed: Box<SignedProposal>) -> Self {
        Self::new(signed, Phase::Verified)
    }

    fn new(signed: Box<SignedProposal>, phase: Phase) -> Self {
        let block_hash = signed.proposal.block_hash();
        Self {
            signed,
            block_hash,
            phase,
            executions: 0,
            why: MissReason::TooSlow,
        }
    }

    /// Takes every step that is possible at this moment.
    pub(super) fn advance(
        &mut self,
        slot: Slot,
        members: &mut BTreeMap<Address, Member>,
        ctx: &Context<'_>,
        out: &mut Vec<Output>,
    ) {
        if matches!(self.phase, Phase::Refused | Phase::Executing) {
            return;
        }
        // Too late, or the slot's block is on L1 already: what was in the way before stays the reason.
        if !ctx.can_land(slot) || !ctx.tip_is_before(slot) {
            return;
        }
        if let Err(why) = self.may_judge(slot, ctx) {
            self.why = why;
            return;
        }
        let mut idle = members
            .iter_mut()
            .filter(|(key, m)| m.phase == MemberPhase::Idle && ctx.is_on(**key))
            .peekable();
        if idle.peek().is_none() {
            return;
        }
        if self.phase == Phase::Held {
            if self.executions < EXECUTIONS_MAX {
                self.executions = self.executions.saturating_add(1);
                self.phase = Phase::Executing;
                self.why = MissReason::TooSlow;
                out.push(Output::Reexecute(self.signed.clone()));
            }
            return;
        }
        let digest = Attestation::digest(slot, self.block_hash, ctx.rules.genesis_id, &ctx.rules.domain);
        for (attester, member) in idle {
            member.phase = MemberPhase::Signing(self.block_hash);
            out.push(Output::Sign(SignRequest {
                attester: *attester,
                slot,
                kind: SignKind::Attestation,
                digest,
            }));
        }
    }

    fn may_judge(&self, slot: Slot, ctx: &Context<'_>) -> Result<(), MissReason> {
        ctx.ready()?;
        if self.signed.proposal.parent_archive != ctx.view.tip.archive {
            return Err(MissReason::WrongParent);
        }
        if ctx.now_ms < ctx.rules.attest_from(slot) {
            Err(MissReason::NoProposal)
        } else {
            Ok(())
        }
    }

    /// The end of the re-execution. A parent that was not the tip may be it later; anything else is final.
    pub(super) fn on_reexecuted(&mut self, block_hash: BlockHash, result: Result<(), MissReason>) {
        if self.phase != Phase::Executing || block_hash != self.block_hash {
            return;
        }
        self.phase = match &result {
            Ok(()) => Phase::Verified,
            Err(MissReason::WrongParent | MissReason::TooSlow) => Phase::Held,
            Err(_) => Phase::Refused,
        };
        if let Err(why) = result {
            self.why = why;
        }
    }
}

impl Member {
    pub(super) const fn new(index: u16) -> Self {
        Self {
            index,
            phase: MemberPhase::Idle,
        }
    }

    /// The signature, or the guard's refusal; returns the attestation to gossip.
    pub(super) fn on_signed(
        &mut self,
        slot: Slot,
        signature: Option<CompactSignature>,
    ) -> Option<Attestation> {
        let MemberPhase::Signing(block_hash) = self.phase else {
            return None;
        };
        match signature {
            Some(signature) => {
                self.phase = MemberPhase::Attested(block_hash);
                Some(Attestation {
                    slot,
                    index: self.index,
                    block_hash,
                    signature,
                })
            }
            None => {
                self.phase = MemberPhase::Refused;
                None
            }
        }
    }

    /// What came of it, once the slot is over.
    pub(super) fn outcome(&self, key: Address, slot: &SlotState, ctx: &Context<'_>) -> DutyOutcome {
        let reason = match (self.phase, &slot.candidate) {
            (MemberPhase::Attested(block_hash), _) => return DutyOutcome::Attested { block_hash },
            (MemberPhase::Refused, _) => MissReason::GuardRefused,
            (MemberPhase::Signing(_), _) => MissReason::TooSlow,
            (MemberPhase::Idle, _) if !ctx.is_on(key) => MissReason::DutiesOff,
            (MemberPhase::Idle, Some(candidate)) => candidate.why.clone(),
            (MemberPhase::Idle, None) => slot.blocked.clone().unwrap_or(MissReason::NoProposal),
        };
        DutyOutcome::Missed { reason }
    }
}
