//! The state machine: routes inputs to their slot and takes every step that has become possible.

use std::collections::BTreeMap;

use agoge_protocol::messages::{Attestation, SignedProposal};
use agoge_protocol::rpc::Signal;
use agoge_protocol::sampling::Committee;
use agoge_protocol::{Address, CompactSignature, Epoch, Slot};

use super::attester::Candidate;
use super::input::{ChainView, Input, Offer};
use super::output::{Evidence, Output, SignKind, Verdict};
use super::slot::{Context, SlotState};
use super::window::Rules;
use crate::duties::{DutyKind, DutyRecord};

/// Keys of one process at most.
pub(crate) const KEYS_MAX: usize = 256;
/// Committees remembered: the current epoch's, its neighbours', and one more while an epoch changes.
const COMMITTEES_MAX: usize = 4;

/// All validators of one process.
#[derive(Debug)]
pub struct Validators {
    rules: Rules,
    view: Option<ChainView>,
    /// The best quote known.
    offer: Option<Box<Offer>>,
    /// What publications signal for.
    signal: Option<Signal>,
    /// Own keys and whether their duties are on. Bound: [`KEYS_MAX`].
    keys: BTreeMap<Address, bool>,
    /// Bound: [`COMMITTEES_MAX`], oldest dropped.
    committees: BTreeMap<Epoch, Committee>,
    /// When each unknown committee was last asked for, Unix ms. Bound: the epochs of [`Self::epochs_needed`].
    asked: BTreeMap<Epoch, u64>,
    /// Bound: the next slot and the one after, and those before that are not closed yet (at most two).
    slots: BTreeMap<Slot, SlotState>,
    /// Slots below are closed for good.
    open_from: Slot,
}

impl Validators {
    /// Validators that know nothing yet.
    pub fn new(rules: Rules, keys: Vec<(Address, bool)>) -> Self {
        Self {
            rules,
            view: None,
            offer: None,
            signal: None,
            keys: keys.into_iter().take(KEYS_MAX).collect(),
            committees: BTreeMap::new(),
            asked: BTreeMap::new(),
            slots: BTreeMap::new(),
            open_from: Slot::new(0),
        }
    }

    /// Takes one input at a time (Unix ms) and returns what is to be done, in order.
    pub fn step(&mut self, now_ms: u64, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        match input {
            Input::Tick => self.retry_builds(),
            Input::Chain(view) => {
                self.view = Some(view);
                self.retry_builds();
            }
            Input::Committee { epoch, committee } => self.on_committee(epoch, committee),
            Input::Proposal { source, proposal } => {
                let verdict = self.on_proposal(now_ms, *proposal, &mut out);
                out.push(Output::Judge { source, verdict });
            }
            Input::Attestation { source, attestation } => {
                let verdict = self.on_attestation(now_ms, attestation, &mut out);
                out.push(Output::Judge { source, verdict });
            }
            Input::BlockBuilt {
                slot,
                attempt,
                result,
            } => {
                if let Some(run) = self.slots.get_mut(&slot).and_then(|state| state.run.as_mut()) {
                    run.on_built(attempt, result.ok());
                }
            }
            Input::Reexecuted {
                slot,
                block_hash,
                result,
            } => {
                if let Some(candidate) = self
                    .slots
                    .get_mut(&slot)
                    .and_then(|state| state.candidate.as_mut())
                {
                    candidate.on_reexecuted(block_hash, result);
                }
            }
            Input::Signed {
                attester,
                slot,
                kind,
                result,
            } => {
                self.on_signed(attester, slot, kind, result.ok(), &mut out);
            }
            Input::Published { slot, result } => {
                if let Some(run) = self.slots.get_mut(&slot).and_then(|state| state.run.as_mut()) {
                    let head_time = self.view.map_or(0, |view| view.head.time);
                    run.on_published(result.is_ok(), head_time);
                }
            }
            Input::Offer(offer) => self.offer = offer,
            Input::Signal(signal) => self.signal = signal,
            Input::DutiesSwitched { attester, is_on } => {
                if let Some(state) = self.keys.get_mut(&attester) {
                    *state = is_on;
                }
            }
            // Slots that are open keep the keys they were opened with; a removed key signs nothing, since it is not on.
            Input::Keys(keys) => self.keys = keys.into_iter().take(KEYS_MAX).collect(),
        }
        self.advance(now_ms, &mut out);
        out
    }

