//! Evidence, slot by slot, as figures: what verdicts are made of. Pure: the same evidence gives the same figures.

use agoge_protocol::{Slot, Timing};

use super::roots::conflicts;
use super::silence::Nodes;
use crate::chain::Place;
use crate::evidence::{Header, SlotRecord};
use crate::requirement::float;
use crate::statement::Excuse;

/// Nullifiers of a transaction.
const NULLIFIERS_PER_TX: u64 = 2;

/// A figure of which a part may be unknown: at least `shown`, at most `possible`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Range {
    /// What the evidence shows.
    pub(crate) shown: f64,
    /// What the evidence does not rule out.
    pub(crate) possible: f64,
}

impl Range {
    /// A figure that is known.
    pub(crate) const fn known(figure: f64) -> Self {
        Self {
            shown: figure,
            possible: figure,
        }
    }

    /// A figure of which nothing is known.
    pub(crate) const fn unknown() -> Self {
        Self {
            shown: 0.0,
            possible: f64::INFINITY,
        }
    }
}

/// A slot's figures.
#[derive(Clone, Debug)]
pub(crate) struct Observed {
    pub(crate) slot: u64,
    pub(crate) place: Place,
    /// L1 and more than two thirds of the nodes answered; nodes with an excuse need not.
    pub(crate) is_known: bool,
    /// Instance, pending and proven tip on L1.
    pub(crate) tips: Option<(u32, u64, u64)>,
    /// Blocks by which the pending tip grew since the record before.
    pub(crate) blocks: u64,
    /// Blocks by which the proven tip grew.
    pub(crate) proven: u64,
    /// Slots since the last new block with a quorum of the committee online.
    pub(crate) blockless: Range,
    /// Epochs by which the proven tip is behind the end of its window.
    pub(crate) proof_lag: Range,
    /// Heights with different roots.
    pub(crate) conflicts: Range,
    /// Share of the nodes that stopped within the last epoch.
    pub(crate) stopped: Range,
    /// Nodes that lost their state since the record before.
    pub(crate) wipes: Range,
    /// Instance, and transactions mined in it so far.
    pub(crate) txs: Option<(u32, u64)>,
    pub(crate) validators: Option<u64>,
    pub(crate) is_allow_listed: Option<bool>,
    /// Different program versions of nodes.
    pub(crate) versions: u64,
    /// Nodes whose health was asked, and that were ready.
    pub(crate) health: (u64, u64),
}

/// All slots of some evidence.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timeline {
    /// In order.
    pub(crate) slots: Vec<Observed>,
}

/// Makes a timeline of records, in order.
#[derive(Debug)]
pub(crate) struct Folder<'a> {
    excuses: &'a [Excuse],
    timeline: Timeline,
    state: Option<State>,
}

#[derive(Debug)]
struct State {
    timing: Timing,
    proof_window: u64,
    nodes: Nodes,
    last: Option<Last>,
    blockless: (u64, u64),
    /// Epoch of the first block that waits for its proof, be it pruned since or not.
    waiting: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    slot: u64,
    tips: Option<(u32, u64, u64)>,
    block_slot: Option<u64>,
}

impl<'a> Folder<'a> {
    /// Begins; `excuses` are those that count.
    pub(crate) const fn new(excuses: &'a [Excuse]) -> Self {
        Self {
            excuses,
            timeline: Timeline { slots: Vec::new() },
            state: None,
        }
    }

    /// Takes a record.
    pub(crate) fn add(&mut self, header: &Header, place: Place, record: &SlotRecord) {
        let state = self.state.get_or_insert_with(|| State::new(header));
        let excused: Vec<bool> = header
            .nodes
            .iter()
            .map(|node| self.excuses.iter().any(|excuse| excuse.covers(node, record.slot)))
            .collect();
        self.timeline.slots.push(state.observe(place, record, &excused));
    }

    /// The timeline.
    pub(crate) fn finish(self) -> Timeline {
        self.timeline
    }
}

fn quorum(size: u64) -> u64 {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    u64::try_from(agoge_protocol::messages::attestation_threshold(size)).unwrap_or(u64::MAX)
}

impl State {
    fn new(header: &Header) -> Self {
        Self {
            timing: header.network.timing(header.genesis_time),
            proof_window: header.network.proving.proof_window_epochs,
            nodes: Nodes::new(header),
            last: None,
            blockless: (0, 0),
            waiting: None,
        }
    }

