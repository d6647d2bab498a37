//! What provers have for bonds, asked of L1 once for each prover and L1 block, and for no more provers than a bound.

use std::collections::BTreeMap;

use agoge_l1_client::BlockRange;
use agoge_p2p::PeerId;
use agoge_protocol::{Address, L1BlockNumber, SignedQuote};
use futures::future::BoxFuture;

use crate::chain::ReadError;

/// Look-ups between two L1 blocks.
const LOOKUPS_MAX: u32 = 64;
/// Look-ups between two L1 blocks for quotes that one peer passed on, or that came by RPC: a peer passes on only what it has looked up itself.
const SOURCE_LOOKUPS_MAX: u32 = 4;

/// What is read from L1 about quotes.
pub trait BondReader: Send + Sync + 'static {
    /// What a prover's next quotes may lock, wei.
    fn available(&self, prover: Address) -> BoxFuture<'_, Result<u128, ReadError>>;
    /// Whether L1 would take a claim of this quote for these blocks in a block of time `time`; otherwise why not.
    fn is_claimable(
        &self,
        time: u64,
        signed: SignedQuote,
        epoch: BlockRange,
    ) -> BoxFuture<'_, Result<Result<(), String>, ReadError>>;
}

/// What is remembered of bonds since the last L1 block.
#[derive(Debug, Default)]
pub(super) struct BondBook {
    head: Option<L1BlockNumber>,
    /// Bound: [`LOOKUPS_MAX`].
    known: BTreeMap<Address, u128>,
    lookups: u32,
    /// Bound: [`LOOKUPS_MAX`].
    sources: BTreeMap<Option<PeerId>, u32>,
}

/// What to do about a prover's bond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lookup {
    /// It is known, wei.
    Known(u128),
    /// L1 may be asked.
    Ask,
    /// L1 was asked often enough.
    TooMany,
}

impl BondBook {
    /// Looks a prover up as of an L1 head, for a quote from a peer or (`None`) from the RPC.
    pub(super) fn look_up(&mut self, head: L1BlockNumber, source: Option<PeerId>, prover: Address) -> Lookup {
        if self.head != Some(head) {
            *self = Self {
                head: Some(head),
                ..Self::default()
            };
        }
        if let Some(available) = self.known.get(&prover) {
            return Lookup::Known(*available);
        }
        let asked = self.sources.get(&source).copied().unwrap_or(0);
        if self.lookups >= LOOKUPS_MAX || asked >= SOURCE_LOOKUPS_MAX {
            return Lookup::TooMany;
        }
        self.lookups = self.lookups.saturating_add(1);
        self.sources.insert(source, asked.saturating_add(1));
        Lookup::Ask
    }

    /// Remembers an answer, unless the head has moved on.
    pub(super) fn learn(&mut self, head: L1BlockNumber, prover: Address, available: u128) {
        if self.head == Some(head) {
            self.known.insert(prover, available);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_ups_are_bounded_for_each_source_and_in_all_until_the_next_l1_block() {
        let mut book = BondBook::default();
        let head = L1BlockNumber::new(7);
        let prover = |n: u8| Address::repeat_byte(n);
        for n in 0..4 {
            assert_eq!(book.look_up(head, None, prover(n)), Lookup::Ask);
        }
        assert_eq!(book.look_up(head, None, prover(4)), Lookup::TooMany);
        book.learn(head, prover(1), 5);
        assert_eq!(book.look_up(head, None, prover(1)), Lookup::Known(5));
        let next = L1BlockNumber::new(8);
        assert_eq!(book.look_up(next, None, prover(1)), Lookup::Ask);
        book.learn(head, prover(1), 6);
        assert!(book.known.is_empty(), "an answer of another head is not kept");
    }
}