    fn retry_builds(&mut self) {
        for run in self.slots.values_mut().filter_map(|state| state.run.as_mut()) {
            run.retry();
        }
    }

    fn on_committee(&mut self, epoch: Epoch, committee: Option<Committee>) {
        self.asked.remove(&epoch);
        if self.committees.get(&epoch) == committee.as_ref() {
            return;
        }
        // Another committee than the slots of this epoch were opened with: they start again, and the guard remembers what was signed.
        let timing = self.rules.timing;
        self.slots.retain(|slot, _| timing.epoch_of(*slot) != epoch);
        match committee {
            Some(committee) => self.committees.insert(epoch, committee),
            None => self.committees.remove(&epoch),
        };
        while self.committees.len() > COMMITTEES_MAX {
            self.committees.pop_first();
        }
    }

    fn on_proposal(&mut self, now_ms: u64, signed: SignedProposal, out: &mut Vec<Output>) -> Verdict {
        let slot = signed.proposal.slot();
        let Some(state) = current(&mut self.slots, &self.rules, self.view.as_ref(), slot, now_ms) else {
            return Verdict::Ignore;
        };
        let digest =
            |signed: &SignedProposal| signed.proposal.digest(self.rules.genesis_id, &self.rules.domain);
        let is_same = |known: &Candidate| digest(&known.signed) == digest(&signed);
        if state.is_equivocation_reported || state.candidate.as_ref().is_some_and(is_same) {
            return Verdict::Ignore;
        }
        let Some(proposer) = state.committee.proposer(&self.rules.timing, slot) else {
            return Verdict::Reject;
        };
        if signed.signer(self.rules.genesis_id, &self.rules.domain) != Ok(proposer) {
            return Verdict::Reject;
        }
        match &state.candidate {
            Some(first) => {
                state.is_equivocation_reported = true;
                let pair = Box::new([first.signed.as_ref().clone(), signed]);
                out.push(accuse(&mut self.keys, proposer, Evidence::Proposals(pair)));
            }
            None => state.candidate = Some(Candidate::received(Box::new(signed))),
        }
        Verdict::Accept
    }

    fn on_attestation(&mut self, now_ms: u64, attestation: Attestation, out: &mut Vec<Output>) -> Verdict {
        let Some(state) = current(
            &mut self.slots,
            &self.rules,
            self.view.as_ref(),
            attestation.slot,
            now_ms,
        ) else {
            return Verdict::Ignore;
        };
        let (verdict, evidence) = state.collection.add(attestation, &state.committee, &self.rules);
        let member = state.committee.members.get(usize::from(attestation.index));
        if let (Some(evidence), Some(attester)) = (evidence, member) {
            out.push(accuse(&mut self.keys, *attester, evidence));
        }
        verdict
    }

    fn on_signed(
        &mut self,
        attester: Address,
        slot: Slot,
        kind: SignKind,
        signature: Option<CompactSignature>,
        out: &mut Vec<Output>,
    ) {
        let Some(state) = self.slots.get_mut(&slot) else {
            return;
        };
        match kind {
            SignKind::Attestation => {
                let Some(member) = state.members.get_mut(&attester) else {
                    return;
                };
                let Some(attestation) = member.on_signed(slot, signature) else {
                    return;
                };
                match state.collection.add(attestation, &state.committee, &self.rules) {
                    // Another node spoke with this key first: what was signed here is never sent.
                    (_, Some(evidence)) => out.push(accuse(&mut self.keys, attester, evidence)),
                    (Verdict::Accept, None) => out.push(Output::GossipAttestation(attestation)),
                    (Verdict::Ignore | Verdict::Reject, None) => {}
                }
            }
            SignKind::Proposal => {
                let Some(run) = own_run(state, attester) else {
                    return;
                };
                let Some(signed) = run.on_proposal_signed(signature) else {
                    return;
                };
                let foreign = state.candidate.as_ref().map(|known| &known.signed);
                if let Some(first) = foreign.filter(|first| first.proposal != signed.proposal) {
                    // As above, while this one was being signed.
                    state.is_equivocation_reported = true;
                    let pair = Box::new([first.as_ref().clone(), *signed]);
                    out.push(accuse(&mut self.keys, attester, Evidence::Proposals(pair)));
                    return;
                }
                state.candidate = Some(Candidate::own(signed.clone()));
                out.push(Output::GossipProposal(signed));
            }
            SignKind::Publication => {
                if let Some(run) = own_run(state, attester) {
                    run.on_publication_signed(signature);
                }
            }
        }
    }