    fn observe(&mut self, place: Place, record: &SlotRecord, excused: &[bool]) -> Observed {
        let tips = record.l1.map(|l1| (l1.instance, l1.pending, l1.proven));
        let before = self.last.and_then(|last| last.tips);
        let (blocks, proven) = match (before, tips) {
            (Some(before), Some(now)) if before.0 == now.0 => {
                (now.1.saturating_sub(before.1), now.2.saturating_sub(before.2))
            }
            // A new instance begins at block 0.
            (Some(before), Some(now)) if before.0 < now.0 => (now.1, now.2),
            _ => (0, 0),
        };
        let blockless = self.blockless(record);
        let proof_lag = self.proof_lag(record);
        let answered = record.nodes.iter().zip(excused);
        let answered = answered
            .filter(|(node, excused)| node.rpc.is_some() || **excused)
            .count();
        let is_known =
            record.l1.is_some() && answered.saturating_mul(3) > record.nodes.len().saturating_mul(2);
        let epoch_slots = self.timing.epoch_slots;
        let (stopped, wipes) = self.nodes.observe(record, excused, epoch_slots);
        let block_slot = record.l1.and_then(|l1| l1.pending_slot);
        let last_block = self.last.and_then(|last| last.block_slot);
        self.last = Some(Last {
            slot: record.slot,
            tips: tips.or(before),
            block_slot: last_block.max(block_slot),
        });
        let health = record.nodes.iter().filter_map(|node| node.metrics);
        let ready = health.clone().filter(|metrics| metrics.is_ready).count();
        Observed {
            slot: record.slot,
            place,
            is_known,
            tips,
            blocks,
            proven,
            blockless,
            proof_lag,
            conflicts: conflicts(record),
            stopped,
            wipes,
            txs: mined(record),
            validators: record.l1.and_then(|l1| l1.validators),
            is_allow_listed: record.l1.and_then(|l1| l1.is_allow_listed),
            versions: versions(record),
            health: (count(health.count()), count(ready)),
        }
    }

    /// Counts the slots without a new block. A block resets the count, and so does the loss of the quorum, which is its excuse.
    fn blockless(&mut self, record: &SlotRecord) -> Range {
        let elapsed = self.last.map_or(0, |last| record.slot.saturating_sub(last.slot));
        let block_slot = record.l1.and_then(|l1| l1.pending_slot);
        let is_new = block_slot > self.last.and_then(|last| last.block_slot);
        let has_quorum = record.committee.as_ref().and_then(|committee| {
            let is_enough = committee.online >= quorum(committee.size);
            (is_enough || committee.is_complete).then_some(is_enough)
        });
        let (shown, possible) = self.blockless;
        self.blockless = match has_quorum {
            _ if is_new => (0, 0),
            Some(false) => (0, 0),
            // Slots that nobody saw may have had a block that was pruned since, or no quorum.
            Some(true) if record.l1.is_some() => (
                shown.saturating_add(elapsed.min(1)),
                possible.saturating_add(elapsed),
            ),
            _ => (shown, possible.saturating_add(elapsed)),
        };
        Range {
            shown: float(self.blockless.0),
            possible: float(self.blockless.1),
        }
    }

    /// Epochs since the window closed in which the first block that waits could be proven. A prune does not end the wait: only a proof does.
    fn proof_lag(&mut self, record: &SlotRecord) -> Range {
        let Some(l1) = record.l1 else {
            return Range::unknown();
        };
        let before = self.last.and_then(|last| last.tips);
        let has_advanced = before.is_some_and(|before| before.0 != l1.instance || before.2 < l1.proven);
        if has_advanced {
            self.waiting = None;
        }
        if l1.pending > l1.proven {
            let epoch = l1
                .first_unproven_slot
                .map(|slot| self.timing.epoch_of(Slot::new(slot)).get());
            self.waiting = self.waiting.or(epoch);
        }
        let now = self.timing.epoch_of(Slot::new(record.slot)).get();
        let lag = self.waiting.map_or(0, |epoch| {
            now.saturating_sub(epoch.saturating_add(self.proof_window))
        });
        Range::known(float(lag))
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Transactions of the canonical instance, from the node that is farthest.
fn mined(record: &SlotRecord) -> Option<(u32, u64)> {
    let instance = record.l1.map(|l1| l1.instance)?;
    let rpc = record.nodes.iter().filter_map(|node| node.rpc.as_ref());
    let farthest = rpc
        .filter(|rpc| rpc.instance == instance)
        .max_by_key(|rpc| rpc.pending.number)?;
    Some((
        instance,
        farthest.nullifiers.checked_div(NULLIFIERS_PER_TX).unwrap_or(0),
    ))
}

fn versions(record: &SlotRecord) -> u64 {
    let rpc = record.nodes.iter().filter_map(|node| node.rpc.as_ref());
    let versions: std::collections::BTreeSet<&str> = rpc.map(|rpc| rpc.version.as_str()).collect();
    count(versions.len())
}
