//! Takes quotes from peers and the RPC, and finds the one that a proposer claims.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agoge_l1_client::{BlockRange, claim_bundle};
use agoge_p2p::PeerId;
use agoge_protocol::quote::{BASIS_POINTS, QuoteError};
use agoge_protocol::{
    Address, B256, Digest, Epoch, L1Block, L2BlockNumber, SignedQuote, Slot, Timing, keccak256,
};
use agoge_store::{Store, StoreError, StoreView};
use alloy::sol_types::Eip712Domain;

use super::bonds::{BondBook, BondReader, Lookup};
use super::pool::{Kept, QuotePool};
use super::refusal::QuoteRefusal;
use crate::consensus::Offer;

/// Quotes that L1 is asked about for one claim, cheapest first.
const CANDIDATES_MAX: usize = 3;

/// The network's numbers that quotes depend on.
#[derive(Clone, Debug)]
pub struct QuoteRules {
    /// The Rollup.
    pub instance: Address,
    /// EIP-712 domain of ProverBonds.
    pub domain: Eip712Domain,
    /// How time is cut.
    pub timing: Timing,
    /// Seconds between L1 blocks.
    pub l1_slot_seconds: u64,
    /// First slots of an epoch in which the epoch before may be claimed.
    pub claim_window_slots: u64,
    /// Least bond, gwei.
    pub bond_min_gwei: u64,
}

/// The quotes of a node. Clones are the same.
#[derive(Clone)]
pub struct Quotes {
    inner: Arc<Inner>,
}

struct Inner {
    rules: QuoteRules,
    store: Arc<Store>,
    reader: Arc<dyn BondReader>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    pool: QuotePool,
    bonds: BondBook,
}

impl core::fmt::Debug for Quotes {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Quotes")
            .field("rules", &self.inner.rules)
            .finish_non_exhaustive()
    }
}

/// A finished epoch as the store has it.
struct FinishedEpoch {
    blocks: BlockRange,
    end_archive: Digest,
}

impl Quotes {
    /// No quotes yet.
    pub fn new(rules: QuoteRules, store: Arc<Store>, reader: Arc<dyn BondReader>) -> Self {
        Self {
            inner: Arc::new(Inner {
                rules,
                store,
                reader,
                state: Mutex::default(),
            }),
        }
    }

    /// Takes a quote that a peer passed on, or (`None`) that came by the RPC; returns its digest. What it means for gossip is in
    /// [`QuoteRefusal::is_sender_wrong`].
    ///
    /// # Errors
    /// [`QuoteRefusal`].
    pub async fn submit(&self, source: Option<PeerId>, signed: SignedQuote) -> Result<B256, QuoteRefusal> {
        let inner = &self.inner;
        inner.check_bounds(&signed)?;
        let head = inner.head()?;
        inner.check_state(&signed, &head)?;
        let kept = Kept {
            digest: signed.quote.digest(&inner.rules.domain),
            signed,
        };
        inner.drop_void(signed.quote.epoch, &head)?;
        inner.state().pool.check(&kept)?;
        signed.check(&inner.rules.domain)?;

        let prover = signed.quote.prover;
        let needed = u128::try_from(signed.quote.bond_amount_wei()).unwrap_or(u128::MAX);
        let lookup = inner.state().bonds.look_up(head.number, source, prover);
        let available = match lookup {
            Lookup::Known(available) => available,
            Lookup::TooMany => return Err(QuoteRefusal::Busy),
            Lookup::Ask => {
                let available = inner.reader.available(prover).await.map_err(QuoteRefusal::L1)?;
                inner
                    .state()
                    .bonds
                    .learn(head.number, prover, available, available >= needed);
                available
            }
        };
        if available < needed {
            return Err(QuoteRefusal::NoBond {
                prover,
                needed,
                available,
            });
        }
        // L1 may have moved on while it was asked.
        inner.drop_void(signed.quote.epoch, &inner.head()?)?;
        inner.state().pool.insert(kept)?;
        Ok(kept.digest)
    }

    /// The quotes of an epoch, or of all that are kept; cheapest first.
    pub fn quotes(&self, epoch: Option<Epoch>) -> Vec<Kept> {
        let state = self.inner.state();
        epoch.map_or_else(|| state.pool.all(), |epoch| state.pool.best(epoch))
    }

    /// What a block of the next L1 block's slot claims: the cheapest quote for the epoch before that L1 would take. Whatever goes wrong,
    /// there is none: a claim never holds a block up.
    pub async fn offer(&self) -> Option<Box<Offer>> {
        let (candidates, epoch, time) = match self.inner.candidates() {
            Ok(candidates) => candidates?,
            Err(error) => {
                tracing::error!(%error, "no quote is claimed: the store cannot be read");
                return None;
            }
        };
        let range = epoch.blocks;
        for kept in candidates {
            let Kept { digest, signed } = kept;
            match self.inner.reader.is_claimable(time, signed, range).await {
                Ok(Ok(())) => {
                    let bundle = claim_bundle(&signed, range).to_vec();
                    return Some(Box::new(Offer {
                        epoch: signed.quote.epoch,
                        valid_until: signed.quote.valid_until_slot,
                        bundle_hash: keccak256(&bundle),
                        bundle,
                    }));
                }
                Ok(Err(reason)) => {
                    tracing::info!(quote = %digest, %reason, "L1 would not take this quote; it is dropped");
                    let is_other = |other: &Kept| other.digest != digest;
                    self.inner.state().pool.retain(signed.quote.epoch, is_other);
                }
                Err(error) => {
                    tracing::warn!(%error, "no quote is claimed: L1 cannot judge quotes now");
                    return None;
                }
            }
        }
        None
    }
}

