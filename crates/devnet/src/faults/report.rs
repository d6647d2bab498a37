//! What a run is judged by, and the words for it.

use std::fmt::{Display, Formatter};

use serde::Serialize;

use super::equivocation::Signed;
use super::load::LoadReport;
use super::slots::SlotFact;
use super::strike::Record;

/// What a run must keep.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Least share of producible slots with a block, of a hundred.
    pub produced_percent: f64,
    /// Most seconds from the start of a killed process until it is ready.
    pub ready_seconds: u64,
    /// Most epochs from the end of a fault until every producible slot of half an epoch has a block.
    pub recovery_epochs: u64,
}

/// What came out of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Slots watched.
    pub slots: u64,
    /// Of these, the ones that could be made.
    pub producible: u64,
    /// Of the producible ones, those with a block.
    pub produced: u64,
    /// `produced` of a hundred producible ones.
    pub produced_percent: f64,
    /// Blocks in slots that were not counted as producible.
    pub beyond: u64,
    /// Faults carried out.
    pub faults: usize,
    /// Processes killed.
    pub kills: usize,
    /// Longest time from the start of a killed process until it was ready, seconds.
    pub ready_seconds_max: Option<f64>,
    /// Longest way back to normal after a fault, slots.
    pub recovery_slots_max: Option<u64>,
    /// Different proposals and attestations on the wire.
    pub signed_messages: usize,
    /// Keys that signed two different ones for a slot.
    pub equivocations: Vec<String>,
    /// What became of the load; `null` without one.
    pub load: Option<LoadReport>,
    /// The block up to which all nodes and a freshly synced one agree with L1; `null` if they do not.
    pub agreed_block: Option<u64>,
    /// What must not be.
    pub violations: Vec<String>,
}

/// What a report is made from.
pub(super) struct Evidence<'a> {
    pub(super) facts: &'a [SlotFact],
    pub(super) records: &'a [Record],
    pub(super) signed: Signed,
    pub(super) load: Option<LoadReport>,
    pub(super) agreed: Result<u64, String>,
    /// When slot 0 began, and how long a slot is, Unix milliseconds.
    pub(super) genesis_ms: u64,
    pub(super) slot_ms: u64,
    pub(super) epoch_slots: u64,
}

impl Report {
    /// Judges a run.
    pub(super) fn new(evidence: Evidence<'_>, limits: Limits) -> Self {
        let count = |which: &dyn Fn(&SlotFact) -> bool| -> u64 {
            evidence.facts.iter().filter(|fact| which(fact)).count() as u64
        };
        let producible = count(&|fact| fact.producible);
        let produced = count(&|fact| fact.producible && fact.block.is_some());
        let ready: Vec<u64> = evidence
            .records
            .iter()
            .flat_map(|record| record.ready_ms.values().copied())
            .collect();
        let mut report = Self {
            slots: count(&|_| true),
            producible,
            produced,
            produced_percent: percent(produced, producible),
            beyond: count(&|fact| !fact.producible && fact.block.is_some()),
            faults: evidence.records.len(),
            kills: ready.len(),
            ready_seconds_max: ready.iter().max().map(|ms| seconds(*ms)),
            signed_messages: evidence.signed.messages,
            ..Self::default()
        };
        if report.produced_percent < limits.produced_percent {
            report.violation(format!(
                "{produced} of {producible} producible slots have a block, {:.1} %; the limit is {} %",
                report.produced_percent, limits.produced_percent
            ));
        }
        for record in evidence.records {
            report.fault(record, &evidence, limits);
        }
        if evidence.signed.messages == 0 {
            report.violation("the wire records hold no proposal and no attestation".to_owned());
        }
        for equivocation in &evidence.signed.equivocations {
            report.violation(format!("equivocation: {equivocation}"));
        }
        report.equivocations = evidence.signed.equivocations;
        if let Some(load) = &evidence.load {
            report.load(load);
        }
        report.load = evidence.load;
        match evidence.agreed {
            Ok(block) => report.agreed_block = Some(block),
            Err(why) => report.violation(why),
        }
        report
    }