    fn advance(&mut self, now_ms: u64, out: &mut Vec<Output>) {
        let Some(view) = self.view else { return };
        self.ask_and_open(now_ms, &view, out);
        let ctx = Context {
            now_ms,
            rules: &self.rules,
            view: &view,
            keys: &self.keys,
            offer: self.offer.as_deref(),
            signal: self.signal,
        };
        for state in self.slots.values_mut() {
            if now_ms >= ctx.rules.attest_from(state.slot) && ctx.can_land(state.slot) {
                state.blocked = ctx.ready().err();
            }
            if let Some(run) = &mut state.run {
                run.advance(state.slot, &state.collection, state.candidate.as_ref(), &ctx, out);
            }
            if let Some(candidate) = &mut state.candidate {
                candidate.advance(state.slot, &mut state.members, &ctx, out);
            }
        }
        self.close(now_ms, &view, out);
    }

    /// Opens the next slot and the one after; asks for the committees they and the next epoch need.
    fn ask_and_open(&mut self, now_ms: u64, view: &ChainView, out: &mut Vec<Output>) {
        let Some(next) = self.rules.next_slot(&view.head, now_ms) else {
            return;
        };
        let epoch = self.rules.timing.epoch_of(next);
        let needed = [epoch, epoch.next()];
        self.asked.retain(|epoch, _| needed.contains(epoch));
        for epoch in needed {
            let is_due = self.asked.get(&epoch).is_none_or(|asked| {
                now_ms.saturating_sub(*asked) >= self.rules.l1_slot_seconds.saturating_mul(1_000)
            });
            if !self.committees.contains_key(&epoch) && is_due {
                self.asked.insert(epoch, now_ms);
                out.push(Output::FindCommittee(epoch));
            }
        }
        for slot in [next, next.next()] {
            let Some(committee) = self.committees.get(&self.rules.timing.epoch_of(slot)) else {
                continue;
            };
            if slot >= self.open_from && !self.slots.contains_key(&slot) {
                self.slots.insert(
                    slot,
                    SlotState::new(slot, committee.clone(), &self.keys, &self.rules),
                );
            }
        }
    }

    /// Closes slots in which nothing can land any more and whose last L1 block was seen (or is one L1 slot late).
    fn close(&mut self, now_ms: u64, view: &ChainView, out: &mut Vec<Output>) {
        let ctx = Context {
            now_ms,
            rules: &self.rules,
            view,
            keys: &self.keys,
            offer: None,
            signal: None,
        };
        let grace_ms = self.rules.l1_slot_seconds.saturating_mul(1_000);
        while let Some(entry) = self.slots.first_entry() {
            let slot = *entry.key();
            let is_seen = view.head.time >= self.rules.timing.slot_end(slot);
            if !is_seen && now_ms < self.rules.end(slot).saturating_add(grace_ms) {
                break;
            }
            let state = entry.remove();
            self.open_from = self.open_from.max(slot.next());
            if let Some(run) = &state.run {
                out.push(Output::RecordDuty(DutyRecord {
                    attester: run.proposer(),
                    slot,
                    kind: DutyKind::Propose,
                    outcome: run.outcome(&self.rules),
                }));
            }
            for (key, member) in &state.members {
                out.push(Output::RecordDuty(DutyRecord {
                    attester: *key,
                    slot,
                    kind: DutyKind::Attest,
                    outcome: member.outcome(*key, &state, &ctx),
                }));
            }
        }
    }
}

/// What is done about an equivocation. A key of one's own is silenced at once.
fn accuse(keys: &mut BTreeMap<Address, bool>, attester: Address, evidence: Evidence) -> Output {
    match keys.get_mut(&attester) {
        Some(is_on) => {
            *is_on = false;
            Output::OwnKeyElsewhere { attester, evidence }
        }
        None => Output::Equivocation { attester, evidence },
    }
}

/// The state of a slot that may be talked about at this moment.
fn current<'a>(
    slots: &'a mut BTreeMap<Slot, SlotState>,
    rules: &Rules,
    view: Option<&ChainView>,
    slot: Slot,
    now_ms: u64,
) -> Option<&'a mut SlotState> {
    let view = view?;
    rules
        .is_current(slot, &view.head, now_ms)
        .then(|| slots.get_mut(&slot))
        .flatten()
}

fn own_run(state: &mut SlotState, attester: Address) -> Option<&mut super::proposer::Run> {
    state.run.as_mut().filter(|run| run.proposer() == attester)
}
