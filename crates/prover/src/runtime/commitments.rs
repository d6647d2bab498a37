//! What the instances have taken on together: they share the prover's bond and its worker.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agoge_protocol::{Address, Epoch, Quote, Slot};

/// Quotes that may still be claimed, and work that is left. Clones are the same.
///
/// Bound: a quote for each epoch whose claim window is open, and the epochs that each instance works on.
#[derive(Clone, Debug, Default)]
pub struct Commitments {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    quotes: BTreeMap<(Address, Epoch), Quoted>,
    work: BTreeMap<Address, Vec<(Epoch, u64)>>,
}

#[derive(Clone, Copy, Debug)]
struct Quoted {
    /// The contract that holds the bond.
    prover_bonds: Address,
    bond_gwei: u64,
    /// Last slot in which it may be claimed.
    until: Slot,
}

impl Commitments {
    /// Takes note of a quote in slot `now`, if its bond is there beside those of all other quotes that may still be claimed;
    /// `available_gwei` is what L1 would lock. A quote for the same epoch takes the place of the one before. A quote counts until it
    /// expires, also when L1 has locked its bond meanwhile: L1 may not have been asked since.
    pub fn quote(&self, quote: &Quote, prover_bonds: Address, now: Slot, available_gwei: u64) -> bool {
        let mut state = self.lock();
        state.quotes.retain(|_, quoted| now <= quoted.until);
        let key = (quote.instance, quote.epoch);
        let others = state.quoted(prover_bonds, |other| *other != key);
        if others.saturating_add(quote.bond_amount_gwei) > available_gwei {
            return false;
        }
        let quoted = Quoted {
            prover_bonds,
            bond_gwei: quote.bond_amount_gwei,
            until: quote.valid_until_slot,
        };
        state.quotes.insert(key, quoted);
        true
    }

    /// Bonds of quotes of other instances than `rollup` that may still be claimed in slot `now`, gwei.
    pub fn quoted_elsewhere_gwei(&self, rollup: Address, prover_bonds: Address, now: Slot) -> u64 {
        let mut state = self.lock();
        state.quotes.retain(|_, quoted| now <= quoted.until);
        state.quoted(prover_bonds, |(other, _)| *other != rollup)
    }

    /// The work that an instance has left: epochs and seconds.
    pub fn set_work(&self, rollup: Address, work: Vec<(Epoch, u64)>) {
        self.lock().work.insert(rollup, work);
    }

    /// Seconds of work of other instances than `rollup` that the worker does before an epoch, or may.
    pub fn work_elsewhere_seconds(&self, rollup: Address, epoch: Epoch) -> u64 {
        let state = self.lock();
        let others = state.work.iter().filter(|(other, _)| **other != rollup);
        let before = others.flat_map(|(_, work)| work.iter().filter(|(other, _)| *other <= epoch));
        before.fold(0, |sum, (_, seconds)| sum.saturating_add(*seconds))
    }

    /// An instance works no more. Its quotes can be claimed all the same.
    pub fn stopped(&self, rollup: Address) {
        self.lock().work.remove(&rollup);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is one call.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn quoted(&self, prover_bonds: Address, counts: impl Fn(&(Address, Epoch)) -> bool) -> u64 {
        let quotes = self.quotes.iter();
        let counted = quotes.filter(|(key, quoted)| quoted.prover_bonds == prover_bonds && counts(key));
        counted.fold(0, |sum, (_, quoted)| sum.saturating_add(quoted.bond_gwei))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use agoge_protocol::Digest;

    const BONDS: Address = Address::repeat_byte(9);
    const OLD: Address = Address::repeat_byte(1);
    const NEW: Address = Address::repeat_byte(2);

    fn quote(instance: Address, epoch: u64, until: u64) -> Quote {
        Quote {
            instance,
            epoch: Epoch::new(epoch),
            end_archive: Digest::default(),
            valid_until_slot: Slot::new(until),
            bond_amount_gwei: 100,
            prover: Address::ZERO,
            basis_point_fee: 1,
            nonce: 1,
        }
    }

    #[test]
    fn no_bond_is_promised_twice() {
        let commitments = Commitments::default();
        let offer = |quote: &Quote, now| commitments.quote(quote, BONDS, Slot::new(now), 150);
        assert!(offer(&quote(OLD, 5, 103), 97));
        assert!(offer(&quote(OLD, 5, 103), 99), "the same epoch again");
        assert!(!offer(&quote(NEW, 5, 103), 99), "it is the other's bond");
        let elsewhere = |rollup, now| commitments.quoted_elsewhere_gwei(rollup, BONDS, Slot::new(now));
        assert_eq!([elsewhere(NEW, 103), elsewhere(OLD, 103)], [100, 0]);
        assert!(!offer(&quote(NEW, 5, 103), 103));
        assert!(
            offer(&quote(NEW, 5, 110), 104),
            "nobody can claim the other any more"
        );
        assert_eq!([elsewhere(NEW, 104), elsewhere(OLD, 104)], [0, 100]);
    }

    #[test]
    fn bonds_of_another_contract_and_smaller_ones_do_not_compete() {
        let commitments = Commitments::default();
        let now = Slot::new(97);
        assert!(commitments.quote(&quote(OLD, 5, 103), BONDS, now, 100));
        let other = Address::repeat_byte(8);
        assert!(commitments.quote(&quote(NEW, 5, 103), other, now, 100));
        assert!(!commitments.quote(&quote(NEW, 6, 103), BONDS, now, 199));
        assert!(commitments.quote(&quote(NEW, 6, 103), BONDS, now, 200));
    }

    #[test]
    fn the_worker_does_older_epochs_of_others_first() {
        let commitments = Commitments::default();
        let epoch = Epoch::new;
        commitments.set_work(OLD, vec![(epoch(4), 10), (epoch(5), 20), (epoch(6), 40)]);
        let before = |rollup, number| commitments.work_elsewhere_seconds(rollup, epoch(number));
        assert_eq!([before(NEW, 3), before(NEW, 5), before(OLD, 5)], [0, 30, 0]);
        commitments.set_work(OLD, vec![(epoch(5), 15)]);
        assert_eq!(before(NEW, 9), 15);
        commitments.stopped(OLD);
        assert_eq!(before(NEW, 9), 0);
    }
}