    fn fault(&mut self, record: &Record, evidence: &Evidence<'_>, limits: Limits) {
        let what = &record.fault.what;
        if let Some(error) = &record.error {
            self.violation(format!("{what:?}: {error}"));
        }
        for (node, ms) in &record.ready_ms {
            if *ms > limits.ready_seconds.saturating_mul(1_000) {
                self.violation(format!(
                    "node-{node} was ready {:.1} s after its start; the limit is {} s",
                    seconds(*ms),
                    limits.ready_seconds
                ));
            }
        }
        let Some(ended) = record.ended_unix_ms else {
            return self.violation(format!("{what:?} was never carried out"));
        };
        let slot = ended
            .saturating_sub(evidence.genesis_ms)
            .div_ceil(evidence.slot_ms.max(1));
        let limit = limits.recovery_epochs.saturating_mul(evidence.epoch_slots);
        match recovery(evidence.facts, slot, evidence.epoch_slots.div_euclid(2).max(1)) {
            Some(slots) if slots <= limit => {
                self.recovery_slots_max = self.recovery_slots_max.max(Some(slots));
            }
            Some(slots) => self.violation(format!(
                "{what:?}: back to normal {slots} slots after its end; the limit is {limit}"
            )),
            None => self.violation(format!("{what:?}: not back to normal before the end of the run")),
        }
    }

    fn load(&mut self, load: &LoadReport) {
        if load.mined == 0 {
            self.violation("no transaction of the load was mined".to_owned());
        }
        for id in &load.lost {
            self.violation(format!("transaction {id} was accepted and is lost"));
        }
        for id in &load.twice {
            self.violation(format!("transaction {id} is in two blocks"));
        }
        if load.queued > 0 {
            self.violation(format!(
                "{} accepted transactions are in no block at the end",
                load.queued
            ));
        }
    }

    /// Adds something that must not be.
    pub(super) fn violation(&mut self, what: String) {
        self.violations.push(what);
    }
}

/// Slots from `from` until every producible one of the next `window` has a block; at the end of the run fewer will do, one at least.
fn recovery(facts: &[SlotFact], from: u64, window: u64) -> Option<u64> {
    let after: Vec<&SlotFact> = facts.iter().filter(|fact| fact.slot >= from).collect();
    let window = usize::try_from(window)
        .unwrap_or(usize::MAX)
        .min(after.len())
        .max(1);
    after
        .windows(window)
        .position(|slots| slots.iter().all(|fact| fact.block.is_some() || !fact.producible))
        .map(|position| position as u64)
}

fn seconds(ms: u64) -> f64 {
    std::time::Duration::from_millis(ms).as_secs_f64()
}

fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    // Slots of a run are far fewer than 2^32.
    let float = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    float(part) * 100.0 / float(whole)
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let or_none = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
        writeln!(
            f,
            "slots           {} watched, {} producible, {} of them made ({:.1} %), {} made beyond",
            self.slots, self.producible, self.produced, self.produced_percent, self.beyond
        )?;
        writeln!(
            f,
            "faults          {}; {} processes killed, ready again within {} s; back to normal within {} slots",
            self.faults,
            self.kills,
            or_none(self.ready_seconds_max.map(|seconds| format!("{seconds:.1}"))),
            or_none(self.recovery_slots_max.map(|slots| slots.to_string()))
        )?;
        writeln!(
            f,
            "equivocations   {} in {} proposals and attestations",
            self.equivocations.len(),
            self.signed_messages
        )?;
        match &self.load {
            Some(load) => writeln!(
                f,
                "load            {} accepted, {} mined once, {} twice, {} dropped, {} queued, {} lost; {} refused, {} failed, {} handed over again",
                load.accepted,
                load.mined,
                load.twice.len(),
                load.dropped,
                load.queued,
                load.lost.len(),
                load.refused,
                load.failed,
                load.handed_over_again
            )?,
            None => writeln!(f, "load            none")?,
        }
        let agreed = self.agreed_block.map(|block| block.to_string());
        writeln!(
            f,
            "agreement       all nodes, a freshly synced one and L1: block {}",
            or_none(agreed)
        )?;
        for violation in &self.violations {
            writeln!(f, "VIOLATION       {violation}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
