//! The cheapest quotes of the epochs that can be claimed: bounded, pure, the same whatever the order in which quotes come.

use std::collections::BTreeMap;

use agoge_protocol::{Address, B256, Epoch, SignedQuote};

use super::refusal::QuoteRefusal;

/// Quotes kept for one epoch, one of each prover.
pub const EPOCH_QUOTES_MAX: usize = 16;
/// Epochs with quotes: the one that can be claimed, and the one that is ending.
const EPOCHS_MAX: usize = 2;

/// A quote that was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its EIP-712 digest.
    pub digest: B256,
    /// The quote.
    pub signed: SignedQuote,
}

impl Kept {
    /// Smaller is better.
    const fn rank(&self) -> (u16, B256) {
        (self.signed.quote.basis_point_fee, self.digest)
    }
}

/// The quotes.
#[derive(Debug, Default)]
pub struct QuotePool {
    /// Bound: [`EPOCHS_MAX`], oldest dropped; [`EPOCH_QUOTES_MAX`] each.
    epochs: BTreeMap<Epoch, BTreeMap<Address, Kept>>,
}

impl QuotePool {
    /// Whether a quote would be kept, before anything expensive is done for it.
    ///
    /// # Errors
    /// [`QuoteRefusal::Known`], [`QuoteRefusal::NotCheaper`].
    pub fn check(&self, quote: &Kept) -> Result<(), QuoteRefusal> {
        let Some(quotes) = self.epochs.get(&quote.signed.quote.epoch) else {
            return Ok(());
        };
        let found = quote.signed.quote.basis_point_fee;
        let not_cheaper = |than: &Kept| QuoteRefusal::NotCheaper {
            found,
            needed: than.signed.quote.basis_point_fee,
        };
        match quotes.get(&quote.signed.quote.prover) {
            Some(own) if own.digest == quote.digest => return Err(QuoteRefusal::Known),
            Some(own) if found >= own.signed.quote.basis_point_fee => return Err(not_cheaper(own)),
            Some(_) => return Ok(()),
            None => {}
        }
        if quotes.len() < EPOCH_QUOTES_MAX {
            return Ok(());
        }
        match worst(quotes) {
            Some(worst) if quote.rank() >= worst.rank() => Err(not_cheaper(worst)),
            _ => Ok(()),
        }
    }

    /// Keeps a quote whose signature and bond were checked. The dearest leaves when there are too many.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn insert(&mut self, quote: Kept) -> Result<(), QuoteRefusal> {
        self.check(&quote)?;
        let quotes = self.epochs.entry(quote.signed.quote.epoch).or_default();
        quotes.insert(quote.signed.quote.prover, quote);
        while quotes.len() > EPOCH_QUOTES_MAX {
            let Some(prover) = worst(quotes).map(|worst| worst.signed.quote.prover) else {
                break;
            };
            quotes.remove(&prover);
        }
        while self.epochs.len() > EPOCHS_MAX {
            self.epochs.pop_first();
        }
        Ok(())
    }

    /// Forgets an epoch's quotes for which `is_valid` does not hold.
    pub fn retain(&mut self, epoch: Epoch, is_valid: impl Fn(&Kept) -> bool) {
        if let Some(quotes) = self.epochs.get_mut(&epoch) {
            quotes.retain(|_, quote| is_valid(quote));
        }
    }

    /// The quotes of an epoch, cheapest first.
    pub fn best(&self, epoch: Epoch) -> Vec<Kept> {
        let mut quotes: Vec<Kept> = self
            .epochs
            .get(&epoch)
            .map(|quotes| quotes.values().copied().collect())
            .unwrap_or_default();
        quotes.sort_by_key(Kept::rank);
        quotes
    }

    /// All quotes, by epoch, cheapest first.
    pub fn all(&self) -> Vec<Kept> {
        self.epochs.keys().flat_map(|epoch| self.best(*epoch)).collect()
    }
}

fn worst(quotes: &BTreeMap<Address, Kept>) -> Option<&Kept> {
    quotes.values().max_by_key(|quote| quote.rank())
}

#[cfg(test)]
mod tests {
    use super::*;
    use agoge_protocol::{CompactSignature, Digest, Quote, Slot, keccak256};

    fn quote(epoch: u64, prover: u8, fee: u16) -> Kept {
        let quote = Quote {
            instance: Address::ZERO,
            epoch: Epoch::new(epoch),
            end_archive: Digest::ZERO,
            valid_until_slot: Slot::new(99),
            bond_amount_gwei: 1,
            prover: Address::repeat_byte(prover),
            basis_point_fee: fee,
            nonce: 0,
        };
        let signed = SignedQuote {
            quote,
            signature: CompactSignature::from_bytes([0; 64]),
        };
        Kept {
            digest: keccak256(borsh::to_vec(&signed).unwrap()),
            signed,
        }
    }

    fn fees(pool: &QuotePool, epoch: u64) -> Vec<u16> {
        let best = pool.best(Epoch::new(epoch));
        best.iter()
            .map(|kept| kept.signed.quote.basis_point_fee)
            .collect()
    }

    #[test]
    fn the_cheapest_of_each_prover_stays_and_a_flood_changes_nothing() {
        let mut pool = QuotePool::default();
        pool.insert(quote(5, 1, 300)).unwrap();
        assert!(matches!(pool.insert(quote(5, 1, 300)), Err(QuoteRefusal::Known)));
        assert!(matches!(
            pool.insert(quote(5, 1, 301)),
            Err(QuoteRefusal::NotCheaper {
                found: 301,
                needed: 300
            })
        ));
        pool.insert(quote(5, 1, 299)).unwrap();
        assert_eq!(fees(&pool, 5), [299]);
        for prover in 2..=200 {
            // Refused from the seventeenth on.
            pool.insert(quote(5, prover, 1_000 + u16::from(prover))).ok();
        }
        assert_eq!(fees(&pool, 5).len(), EPOCH_QUOTES_MAX);
        assert_eq!((fees(&pool, 5)[0], fees(&pool, 5)[15]), (299, 1_016));
        pool.insert(quote(5, 201, 1)).unwrap();
        assert_eq!((fees(&pool, 5)[0], fees(&pool, 5)[15]), (1, 1_015));
    }

    #[test]
    fn pools_that_saw_the_same_quotes_hold_the_same() {
        let quotes: Vec<Kept> = (0..40).map(|n| quote(1, n + 1, u16::from(n % 7) * 10)).collect();
        let fill = |quotes: &mut dyn Iterator<Item = &Kept>| {
            let mut pool = QuotePool::default();
            for quote in quotes {
                pool.insert(*quote).ok();
            }
            pool.all()
        };
        assert_eq!(fill(&mut quotes.iter()), fill(&mut quotes.iter().rev()));
    }

    #[test]
    fn old_epochs_and_void_quotes_leave() {
        let mut pool = QuotePool::default();
        for epoch in 1..=5 {
            pool.insert(quote(epoch, 1, 10)).unwrap();
        }
        assert_eq!(pool.all().len(), 2);
        pool.retain(Epoch::new(5), |_| false);
        assert_eq!((fees(&pool, 4), fees(&pool, 5)), (vec![10], vec![]));
    }
}
