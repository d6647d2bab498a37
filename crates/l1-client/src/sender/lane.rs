//! What a sender does next: a state machine without I/O over one key's transactions.
//!
//! ```text
//! Check -> Checking -> Ready -> Issuing -> Live -> (ended)
//!   ^________|          ^_________________|  nonce was used by a foreign transaction
//! ```
//!
//! One request is worked on at a time. Rules that hold in every state:
//! * Bytes are signed only for the nonce that the chain expects next, so no gap can wedge the key.
//! * What was signed is journalled before it is broadcast (`Issue` is answered by `Issued` only then).
//! * A request that ended without being mined leaves its transactions as *leftovers*: the next request of the same kind replaces them at
//!   the same nonce with higher fees; one of the other kind first has them cancelled, because pools do not let a blob transaction and a
//!   plain one replace each other.
//! * A mined transaction is watched for as long as an ordinary reorg may undo it; within its deadline the same bytes are sent again.

use std::collections::VecDeque;

use agoge_protocol::{B256, U256};

use super::lane_io::{Answer, Attempt, Closing, Input, Limits, Observation, Output, Simulated, Spec};
use super::request::{MinedTx, Purpose, SendOutcome};

/// Replacements of one request.
pub(super) const ATTEMPTS_MAX: usize = 8;
/// Transactions of ended requests that are remembered.
const LEFTOVERS_MAX: usize = 16;
/// Mined transactions that are watched for a reorg.
const MINED_MAX: usize = 32;
/// Ended once-only purposes that are remembered.
pub(super) const FINISHED_MAX: usize = 256;
/// L1 heads for which a used nonce without a receipt of ours is taken as a delay.
const MISSING_HEADS: u64 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Check,
    Checking,
    Ready,
    Issuing,
    Live,
}

#[derive(Debug)]
pub(super) struct Job {
    pub(super) spec: Spec,
    pub(super) phase: Phase,
    pub(super) gas_limit: u64,
    pub(super) attempts: Vec<Attempt>,
    /// Head at the last new attempt.
    pub(super) issued_at: u64,
    /// Head at the last broadcast.
    pub(super) sent_at: u64,
    pub(super) is_underpriced: bool,
    /// Head at which the nonce was first seen used without a receipt of ours.
    pub(super) missing_at: Option<u64>,
    /// Least cost of the offer that did not fit the limit.
    pub(super) too_expensive: Option<U256>,
    /// Its request is known, so that new bytes can be made; a job from the journal only repeats its bytes.
    pub(super) has_request: bool,
    pub(super) is_refused: Option<String>,
}

#[derive(Debug)]
pub(super) struct Watched {
    pub(super) attempt: Attempt,
    pub(super) block_number: u64,
    pub(super) sent_at: u64,
}

/// The transactions of one key.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) limits: Limits,
    pub(super) job: Option<Job>,
    pub(super) leftovers: Vec<Attempt>,
    pub(super) cancelled_at: u64,
    pub(super) mined: VecDeque<Watched>,
    pub(super) finished: VecDeque<(Purpose, B256, Closing)>,
    pub(super) last: Option<Observation>,
}

