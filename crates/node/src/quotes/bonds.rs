//! What provers have for bonds, asked of L1 once for each prover and L1 block, and for no more provers than a bound. Fresh keys cost nothing,
//! so provers that had a bond before are looked up beside that bound.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use agoge_l1_client::BlockRange;
use agoge_p2p::PeerId;
use agoge_protocol::{Address, L1BlockNumber, SignedQuote};
use futures::future::BoxFuture;

use crate::chain::ReadError;

/// Look-ups between two L1 blocks.
const LOOKUPS_MAX: u32 = 64;
/// Look-ups between two L1 blocks for quotes that one peer passed on, or that came by RPC: a peer passes on only what it has looked up itself.
const SOURCE_LOOKUPS_MAX: u32 = 4;
/// Provers with a bond that are remembered from one L1 block to the next, and as many look-ups more between two.
const BONDED_MAX: usize = 64;

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

/// What is remembered of bonds: since the last L1 block, and who had one before.
#[derive(Debug, Default)]
pub(super) struct BondBook {
    head: Option<L1BlockNumber>,
    /// Provers that had the bond that they offered, the one that showed it last at the end. Bound: [`BONDED_MAX`].
    bonded: VecDeque<Address>,
    /// Those of them that were looked up since the last L1 block. Bound: [`BONDED_MAX`].
    asked_bonded: BTreeSet<Address>,
    /// Bound: [`LOOKUPS_MAX`] and [`BONDED_MAX`].
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
                bonded: core::mem::take(&mut self.bonded),
                ..Self::default()
            };
        }
        if let Some(available) = self.known.get(&prover) {
            return Lookup::Known(*available);
        }
        let may_ask_bonded = self.bonded.contains(&prover) && self.asked_bonded.len() < BONDED_MAX;
        // Once: an answer that never comes must not make more.
        if may_ask_bonded && self.asked_bonded.insert(prover) {
            return Lookup::Ask;
        }
        let asked = self.sources.get(&source).copied().unwrap_or(0);
        if self.lookups >= LOOKUPS_MAX || asked >= SOURCE_LOOKUPS_MAX {
            return Lookup::TooMany;
        }
        self.lookups = self.lookups.saturating_add(1);
        self.sources.insert(source, asked.saturating_add(1));
        Lookup::Ask
    }

    /// Remembers an answer, unless the head has moved on, and who had what its quote offers.
    pub(super) fn learn(&mut self, head: L1BlockNumber, prover: Address, available: u128, is_enough: bool) {
        if is_enough {
            self.bonded.retain(|other| *other != prover);
            self.bonded.push_back(prover);
            if self.bonded.len() > BONDED_MAX {
                self.bonded.pop_front();
            }
        }
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
        book.learn(head, prover(1), 5, false);
        assert_eq!(book.look_up(head, None, prover(1)), Lookup::Known(5));
        let next = L1BlockNumber::new(8);
        assert_eq!(book.look_up(next, None, prover(1)), Lookup::Ask);
        book.learn(head, prover(1), 6, false);
        assert!(book.known.is_empty(), "an answer of another head is not kept");
    }

    #[test]
    fn fresh_keys_do_not_shut_out_a_prover_that_had_a_bond() {
        let mut book = BondBook::default();
        let number = |n: u16| Address::left_padding_from(&n.to_be_bytes());
        let honest = number(9_999);
        // Peers whose ids differ in the last digit, each with more fresh keys than it may have looked up.
        let flood = |book: &mut BondBook, head| {
            let mut fresh = 0_u16;
            for digit in "ABCDEFGHJKLMNPQRSTUVWXYZ".chars() {
                let peer: PeerId = format!("QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5{digit}")
                    .parse()
                    .unwrap();
                for _ in 0..2 * SOURCE_LOOKUPS_MAX {
                    fresh += 1;
                    if book.look_up(head, Some(peer), number(fresh)) == Lookup::Ask {
                        book.learn(head, number(fresh), 0, false);
                    }
                }
            }
        };
        let (first, second) = (L1BlockNumber::new(7), L1BlockNumber::new(8));
        assert_eq!(book.look_up(first, None, honest), Lookup::Ask);
        book.learn(first, honest, 5, true);
        flood(&mut book, second);
        assert_eq!(book.lookups, LOOKUPS_MAX);
        assert_eq!(book.look_up(second, None, number(2_000)), Lookup::TooMany);
        assert_eq!(book.look_up(second, None, honest), Lookup::Ask);
        assert_eq!(
            book.look_up(second, None, honest),
            Lookup::TooMany,
            "not again while L1 does not answer"
        );
        book.learn(second, honest, 6, true);
        assert_eq!(book.look_up(second, None, honest), Lookup::Known(6));
        // Who is remembered is bounded, too.
        for n in 0..100_u16 {
            book.learn(second, number(n), 5, true);
        }
        assert_eq!(book.bonded.len(), BONDED_MAX);
        let third = L1BlockNumber::new(9);
        assert_eq!(book.look_up(third, None, number(99)), Lookup::Ask);
        assert_eq!((book.asked_bonded.len(), book.lookups), (1, 0));
        assert_eq!(book.look_up(third, None, honest), Lookup::Ask);
        assert_eq!((book.asked_bonded.len(), book.lookups), (1, 1), "forgotten");
    }
}
