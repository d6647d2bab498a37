//! Nodes that stop: restarts, long silence, lost state.

use std::collections::{BTreeSet, VecDeque};

use super::timeline::Range;
use crate::evidence::{Header, NodeReading, SlotRecord};
use crate::requirement::float;

/// Records in a row without an answer after which a node counts as stopped.
const SILENT_RECORDS: u32 = 9;

/// What is remembered of the nodes.
#[derive(Debug)]
pub(super) struct Nodes {
    has_metrics: bool,
    nodes: Vec<Node>,
    /// Slot and node of the stops of the last epoch.
    stops: VecDeque<(u64, usize)>,
}

#[derive(Clone, Debug, Default)]
struct Node {
    start_time: Option<u64>,
    silent: u32,
    /// Instance and finalized block.
    finalized: Option<(u32, u64)>,
}

impl Nodes {
    pub(super) fn new(header: &Header) -> Self {
        Self {
            has_metrics: header.has_metrics,
            nodes: vec![Node::default(); header.nodes.len()],
            stops: VecDeque::new(),
        }
    }

    /// Share of the nodes that stopped within the last epoch, and nodes that lost their state since the record before.
    ///
    /// A node stops when its start time changes, or when it has not answered in [`SILENT_RECORDS`] records in a row while another did: else
    /// the way to all of them may be what is broken. A finalized block that falls within an instance is lost state: nothing else takes
    /// it back.
    pub(super) fn observe(
        &mut self,
        record: &SlotRecord,
        excused: &[bool],
        epoch_slots: u64,
    ) -> (Range, Range) {
        let somebody_answers = record.nodes.iter().any(|node| node.rpc.is_some());
        let (mut wipes, mut asked) = (0_u32, 0_u32);
        let readings = self.nodes.iter_mut().zip(&record.nodes).zip(excused);
        for (index, ((node, reading), is_excused)) in readings.enumerate() {
            let has_stopped = node.has_stopped(reading, somebody_answers);
            if has_stopped && !is_excused {
                self.stops.push_back((record.slot, index));
            }
            asked = asked.saturating_add(u32::from(reading.rpc.is_some()));
            wipes = wipes.saturating_add(u32::from(node.has_lost_state(reading)));
        }
        while self
            .stops
            .front()
            .is_some_and(|(slot, _)| slot.saturating_add(epoch_slots) <= record.slot)
        {
            self.stops.pop_front();
        }
        let stopped: BTreeSet<usize> = self.stops.iter().map(|(_, node)| *node).collect();
        let share = |number: usize| float(number) / float(self.nodes.len().max(1));
        // A node whose start time was never seen may have restarted unseen.
        let unseen = self.nodes.iter().enumerate();
        let unseen = unseen
            .filter(|(index, node)| node.start_time.is_none() && !stopped.contains(index))
            .count();
        let unseen = if self.has_metrics {
            unseen
        } else {
            self.nodes.len()
        };
        let stopped = Range {
            shown: share(stopped.len()),
            possible: share(stopped.len().saturating_add(unseen).min(self.nodes.len())),
        };
        let wipes = Range {
            shown: float(wipes),
            possible: if asked == 0 { f64::INFINITY } else { float(wipes) },
        };
        (stopped, wipes)
    }
}

impl Node {
    fn has_stopped(&mut self, reading: &NodeReading, somebody_answers: bool) -> bool {
        let start = reading.metrics.and_then(|metrics| metrics.start_time);
        let has_restarted = matches!((self.start_time, start), (Some(before), Some(now)) if before != now);
        self.start_time = start.or(self.start_time);
        if reading.rpc.is_some() || reading.metrics.is_some() {
            self.silent = 0;
        } else if somebody_answers {
            self.silent = self.silent.saturating_add(1);
        }
        has_restarted || self.silent == SILENT_RECORDS
    }

    fn has_lost_state(&mut self, reading: &NodeReading) -> bool {
        let Some(rpc) = &reading.rpc else {
            return false;
        };
        let now = (rpc.instance, rpc.finalized.number);
        let has_lost = self
            .finalized
            .is_some_and(|before| before.0 == now.0 && now.1 < before.1);
        self.finalized = Some(now);
        has_lost
    }
}
