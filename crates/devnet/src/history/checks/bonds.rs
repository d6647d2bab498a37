//! Bonds: a claim is settled at most once, locks and releases fit, ProverBonds has what it owes (`docs/protocol.md`, section 16.6).

use std::collections::BTreeMap;

use agoge_contract_bindings::prover_bonds::ProverBonds;
use agoge_contract_bindings::prover_bonds::ProverBonds::ProverBondsEvents as Event;
use agoge_protocol::{Address, U256};

use super::value::sum;
use crate::history::evidence::l1::{Account, BondsFacts, Placed};
use crate::history::finding::Finding;
use crate::watch::ClaimState;

/// Name of the check.
pub const NAME: &str = "bonds";

/// A claim as its events have made it.
#[derive(Clone, Copy, Debug, Default)]
struct Claim {
    prover: Address,
    fee: U256,
    bond: U256,
    is_open: bool,
    is_settled: bool,
    /// Shares that wait for its outcome, wei.
    reserved: U256,
}

/// The books that the events lead to.
#[derive(Debug, Default)]
struct Books {
    claims: BTreeMap<(Address, U256), Claim>,
    accounts: BTreeMap<Address, Account>,
    credited: U256,
    paid: U256,
    received: U256,
    problems: Vec<String>,
}

/// Judges ProverBonds.
pub fn check(finding: &mut Finding, facts: &BondsFacts) {
    let mut books = Books::default();
    for placed in &facts.events {
        books.apply(placed);
    }
    let settled = books.claims.values().filter(|claim| claim.is_settled).count();
    finding.figure("claims", u64::try_from(books.claims.len()).unwrap_or(u64::MAX));
    finding.figure("settled", u64::try_from(settled).unwrap_or(u64::MAX));
    finding.figure("provers", u64::try_from(facts.accounts.len()).unwrap_or(u64::MAX));
    finding.violated_all(core::mem::take(&mut books.problems));
    for (prover, account) in &facts.accounts {
        let expected = books.accounts.get(prover).copied().unwrap_or_default();
        if *account != expected {
            finding.violated(format!(
                "prover {prover} has {} wei deposited and {} locked, the events lead to {} and {}",
                account.deposited, account.locked, expected.deposited, expected.locked
            ));
        }
    }
    let owed = sum(facts.owed.values().copied());
    if owed.saturating_add(books.paid) != books.credited {
        finding.violated(format!(
            "{} wei were credited, {owed} wei are owed and {} wei were paid",
            books.credited, books.paid
        ));
    }
    let open = books.claims.values().filter(|claim| claim.is_open);
    let reserved = sum(open.map(|claim| claim.reserved));
    let deposited = sum(facts.accounts.values().map(|account| account.deposited));
    let needed = deposited.saturating_add(owed).saturating_add(reserved);
    if facts.balance < needed {
        finding.violated(format!(
            "ProverBonds has {} wei; bonds, credits and reserved shares are {needed} wei",
            facts.balance
        ));
    }
    let kept = books.received.saturating_sub(books.paid);
    if facts.balance < kept {
        finding.violated(format!(
            "ProverBonds has {} wei, its events leave {kept} wei",
            facts.balance
        ));
    }
}

impl Books {
    fn apply(&mut self, placed: &Placed<Event>) {
        let at = placed.l1_block;
        match &placed.event {
            Event::BondDeposited(event) => {
                self.received = self.received.saturating_add(event.amount);
                let account = self.accounts.entry(event.prover).or_default();
                account.deposited = account.deposited.saturating_add(event.amount);
            }
            Event::WithdrawalFinished(event) => self.take(at, event.prover, event.amount),
            Event::EpochClaimed(event) => self.claim(at, event),
            Event::BondUnlocked(event) => self.unlock(at, event),
            Event::ShareReserved(event) => {
                self.received = self.received.saturating_add(event.amount);
                let claim = self.claims.entry((event.instance, event.epoch)).or_default();
                claim.reserved = claim.reserved.saturating_add(event.amount);
                if claim.is_settled {
                    self.problem(
                        at,
                        format!(
                            "a share is reserved for the settled claim of epoch {}",
                            event.epoch
                        ),
                    );
                }
            }
            Event::ClaimSettled(event) => self.settle(at, event),
            Event::Credited(event) => self.credited = self.credited.saturating_add(event.amount),
            Event::Withdrawn(event) => self.paid = self.paid.saturating_add(event.amount),
            _ => {}
        }
    }