impl Inner {
    /// What is wrong by itself, without any state or signature.
    fn check_bounds(&self, signed: &SignedQuote) -> Result<(), QuoteRefusal> {
        let (quote, rules) = (&signed.quote, &self.rules);
        if quote.instance != rules.instance {
            return Err(QuoteRefusal::WrongInstance {
                expected: rules.instance,
                found: quote.instance,
            });
        }
        let found = quote.basis_point_fee;
        if found > BASIS_POINTS {
            return Err(QuoteError::FeeTooHigh { found }.into());
        }
        if quote.prover == Address::ZERO {
            return Err(QuoteError::NoProver.into());
        }
        if quote.bond_amount_gwei < rules.bond_min_gwei {
            return Err(QuoteRefusal::BondTooSmall {
                minimum: rules.bond_min_gwei,
                found: quote.bond_amount_gwei,
            });
        }
        Ok(())
    }

    /// Whether anybody can claim it, judged by the next L1 block's slot.
    fn check_state(&self, signed: &SignedQuote, head: &L1Block) -> Result<(), QuoteRefusal> {
        let (quote, timing) = (&signed.quote, &self.rules.timing);
        let slot = self.next_slot(head).ok_or(QuoteRefusal::NotReady)?;
        let epoch = quote.epoch;
        // Who sees L1 a little earlier than this node may know the end of an epoch whose last slot is running here.
        let is_ending = timing.epoch_of(slot) == epoch
            && timing.slot_in_epoch(slot).saturating_add(1) == timing.epoch_slots;
        if !is_ending && !self.is_claimable(epoch, slot) {
            return Err(QuoteRefusal::WrongEpoch { epoch, slot });
        }
        let from = slot.max(timing.first_slot(epoch.next()));
        if quote.valid_until_slot < from {
            return Err(QuoteRefusal::Expired {
                until: quote.valid_until_slot,
                from,
            });
        }
        if is_ending {
            return Ok(());
        }
        match self.finished(&self.store.view(), epoch)? {
            Some(finished) if finished.end_archive == quote.end_archive => Ok(()),
            _ => Err(QuoteRefusal::WrongArchive { epoch }),
        }
    }

    /// Forgets quotes that have expired, and those of an epoch that has ended elsewhere: after an L1 reorg, or in spite of what its
    /// provers saw.
    fn drop_void(&self, epoch: Epoch, head: &L1Block) -> Result<(), StoreError> {
        let Some(slot) = self
            .next_slot(head)
            .filter(|slot| self.is_claimable(epoch, *slot))
        else {
            return Ok(());
        };
        let finished = self.finished(&self.store.view(), epoch)?;
        let end = finished.map(|finished| finished.end_archive);
        self.state().pool.retain(epoch, |kept| {
            let quote = &kept.signed.quote;
            Some(quote.end_archive) == end && quote.valid_until_slot >= slot
        });
        Ok(())
    }

    /// The quotes worth asking L1 about, their epoch, and the time of the next L1 block; `None` if nothing can be claimed in it.
    fn candidates(&self) -> Result<Option<(Vec<Kept>, FinishedEpoch, u64)>, StoreError> {
        let view = self.store.view();
        let Some(head) = view.l1_head()?.map(|record| record.block) else {
            return Ok(None);
        };
        let Some(slot) = self.next_slot(&head) else {
            return Ok(None);
        };
        let Some(epoch) = self
            .rules
            .timing
            .epoch_of(slot)
            .get()
            .checked_sub(1)
            .map(Epoch::new)
        else {
            return Ok(None);
        };
        if !self.is_claimable(epoch, slot) || view.claim(epoch)?.is_some() {
            return Ok(None);
        }
        let Some(finished) = self.finished(&view, epoch)? else {
            return Ok(None);
        };
        if view.tips()?.proven >= finished.blocks.last {
            return Ok(None);
        }
        let mut quotes = self.state().pool.best(epoch);
        quotes.retain(|kept| {
            let quote = &kept.signed.quote;
            quote.end_archive == finished.end_archive && quote.valid_until_slot >= slot
        });
        quotes.truncate(CANDIDATES_MAX);
        Ok(Some((quotes, finished, self.next_time(&head))))
    }

    fn finished(&self, view: &StoreView<'_>, epoch: Epoch) -> Result<Option<FinishedEpoch>, StoreError> {
        let timing = &self.rules.timing;
        let slots = timing.first_slot(epoch)..timing.first_slot(epoch.next());
        let Some((first, last)) = view.blocks_of_slots(slots)? else {
            return Ok(None);
        };
        let end: Option<Digest> = end_archive(view, last)?;
        Ok(end.map(|end_archive| FinishedEpoch {
            blocks: BlockRange { first, last },
            end_archive,
        }))
    }

    fn is_claimable(&self, epoch: Epoch, slot: Slot) -> bool {
        let timing = &self.rules.timing;
        timing.epoch_of(slot) == epoch.next() && timing.slot_in_epoch(slot) < self.rules.claim_window_slots
    }

    fn head(&self) -> Result<L1Block, QuoteRefusal> {
        let record = self.store.view().l1_head()?;
        record.map(|record| record.block).ok_or(QuoteRefusal::NotReady)
    }

    fn next_time(&self, head: &L1Block) -> u64 {
        head.time.saturating_add(self.rules.l1_slot_seconds)
    }

    fn next_slot(&self, head: &L1Block) -> Option<Slot> {
        self.rules.timing.slot_at(self.next_time(head))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change leaves the maps whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn end_archive(view: &StoreView<'_>, last: L2BlockNumber) -> Result<Option<Digest>, StoreError> {
    Ok(view.block(last)?.map(|record| record.free_fields.archive))
}