impl Lane {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            job: None,
            leftovers: Vec::new(),
            cancelled_at: 0,
            mined: VecDeque::new(),
            finished: VecDeque::new(),
            last: None,
        }
    }

    /// A lane as the journal tells it: what has no closing yet, newest last, and what has.
    pub(super) fn resume(limits: Limits, open: Vec<Attempt>, closed: Vec<(Purpose, B256, Closing)>) -> Self {
        let mut lane = Self::new(limits);
        for (purpose, digest, closing) in closed {
            lane.remember(purpose, digest, closing);
        }
        let newest = open
            .iter()
            .rev()
            .find(|attempt| !attempt.is_cancel && !lane.is_expired_purpose(attempt))
            .cloned();
        let (job, leftovers): (Vec<_>, Vec<_>) = open.into_iter().partition(|attempt| {
            newest.as_ref().is_some_and(|newest| {
                attempt.purpose == newest.purpose && attempt.digest == newest.digest && !attempt.is_cancel
            })
        });
        lane.leftovers = leftovers;
        lane.trim_leftovers();
        if let Some(newest) = newest {
            let spec = Spec {
                purpose: newest.purpose,
                digest: newest.digest,
                // Of one that was taken up from the journal nobody knows how many it carries; its bytes are sent again, never replaced.
                blobs: u64::from(newest.is_blob),
                value: U256::ZERO,
                earliest: None,
                deadline: newest.deadline,
            };
            lane.job = Some(Job {
                phase: Phase::Live,
                attempts: job,
                has_request: false,
                ..Job::new(spec)
            });
        }
        lane
    }

    fn is_expired_purpose(&self, attempt: &Attempt) -> bool {
        self.finished.iter().any(|(purpose, digest, closing)| {
            *purpose == attempt.purpose && *digest == attempt.digest && *closing == Closing::Expired
        })
    }

    /// Whether a request is being worked on.
    pub(super) fn is_busy(&self) -> bool {
        self.job.is_some()
    }

    /// Whether a submission can be taken now: nothing is worked on, or the same thing is, out of the journal.
    pub(super) fn accepts(&self, spec: &Spec) -> bool {
        self.job.as_ref().is_none_or(|job| {
            !job.has_request && job.spec.purpose == spec.purpose && job.spec.digest == spec.digest
        })
    }

    pub(super) fn purpose(&self) -> Option<&Purpose> {
        self.job.as_ref().map(|job| &job.spec.purpose)
    }

    /// Hashes whose receipts belong into the next observation. Bounded by the lists' bounds.
    pub(super) fn watched(&self) -> Vec<B256> {
        let attempts = self.job.iter().flat_map(|job| job.attempts.iter());
        attempts
            .chain(&self.leftovers)
            .map(|attempt| attempt.hash)
            .collect()
    }

    pub(super) fn step(&mut self, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        match input {
            Input::Submit(spec) => self.submit(spec, &mut out),
            Input::Observed(observation) => {
                self.settle_leftovers(&observation, &mut out);
                self.watch_mined(&observation, &mut out);
                self.last = Some(observation);
                self.advance(&mut out);
            }
            Input::Simulated(result) => self.simulated(result, &mut out),
            Input::Issued(attempt) => self.issued(attempt, &mut out),
            Input::Answered { hash, answer } => self.answered(hash, answer, &mut out),
        }
        out
    }

    fn submit(&mut self, spec: Spec, out: &mut Vec<Output>) {
        if let Some(job) = &mut self.job {
            // `accepts` has been asked: the request of a job out of the journal.
            job.spec.value = spec.value;
            job.has_request = true;
            return;
        }
        if spec.purpose.is_once() {
            let before = self
                .finished
                .iter()
                .rev()
                .find(|(purpose, ..)| *purpose == spec.purpose);
            let sent = self
                .leftovers
                .iter()
                .find(|attempt| attempt.purpose == spec.purpose && !attempt.is_cancel);
            let sent_digest = before
                .map(|(_, digest, _)| *digest)
                .or(sent.map(|attempt| attempt.digest));
            if sent_digest.is_some_and(|digest| digest != spec.digest) {
                out.push(Output::Done(SendOutcome::Conflict {
                    purpose: spec.purpose,
                }));
                return;
            }
            if let Some((_, _, Closing::Mined(tx))) = before {
                out.push(Output::Done(SendOutcome::Mined(*tx)));
                return;
            }
        }
        self.job = Some(Job::new(spec));
    }

    /// Leftovers that were mined after all, or whose nonce another transaction used.
    fn settle_leftovers(&mut self, seen: &Observation, out: &mut Vec<Output>) {
        let leftovers = std::mem::take(&mut self.leftovers);
        let mined = leftovers
            .iter()
            .find(|attempt| seen.receipt(attempt.hash).is_some())
            .cloned();
        let used = mined.as_ref().map(|attempt| attempt.nonce);
        for attempt in leftovers {
            // An earlier or later price of the transaction that was mined.
            let is_sibling = mined.as_ref().is_some_and(|mined| {
                (mined.nonce, mined.digest, &mined.purpose)
                    == (attempt.nonce, attempt.digest, &attempt.purpose)
            });
            if let Some((success, tx)) = seen.receipt(attempt.hash) {
                let closing = if success {
                    Closing::Mined(tx)
                } else {
                    Closing::Reverted(tx)
                };
                self.close(&attempt, closing, out);
                self.watch(attempt, tx.block_number);
            } else if attempt.nonce < seen.nonce && is_sibling {
                // Closed together with it.
            } else if attempt.nonce < seen.nonce {
                self.close(&attempt, Closing::Lost, out);
            } else {
                self.leftovers.push(attempt);
            }
        }
        // The request in work shared the nonce and needs another.
        if let (Some(nonce), Some(job)) = (used, &mut self.job)
            && job.phase == Phase::Live
            && job.has_request
            && !job.attempts.is_empty()
            && job
                .attempts
                .iter()
                .all(|attempt| attempt.nonce == nonce && seen.receipt(attempt.hash).is_none())
        {
            job.restart();
        }
    }

    /// Watches mined transactions: a reorg that takes one out makes it live again, or a leftover.
    fn watch_mined(&mut self, seen: &Observation, out: &mut Vec<Output>) {
        let watched = std::mem::take(&mut self.mined);
        for mut entry in watched {
            if entry.attempt.nonce < seen.nonce {
                if seen.head_number < entry.block_number.saturating_add(self.limits.reorg_depth) {
                    self.mined.push_back(entry);
                }
            } else if self.limits.is_over(entry.attempt.deadline, seen) || entry.attempt.is_cancel {
                self.leftovers.push(entry.attempt);
            } else {
                if entry.sent_at != seen.head_number {
                    entry.sent_at = seen.head_number;
                    out.push(Output::Broadcast {
                        hash: entry.attempt.hash,
                        raw: entry.attempt.raw.clone(),
                    });
                }
                self.mined.push_back(entry);
            }
        }
        self.trim_leftovers();
    }

    fn advance(&mut self, out: &mut Vec<Output>) {
        let (Some(job), Some(seen)) = (&mut self.job, &self.last) else {
            return;
        };
        let mined = job
            .attempts
            .iter()
            .find_map(|attempt| Some((attempt.clone(), seen.receipt(attempt.hash)?)));
        if let Some((attempt, (success, tx))) = mined {
            return self.mined(attempt, success, tx, out);
        }
        if self.limits.is_over(job.spec.deadline, seen) {
            return self.expire(out);
        }
        let nonce = job.attempts.first().map(|attempt| attempt.nonce);
        if nonce.is_some_and(|nonce| nonce < seen.nonce) {
            let first = *job.missing_at.get_or_insert(seen.head_number);
            if seen.head_number >= first.saturating_add(MISSING_HEADS) {
                return self.lost(out);
            }
            return;
        }
        job.missing_at = None;
        match job.phase {
            Phase::Check => {
                let next_time = self.limits.next_time(seen);
                if job.spec.earliest.is_none_or(|earliest| next_time >= earliest) {
                    job.phase = Phase::Checking;
                    out.push(Output::Simulate);
                }
            }
            Phase::Checking | Phase::Issuing => {}
            Phase::Ready => self.issue_first(out),
            Phase::Live => self.keep_alive(out),
        }
    }

    fn mined(&mut self, attempt: Attempt, success: bool, tx: MinedTx, out: &mut Vec<Output>) {
        self.job = None;
        self.leftovers.retain(|leftover| leftover.nonce != attempt.nonce);
        let closing = if success {
            Closing::Mined(tx)
        } else {
            Closing::Reverted(tx)
        };
        self.close(&attempt, closing, out);
        self.watch(attempt, tx.block_number);
        out.push(Output::Done(if success {
            SendOutcome::Mined(tx)
        } else {
            SendOutcome::Reverted { tx, reason: None }
        }));
    }

    fn expire(&mut self, out: &mut Vec<Output>) {
        let Some(job) = self.job.take() else { return };
        let hashes: Vec<B256> = job.attempts.iter().map(|attempt| attempt.hash).collect();
        for attempt in job.attempts.iter().take(1) {
            self.close(attempt, Closing::Expired, out);
        }
        self.leftovers.extend(job.attempts);
        self.trim_leftovers();
        let outcome = match (job.too_expensive, job.is_refused) {
            (Some(cost), _) if hashes.is_empty() => SendOutcome::TooExpensive {
                cost,
                max: self.limits.fees.cost_max,
            },
            (_, Some(message)) => SendOutcome::Refused { message },
            _ => SendOutcome::Expired { hashes },
        };
        out.push(Output::Done(outcome));
    }

    /// The nonce went to a transaction that is not ours.
    fn lost(&mut self, out: &mut Vec<Output>) {
        let Some(job) = &mut self.job else { return };
        let attempts = std::mem::take(&mut job.attempts);
        let has_request = job.has_request;
        job.restart();
        let hashes = attempts.iter().map(|attempt| attempt.hash).collect();
        for attempt in attempts.iter().take(1) {
            self.close(attempt, Closing::Lost, out);
        }
        if has_request {
            self.advance(out);
        } else {
            self.job = None;
            out.push(Output::Done(SendOutcome::Expired { hashes }));
        }
    }

    fn simulated(&mut self, result: Simulated, out: &mut Vec<Output>) {
        let Some(job) = &mut self.job else { return };
        match result {
            Simulated::Ok { gas_limit } => {
                job.gas_limit = gas_limit;
                job.phase = Phase::Ready;
                self.advance(out);
            }
            Simulated::Reverted(reason) => self.end(SendOutcome::SimulationReverted { reason }, out),
            Simulated::Refused(message) => self.end(SendOutcome::Refused { message }, out),
            Simulated::Unknown => job.phase = Phase::Check,
        }
    }

    fn issued(&mut self, attempt: Attempt, out: &mut Vec<Output>) {
        out.push(Output::Broadcast {
            hash: attempt.hash,
            raw: attempt.raw.clone(),
        });
        let head = self.last.as_ref().map_or(0, |seen| seen.head_number);
        match &mut self.job {
            Some(job) if !attempt.is_cancel => {
                job.phase = Phase::Live;
                job.issued_at = head;
                job.sent_at = head;
                job.attempts.push(attempt);
            }
            _ => {
                self.leftovers.push(attempt);
                self.trim_leftovers();
            }
        }
    }

    fn answered(&mut self, hash: B256, answer: Answer, out: &mut Vec<Output>) {
        let Some(job) = &mut self.job else { return };
        let is_first = job.attempts.len() == 1;
        if job.attempts.last().is_none_or(|attempt| attempt.hash != hash) {
            return;
        }
        match answer {
            Answer::Accepted => job.is_refused = None,
            Answer::NonceTooLow | Answer::Later => {}
            Answer::Underpriced => job.is_underpriced = true,
            Answer::InsufficientFunds if is_first => {
                let needed = job
                    .attempts
                    .last()
                    .map(|attempt| attempt.fees.cost(job.gas_limit, job.spec.blobs))
                    .unwrap_or_default();
                let needed = needed.saturating_add(job.spec.value);
                let balance = self.last.as_ref().map(|seen| seen.balance).unwrap_or_default();
                self.give_up(SendOutcome::Unfunded { balance, needed }, out);
            }
            Answer::InsufficientFunds => {}
            // Nobody has it, so it is no leftover.
            Answer::Refused(message) if is_first => self.give_up(SendOutcome::Refused { message }, out),
            Answer::Refused(message) => job.is_refused = Some(message),
            Answer::WrongChain(message) if is_first => self.give_up(SendOutcome::WrongChain { message }, out),
            Answer::WrongChain(message) => self.end(SendOutcome::WrongChain { message }, out),
        }
    }

    /// Ends a request whose only transaction was refused by everyone.
    fn give_up(&mut self, outcome: SendOutcome, out: &mut Vec<Output>) {
        if let Some(job) = &mut self.job {
            for attempt in std::mem::take(&mut job.attempts) {
                out.push(Output::Record {
                    purpose: attempt.purpose,
                    digest: attempt.digest,
                    nonce: attempt.nonce,
                    closing: Closing::Lost,
                });
            }
        }
        self.end(outcome, out);
    }

    pub(super) fn end(&mut self, outcome: SendOutcome, out: &mut Vec<Output>) {
        if let Some(job) = self.job.take() {
            self.leftovers.extend(job.attempts);
            self.trim_leftovers();
        }
        out.push(Output::Done(outcome));
    }

    fn close(&mut self, attempt: &Attempt, closing: Closing, out: &mut Vec<Output>) {
        if !attempt.is_cancel {
            self.remember(attempt.purpose.clone(), attempt.digest, closing);
        }
        let (purpose, digest, nonce) = (attempt.purpose.clone(), attempt.digest, attempt.nonce);
        out.push(Output::Record {
            purpose,
            digest,
            nonce,
            closing,
        });
    }

    fn remember(&mut self, purpose: Purpose, digest: B256, closing: Closing) {
        if !purpose.is_once() {
            return;
        }
        self.finished.push_back((purpose, digest, closing));
        while self.finished.len() > FINISHED_MAX {
            self.finished.pop_front();
        }
    }

    fn watch(&mut self, attempt: Attempt, block_number: u64) {
        self.mined.push_back(Watched {
            attempt,
            block_number,
            sent_at: block_number,
        });
        while self.mined.len() > MINED_MAX {
            self.mined.pop_front();
        }
    }

    fn trim_leftovers(&mut self) {
        let surplus = self.leftovers.len().saturating_sub(LEFTOVERS_MAX);
        self.leftovers.drain(..surplus);
    }
}

impl Job {
    fn new(spec: Spec) -> Self {
        Self {
            spec,
            phase: Phase::Check,
            gas_limit: 0,
            attempts: Vec::new(),
            issued_at: 0,
            sent_at: 0,
            is_underpriced: false,
            missing_at: None,
            too_expensive: None,
            has_request: true,
            is_refused: None,
        }
    }

    /// Back to the check, with another nonce to come.
    fn restart(&mut self) {
        self.attempts.clear();
        self.missing_at = None;
        self.is_underpriced = false;
        self.phase = Phase::Check;
    }
}

#[cfg(test)]
#[path = "lane_tests.rs"]
mod tests;