    fn claim(&mut self, at: u64, event: &ProverBonds::EpochClaimed) {
        let claim = self.claims.entry((event.instance, event.epoch)).or_default();
        let before = *claim;
        // A claim that is replaced has just been unlocked; its fee is the bound.
        let is_replacement = !before.prover.is_zero();
        (claim.prover, claim.fee) = (event.prover, event.basisPointFee);
        (claim.bond, claim.is_open) = (event.bondAmount, true);
        let account = self.accounts.entry(event.prover).or_default();
        account.locked = account.locked.saturating_add(event.bondAmount);
        if account.locked > account.deposited {
            self.problem(at, format!("{} locks more than it has deposited", event.prover));
        }
        if before.is_settled {
            self.problem(
                at,
                format!("epoch {} is claimed after it was settled", event.epoch),
            );
        } else if before.is_open {
            self.problem(
                at,
                format!(
                    "the claim of epoch {} is replaced and its bond still locked",
                    event.epoch
                ),
            );
        } else if is_replacement && event.basisPointFee >= before.fee {
            self.problem(
                at,
                format!(
                    "the claim of epoch {} is replaced by one that is not cheaper",
                    event.epoch
                ),
            );
        }
    }

    fn unlock(&mut self, at: u64, event: &ProverBonds::BondUnlocked) {
        let claim = self.claims.entry((event.instance, event.epoch)).or_default();
        let is_its_bond = claim.is_open && claim.prover == event.prover && claim.bond == event.bondAmount;
        claim.is_open = false;
        let account = self.accounts.entry(event.prover).or_default();
        account.locked = account.locked.saturating_sub(event.bondAmount);
        if !is_its_bond {
            self.problem(
                at,
                format!(
                    "a bond of epoch {} is unlocked that was not locked for {}",
                    event.epoch, event.prover
                ),
            );
        }
    }

    fn settle(&mut self, at: u64, event: &ProverBonds::ClaimSettled) {
        let claim = self.claims.entry((event.instance, event.epoch)).or_default();
        let before = *claim;
        claim.is_settled = true;
        claim.is_open = false;
        if before.is_settled {
            self.problem(at, format!("the claim of epoch {} is settled twice", event.epoch));
            return;
        }
        if before.prover != event.prover {
            self.problem(
                at,
                format!(
                    "epoch {} is settled for {}, who did not claim it",
                    event.epoch, event.prover
                ),
            );
        }
        if event.state == ClaimState::Defaulted as u8 {
            // The bond is lost where it lay: nothing unlocks it.
            if event.slashed != before.bond || event.rescued > event.slashed || !before.is_open {
                self.problem(
                    at,
                    format!(
                        "epoch {}: {} wei are slashed and {} rescued of a bond of {}",
                        event.epoch, event.slashed, event.rescued, before.bond
                    ),
                );
            }
            let account = self.accounts.entry(event.prover).or_default();
            account.locked = account.locked.saturating_sub(event.slashed);
            self.take(at, event.prover, event.slashed);
        } else if before.is_open || !event.slashed.is_zero() {
            self.problem(
                at,
                format!("epoch {} ends well and its bond is not unlocked", event.epoch),
            );
        }
    }

    fn take(&mut self, at: u64, prover: Address, amount: U256) {
        let account = self.accounts.entry(prover).or_default();
        let has = account.deposited;
        account.deposited = has.saturating_sub(amount);
        if amount > has {
            self.problem(at, format!("{prover} loses {amount} wei of {has}"));
        }
    }

    fn problem(&mut self, at: u64, what: String) {
        self.problems.push(format!("L1 block {at}: {what}"));
    }
}

#[cfg(test)]
mod tests;
