//! The figure of each query over a window of the timeline.

use super::timeline::{Observed, Range};
use crate::chain::Place;
use crate::evidence::Header;
use crate::requirement::{Query, float};

/// Sepolia's chain id.
const SEPOLIA: u64 = 11_155_111;

/// A figure and the lines that it rests on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Measured {
    /// The figure.
    pub(crate) range: Range,
    /// Lines, most telling first.
    pub(crate) places: Vec<Place>,
}

/// The bound above which a query's figure is a fatal crash.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CrashBound {
    pub(crate) query: Query,
    pub(crate) at_most: f64,
}

/// What is measured, and in what.
#[derive(Debug)]
pub(crate) struct Window<'a> {
    pub(crate) header: &'a Header,
    /// Records of the window, in order.
    pub(crate) slots: &'a [Observed],
    /// First and last slot, be they recorded or not.
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// All records up to the window's end.
    pub(crate) history: &'a [Observed],
    /// Slots that the gate asks for.
    pub(crate) required: u64,
    /// Epochs of the peak.
    pub(crate) peak_epochs: u64,
}

impl Window<'_> {
    /// Slots from the first to the last.
    pub(crate) const fn length(&self) -> u64 {
        self.to.saturating_sub(self.from).saturating_add(1)
    }

    /// Whether the gate's time is not over: what has not happened may still happen.
    const fn is_early(&self) -> bool {
        self.length() < self.required
    }

    /// Measures.
    pub(crate) fn measure(&self, query: Query, crashes: &[CrashBound]) -> Measured {
        match query {
            Query::CleanSlots => self.clean(crashes),
            Query::BlocklessSlots | Query::ProofLagEpochs | Query::StoppedShare => self.highest(query),
            Query::RootConflicts | Query::Wipes => self.total(query),
            Query::ProvenBlocks => self.so_far(self.slots.iter().map(|slot| slot.proven).sum(), self.ends()),
            Query::RealVerifier => self.fact(!self.header.verifier_circuit_digest.is_zero()),
            Query::OnSepolia => self.fact(self.header.network.network.chain_id == SEPOLIA),
            Query::MinedTps => self.rate_over(u64::MAX),
            Query::PeakTps => {
                let epoch_slots = self.header.network.protocol.epoch_slots;
                self.rate_over(self.peak_epochs.saturating_mul(epoch_slots))
            }
            Query::FilledShare => self.filled(),
            Query::Validators => self.lowest(|slot| slot.validators),
            Query::ReadyShare => self.ready(),
            Query::ProgramVersions => self.versions(),
            Query::Upgrades => self.upgrades(),
            Query::AllowListOff => self.allow_list(),
        }
    }

    fn ends(&self) -> Vec<Place> {
        let ends = [self.slots.first(), self.slots.last()];
        let mut places: Vec<Place> = ends
            .into_iter()
            .flatten()
            .map(|slot| slot.place.clone())
            .collect();
        places.dedup();
        places
    }

    fn unknown(&self) -> Measured {
        Measured {
            range: Range::unknown(),
            places: self.ends(),
        }
    }

    /// What the files say for all slots alike.
    fn fact(&self, is_so: bool) -> Measured {
        Measured {
            range: Range::known(f64::from(u8::from(is_so))),
            places: self
                .slots
                .first()
                .map(|slot| slot.place.clone())
                .into_iter()
                .collect(),
        }
    }

    /// A count that may still grow while the gate runs.
    fn so_far(&self, count: u64, places: Vec<Place>) -> Measured {
        let shown = float(count);
        let possible = if self.is_early() { f64::INFINITY } else { shown };
        Measured {
            range: Range { shown, possible },
            places,
        }
    }

    /// A slot's figure. Of a slot that is not known only what it shows counts: that it is unknown counts elsewhere.
    fn of(query: Query, slot: &Observed) -> Range {
        let range = match query {
            Query::BlocklessSlots => slot.blockless,
            Query::ProofLagEpochs => slot.proof_lag,
            Query::RootConflicts => slot.conflicts,
            Query::StoppedShare => slot.stopped,
            Query::Wipes => slot.wipes,
            _ => Range::known(0.0),
        };
        if slot.is_known {
            range
        } else {
            Range::known(range.shown)
        }
    }

    fn highest(&self, query: Query) -> Measured {
        let Some(first) = self.slots.first() else {
            return self.unknown();
        };
        let mut range = Range::known(0.0);
        let mut place = &first.place;
        for slot in self.slots {
            let here = Self::of(query, slot);
            if here.shown > range.shown {
                place = &slot.place;
            }
            range.shown = range.shown.max(here.shown);
            range.possible = range.possible.max(here.possible);
        }
        Measured {
            range,
            places: vec![place.clone()],
        }
    }

    fn total(&self, query: Query) -> Measured {
        if self.slots.is_empty() {
            return self.unknown();
        }
        let mut range = Range::known(0.0);
        let mut places = Vec::new();
        for slot in self.slots {
            let here = Self::of(query, slot);
            range.shown += here.shown;
            range.possible += here.possible;
            if here.shown > 0.0 {
                places.push(slot.place.clone());
            }
        }
        Measured {
            range,
            places: if places.is_empty() { self.ends() } else { places },
        }
    }

    /// Slots up to the window's end without a fatal crash.
    fn clean(&self, crashes: &[CrashBound]) -> Measured {
        let crashed = |slot: &&Observed, figure: fn(Range) -> f64| {
            crashes
                .iter()
                .any(|crash| figure(Self::of(crash.query, slot)) > crash.at_most)
        };
        let last = |figure| self.slots.iter().rev().find(|slot| crashed(slot, figure));
        let since = |crash: Option<&Observed>| {
            crash.map_or(self.length(), |crash| self.to.saturating_sub(crash.slot))
        };
        let (shown_crash, possible_crash) = (last(|range| range.shown), last(|range| range.possible));
        let shown = if self.slots.is_empty() {
            0
        } else {
            since(possible_crash)
        };
        let possible = if shown_crash.is_none() && self.is_early() {
            f64::INFINITY
        } else {
            float(since(shown_crash))
        };
        let places = match shown_crash.or(possible_crash) {
            Some(crash) => vec![crash.place.clone()],
            None => self.ends(),
        };
        Measured {
            range: Range {
                shown: float(shown),
                possible,
            },
            places,
        }
    }

    /// Transactions a second: over the whole window, or the highest over `slots` slots of it.
    fn rate_over(&self, slots: u64) -> Measured {
        // Slot, transactions since the window began, place. A reorg or prune takes transactions back.
        let mut sums: Vec<(u64, i64, &Place)> = Vec::new();
        let mut before: Option<(u32, u64)> = None;
        let mut sum = 0_i64;
        for slot in self.slots {
            let Some(now) = slot.txs else { continue };
            let count = |txs: u64| i64::try_from(txs).unwrap_or(i64::MAX);
            sum = sum.saturating_add(match before {
                Some(before) if before.0 == now.0 => count(now.1).saturating_sub(count(before.1)),
                Some(_) => count(now.1),
                None => 0,
            });
            before = Some(now);
            sums.push((slot.slot, sum, &slot.place));
        }
        let (Some(first), Some(last)) = (sums.first(), sums.last()) else {
            return self.unknown();
        };
        let pairs: Vec<_> = if slots == u64::MAX {
            vec![(first, last)]
        } else {
            let mut ends = sums.iter().peekable();
            let pair = |begin| {
                while ends.next_if(|end| end.0 < first_after(begin, slots)).is_some() {}
                ends.peek().map(|end| (begin, *end))
            };
            sums.iter().map_while(pair).collect()
        };
        let slot_seconds = float(self.header.network.protocol.slot_seconds);
        let rates = pairs
            .into_iter()
            .filter(|(begin, end)| end.0 > begin.0)
            .map(|(begin, end)| {
                let txs = end.1.saturating_sub(begin.1).max(0);
                let seconds = float(end.0.saturating_sub(begin.0)) * slot_seconds;
                (float(txs) / seconds, begin.2, end.2)
            });
        match rates.max_by(|one, other| one.0.total_cmp(&other.0)) {
            Some((rate, begin, end)) => Measured {
                range: Range::known(rate),
                places: vec![begin.clone(), end.clone()],
            },
            None => self.unknown(),
        }
    }

    fn filled(&self) -> Measured {
        let (Some(first), Some(last)) = (self.slots.first(), self.slots.last()) else {
            return self.unknown();
        };
        let slots = last.slot.saturating_sub(first.slot);
        if slots == 0 {
            return self.unknown();
        }
        let blocks: u64 = self.slots.iter().skip(1).map(|slot| slot.blocks).sum();
        Measured {
            range: Range::known(float(blocks.min(slots)) / float(slots)),
            places: self.ends(),
        }
    }

    fn lowest(&self, figure: fn(&Observed) -> Option<u64>) -> Measured {
        let figures = self.slots.iter().filter_map(|slot| Some((figure(slot)?, slot)));
        match figures.min_by_key(|(figure, _)| *figure) {
            Some((figure, slot)) => Measured {
                range: Range::known(float(figure)),
                places: vec![slot.place.clone()],
            },
            None => self.unknown(),
        }
    }

    fn ready(&self) -> Measured {
        let sum = |part: fn(&Observed) -> u64| self.slots.iter().map(part).sum::<u64>();
        let (asked, ready) = (sum(|slot| slot.health.0), sum(|slot| slot.health.1));
        if asked == 0 {
            return self.unknown();
        }
        Measured {
            range: Range::known(float(ready) / float(asked)),
            places: self.ends(),
        }
    }

    fn versions(&self) -> Measured {
        match self.slots.iter().max_by_key(|slot| slot.versions) {
            Some(slot) if slot.versions > 0 => Measured {
                range: Range::known(float(slot.versions)),
                places: vec![slot.place.clone()],
            },
            _ => self.unknown(),
        }
    }

    /// Instances that became canonical, made blocks and had some proven, anywhere in the evidence.
    fn upgrades(&self) -> Measured {
        let mut tips = self
            .history
            .iter()
            .filter_map(|slot| Some((slot.tips?, &slot.place)));
        let Some(((first, _, _), _)) = tips.next() else {
            return self.unknown();
        };
        let done =
            tips.find(|((instance, pending, proven), _)| *instance > first && *pending > 0 && *proven > 0);
        match done {
            Some((_, place)) => self.so_far(1, vec![place.clone()]),
            None => self.so_far(0, self.ends()),
        }
    }

    fn allow_list(&self) -> Measured {
        let last = self
            .slots
            .iter()
            .rev()
            .find_map(|slot| Some((slot.is_allow_listed?, slot)));
        match last {
            Some((is_on, slot)) => self.so_far(u64::from(!is_on), vec![slot.place.clone()]),
            None => self.unknown(),
        }
    }
}

fn first_after(begin: &(u64, i64, &Place), slots: u64) -> u64 {
    begin.0.saturating_add(slots)
}
