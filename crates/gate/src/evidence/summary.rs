//! A day in a few figures, counted while it is recorded and again when a watcher resumes.

use serde::{Deserialize, Serialize};

use super::SlotRecord;

/// A day's figures: for people; verdicts are judged from the slots themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DaySummary {
    /// `2026-11-26`, UTC.
    pub(crate) date: String,
    /// First slot recorded.
    pub(crate) first_slot: u64,
    /// Last slot recorded.
    pub(crate) last_slot: u64,
    /// Slots recorded.
    pub(crate) slots: u64,
    /// Of these, slots in which L1 or a node did not answer.
    pub(crate) slots_incomplete: u64,
    /// Blocks by which L1's pending tip grew.
    pub(crate) blocks: u64,
    /// Blocks by which L1's proven tip grew.
    pub(crate) proven: u64,
    /// Starts of nodes, beside the first seen.
    pub(crate) restarts: u64,
    /// Nodes that did not answer in the last slot.
    pub(crate) nodes_silent: u64,
}

impl DaySummary {
    /// One line for a log.
    pub(crate) fn line(&self) -> String {
        format!(
            "{}: slots {} to {}, {} recorded ({} incomplete), {} blocks, {} proven, {} restarts, {} nodes silent at the end",
            self.date,
            self.first_slot,
            self.last_slot,
            self.slots,
            self.slots_incomplete,
            self.blocks,
            self.proven,
            self.restarts,
            self.nodes_silent
        )
    }
}

/// The figures of a day that is not over.
#[derive(Debug, Default)]
pub(super) struct Tally {
    day: DaySummary,
    /// Instance, pending and proven tip last seen.
    tips: Option<(u32, u64, u64)>,
    starts: Vec<Option<u64>>,
}

impl Tally {
    /// Counts a slot.
    pub(super) fn add(&mut self, record: &SlotRecord) {
        let day = &mut self.day;
        if day.slots == 0 {
            day.first_slot = record.slot;
        }
        day.last_slot = record.slot;
        day.slots = day.slots.saturating_add(1);
        let silent = record.nodes.iter().filter(|node| node.rpc.is_none()).count();
        day.nodes_silent = u64::try_from(silent).unwrap_or(u64::MAX);
        if record.l1.is_none() || silent > 0 {
            day.slots_incomplete = day.slots_incomplete.saturating_add(1);
        }
        if let Some(l1) = record.l1 {
            if let Some((instance, pending, proven)) = self.tips
                && instance == l1.instance
            {
                day.blocks = day.blocks.saturating_add(l1.pending.saturating_sub(pending));
                day.proven = day.proven.saturating_add(l1.proven.saturating_sub(proven));
            }
            self.tips = Some((l1.instance, l1.pending, l1.proven));
        }
        self.starts.resize(record.nodes.len(), None);
        for (known, node) in self.starts.iter_mut().zip(&record.nodes) {
            let start = node.metrics.and_then(|metrics| metrics.start_time);
            if known.is_some() && start.is_some() && *known != start {
                day.restarts = day.restarts.saturating_add(1);
            }
            *known = start.or(*known);
        }
    }

    /// The day's figures; counting begins again for the next day.
    pub(super) fn close(&mut self, date: jiff::civil::Date) -> DaySummary {
        let day = std::mem::take(&mut self.day);
        DaySummary {
            date: date.to_string(),
            ..day
        }
    }
}
