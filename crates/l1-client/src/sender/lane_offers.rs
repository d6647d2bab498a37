//! What the [`super::lane`] machine offers for inclusion: first transactions, replacements, cancellations.

use super::fees::Fees;
use super::lane::{ATTEMPTS_MAX, Lane, Phase};
use super::lane_io::{Attempt, Limits, Output};
use super::request::SendOutcome;

/// Gas limit of a cancelling self-transfer, above any fork's intrinsic gas.
const CANCEL_GAS: u64 = 100_000;

impl Lane {
    /// The first transaction of the request in work.
    pub(super) fn issue_first(&mut self, out: &mut Vec<Output>) {
        let (Some(job), Some(seen)) = (&mut self.job, &self.last) else {
            return;
        };
        if self.mined.iter().any(|entry| entry.attempt.nonce >= seen.nonce) {
            // A reorg took out a transaction that is being sent again; it comes first.
            return;
        }
        let blockers: Vec<&Attempt> = self
            .leftovers
            .iter()
            .filter(|attempt| attempt.nonce == seen.nonce)
            .collect();
        let highest = blockers
            .iter()
            .fold(Fees::default(), |fees, attempt| fees.max(attempt.fees));
        if let Some(other) = blockers
            .iter()
            .find(|attempt| attempt.is_blob != job.spec.is_blob())
        {
            let is_blob = other.is_blob;
            return self.cancel(is_blob, highest, out);
        }
        let first = Fees::first(&seen.market, &self.limits.fees, job.spec.is_blob());
        let offer = if blockers.is_empty() {
            first.within(&seen.market, &self.limits.fees, job.gas_limit, job.spec.blobs)
        } else {
            let fees = first.max(highest.replacement(job.spec.is_blob()));
            let cost = fees.cost(job.gas_limit, job.spec.blobs);
            if cost <= self.limits.fees.cost_max {
                Ok(fees)
            } else {
                Err(cost)
            }
        };
        let fees = match offer {
            Ok(fees) => fees,
            Err(cost) if job.spec.deadline.is_some() => {
                // Fees may fall before the deadline.
                job.too_expensive = Some(cost);
                return;
            }
            Err(cost) => {
                return self.end(
                    SendOutcome::TooExpensive {
                        cost,
                        max: self.limits.fees.cost_max,
                    },
                    out,
                );
            }
        };
        let needed = fees
            .cost(job.gas_limit, job.spec.blobs)
            .saturating_add(job.spec.value);
        if seen.balance < needed {
            let balance = seen.balance;
            return self.end(SendOutcome::Unfunded { balance, needed }, out);
        }
        job.phase = Phase::Issuing;
        let (gas_limit, is_blob) = (job.gas_limit, job.spec.is_blob());
        out.push(Output::Issue {
            nonce: seen.nonce,
            fees,
            gas_limit,
            is_blob,
            is_cancel: false,
        });
    }

    /// Clears the nonce of a transaction that the request's cannot replace.
    fn cancel(&mut self, is_blob: bool, highest: Fees, out: &mut Vec<Output>) {
        let (Some(job), Some(seen)) = (&mut self.job, &self.last) else {
            return;
        };
        if seen.head_number < self.cancelled_at.saturating_add(Limits::bump_blocks(is_blob)) {
            return;
        }
        let fees = Fees::first(&seen.market, &self.limits.fees, is_blob).max(highest.replacement(is_blob));
        let cost = fees.cost(CANCEL_GAS, u64::from(is_blob));
        if cost > self.limits.fees.cost_max || cost > seen.balance {
            job.too_expensive = Some(cost);
            return;
        }
        self.cancelled_at = seen.head_number;
        let (nonce, gas_limit) = (seen.nonce, CANCEL_GAS);
        out.push(Output::Issue {
            nonce,
            fees,
            gas_limit,
            is_blob,
            is_cancel: true,
        });
    }

    /// Sends again, or replaces, what is not in a block yet.
    pub(super) fn keep_alive(&mut self, out: &mut Vec<Output>) {
        let (Some(job), Some(seen)) = (&mut self.job, &self.last) else {
            return;
        };
        let Some(newest) = job.attempts.last() else { return };
        let is_new_head = seen.head_number != job.sent_at;
        if !is_new_head && !job.is_underpriced {
            return;
        }
        let is_due = job.is_underpriced
            || seen.head_number
                >= job
                    .issued_at
                    .saturating_add(Limits::bump_blocks(job.spec.is_blob()));
        if is_due && job.has_request && job.attempts.len() < ATTEMPTS_MAX && job.gas_limit > 0 {
            let highest = job
                .attempts
                .iter()
                .fold(Fees::default(), |fees, attempt| fees.max(attempt.fees));
            let first = Fees::first(&seen.market, &self.limits.fees, job.spec.is_blob());
            let fees = first.max(highest.replacement(job.spec.is_blob()));
            let cost = fees.cost(job.gas_limit, job.spec.blobs);
            if cost <= self.limits.fees.cost_max && cost.saturating_add(job.spec.value) <= seen.balance {
                job.phase = Phase::Issuing;
                job.is_underpriced = false;
                let (gas_limit, is_blob) = (job.gas_limit, job.spec.is_blob());
                out.push(Output::Issue {
                    nonce: newest.nonce,
                    fees,
                    gas_limit,
                    is_blob,
                    is_cancel: false,
                });
                return;
            }
        }
        job.is_underpriced = false;
        if is_new_head {
            job.sent_at = seen.head_number;
            out.push(Output::Broadcast {
                hash: newest.hash,
                raw: newest.raw.clone(),
            });
        }
    }
}
